//! Texts that match a schema.

use super::pattern;
use super::schema::{Budget, Schema};

/// The longest text.
const MAX_CHARS: usize = 10_000;

/// Values of formats, as of JSON Schema and of OpenAPI's registry.
const FORMATS: [(&str, &str); 24] = [
    ("date-time", "2026-01-15T09:30:00Z"),
    ("date", "2026-01-15"),
    ("time", "09:30:00Z"),
    ("duration", "P1D"),
    ("email", "ada@example.com"),
    ("idn-email", "ada@example.com"),
    ("hostname", "www.example.com"),
    ("idn-hostname", "www.example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("uri", "https://example.com/"),
    ("url", "https://example.com/"),
    ("iri", "https://example.com/"),
    ("uri-reference", "/items/1"),
    ("iri-reference", "/items/1"),
    ("uri-template", "/items/{id}"),
    ("json-pointer", "/items/0"),
    ("relative-json-pointer", "0"),
    ("regex", "^[a-z]+$"),
    ("byte", "bG9hZGdlbg=="),
    ("base64url", "bG9hZGdlbg"),
    ("password", "correct horse battery staple"),
    ("decimal", "1.50"),
    ("char", "a"),
];

/// Values of properties whose names say what they are, by words in their names.
const NAMES: [(&str, &str); 5] = [
    ("email", "ada@example.com"),
    ("url", "https://example.com/"),
    ("uri", "https://example.com/"),
    ("phone", "+15550100"),
    ("currency", "EUR"),
];

/// Returns a text for a schema; `place` and `name` say whose value it is, and `index` counts values
/// of which each is to be another.
///
/// # Errors
/// If none was found, with the reason.
pub(super) fn matching(
    schema: &Schema<'_>,
    place: &str,
    name: &str,
    index: usize,
    budget: &Budget,
) -> Result<String, String> {
    let bound = |key| schema.all(key).filter_map(|node| node.value.as_u64());
    let min = bound("minLength").max().unwrap_or(0);
    let max = bound("maxLength").min().unwrap_or(u64::MAX);
    let min = usize::try_from(min).unwrap_or(usize::MAX);
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if min > MAX_CHARS {
        return Err(format!("`{name}` has at least {min} characters: write it"));
    }
    let fits = |text: &str| (min..=max).contains(&text.chars().count());
    let of_format = of_format(schema, place, name, index).filter(|text| fits(text));
    if let Some(pattern) = schema.text("pattern") {
        let regex = regex::Regex::new(pattern);
        let is_matching = |text: &String| regex.as_ref().is_ok_and(|regex| regex.is_match(text));
        if let Some(text) = of_format.filter(is_matching) {
            return Ok(text);
        }
        if budget.uses(50 + pattern.len() / 16)
            && let Some(text) = pattern::matching(pattern, min, max)
        {
            return Ok(text);
        }
        return Err(format!(
            "no text was found for `{name}` that matches `{}`: write one",
            pattern.chars().take(80).collect::<String>()
        ));
    }
    Ok(of_format.unwrap_or_else(|| sized(&words(name), index, min, max)))
}

/// Returns the value of a format, or of what a name says.
fn of_format(schema: &Schema<'_>, place: &str, name: &str, index: usize) -> Option<String> {
    let numbered = |text: &str| match (index, text.split_once('@')) {
        (0, _) => text.to_owned(),
        (_, Some((user, host))) => format!("{user}{index}@{host}"),
        (_, None) => format!("{text}{index}"),
    };
    match schema.text("format") {
        Some("uuid") => return Some(uuid(&format!("{place} {name} {index}"))),
        Some(format) => {
            let known = FORMATS.iter().find(|(known, _)| *known == format);
            if let Some((_, text)) = known {
                let is_free = matches!(format, "email" | "uri" | "url" | "password");
                return Some(if is_free {
                    numbered(text)
                } else {
                    (*text).to_owned()
                });
            }
        }
        None => {}
    }
    if schema.text("contentEncoding") == Some("base64") {
        return Some("bG9hZGdlbg==".into());
    }
    let name = name.to_ascii_lowercase();
    let known = NAMES.iter().find(|(word, _)| name.ends_with(word));
    known.map(|(_, text)| numbered(text))
}

/// Returns the words of a name, with spaces between them.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && words.ends_with(char::is_lowercase) {
                words.push(' ');
            }
            words.extend(c.to_lowercase());
        } else if !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    let words = words.trim_end();
    if words.is_empty() { "text" } else { words }.to_owned()
}

/// Returns a text within these bounds.
fn sized(text: &str, index: usize, min: usize, max: usize) -> String {
    let text = match index {
        0 => text.to_owned(),
        _ => format!("{text} {index}"),
    };
    let count = text.chars().count();
    if count > max {
        // The end tells those that are numbered apart.
        return text
            .chars()
            .skip(if index == 0 { 0 } else { count - max })
            .take(max)
            .collect();
    }
    let more = format!(" {text}");
    let padding = more.chars().cycle().take(min.saturating_sub(count));
    let padded: String = text.chars().chain(padding).collect();
    // No space at the end, which nobody sees.
    match padded.strip_suffix(' ') {
        Some(rest) => format!("{rest}."),
        None => padded,
    }
}

/// Returns a UUID (version 4) that depends on nothing but a text.
fn uuid(seed: &str) -> String {
    // FNV-1a, from two beginnings.
    let hash = |start: u64| {
        seed.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let high = hash(0xcbf2_9ce4_8422_2325);
    let low = hash(high ^ 0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
