//! The body that a command of curl sends.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::arguments::Transfer;
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::yaml::Yaml;

/// What curl percent-encodes in `--data-urlencode`: all but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The types that curl gives to files of a form by how their names end; others have none.
const TYPES: [(&str, &str); 10] = [
    (".gif", "image/gif"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
    (".svg", "image/svg+xml"),
    (".txt", "text/plain"),
    (".htm", "text/html"),
    (".html", "text/html"),
    (".pdf", "application/pdf"),
    (".xml", "application/xml"),
];

/// A body, and what curl says about it.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The body.
    pub body: Body,
    /// The headers that curl adds unless they are given.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The method, unless one is given.
    pub method: Option<&'static str>,
    /// What of it belongs into the query instead (`--get`).
    pub query: Option<String>,
    /// What could not be carried over.
    pub notes: Vec<String>,
}

/// A part of the data of a form.
enum Data {
    Text(String),
    /// A file whose content replaces it.
    File(String),
}

/// Returns what a command sends.
pub(super) fn of(transfer: &Transfer, content_type: Option<&str>) -> Sent {
    let mut sent = Sent::default();
    let is_json = transfer.values("json").next().is_some();
    let data = data(transfer, &mut sent.notes);
    if let Some(parts) = multipart(transfer, &mut sent.notes) {
        sent.body = Body::Multipart(parts);
        sent.method = Some("POST");
    } else if let Some(file) = transfer
        .value("upload-file")
        .filter(|file| !file.is_empty())
    {
        sent.body = match file {
            "-" | "." => {
                sent.notes
                    .push("`--upload-file` reads its input: write the body here".into());
                Body::None
            }
            file => Body::File(file.to_owned()),
        };
        sent.method = Some("PUT");
    } else if !data.is_empty() {
        if transfer.has("get") {
            sent.query = Some(text(data, "&", &mut sent.notes));
            return sent;
        }
        sent.method = Some("POST");
        if is_json {
            sent.headers = vec![
                ("content-type", "application/json"),
                ("accept", "application/json"),
            ];
        } else {
            sent.headers = vec![("content-type", "application/x-www-form-urlencoded")];
        }
        let content_type = content_type.unwrap_or(sent.headers[0].1);
        sent.body = match <[Data; 1]>::try_from(data) {
            Ok([Data::File(file)]) => Body::File(file),
            Ok([Data::Text(text)]) => typed(text, content_type),
            Err(parts) => typed(
                text(parts, if is_json { "" } else { "&" }, &mut sent.notes),
                content_type,
            ),
        };
    }
    sent
}

/// Returns the body of a text, as people write bodies of its type.
fn typed(text: String, content_type: &str) -> Body {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if (essence == "application/json" || essence.ends_with("+json"))
        && let Some(value) = json::yaml(&text)
    {
        return Body::Json(value);
    }
    if essence == "application/x-www-form-urlencoded" && content_type == essence {
        let is_plain = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
        };
        let field = |field: &str| {
            let (name, value) = field.split_once('=')?;
            let is_good = !name.is_empty() && is_plain(name) && is_plain(value);
            is_good.then(|| (name.to_owned(), Yaml::text(value)))
        };
        let fields: Option<Vec<_>> = text.split('&').map(field).collect();
        let is_unique = |fields: &[(String, Yaml)]| {
            (1..fields.len()).all(|at| fields[..at].iter().all(|(name, _)| *name != fields[at].0))
        };
        if let Some(fields) = fields.filter(|fields| is_unique(fields)) {
            return Body::Form(fields);
        }
    }
    Body::Text(text)
}

/// Joins data to a text.
fn text(data: Vec<Data>, between: &str, notes: &mut Vec<String>) -> String {
    let part = |part: Data| match part {
        Data::Text(text) => text,
        Data::File(file) => {
            notes.push(format!(
                "the content of `{file}` is a part of the data: insert it here"
            ));
            String::new()
        }
    };
    data.into_iter().map(part).collect::<Vec<_>>().join(between)
}

/// Returns the data of all options, in their order.
fn data(transfer: &Transfer, notes: &mut Vec<String>) -> Vec<Data> {
    let mut all = Vec::new();
    for given in &transfer.options {
        let value = given.value.as_str();
        let file = value.strip_prefix('@');
        all.push(match (given.name.as_str(), file) {
            ("data" | "data-ascii" | "data-binary" | "json", Some("-")) => {
                notes.push(format!(
                    "`--{} @-` reads its input: write the body here",
                    given.name
                ));
                Data::Text(String::new())
            }
            ("data" | "data-ascii", Some(file)) => {
                notes.push(format!(
                    "curl leaves out the line breaks of `{file}`, loadgen does not"
                ));
                Data::File(file.to_owned())
            }
            ("data-binary" | "json", Some(file)) => Data::File(file.to_owned()),
            ("data" | "data-ascii" | "data-binary" | "data-raw" | "json", _) => {
                Data::Text(value.to_owned())
            }
            ("data-urlencode", _) => encoded(value, notes),
            _ => continue,
        });
    }
    all
}

/// Returns the data of `--data-urlencode`: `content`, `=content`, `name=content`, `@file` or
/// `name@file`.
fn encoded(value: &str, notes: &mut Vec<String>) -> Data {
    let at = value.find(['=', '@']).unwrap_or(value.len());
    let (name, rest) = value.split_at(at);
    Data::Text(match rest.chars().next() {
        Some('@') => {
            notes.push(format!(
                "the encoded content of `{}` is a part of the data: insert it here",
                &rest[1..]
            ));
            String::new()
        }
        Some(_) if name.is_empty() => percent_encoded(&rest[1..]),
        Some(_) => format!("{name}={}", percent_encoded(&rest[1..])),
        None => percent_encoded(value),
    })
}

/// Encodes what is not a template, as curl does it: a space as `+`, as in forms.
pub(super) fn percent_encoded(text: &str) -> String {
    let encoded = |text: &str| {
        utf8_percent_encode(text, ENCODED)
            .to_string()
            .replace("%20", "+")
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (template, after))) =
        (rest.split_once("{{")).and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
    {
        out.push_str(&encoded(before));
        out.push_str(&match template {
            "brace" => "%7B".to_owned(),
            other => format!("{{{{{other}}}}}"),
        });
        rest = after;
    }
    out + &encoded(rest)
}

/// Returns the fields of `--form` and `--form-string`, if there are any.
fn multipart(transfer: &Transfer, notes: &mut Vec<String>) -> Option<Vec<(String, Yaml)>> {
    let mut fields = Vec::new();
    for given in &transfer.options {
        let is_string = match given.name.as_str() {
            "form" => false,
            "form-string" => true,
            _ => continue,
        };
        let Some((name, value)) = given.value.split_once('=') else {
            notes.push("a field of `--form` without `=`: left out".into());
            continue;
        };
        let is_known = fields.iter().any(|(known, _)| known == name);
        if name.is_empty() || name.contains(char::is_control) || is_known {
            let name = name.escape_debug();
            notes.push(format!(
                "the field `{name}` of `--form`: its name is not valid, or stands twice: left out"
            ));
            continue;
        }
        fields.push((
            name.to_owned(),
            if is_string {
                Yaml::text(value)
            } else {
                field(value, notes)
            },
        ));
    }
    (!fields.is_empty()).then_some(fields)
}

/// Returns a field of `--form`: `text;type=T`, `@file;type=T;filename=F` or `<file`.
fn field(value: &str, notes: &mut Vec<String>) -> Yaml {
    let (content, rest) = match value
        .strip_prefix('"')
        .and_then(|rest| rest.split_once('"'))
    {
        Some((content, rest)) => (content, rest),
        None => value.split_at(value.find(';').unwrap_or(value.len())),
    };
    let mut attributes = Vec::new();
    for attribute in rest
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        match attribute.split_once('=') {
            Some(_) if attribute.contains(char::is_control) => {
                notes.push("control characters in a field of `--form`: left out".into());
            }
            Some(("type", value)) => attributes.push(("content_type", Yaml::text(value))),
            Some(("filename", value)) => {
                attributes.push(("filename", Yaml::text(value.trim_matches('"'))));
            }
            Some((key, _)) => notes.push(format!("`{key}` of a field of `--form`: left out")),
            None => notes.push("an attribute of a field of `--form`: left out".into()),
        }
    }
    let content = match content.strip_prefix('@') {
        Some(file) => Some(("file", Yaml::text(file))),
        None => content.strip_prefix('<').map(|file| {
            notes.push(format!(
                "curl sends the content of `{file}` without a file name, loadgen with one"
            ));
            ("file", Yaml::text(file))
        }),
    }
    .unwrap_or_else(|| ("value", Yaml::text(content)));
    let is_typed = attributes.iter().any(|(key, _)| *key == "content_type");
    if let ("file", Yaml::Text(file)) = &content
        && !is_typed
    {
        let kind = TYPES
            .iter()
            .find(|(end, _)| file.to_ascii_lowercase().ends_with(end));
        attributes.extend(kind.map(|(_, kind)| ("content_type", Yaml::text(*kind))));
    }
    if content.0 == "value" && attributes.is_empty() {
        return content.1;
    }
    Yaml::map(std::iter::once(content).chain(attributes))
}
