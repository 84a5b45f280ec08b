//! [`Extract`]: extraction of a value from a response.

use http::header::SET_COOKIE;
use minijinja::Value;
use regex::Regex;

use super::markup::{Selection, Wrong, css, xpath};
use super::query::Query;
use super::{Response, ValueError, cookie};
use crate::plan::Source;

/// A compiled source of a value.
pub enum Extract {
    /// The first match of a query.
    JsonPath(Query),
    /// The length of the first match of a query: its items, members or characters.
    JsonLength(Query),
    /// What a CSS selector or an XPath query finds in HTML or XML.
    Markup(Selection),
    /// The match of a group.
    Regex(Regex, usize),
    /// The value of a header.
    Header(String),
    /// The match of a group in a header.
    HeaderMatch(String, Regex, usize),
    /// A cookie that the response sets.
    Cookie(String),
    /// The whole body.
    Body,
    /// The status.
    Status,
    /// The pattern of a path, which is not in the response.
    Path,
}

impl Extract {
    /// Compiles a source.
    ///
    /// # Errors
    /// If a query, a selector or a regular expression is invalid; the scenario's validation finds
    /// these first.
    pub fn compile(source: &Source) -> Result<Self, ValueError> {
        let regex = |pattern: &str| Regex::new(pattern).map_err(|e| ValueError(e.to_string()));
        Ok(match source {
            Source::JsonPath(query) => match without_length(query) {
                (query, true) => Self::JsonLength(Query::compile(query)?),
                (query, false) => Self::JsonPath(Query::compile(query)?),
            },
            Source::Css {
                selector,
                attribute,
            } => Self::Markup(css::compile(selector, attribute.as_deref()).map_err(words)?),
            Source::XPath(query) => Self::Markup(xpath::compile(query).map_err(words)?),
            Source::Regex { pattern, group } => Self::Regex(regex(pattern)?, *group as usize),
            Source::HeaderMatch {
                header,
                pattern,
                group,
            } => Self::HeaderMatch(header.clone(), regex(pattern)?, *group as usize),
            Source::Header(name) => Self::Header(name.clone()),
            Source::Cookie(name) => Self::Cookie(name.clone()),
            Source::Body => Self::Body,
            Source::Status => Self::Status,
            Source::Path | Source::LoggedPath => Self::Path,
        })
    }

    /// Extracts the value, if there is one.
    ///
    /// # Errors
    /// If the body does not have the expected format, with the reason.
    pub fn from(&self, response: &Response<'_>) -> Result<Option<Value>, String> {
        Ok(match self {
            Self::JsonPath(query) => response.find(query)?.map(|found| found.to_value()),
            Self::JsonLength(query) => {
                let found = response.find(query)?;
                found.and_then(|found| found.to_value().len().map(Value::from))
            }
            Self::Markup(selection) => response.select(selection)?,
            Self::Regex(pattern, group) => pattern
                .captures(response.text()?)
                .and_then(|found| found.get(*group))
                .map(|found| Value::from(found.as_str())),
            Self::Header(name) => response
                .header(name)
                .map(|value| Value::from(value.as_ref())),
            Self::HeaderMatch(name, pattern, group) => response.header(name).and_then(|value| {
                let found = pattern.captures(&value)?;
                found.get(*group).map(|found| Value::from(found.as_str()))
            }),
            // The last of several cookies of the same name is the one that the user keeps.
            Self::Cookie(name) => {
                response
                    .headers
                    .get_all(SET_COOKIE)
                    .iter()
                    .rev()
                    .find_map(|line| {
                        let (found, value) =
                            cookie::pair(line.as_bytes().split(|byte| *byte == b';').next()?);
                        value
                            .filter(|_| found == name.as_bytes())
                            .map(|value| Value::from(String::from_utf8_lossy(value)))
                    })
            }
            Self::Body => Some(Value::from(response.text()?)),
            Self::Status => Some(Value::from(response.status)),
            Self::Path => None,
        })
    }
}

/// Says what is wrong with a selector.
fn words(Wrong { at, what }: Wrong) -> ValueError {
    ValueError(format!("at position {at}, {what}"))
}

/// Separates `|length`, which asks for the length of what a query finds, from the query. No query
/// ends so.
pub(crate) fn without_length(query: &str) -> (&str, bool) {
    let split = query.trim_end().rsplit_once('|');
    match split.filter(|(_, filter)| filter.trim() == "length") {
        Some((query, _)) => (query.trim_end(), true),
        None => (query, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-cache", "hit".parse().expect("a value"));
        headers.append(SET_COOKIE, "a=1; Path=/".parse().expect("a value"));
        for line in [
            &b"SID=before"[..],
            b" SID = abc ; HttpOnly; Name=Jos\xc3\xa9",
            b"name=Zo\xc3\xab",
            b"none",
        ] {
            headers.append(
                SET_COOKIE,
                http::HeaderValue::from_bytes(line).expect("a value"),
            );
        }
        headers.append("link", "</1>; rel=prev".parse().expect("a value"));
        headers.append("link", "</3>; rel=next".parse().expect("a value"));
        headers
    }

    /// Extracts `source` from a response.
    fn extracted(source: &Source) -> Option<String> {
        let headers = headers();
        let body = br#"{"items": [{"id": 7, "name": "x"}], "none": null}"#;
        Extract::compile(source)
            .expect("good")
            .from(&Response::new(201, &headers, body))
            .expect("readable")
            .map(|v| v.to_string())
    }

    #[test]
    fn takes_values_out_of_a_body() {
        let json = |query: &str| extracted(&Source::JsonPath(query.into()));
        assert_eq!(json("$.items[0].id").as_deref(), Some("7"));
        assert_eq!(json("$.items[*].name").as_deref(), Some("x"));
        assert_eq!(json("$.nothing"), None);
        let regex = |pattern: &str| {
            extracted(&Source::Regex {
                pattern: pattern.into(),
                group: 1,
            })
        };
        assert_eq!(regex(r#""id": (\d+)"#).as_deref(), Some("7"));
        assert_eq!(regex("(z)?x"), None);
        assert!(extracted(&Source::Body).is_some_and(|body| body.starts_with("{\"items\"")));
    }

    #[test]
    fn takes_values_out_of_a_status_and_headers() {
        assert_eq!(extracted(&Source::Status).as_deref(), Some("201"));
        let header = |name: &str| extracted(&Source::Header(name.into()));
        assert_eq!(header("x-cache").as_deref(), Some("hit"));
        assert_eq!(
            header("Link").as_deref(),
            Some("</1>; rel=prev, </3>; rel=next"),
            "one list"
        );
        assert_eq!(
            header("set-cookie").as_deref(),
            Some("a=1; Path=/"),
            "no list"
        );
        assert_eq!(header("x-none"), None);
    }

    #[test]
    fn takes_parts_of_headers_and_lengths() {
        let matched = |header: &str, pattern: &str| {
            extracted(&Source::HeaderMatch {
                header: header.into(),
                pattern: pattern.into(),
                group: 1,
            })
        };
        assert_eq!(matched("link", "</(3)>").as_deref(), Some("3"));
        assert_eq!(matched("link", "</(4)>"), None);
        assert_eq!(matched("absent", "(.*)"), None);
        let json = |query: &str| extracted(&Source::JsonPath(query.into()));
        assert_eq!(json("$.items|length").as_deref(), Some("1"));
        assert_eq!(json("$.items[0] | length").as_deref(), Some("2"));
        assert_eq!(json("$.items[0].id|length"), None, "a number has no length");
        assert_eq!(json("$.absent|length"), None);
    }

    #[test]
    fn takes_values_out_of_cookies() {
        let cookie = |name: &str| extracted(&Source::Cookie(name.into()));
        assert_eq!(cookie("SID").as_deref(), Some("abc"));
        assert_eq!(cookie("name").as_deref(), Some("Zoë"));
        assert_eq!((cookie("sid"), cookie("none")), (None, None));
    }

    #[test]
    fn json_is_not_looked_for_in_binary() {
        let headers = headers();
        let binary = Response::new(200, &headers, &[0xff, 0xfe]);
        let why = Extract::JsonPath(Query::compile("$").expect("good"))
            .from(&binary)
            .expect_err("not JSON");
        assert!(
            why.starts_with("the body is not JSON (not UTF-8 at byte 0), seen "),
            "{why}"
        );
    }
}
