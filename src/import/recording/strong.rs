//! The threshold against chance: which values a server has made up, so that a request that has one
//! got it from a response.

/// The shortest and the longest value that is looked for by itself.
const LENGTHS: std::ops::RangeInclusive<usize> = 6..=8192;
/// The shortest piece of letters and digits that nobody would write.
const MIN_MIXED: usize = 8;
/// The shortest piece of letters alone that nobody would write.
const MIN_LETTERS: usize = 20;
/// The fewest different characters.
const MIN_DIFFERENT: usize = 4;

/// Returns whether a value looks made up by a server: a UUID, a number of at least six digits, or
/// one with at least eight letters and digits in a row that are mixed, or twenty letters in upper and
/// lower case. Dates, URLs, versions and words are not.
pub(super) fn is_made_up(value: &str) -> bool {
    if !LENGTHS.contains(&value.len())
        || !value.is_ascii()
        || value
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
        || value.contains("://")
        || value.starts_with('/')
    {
        return false;
    }
    let mut seen = [false; 128];
    value
        .bytes()
        .for_each(|byte| seen[usize::from(byte) & 127] = true);
    let different = seen.iter().filter(|seen| **seen).count();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return different >= MIN_DIFFERENT - 1;
    }
    different >= MIN_DIFFERENT && (is_uuid(value) || pieces(value).any(is_mixed)) && !is_time(value)
}

/// Returns the longest runs of letters and digits.
fn pieces(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !c.is_ascii_alphanumeric())
}

fn is_mixed(piece: &str) -> bool {
    let has = |is: fn(&u8) -> bool| piece.as_bytes().iter().any(is);
    let (digits, letters) = (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic));
    let cases = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    match (digits, letters) {
        (true, true) => piece.len() >= MIN_MIXED,
        (false, true) => cases && piece.len() >= MIN_LETTERS,
        _ => false,
    }
}

fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    lengths == [8, 4, 4, 4, 12] && value.chars().all(is_hex)
}

/// Returns whether a value begins as a date does: `2026-11-27T17:00:00Z`.
fn is_time(value: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    value.len() >= 10 && value.bytes().take(10).enumerate().all(shape)
}

/// Returns whether a field is named as what servers hand out: identifiers, tokens, versions.
pub(super) fn is_handed_out(name: &str) -> bool {
    const WORDS: [&str; 8] = [
        "csrf", "xsrf", "token", "nonce", "session", "ticket", "version", "cursor",
    ];
    let plain = plain_name(name);
    let ends = ["id", "uuid", "guid"]
        .iter()
        .any(|end| plain.ends_with(end));
    ends || WORDS.iter().any(|word| plain.contains(word))
}

/// Returns a name without what distinguishes `order_id`, `orderId` and `Order-ID`.
pub(super) fn plain_name(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_ascii_alphanumeric());
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_nobody_would_write_are_told_from_words_and_numbers() {
        for made_up in [
            "8f3a7c1e-0b52-4d0e-9a33-5f6d1c2b7e90",
            "aaaabbbb-cccc-dddd-eeee-ffffffffffff",
            "483920",
            "V1StGXR8_Z5jdHi6B-myT",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
            "order-4f9a1c22",
            "wEPDwUKLTI2NzUyMDQ4Mw==",
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ",
        ] {
            assert!(is_made_up(made_up), "{made_up}");
        }
        for common in [
            "",
            "1",
            "12345",
            "000000",
            "true",
            "electronics",
            "application/json",
            "2026-11-27T17:00:00.000Z",
            "en-US,en;q=0.9",
            "rust-1-90-released",
            "http://a.test/8f3a7c1e0b52",
            "/orders/8f3a7c1e0b52",
            "1.12.33",
            "user@example.com",
            "Mozilla/5.0",
            "utf-8",
            "sha256",
            "getElementById",
            "a b8f3a7c1e0b52",
        ] {
            assert!(!is_made_up(common), "{common}");
        }
    }

    #[test]
    fn names_of_what_is_handed_out_are_known() {
        for name in [
            "id",
            "order_id",
            "orderId",
            "X-CSRF-Token",
            "__RequestVerificationToken",
            "etag_version",
        ] {
            assert!(is_handed_out(name), "{name}");
        }
        for name in ["page", "name", "quantity", "q"] {
            assert!(!is_handed_out(name), "{name}");
        }
    }
}
