//! Where in a response a value stands, in the words of `capture`.

use regex::Regex;
use serde_json::Value;

use super::given::is_of_words;
use super::select::Kept;
use super::strong::{is_handed_out, is_made_up};
use super::traffic::{Kind, Response};
use crate::import::yaml::Yaml;
use crate::value::markup::{self, css};

/// How far before a value the text is looked at that tells it from others.
const MAX_CONTEXT: usize = 80;
/// The shortest text that tells a value from others.
const MIN_CONTEXT: usize = 3;
/// The most texts before a value that are tried.
const MAX_TRIES: usize = 12;
/// The longest place that is written, in bytes.
const MAX_PLACE: usize = 400;
/// The most of a body that is searched by the text before a value.
const MAX_SEARCHED: usize = 1 << 20;

/// Where a value stands.
#[derive(Debug)]
pub(super) struct Located {
    /// The place, as `capture` says it.
    pub place: Yaml,
    /// What it is called there.
    pub name: String,
    /// Whether it is a number of JSON.
    pub is_number: bool,
}

/// Finds a value in the response to a request.
pub(super) fn locate(kept: &Kept<'_>, value: &str) -> Option<Located> {
    let located = find(kept, value);
    located.filter(|found| found.place.document().len() <= MAX_PLACE)
}

fn find(kept: &Kept<'_>, value: &str) -> Option<Located> {
    let response = kept.recorded.response.as_ref()?;
    let body = response.body.as_deref().unwrap_or_default();
    let media = response.media_type();
    let begins = body.trim_start();
    if (media.ends_with("json") || begins.starts_with(['{', '[']))
        && let Ok(json) = serde_json::from_str::<Value>(body)
        && let Some(found) = in_json(&json, value)
    {
        return Some(found);
    }
    if (media.contains("html") || kept.kind == Kind::Document)
        && let Some(found) = in_html(body, value)
    {
        return Some(found);
    }
    in_headers(response, value).or_else(|| in_text(body, value))
}

fn named(place: &str, value: impl Into<String>, name: impl Into<String>) -> Located {
    Located {
        place: Yaml::map([(place, Yaml::text(value))]),
        name: name.into(),
        is_number: false,
    }
}

/// Finds a value in JSON: outside of lists if it can, and where the name is one of what servers hand
/// out.
fn in_json(json: &Value, value: &str) -> Option<Located> {
    // Breadth first: the shortest path comes first.
    let mut level = vec![("$".to_owned(), String::new(), json)];
    let mut best: Option<((bool, bool), Located)> = None;
    while !level.is_empty() {
        let mut next = Vec::new();
        for (path, name, node) in level {
            let is_it = match node {
                Value::String(text) => text == value,
                Value::Number(number) => number.to_string() == value,
                _ => false,
            };
            let rank = (path.contains('['), !is_handed_out(&name));
            if is_it && best.as_ref().is_none_or(|(known, _)| rank < *known) {
                let found = Located {
                    is_number: node.is_number(),
                    ..named("jsonpath", path.clone(), name.clone())
                };
                best = Some((rank, found));
            }
            match node {
                Value::Object(members) => next.extend(
                    members
                        .iter()
                        .map(|(key, node)| (format!("{path}{}", step(key)), key.clone(), node)),
                ),
                Value::Array(items) => next.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(at, node)| (format!("{path}[{at}]"), name.clone(), node)),
                ),
                _ => {}
            }
        }
        level = next;
    }
    best.map(|(_, found)| found)
}

/// Returns the step of a query to a member.
fn step(key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        format!(".{key}")
    } else {
        let key = serde_json::to_string(key).unwrap_or_default();
        format!("[{key}]")
    }
}

/// Finds a value in the headers of a response.
fn in_headers(response: &Response, value: &str) -> Option<Located> {
    for (name, text) in &response.headers {
        if name == "set-cookie" {
            let pair = text.split(';').next().unwrap_or_default();
            let cookie = pair
                .split_once('=')
                .filter(|(_, found)| found.trim() == value);
            if let Some((cookie, _)) = cookie {
                return Some(named("cookie", cookie.trim(), cookie.trim()));
            }
            continue;
        }
        if text == value {
            return Some(named(
                "header",
                name.as_str(),
                name.trim_start_matches("x-"),
            ));
        }
        if let Some(pattern) = pattern(text, value) {
            return Some(Located {
                place: Yaml::map([
                    ("header", Yaml::text(name.as_str())),
                    ("regex", Yaml::text(pattern)),
                ]),
                name: String::new(),
                is_number: false,
            });
        }
    }
    None
}

/// Finds a value in an attribute of HTML.
fn in_html(body: &str, value: &str) -> Option<Located> {
    let document = markup::read(body, "text/html").ok()?;
    let mut tries: Vec<(String, &str, String)> = Vec::new();
    for token in html5gum::Tokenizer::new(body) {
        let Ok(html5gum::Token::StartTag(tag)) = token else {
            continue;
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let attribute = |wanted: &str| {
            let mut all = tag.attributes.iter();
            let found = all.find(|(name, _)| name.as_slice() == wanted.as_bytes());
            found.map(|(_, found)| text(&found.value))
        };
        let element = text(&tag.name);
        for holder in ["value", "content"] {
            let Some(name) =
                attribute("name").filter(|_| attribute(holder).as_deref() == Some(value))
            else {
                continue;
            };
            let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(is_of_words);
            let name_in_quotes = if is_plain {
                name.clone()
            } else if name.contains(['\'', '"', '\\']) || name.contains(char::is_control) {
                continue;
            } else {
                format!("'{name}'")
            };
            tries.push((format!("{element}[name={name_in_quotes}]"), holder, name));
        }
        if tries.len() >= MAX_TRIES {
            break;
        }
    }
    let (selector, attribute, name) = tries.into_iter().find(|(selector, attribute, _)| {
        let found = css::compile(selector, Some(attribute)).ok();
        let found = found.and_then(|selection| selection.find(&document));
        found.is_some_and(|found| found.as_str() == Some(value))
    })?;
    Some(Located {
        place: Yaml::map([
            ("css", Yaml::text(selector)),
            ("attribute", Yaml::text(attribute)),
        ]),
        name,
        is_number: false,
    })
}

/// Finds a value by the text before it.
fn in_text(body: &str, value: &str) -> Option<Located> {
    let body = &body[..body.floor_char_boundary(MAX_SEARCHED)];
    Some(named("regex", pattern(body, value)?, ""))
}

/// Returns a regular expression whose first group is a value, in a text that has it; `None` if no text
/// before it tells it from others.
fn pattern(text: &str, value: &str) -> Option<String> {
    let at = text.find(value)?;
    let group = group(value);
    let before = &text[..at];
    let before = &before[before.ceil_char_boundary(before.len().saturating_sub(MAX_CONTEXT))..];
    // What another value stands in would not be the same the next time.
    let fixed = before
        .char_indices()
        .filter(|(_, c)| !is_of_words(*c))
        .map(|(index, _)| index);
    let words: Vec<usize> = std::iter::once(0).chain(fixed).collect();
    let last_made_up = words
        .iter()
        .zip(words.iter().skip(1))
        .filter(|(from, to)| {
            is_made_up(before[**from..**to].trim_start_matches(|c| !is_of_words(c)))
        })
        .map(|(_, to)| *to)
        .next_back();
    let start = last_made_up.unwrap_or_default();
    let mut starts: Vec<usize> = words.into_iter().filter(|from| *from >= start).collect();
    starts.reverse();
    let found = starts.into_iter().take(MAX_TRIES).find_map(|from| {
        let context = before[from..].trim_start();
        let is_long = context.chars().filter(|c| !c.is_whitespace()).count() >= MIN_CONTEXT;
        let pattern = format!("{}{group}", escaped(context));
        let is_first = || {
            let regex = Regex::new(&pattern).ok()?;
            let found = regex.captures(text)?.get(1)?;
            (found.as_str() == value).then_some(())
        };
        (is_long && is_first().is_some()).then_some(pattern)
    });
    // The value begins the text.
    found.or_else(|| {
        let pattern = format!("^{group}");
        let regex = Regex::new(&pattern).ok()?;
        let is_it = regex.captures(text)?.get(1)?.as_str() == value;
        (is_it && before.is_empty()).then_some(pattern)
    })
}

/// Returns the group that matches values like this one.
fn group(value: &str) -> String {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return "([0-9]+)".into();
    }
    let mut class = String::from("A-Za-z0-9_");
    for c in value.chars().filter(|c| !is_of_words(*c)) {
        let escaped = regex::escape(&c.to_string());
        if !class.contains(&escaped) {
            class.push_str(&escaped);
        }
    }
    format!("([{class}-]+)")
}

/// Escapes a text for a regular expression, in which white space may differ.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(char::is_whitespace) {
        out.push_str(&escaped_word(&rest[..at]));
        out.push_str(r"\s+");
        rest = rest[at..].trim_start();
    }
    out + &escaped_word(rest)
}

/// Escapes what has a meaning in regular expressions.
fn escaped_word(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        // Outside of classes and comments these mean themselves.
        if !matches!(c, '-' | '#' | '&' | '~') {
            out.push_str(&regex::escape(&c.to_string()));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::recording::traffic::Recorded;
    use crate::import::recording::url::Url;

    fn located(media: &str, headers: &[(&str, &str)], body: &str, value: &str) -> Option<String> {
        let mut all: Vec<(String, String)> = vec![("content-type".into(), media.into())];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        );
        let recorded = Recorded {
            response: Some(Response {
                status: 200,
                headers: all,
                body: Some(body.into()),
            }),
            ..Recorded::default()
        };
        let kept = Kept {
            recorded: &recorded,
            kind: Kind::Call,
            url: Url::default(),
            pause_us: 0,
            notes: Vec::new(),
        };
        let found = locate(&kept, value)?;
        Some(format!(
            "{} {}",
            found.name,
            Yaml::map([("x", found.place)]).document().trim()
        ))
    }

    #[test]
    fn a_value_is_found_where_a_person_would_take_it() {
        let json = r#"{"items": [{"id": "a1"}, {"id": "b2"}], "user": {"id": "b2", "the key": 17}, "count": 18, "user_id": 18}"#;
        let page = "<form><input name=q value=t0k><input type=hidden name=csrf value='t0k&amp;en'></form>
            <meta name='csrf-token' content=m3ta><script>var id = \"scr1pt\", x = 'scr1pt2';</script>
            <a href=\"/orders/8f3a7c1e\">x</a> <a href=\"/orders/9f3a7c1e\">y</a>";
        for (media, body, value, found) in [
            (
                "application/json",
                json,
                "b2",
                Some(r#"id x: { jsonpath: "$.user.id" }"#),
            ),
            (
                "application/json",
                json,
                "a1",
                Some(r#"id x: { jsonpath: "$.items[0].id" }"#),
            ),
            (
                "text/plain",
                json,
                "17",
                Some(r#"the key x: { jsonpath: "$.user[\"the key\"]" }"#),
            ),
            (
                "application/json",
                json,
                "18",
                Some(r#"user_id x: { jsonpath: "$.user_id" }"#),
            ),
            (
                "text/html",
                page,
                "t0k&en",
                Some(r#"csrf x: { css: "input[name=csrf]", attribute: value }"#),
            ),
            (
                "text/html",
                page,
                "m3ta",
                Some(r#"csrf-token x: { css: "meta[name=csrf-token]", attribute: content }"#),
            ),
            (
                "text/html",
                page,
                "scr1pt",
                Some(r#" x: { regex: "id\\s+=\\s+\"([A-Za-z0-9_-]+)" }"#),
            ),
            (
                "text/html",
                page,
                "8f3a7c1e",
                Some(r#" x: { regex: "/orders/([A-Za-z0-9_-]+)" }"#),
            ),
            ("text/html", page, "absent", None),
            (
                "text/plain",
                "12345678",
                "12345678",
                Some(r#" x: { regex: "^([0-9]+)" }"#),
            ),
        ] {
            assert_eq!(
                located(media, &[], body, value).as_deref(),
                found,
                "{value}"
            );
        }
        // What stands before the second link has a value of its own, which must not be in the pattern.
        let second = located("text/html", &[], page, "9f3a7c1e").expect("it is found");
        assert!(
            second.contains("href") && !second.contains("8f3a"),
            "{second}"
        );
    }

    #[test]
    fn a_value_is_found_in_headers() {
        let headers = [
            ("location", "http://a.test/orders/17?from=3"),
            ("x-csrf-token", "abc"),
            ("set-cookie", "SID=xyz; Path=/"),
        ];
        for (value, found) in [
            (
                "17",
                r#" x: { header: location, regex: "/orders/([0-9]+)" }"#,
            ),
            ("abc", "csrf-token x: { header: x-csrf-token }"),
            ("xyz", "SID x: { cookie: SID }"),
        ] {
            assert_eq!(
                located("text/plain", &headers, "", value).as_deref(),
                Some(found),
                "{value}"
            );
        }
    }
}
