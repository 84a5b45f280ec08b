//! [`LineFormat`]: how the values of a request follow each other in a line of a log.

use crate::plan::LogUnit;

/// nginx's own format, which is also what Apache's manual calls the combined one.
const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
/// The format of the first web servers.
const COMMON: &str =
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#;
/// The names of formats.
const NAMED: [(&str, &str); 2] = [("combined", COMBINED), ("common", COMMON)];
/// What to write instead of a format that can't be read.
const REMEDY: &str = "write `common`, `combined` or `json`, or a `log_format` of nginx or a `LogFormat` of Apache, as in `format: 'combined $request_time'`";
/// The maximum number of columns of a format.
const MAX_FIELDS: usize = 100;

/// What a value of a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The time.
    Time,
    /// Method, target and protocol.
    Request,
    /// The method.
    Method,
    /// The path, or a part of it.
    Path,
    /// The host.
    Host,
    /// The status.
    Status,
    /// The duration, in this unit.
    Duration(LogUnit),
    /// A column of its own, by its place among those.
    Column(usize),
    /// Something that nobody asks for.
    Ignored,
}

/// The values of a line and the texts between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineFormat {
    /// The text before the first value.
    before: Vec<u8>,
    /// Each value with the text after it.
    fields: Vec<(Field, Vec<u8>)>,
    /// The names of the columns of its own.
    pub columns: Vec<String>,
    /// Whether its times are those at which requests ended, as nginx writes them; Apache writes when
    /// they arrived.
    pub is_at_end: bool,
}

/// A part of a format as typed.
enum Piece {
    Text(String),
    Value(Typed),
}

/// A value as typed.
struct Typed {
    name: String,
    field: Kind,
}

/// What a value is, before it is known which of several are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The time, and how fine it is.
    Time(u8),
    Request,
    Method,
    Path,
    Query,
    Host,
    Status,
    Duration(LogUnit),
    Column,
    Ignored,
}

impl LineFormat {
    /// Compiles a format.
    ///
    /// # Errors
    /// What is wrong with it, and how to fix it.
    pub(super) fn compile(typed: &str) -> Result<Self, String> {
        let typed = typed.trim();
        let named = NAMED.iter().find_map(|(name, format)| {
            let rest = typed.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with(' ')).then_some((*format, rest))
        });
        let (whole, rest) = named.unwrap_or(("", typed));
        let is_apache = rest.contains('%') && !rest.contains('$');
        let mut pieces = nginx(whole);
        pieces.extend(if is_apache { apache(rest) } else { nginx(rest) });
        if !pieces.iter().any(|piece| matches!(piece, Piece::Value(_))) {
            return Err(format!("unknown format `{typed}`; {REMEDY}"));
        }
        let format = Self::from_pieces(pieces, !is_apache)?;
        let has = |wanted: &Field| format.fields.iter().any(|(field, _)| field == wanted);
        let is_missing = match () {
            () if !has(&Field::Time) => Some("the time (`$time_local`, `$msec` or `%t`)"),
            () if has(&Field::Request) => None,
            () if !has(&Field::Path) => Some("the path (`$request`, `$request_uri` or `%r`)"),
            () if !has(&Field::Method) => {
                Some("the method (`$request`, `$request_method` or `%r`)")
            }
            () => None,
        };
        match is_missing {
            Some(what) => Err(format!("the format has no place for {what}; add it")),
            None => Ok(format),
        }
    }

    fn from_pieces(pieces: Vec<Piece>, is_at_end: bool) -> Result<Self, String> {
        let kinds: Vec<Kind> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Value(typed) => Some(typed.field),
                Piece::Text(_) => None,
            })
            .collect();
        if kinds.len() > MAX_FIELDS {
            return Err(format!(
                "more than {MAX_FIELDS} values in a format; remove some"
            ));
        }
        let finest = kinds.iter().filter_map(|kind| match kind {
            Kind::Time(fine) => Some(*fine),
            _ => None,
        });
        let finest = finest.max();
        let has_request = kinds.contains(&Kind::Request);
        let mut format = Self {
            before: Vec::new(),
            fields: Vec::new(),
            columns: Vec::new(),
            is_at_end,
        };
        let mut last = None;
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    let before = match format.fields.last_mut() {
                        Some((_, behind)) => behind,
                        None => &mut format.before,
                    };
                    before.extend_from_slice(text.as_bytes());
                }
                Piece::Value(typed) => {
                    let is_adjacent =
                        (format.fields.last()).is_some_and(|(_, behind)| behind.is_empty());
                    // `$uri$is_args$args` and `%U%q` are one path.
                    let is_same = typed.field == Kind::Query
                        && matches!(last, Some((Kind::Path | Kind::Query, _)));
                    if !is_adjacent {
                        let field = format.field(&typed, finest, has_request);
                        format.fields.push((field, Vec::new()));
                    } else if !is_same {
                        let last = last.map_or_else(String::new, |(_, name)| name);
                        return Err(format!(
                            "nothing separates `{last}` and `{}`; write the format with the text between them",
                            typed.name
                        ));
                    }
                    last = Some((typed.field, typed.name));
                }
            }
        }
        Ok(format)
    }

    /// Returns what a value is used for: the first of several of a kind, but the finest time.
    fn field(&mut self, typed: &Typed, finest: Option<u8>, has_request: bool) -> Field {
        let field = match typed.field {
            Kind::Time(fine) if Some(fine) == finest => Field::Time,
            Kind::Request => Field::Request,
            Kind::Method if !has_request => Field::Method,
            Kind::Path if !has_request => Field::Path,
            Kind::Host => Field::Host,
            Kind::Status => Field::Status,
            Kind::Duration(unit) => Field::Duration(unit),
            Kind::Ignored => Field::Ignored,
            _ => return self.column(&typed.name),
        };
        let is_taken = |(known, _): &(Field, Vec<u8>)| match (known, &field) {
            (Field::Duration(_), Field::Duration(_)) => true,
            (known, field) => known == field,
        };
        if field != Field::Ignored && self.fields.iter().any(is_taken) {
            return self.column(&typed.name);
        }
        field
    }

    fn column(&mut self, name: &str) -> Field {
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_name || self.columns.iter().any(|known| known == name) {
            return Field::Ignored;
        }
        self.columns.push(name.to_owned());
        Field::Column(self.columns.len() - 1)
    }

    /// Returns whether a line has a value of this kind.
    pub(super) fn has(&self, is_wanted: impl Fn(&Field) -> bool) -> bool {
        self.fields.iter().any(|(field, _)| is_wanted(field))
    }

    /// Calls `each` with every value of a line, as it is written; returns `None` if the line does not
    /// have this form. What follows the last value is not looked at.
    pub(super) fn split<'l>(
        &self,
        line: &'l [u8],
        mut each: impl FnMut(&Field, &'l [u8]),
    ) -> Option<()> {
        let mut rest = line.strip_prefix(self.before.as_slice())?;
        for (field, behind) in &self.fields {
            let length = if behind.is_empty() {
                rest.iter().position(|b| *b == b' ').unwrap_or(rest.len())
            } else {
                find(rest, behind)?
            };
            each(field, &rest[..length]);
            rest = &rest[(length + behind.len()).min(rest.len())..];
        }
        Some(())
    }
}

/// Returns where a text is found first in a line; a quote that a server has escaped is not the end
/// of a value.
fn find(line: &[u8], text: &[u8]) -> Option<usize> {
    let skips_escapes = text.starts_with(b"\"");
    let mut at = 0;
    while at + text.len() <= line.len() {
        if skips_escapes && line[at] == b'\\' {
            at += 2;
        } else if line[at..].starts_with(text) {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}

/// Reads a format of nginx: `$name` and `${name}` are values.
fn nginx(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        pieces.push(text(&rest[..at]));
        let behind = &rest[at + 1..];
        let inner = behind.strip_prefix('{').and_then(|b| b.split_once('}'));
        let (name, next) = inner.unwrap_or_else(|| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            behind.split_at(behind.find(|c| !is_part(c)).unwrap_or(behind.len()))
        });
        let field = match name {
            "time_local" | "time_iso8601" => Kind::Time(0),
            "msec" => Kind::Time(1),
            "request" => Kind::Request,
            "request_method" => Kind::Method,
            "request_uri" | "uri" | "document_uri" => Kind::Path,
            "is_args" | "args" | "query_string" => Kind::Query,
            "host" | "http_host" | "server_name" => Kind::Host,
            "status" => Kind::Status,
            "request_time" => Kind::Duration(LogUnit::S),
            _ => Kind::Column,
        };
        pieces.push(Piece::Value(Typed {
            name: name.to_owned(),
            field,
        }));
        rest = next;
    }
    pieces.push(text(rest));
    pieces
}

/// Reads a format of Apache: `%X`, `%>X` and `%{name}X` are values. Columns have nginx's names.
fn apache(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        pieces.push(text(&rest[..at]));
        let is_condition = |c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>');
        let behind = rest[at + 1..].trim_start_matches(is_condition);
        let (argument, behind) = behind
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            .unwrap_or(("", behind));
        let behind = behind.trim_start_matches(is_condition);
        let letters = behind.strip_prefix('^').map_or(1, |_| 3);
        let (directive, next) = behind.split_at(behind.floor_char_boundary(letters));
        rest = next;
        match directive {
            "%" => pieces.push(text("%")),
            // The brackets are part of the value.
            "t" if argument.is_empty() => {
                pieces.push(text("["));
                pieces.push(Piece::Value(directive_value(directive, argument)));
                pieces.push(text("]"));
            }
            _ => pieces.push(Piece::Value(directive_value(directive, argument))),
        }
    }
    pieces.push(text(rest));
    pieces
}

fn directive_value(directive: &str, argument: &str) -> Typed {
    let moment = argument
        .strip_prefix("begin:")
        .or_else(|| argument.strip_prefix("end:"))
        .unwrap_or(argument);
    let field = match (directive, moment) {
        ("t", "" | "sec") => Kind::Time(0),
        ("t", "msec") => Kind::Time(1),
        ("t", "usec") => Kind::Time(2),
        ("r", _) => Kind::Request,
        ("m", _) => Kind::Method,
        ("U", _) => Kind::Path,
        ("q", _) => Kind::Query,
        ("v" | "V", _) => Kind::Host,
        ("i", header) if header.eq_ignore_ascii_case("host") => Kind::Host,
        ("s", _) => Kind::Status,
        ("D", _) | ("T", "us") => Kind::Duration(LogUnit::Us),
        ("T", "ms") => Kind::Duration(LogUnit::Ms),
        ("T", _) => Kind::Duration(LogUnit::S),
        ("h" | "a" | "u" | "b" | "B" | "O" | "i", _) => Kind::Column,
        _ => Kind::Ignored,
    };
    let name = match (directive, argument) {
        ("h" | "a", _) => "remote_addr".to_owned(),
        ("u", _) => "remote_user".to_owned(),
        ("b" | "B" | "O", _) => "body_bytes_sent".to_owned(),
        ("i", header) => format!("http_{}", header.to_ascii_lowercase().replace('-', "_")),
        (_, "") => format!("%{directive}"),
        (_, argument) => format!("%{{{argument}}}{directive}"),
    };
    Typed { name, field }
}

/// Returns the text between two values, without the escapes that configurations have.
fn text(typed: &str) -> Piece {
    let plain = typed.replace("\\\"", "\"").replace("\\t", "\t");
    Piece::Text(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(format: &str, line: &str) -> Option<Vec<(Field, String)>> {
        let format = LineFormat::compile(format).expect("a format");
        let mut values = Vec::new();
        format.split(line.as_bytes(), |field, value| {
            if *field != Field::Ignored && !matches!(field, Field::Column(_)) {
                let value = String::from_utf8_lossy(value).into_owned();
                values.push((field.clone(), value));
            }
        })?;
        Some(values)
    }

    fn owned(values: &[(Field, &str)]) -> Vec<(Field, String)> {
        let owned = |(field, value): &(Field, &str)| (field.clone(), (*value).to_owned());
        values.iter().map(owned).collect()
    }

    #[test]
    fn formats_of_nginx_and_apache_split_their_lines() {
        // The examples of Apache's documentation.
        let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
        let combined = format!(
            r#"{common} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)""#
        );
        let wanted = owned(&[
            (Field::Time, "10/Oct/2000:13:55:36 -0700"),
            (Field::Request, "GET /apache_pb.gif HTTP/1.0"),
            (Field::Status, "200"),
        ]);
        for (format, line) in [
            ("common", common.to_owned()),
            // A longer line has all that is asked for.
            ("common", combined.clone()),
            ("combined", combined.clone()),
            (r#"%h %l %u %t \"%r\" %>s %b"#, common.to_owned()),
            (
                r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i""#,
                combined.clone(),
            ),
        ] {
            assert_eq!(values(format, &line), Some(wanted.clone()), "{format}");
        }
        let with = |last| [wanted.as_slice(), &owned(&[last])].concat();
        assert_eq!(
            values("combined $request_time", &format!("{combined} 0.025")),
            Some(with((Field::Duration(LogUnit::S), "0.025")))
        );
        assert_eq!(
            values("common %D", &format!("{common} 25012")),
            Some(with((Field::Duration(LogUnit::Us), "25012")))
        );
        assert_eq!(values("combined", common), None);
        assert_eq!(values("common", "nonsense"), None);
    }

    #[test]
    fn a_format_says_what_its_columns_are() {
        let format = LineFormat::compile(
            r#"$msec $time_local $host $http_host $request_method $uri$is_args$args $upstream_response_time ${http_x_id}"#,
        )
        .expect("a format");
        assert!(format.is_at_end);
        assert_eq!(
            format.columns,
            [
                "time_local",
                "http_host",
                "upstream_response_time",
                "http_x_id"
            ]
        );
        let kinds: Vec<&Field> = format.fields.iter().map(|(field, _)| field).collect();
        assert!(matches!(
            kinds[..5],
            [
                Field::Time,
                Field::Column(0),
                Field::Host,
                Field::Column(1),
                Field::Method
            ]
        ));
        assert_eq!(kinds[5], &Field::Path);
        let vhosts = LineFormat::compile(r#"%v:%p %{msec}t %{X-Id}i "%r" %U%q %{ms}T %^ti %%"#)
            .expect("a format");
        assert!(!vhosts.is_at_end);
        assert_eq!(vhosts.columns, ["http_x_id"]);
        assert!(vhosts.has(|field| *field == Field::Duration(LogUnit::Ms)));
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_value() {
        let line = r#"1 "GET /a\"b \" c HTTP/1.1" 200"#;
        assert_eq!(
            values(r#"$msec "$request" $status"#, line),
            Some(owned(&[
                (Field::Time, "1"),
                (Field::Request, r#"GET /a\"b \" c HTTP/1.1"#),
                (Field::Status, "200"),
            ]))
        );
    }

    #[test]
    fn formats_that_can_not_be_replayed_are_refused() {
        for (format, part) in [
            ("combind", "unknown format `combind`"),
            ("", "unknown format"),
            ("$request $status", "the time"),
            ("$msec $status", "the path"),
            ("$msec $request_uri", "the method"),
            ("$msec$request", "nothing separates `msec` and `request`"),
            ("%t %m%U", "nothing separates `%m` and `%U`"),
        ] {
            let message = LineFormat::compile(format).expect_err(format);
            assert!(message.contains(part), "{format}: {message}");
        }
    }
}
