//! [`LineReader`]: the requests in the lines of a log.

use std::borrow::Cow;

use minijinja::Value;

use super::format::{Field, LineFormat};
use super::json_line::JsonLine;
use super::logged::{Logged, duration_ns, is_method, request_line, status, target};
use super::stamp::Stamps;
use super::unescape::unescape;
use crate::plan::{LogFormat, LogSource, LogStamp};
use crate::value::path_pattern::path_pattern;

/// What a line of a log is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// A request to replay.
    Request(Logged),
    /// A request with another method.
    OtherMethod,
    /// A request to another host.
    OtherHost,
    /// Anything else.
    Malformed,
}

/// Reads the lines of a log.
#[derive(Debug)]
pub(super) struct LineReader {
    form: Form,
    methods: Vec<String>,
    hosts: Vec<String>,
    stamps: Stamps,
    /// Whether times are those at which requests ended.
    pub is_at_end: bool,
}

#[derive(Debug)]
enum Form {
    Text(LineFormat),
    Json(JsonLine),
}

impl LineReader {
    /// Creates the reader of a log.
    ///
    /// # Errors
    /// What is wrong with its format, and how to fix it.
    pub(super) fn new(source: &LogSource) -> Result<Self, String> {
        let form = match &source.format {
            LogFormat::Text(typed) => Form::Text(LineFormat::compile(typed)?),
            LogFormat::Json { columns, duration } => Form::Json(JsonLine::new(columns, *duration)),
        };
        Ok(Self {
            form,
            methods: source.methods.clone(),
            hosts: source.hosts.clone(),
            stamps: Stamps::default(),
            is_at_end: source.stamp == LogStamp::End,
        })
    }

    /// Returns the names of the columns of its rows: those of every request, then the others.
    pub(super) fn columns(&self) -> Vec<String> {
        let (has_status, has_duration, others) = match &self.form {
            Form::Text(format) => (
                format.has(|field| *field == Field::Status),
                format.has(|field| matches!(field, Field::Duration(_))),
                &format.columns,
            ),
            Form::Json(json) => (json.has_status(), json.has_duration(), &json.others),
        };
        let fixed = ["method", "path", "pattern", "host"];
        let status = has_status.then_some("status");
        let duration = has_duration.then_some("duration_ms");
        let own = fixed.into_iter().chain(status).chain(duration);
        let own: Vec<String> = own.map(str::to_owned).collect();
        let others = others.iter().filter(|name| !own.contains(name));
        own.iter().chain(others).cloned().collect()
    }

    /// Reads a line without its line break.
    pub(super) fn read(&mut self, line: &[u8]) -> Line {
        let logged = match &self.form {
            Form::Text(format) => text_line(format, line, &mut self.stamps),
            Form::Json(json) => json.read(line, &mut self.stamps),
        };
        let Some(logged) = logged else {
            return Line::Malformed;
        };
        if !self.methods.contains(&logged.method) {
            return Line::OtherMethod;
        }
        if let Some(host) = &logged.host
            && !self.hosts.is_empty()
            && !self.hosts.contains(&bare_host(host))
        {
            return Line::OtherHost;
        }
        // What was sent to a server rather than to a page of it can't be replayed.
        if !logged.path.starts_with('/') {
            return Line::Malformed;
        }
        Line::Request(logged)
    }

    /// Returns the cells of a row, in the order of these columns.
    pub(super) fn cells(&self, columns: &[String], logged: &Logged) -> Box<[Value]> {
        let others = match &self.form {
            Form::Text(format) => &format.columns,
            Form::Json(json) => &json.others,
        };
        let or_undefined = |value: Option<Value>| value.unwrap_or(Value::UNDEFINED);
        let cell = |column: &String| match column.as_str() {
            "method" => Value::from(logged.method.as_str()),
            "path" => Value::from(logged.path.as_str()),
            "pattern" => Value::from(path_pattern(&logged.path)),
            "host" => or_undefined(logged.host.as_deref().map(Value::from)),
            "status" => or_undefined(logged.status.map(Value::from)),
            "duration_ms" => {
                or_undefined(logged.duration_ns.map(|ns| Value::from(ns as f64 / 1e6)))
            }
            name => {
                let place = others.iter().position(|other| other == name);
                or_undefined(place.and_then(|place| logged.others.get(place).cloned()))
            }
        };
        columns.iter().map(cell).collect()
    }
}

/// Reads a line whose values follow each other.
fn text_line(format: &LineFormat, line: &[u8], stamps: &mut Stamps) -> Option<Logged> {
    let mut logged = Logged {
        others: vec![Value::UNDEFINED; format.columns.len()],
        ..Logged::default()
    };
    let (mut stamp, mut is_request) = (None, true);
    format.split(line, |field, raw| {
        if raw == b"-" && !matches!(field, Field::Request) {
            return;
        }
        let value = || unescape(raw);
        let text = || String::from_utf8_lossy(&value()).into_owned();
        match field {
            Field::Time => stamp = str::from_utf8(raw).ok().and_then(|raw| stamps.read(raw)),
            Field::Request => is_request = request_line(&value(), &mut logged).is_some(),
            Field::Method => logged.method = text(),
            Field::Path => is_request &= target(&value(), &mut logged).is_some(),
            Field::Host => logged.host = Some(text()),
            Field::Status => logged.status = status(&text()),
            Field::Duration(unit) => logged.duration_ns = duration_ns(&text(), *unit),
            Field::Column(place) => logged.others[*place] = Value::from(text()),
            Field::Ignored => {}
        }
    })?;
    logged.stamp = stamp?;
    (is_request && is_method(&logged.method)).then_some(logged)
}

/// Returns a host in lower case without its port.
pub(crate) fn bare_host(host: &str) -> String {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => host,
    };
    bare.to_ascii_lowercase()
}

/// Returns a line as messages show it.
pub(super) fn shown(line: &[u8]) -> Cow<'static, str> {
    const MOST: usize = 120;
    let text: String = String::from_utf8_lossy(&line[..line.len().min(4 * MOST)])
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::LogUnit;

    fn source(format: &str) -> LogSource {
        LogSource {
            path: "access.log".into(),
            format: LogFormat::Text(format.into()),
            stamp: LogStamp::End,
            methods: vec!["GET".into(), "HEAD".into()],
            hosts: Vec::new(),
        }
    }

    fn read(format: &str, line: &str) -> Line {
        LineReader::new(&source(format))
            .expect("a format")
            .read(line.as_bytes())
    }

    /// Returns the request of a line of the combined format with this first line.
    fn asked(request: &str) -> Line {
        read(
            "combined",
            &format!(r#"::1 - - [10/Oct/2000:13:55:36 -0700] "{request}" 200 1 "-" "x""#),
        )
    }

    fn path(line: &Line) -> Option<(&str, Option<&str>)> {
        match line {
            Line::Request(logged) => Some((&logged.path, logged.host.as_deref())),
            _ => None,
        }
    }

    #[test]
    fn requests_are_read_as_clients_sent_them() {
        for (request, wanted) in [
            ("GET /a?b=c HTTP/1.1", ("/a?b=c", None)),
            ("GET /a HTTP/2.0", ("/a", None)),
            ("GET /a", ("/a", None)),
            ("GET /a b HTTP/1.1", ("/a b", None)),
            (r"GET /\x22q\x22 HTTP/1.1", ("/\"q\"", None)),
            (r#"GET /\"q\" HTTP/1.1"#, ("/\"q\"", None)),
            (r"GET /caf\xC3\xA9/\xe9 HTTP/1.1", ("/café/%E9", None)),
            ("GET http://shop.test/a HTTP/1.1", ("/a", Some("shop.test"))),
            (
                "GET HTTPS://shop.test:8443?x=1 HTTP/1.1",
                ("/?x=1", Some("shop.test:8443")),
            ),
            ("HEAD http://shop.test HTTP/1.0", ("/", Some("shop.test"))),
        ] {
            assert_eq!(path(&asked(request)), Some(wanted), "{request}");
        }
        for request in [
            "POST /a HTTP/1.1",
            "PRI * HTTP/2.0",
            "CONNECT a:443 HTTP/1.1",
        ] {
            assert_eq!(asked(request), Line::OtherMethod, "{request}");
        }
        for request in [
            "-",
            "",
            "GET",
            "GET ",
            "GET * HTTP/1.1",
            "GET a HTTP/1.1",
            "GET http://me:pw@shop.test/ HTTP/1.1",
            r"\x16\x03\x01\x00\xF4\x01\x00\x00\xF0\x03\x03",
            r"\x16\x03\x01 \x02 HTTP/1.1",
        ] {
            assert_eq!(asked(request), Line::Malformed, "{request}");
        }
        assert_eq!(
            read(
                "combined",
                r#"::1 - - [10/Oct/2000:13:55:36 -0700] "-" 400 0"#
            ),
            Line::Malformed
        );
    }

    #[test]
    fn a_row_has_what_the_line_says() {
        let mut reader = LineReader::new(&source(
            r#"$http_host $msec "$request" $status $request_time "$http_user_agent" "$http_x_id""#,
        ))
        .expect("a format");
        let columns = reader.columns();
        assert_eq!(
            columns,
            [
                "method",
                "path",
                "pattern",
                "host",
                "status",
                "duration_ms",
                "http_user_agent",
                "http_x_id"
            ]
        );
        let line =
            r#"Shop.test:80 971211336.5 "GET /items/7?a=1 HTTP/1.1" 404 0.0125 "say \"x\"" "-""#;
        let Line::Request(logged) = reader.read(line.as_bytes()) else {
            panic!("a request")
        };
        assert_eq!(
            (logged.stamp.ns, logged.duration_ns),
            (971_211_336_500_000_000, Some(12_500_000))
        );
        let cells = reader.cells(&columns, &logged);
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "GET",
                "/items/7?a=1",
                "/items/*",
                "Shop.test:80",
                "404",
                "12.5",
                "say \"x\"",
                ""
            ]
        );
        assert!(cells[7].is_undefined());
        reader.hosts = vec!["other.test".into()];
        assert_eq!(reader.read(line.as_bytes()), Line::OtherHost);
        reader.hosts = vec!["shop.test".into()];
        assert!(matches!(reader.read(line.as_bytes()), Line::Request(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_not(
            line in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"[a-z:.0-9 -]{0,12}\[?(10/Oct/2000:13:55:36 -0700|[0-9.]{0,22})\]? ?"(GET|POST|\\x1)? ?(/|http://)?[\\x"/a-z0-9?% é]{0,20}( HTTP/1.1)?" ?[0-9-]{0,4} ?[0-9.-]{0,5} ?["a-z-]{0,9}"#
                    .prop_map(String::into_bytes),
                r#"\{("(time|request|method|path|status|duration|host)": ?("[^"]{0,12}"|[0-9.eE-]{0,9}|\{|\[),? ?){0,5}\}?"#
                    .prop_map(String::into_bytes),
            ],
            form in 0_usize..4,
        ) {
            let names = ["time", "request", "method", "path", "status", "duration", "host"];
            let columns = names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
            let format = match form {
                0 => LogFormat::Text("combined".into()),
                1 => LogFormat::Text("common %D".into()),
                2 => LogFormat::Text("$msec \"$request\" $status".into()),
                _ => LogFormat::Json { columns, duration: LogUnit::Ms },
            };
            let mut reader = LineReader::new(&LogSource { format, ..source("") }).expect("a format");
            let columns = reader.columns();
            if let Line::Request(logged) = reader.read(&line) {
                prop_assert!(logged.path.starts_with('/') && logged.path.len() <= 3 * line.len() + 1);
                prop_assert!(!logged.path.contains(char::is_control));
                prop_assert_eq!(reader.cells(&columns, &logged).len(), columns.len());
            }
            prop_assert!(shown(&line).chars().count() <= 121);
        }
    }
}
