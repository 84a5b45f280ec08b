//! [`JsonLine`]: logs with a JSON object in each line.

use minijinja::Value;
use serde_json::Value as Json;

use super::logged::{Logged, duration_ns, is_method, request_line, status, target};
use super::stamp::Stamps;
use crate::plan::LogUnit;
use crate::value::exact;

/// The members of an object that are read.
#[derive(Debug)]
pub(super) struct JsonLine {
    columns: Vec<(String, String)>,
    duration: LogUnit,
    /// The names of the columns of its own.
    pub others: Vec<String>,
}

/// The columns that are not a member each of rows.
const KNOWN: [&str; 7] = [
    "time", "request", "method", "path", "host", "status", "duration",
];

impl JsonLine {
    /// Creates it from the names of columns, each with the member that its value is in.
    pub(super) fn new(columns: &[(String, String)], duration: LogUnit) -> Self {
        let names = columns.iter().map(|(name, _)| name);
        Self {
            columns: columns.to_vec(),
            duration,
            others: names
                .filter(|name| !KNOWN.contains(&name.as_str()))
                .cloned()
                .collect(),
        }
    }

    /// Returns whether a line may have a status.
    pub(super) fn has_status(&self) -> bool {
        self.has("status")
    }

    /// Returns whether a line may have a duration.
    pub(super) fn has_duration(&self) -> bool {
        self.has("duration")
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }

    /// Reads a line.
    pub(super) fn read(&self, line: &[u8], stamps: &mut Stamps) -> Option<Logged> {
        let object: Json = serde_json::from_slice(line).ok()?;
        let mut logged = Logged::default();
        let mut stamp = None;
        for (name, member) in &self.columns {
            let value = find(&object, member);
            if !KNOWN.contains(&name.as_str()) {
                let value = value.map_or(Value::UNDEFINED, exact::from_json);
                logged.others.push(value);
                continue;
            }
            let Some(text) = value.and_then(text).filter(|text| text != "-") else {
                continue;
            };
            match name.as_str() {
                "time" => stamp = stamps.read(&text),
                "request" => request_line(text.as_bytes(), &mut logged)?,
                "method" => logged.method = text,
                "path" => target(text.as_bytes(), &mut logged)?,
                "host" => logged.host = Some(text),
                "status" => logged.status = status(&text),
                _ => logged.duration_ns = duration_ns(&text, self.duration),
            }
        }
        logged.stamp = stamp?;
        (is_method(&logged.method) && !logged.path.is_empty()).then_some(logged)
    }
}

/// Returns a member of an object; a dot in its name leads into an object, unless a member has this
/// name.
fn find<'j>(object: &'j Json, member: &str) -> Option<&'j Json> {
    if let Some(value) = object.get(member) {
        return Some(value);
    }
    member
        .split('.')
        .try_fold(object, |object, name| object.get(name))
}

/// Returns the text of a single value.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(columns: &[(&str, &str)], line: &str) -> Option<Logged> {
        let owned = |(name, member): &(&str, &str)| ((*name).to_owned(), (*member).to_owned());
        let columns: Vec<_> = columns.iter().map(owned).collect();
        JsonLine::new(&columns, LogUnit::S).read(line.as_bytes(), &mut Stamps::default())
    }

    #[test]
    fn members_are_found_by_their_names() {
        // As Caddy writes it.
        let line = r#"{"ts":1600000000.25,"request":{"method":"GET","host":"shop.test","uri":"/a?b=1","headers":{"User-Agent":["x"]}},"status":200,"duration":0.0125,"a.b":7}"#;
        let columns = [
            ("time", "ts"),
            ("method", "request.method"),
            ("path", "request.uri"),
            ("host", "request.host"),
            ("status", "status"),
            ("duration", "duration"),
            ("agent", "request.headers.User-Agent"),
            ("seven", "a.b"),
            ("none", "b.a"),
        ];
        let logged = read(&columns, line).expect("a request");
        assert_eq!(logged.stamp.ns, 1_600_000_000_250_000_000);
        assert_eq!(
            (
                logged.method.as_str(),
                logged.path.as_str(),
                logged.host.as_deref()
            ),
            ("GET", "/a?b=1", Some("shop.test"))
        );
        assert_eq!(
            (logged.status, logged.duration_ns),
            (Some(200), Some(12_500_000))
        );
        let others: Vec<String> = logged.others.iter().map(ToString::to_string).collect();
        assert_eq!(others, ["['x']", "7", ""]);
    }

    #[test]
    fn a_line_with_a_first_line_of_a_request_needs_no_other_members() {
        let columns = [("time", "@timestamp"), ("request", "request")];
        let line = r#"{"@timestamp":"2000-10-10T13:55:36.5-07:00","request":"HEAD /a HTTP/1.1"}"#;
        let logged = read(&columns, line).expect("a request");
        assert_eq!(
            (logged.method.as_str(), logged.path.as_str()),
            ("HEAD", "/a")
        );
        for line in [
            "",
            "[]",
            "{",
            r#"{"@timestamp":"2000-10-10T13:55:36Z"}"#,
            r#"{"request":"GET /a HTTP/1.1"}"#,
            r#"{"@timestamp":true,"request":"GET /a HTTP/1.1"}"#,
        ] {
            assert_eq!(read(&columns, line), None, "{line}");
        }
    }
}
