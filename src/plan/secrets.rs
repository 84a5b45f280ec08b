//! [`Secrets`]: the values that must not appear in any output, and how they are hidden.
//!
//! A secret is also hidden in its encoded forms: percent-encoded, escaped for JSON, and in base64,
//! alone or after a user name. All output must be redacted here first. User and password of a URL
//! are hidden without being declared.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Replacement for a secret.
pub(crate) const HIDDEN: &str = "***";
/// Minimum length of a secret, in bytes; shorter values can't be told from other text.
pub(crate) const SHORTEST: usize = 4;
/// Minimum length of a secret's prefix at the very end of a text to count as a truncated secret.
const CUT: usize = 12;
/// Separator between the scheme and the authority of a URL.
const SCHEME_END: &str = "://";
/// Characters to escape in URLs: all but the unreserved ones.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Characters to escape in paths.
const IN_PATHS: &AsciiSet = &DELIMITERS.remove(b'/').remove(b':').remove(b'@');
const DELIMITERS: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The secrets of a scenario.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    texts: BTreeSet<String>,
    /// All forms of all secrets, by their first bytes, the longest first.
    forms: HashMap<[u8; SHORTEST], Vec<EncodedSecret>>,
}

#[derive(Clone, PartialEq, Eq)]
struct EncodedSecret {
    text: String,
    /// Whether adjacent characters also encode a part of the secret: base64 seldom splits at a byte
    /// boundary.
    is_base64: bool,
}

/// Never shows a value.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.texts.len())
    }
}

impl Secrets {
    /// Adds a text to hide. Texts shorter than [`SHORTEST`] bytes are not hidden.
    pub fn add(&mut self, text: &str) {
        if text.len() < SHORTEST || !self.texts.insert(text.to_owned()) {
            return;
        }
        for form in forms(text) {
            let Some(head) = head(form.text.as_bytes()) else {
                continue;
            };
            let alike = self.forms.entry(head).or_default();
            if !alike.contains(&form) {
                alike.push(form);
                alike.sort_by_key(|form| std::cmp::Reverse(form.text.len()));
            }
        }
    }

    /// Adds everything that `other` hides.
    pub fn extend(&mut self, other: &Self) {
        other.texts.iter().for_each(|text| self.add(text));
    }

    /// Returns whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns the text with every secret, and the userinfo of every URL, replaced by a
    /// placeholder.
    pub fn redact(&self, text: &str) -> String {
        self.replaced(text, |_| HIDDEN.to_owned())
    }

    /// Redacts like `redact`, but keeps the length in bytes, so that positions in the text stay
    /// valid.
    pub fn mask(&self, text: &str) -> String {
        self.replaced(text, |hidden| "*".repeat(hidden))
    }

    fn replaced(&self, text: &str, hidden: impl Fn(usize) -> String) -> String {
        if self.is_empty() && !text.contains(SCHEME_END) {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            if text[at..].starts_with(SCHEME_END) {
                out.push_str(SCHEME_END);
                at += SCHEME_END.len();
                let user = userinfo(&text[at..]).unwrap_or_default();
                if !user.is_empty() {
                    out.push_str(&hidden(user.len()));
                    at += user.len();
                }
                continue;
            }
            match self.found(&text[at..]) {
                Some((length, is_base64)) => {
                    let end = at
                        + length
                        + if is_base64 {
                            behind(&text[at + length..])
                        } else {
                            0
                        };
                    let before = if is_base64 && out.ends_with(is_letter) {
                        1
                    } else {
                        0
                    };
                    out.truncate(out.len() - before);
                    out.push_str(&hidden(end - at + before));
                    at = end;
                }
                None => {
                    out.push(c);
                    at += c.len_utf8();
                }
            }
        }
        out
    }

    /// Returns the length of the secret that `text` starts with, and whether it is in base64.
    fn found(&self, text: &str) -> Option<(usize, bool)> {
        let alike = self.forms.get(&head(text.as_bytes())?)?;
        let whole = alike
            .iter()
            .find(|form| text.starts_with(&form.text))
            .map(|form| (form.text.len(), form.is_base64));
        whole.or_else(|| {
            // Truncation also cuts secrets, and the remaining prefix must be hidden as well.
            alike.iter().find_map(|form| {
                let common = common(&form.text, text);
                let rest = &text[common..];
                let cut = rest.starts_with('…')
                    || rest.starts_with("...")
                    || (rest.is_empty() && common >= CUT);
                cut.then_some((common, false))
            })
        })
    }

    /// Hides secrets in every string of a JSON value, and numbers that are secrets. Keys are kept,
    /// because they come from loadgen itself.
    pub fn redact_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Number(number) if self.texts.contains(&number.to_string()) => {
                *value = HIDDEN.into()
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|item| self.redact_json(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Returns the userinfo (user and optional password) of what follows `://` in a URL, or of a bare
/// authority.
pub(crate) fn userinfo(url: &str) -> Option<&str> {
    let url = url
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '`' | '<' | '>'))
        .next()
        .unwrap_or_default();
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    // If the port is not a number, it is the start of a password that contains a `/`.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) || authority.contains(['[', '{']);
    let whole = if is_port { authority } else { url };
    whole.rsplit_once('@').map(|(user, _)| user)
}

/// Hides the userinfo of every URL in a text for which no secrets were declared.
pub(crate) fn without_users(text: &str) -> String {
    Secrets::default().redact(text)
}

fn head(bytes: &[u8]) -> Option<[u8; SHORTEST]> {
    bytes.first_chunk().copied()
}

/// Returns the length in bytes of the common prefix of two texts, whole characters only.
fn common(a: &str, b: &str) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}

const fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_')
}

/// Returns the number of base64 bytes after a match that also encode a part of the secret.
fn behind(text: &str) -> usize {
    let letter = usize::from(text.starts_with(is_letter));
    letter
        + text[letter..]
            .bytes()
            .take(2)
            .take_while(|b| *b == b'=')
            .count()
}

/// Returns all forms in which a secret may appear.
fn forms(text: &str) -> Vec<EncodedSecret> {
    let json = Value::from(text).to_string();
    let json = &json[1..json.len() - 1];
    let mut plain = vec![
        text.to_owned(),
        json.to_owned(),
        // JSON of a server, as quoted in a message.
        json.escape_debug().to_string(),
        json.escape_default().to_string(),
        text.escape_default().to_string(),
        text.escape_debug().to_string(),
        text.chars()
            .flat_map(|c| {
                if c.is_control() {
                    c.escape_default().collect()
                } else {
                    vec![c]
                }
            })
            .collect(),
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
    ];
    for set in [NON_ALPHANUMERIC, UNRESERVED, IN_PATHS] {
        let encoded = utf8_percent_encode(text, set).to_string();
        plain.push(lower_escapes(&encoded));
        plain.push(encoded.replace("%20", "+"));
        plain.push(encoded);
    }
    let mut all: Vec<EncodedSecret> = Vec::new();
    for text in plain {
        if !all.iter().any(|known| known.text == text) {
            all.push(EncodedSecret {
                text,
                is_base64: false,
            });
        }
    }
    // Three bytes become four characters, so the number of bytes before the secret determines which
    // characters encode the secret alone.
    for before in 0..3 {
        let letters = STANDARD_NO_PAD.encode([&b"\0\0"[..before], text.as_bytes()].concat());
        let first = (before * 8).div_ceil(6);
        let own = &letters[first..(before + text.len()) * 8 / 6];
        all.push(EncodedSecret {
            text: own.to_owned(),
            is_base64: true,
        });
        all.push(EncodedSecret {
            text: own.replace('+', "-").replace('/', "_"),
            is_base64: true,
        });
    }
    all
}

/// Lowercases percent-escapes: `%2F` becomes `%2f`.
fn lower_escapes(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    for (n, part) in encoded.split('%').enumerate() {
        // Each `%` is followed by two hexadecimal digits, which are ASCII.
        let (digits, rest) = part.split_at(if n == 0 { 0 } else { 2 });
        if n > 0 {
            out.push('%');
        }
        out.push_str(&digits.to_ascii_lowercase());
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    fn secrets(texts: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        texts.iter().for_each(|text| secrets.add(text));
        secrets
    }

    #[test]
    fn a_secret_is_hidden_in_all_its_forms() {
        let secrets = secrets(&["p\"a/s s&w\n", "käse-käse"]);
        let quoted_json = r#"p\\\"a/s s&w\\n"#;
        for text in [
            "p\"a/s s&w\n",
            r#"p\"a/s s&w\n"#,
            quoted_json,
            "p%22a%2Fs%20s%26w%0A",
            "p%22a%2fs%20s%26w%0a",
            "p%22a%2Fs+s%26w%0A",
            "k%C3%A4se-k%c3%a4se",
        ] {
            let hidden = secrets.redact(&format!("<{text}>"));
            assert!(
                hidden == "<***>" || text.starts_with("k%"),
                "{text}: {hidden}"
            );
        }
        assert_eq!(secrets.redact("käse-käse, käse"), "***, käse");
        for user in ["", "u", "us", "use", "user"] {
            for coded in [
                STANDARD.encode(format!("{user}:käse-käse")),
                URL_SAFE.encode(format!("{user}:käse-käse?")),
            ] {
                let hidden = secrets.redact(&format!("Basic {coded}"));
                assert!(
                    hidden.starts_with("Basic ")
                        && hidden.contains(HIDDEN)
                        && hidden.len() <= 6 + 6 + 3 + 3,
                    "{coded}: {hidden}"
                );
            }
        }
    }

    #[test]
    fn what_is_left_of_a_secret_that_was_cut_is_hidden() {
        let secrets = secrets(&["abcdefghijklmnopqrstuvwxyz"]);
        assert_eq!(secrets.redact("seen `abcdef…`"), "seen `***…`");
        assert_eq!(secrets.redact("abcdef..."), "***...");
        assert_eq!(secrets.redact("seen abcdefghijklm"), "seen ***");
        assert_eq!(secrets.redact("abcdef"), "abcdef");
    }

    #[test]
    fn the_user_of_a_url_is_hidden_without_being_declared() {
        for (text, shown) in [
            ("http://user:pw@host/x", "http://***@host/x"),
            ("ws://u:p@a, wss://t@b:1", "ws://***@a, wss://***@b:1"),
            ("x=https://u:a@b:c@[::1]:8/", "x=https://***@[::1]:8/"),
            ("http://u:p/w?#@host", "http://***@host"),
            (
                "http://host:80/@x http://host/a:b@c http://[::1]/@x \"http://a\",\"b@c\"",
                "",
            ),
            ("http://{{host}}:{{port}}/@x user@host", ""),
            ("://@ http://@a ://", ""),
        ] {
            assert_eq!(
                without_users(text),
                if shown.is_empty() { text } else { shown },
                "{text}"
            );
            assert_eq!(without_users(&without_users(text)), without_users(text));
            assert_eq!(secrets(&["other"]).mask(text).len(), text.len());
        }
        assert_eq!(
            (userinfo("u:p@a"), userinfo("a:80"), userinfo("@a")),
            (Some("u:p"), None, Some(""))
        );
    }

    #[test]
    fn short_texts_are_not_hidden_and_nothing_tells_a_value() {
        let secrets = secrets(&["abc", "", "hidden"]);
        assert_eq!(secrets.redact("abc hidden"), "abc ***");
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
        assert_eq!(secrets.mask("a hidden b"), "a ****** b");
    }

    #[test]
    fn numbers_and_texts_of_json_are_hidden_and_keys_stay() {
        let mut value =
            serde_json::json!({ "hidden": [123456, 12345, "x hidden"], "a": { "b": "123456" } });
        secrets(&["hidden", "123456"]).redact_json(&mut value);
        assert_eq!(
            value,
            serde_json::json!({ "hidden": ["***", 12345, "x ***"], "a": { "b": "***" } })
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_secret_stays(secret in "\\PC{4,12}", before in "\\PC{0,9}", after in "\\PC{0,9}") {
            let secrets = secrets(&[&secret]);
            let hidden = secrets.redact(&format!("{before}{secret}{after}"));
            prop_assert!(!hidden.contains(&secret), "{}", hidden);
            let text = format!("{before}{}{after}", STANDARD.encode(format!("{before}{secret}")));
            secrets.redact(&text);
            prop_assert_eq!(secrets.mask(&text).len(), text.len());
        }
    }
}
