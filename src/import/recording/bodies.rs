//! The body of a recorded request, as a scenario writes it.

use super::given::Whereabouts;
use super::select::Kept;
use super::traffic::{Field, Payload, essence};
use super::values::{Form, Values, decoded};
use crate::import::credentials::Credentials;
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// Returns the body of a request, and what could not be carried over of it.
pub(super) fn of_request(
    kept: &Kept<'_>,
    values: &mut Values<'_>,
    credentials: &mut Credentials,
) -> (Body, Vec<String>) {
    let content_type = kept.recorded.header("content-type").unwrap_or_default();
    let mut notes = Vec::new();
    let body = match &kept.recorded.body {
        Payload::None => Body::None,
        Payload::Text(text) => text_body(text, content_type, values, credentials, &mut notes),
        Payload::Fields(fields) => multipart(fields, values, credentials, &mut notes),
        Payload::Unknown(why) => {
            let file = "write it into a file, and `body_file` here";
            notes.push(format!("its body is missing, because {why}: {file}"));
            Body::None
        }
    };
    (credentials.hide_body(body), notes)
}

fn text_body(
    text: &str,
    content_type: &str,
    values: &mut Values<'_>,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Body {
    let media = essence(content_type);
    if (media == "application/json" || media.ends_with("+json"))
        && let Some(value) = json::yaml(text)
        && !has_templates_in_keys(&value)
    {
        return Body::Json(json_value(value, None, values, credentials));
    }
    if media == "application/x-www-form-urlencoded" {
        if let Some(fields) = form(text, values, credentials) {
            return Body::Form(fields);
        }
        return Body::Text(values.pairs(text, credentials));
    }
    if media == "multipart/form-data"
        && let Some(fields) = parts(text, content_type)
    {
        return multipart(&fields, values, credentials, notes);
    }
    if text.contains('\u{fffd}') {
        notes.push("its body was not recorded as it was, because it is not text".into());
    }
    Body::Text(values.text(text, Whereabouts::default(), Form::Plain, credentials))
}

/// Returns whether a name in JSON would be read as a template.
fn has_templates_in_keys(value: &Yaml) -> bool {
    match value {
        Yaml::Map(members) => members
            .iter()
            .any(|(key, value)| key.contains("{{") || has_templates_in_keys(value)),
        Yaml::List(items) => items.iter().any(has_templates_in_keys),
        _ => false,
    }
}

/// Puts values into JSON, of which each keeps its type.
fn json_value(
    value: Yaml,
    field: Option<&str>,
    values: &mut Values<'_>,
    credentials: &mut Credentials,
) -> Yaml {
    let at = Whereabouts { field, path: None };
    match value {
        Yaml::Map(members) => Yaml::Map(
            members
                .into_iter()
                .map(|(key, value)| {
                    let value = json_value(value, Some(&key), values, credentials);
                    (key, value)
                })
                .collect(),
        ),
        Yaml::List(items) => Yaml::List(
            items
                .into_iter()
                .map(|item| json_value(item, field, values, credentials))
                .collect(),
        ),
        Yaml::Plain(text) => {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit());
            let found = values.whole(&text, at, credentials).filter(|_| is_number);
            match found {
                Some(found) if found.is_number => Yaml::text(format!("{{{{{}}}}}", found.name)),
                Some(found) => Yaml::text(format!("{{{{{}|int}}}}", found.name)),
                None => {
                    // What is sent here is not taken from a later response.
                    values.text(&text, at, Form::Plain, credentials);
                    Yaml::Plain(text)
                }
            }
        }
        Yaml::Text(text) => match values.whole(&text, at, credentials) {
            Some(found) if found.is_number => Yaml::text(format!("{{{{{}|string}}}}", found.name)),
            _ => Yaml::text(values.text(&text, at, Form::Plain, credentials)),
        },
        other => other,
    }
}

/// Returns the fields of a form; `None` if it is not a form, or has several fields of one name.
fn form(
    text: &str,
    values: &mut Values<'_>,
    credentials: &mut Credentials,
) -> Option<Vec<(String, Yaml)>> {
    let pairs: Vec<(String, String)> = text
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name), decoded(value)))
        })
        .collect::<Option<_>>()?;
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let is_unique = names.windows(2).all(|pair| pair[0] != pair[1]);
    let is_good = |(name, value): &(String, String)| {
        !name.is_empty()
            && !name.contains("{{")
            && !name.contains(char::is_control)
            && !value.contains('\u{fffd}')
    };
    if !is_unique || !pairs.iter().all(is_good) {
        return None;
    }
    let field = |(name, value): (String, String)| {
        let at = Whereabouts {
            field: Some(&name),
            path: None,
        };
        let value = values.text(&value, at, Form::Plain, credentials);
        (name, Yaml::text(value))
    };
    Some(pairs.into_iter().map(field).collect())
}

/// Returns the fields of a form with files.
fn multipart(
    fields: &[Field],
    values: &mut Values<'_>,
    credentials: &mut Credentials,
    notes: &mut Vec<String>,
) -> Body {
    let mut all: Vec<(String, Yaml)> = Vec::new();
    for field in fields {
        let name: String = field.name.chars().filter(|c| !c.is_control()).collect();
        if let Some(file) = &field.file {
            let file: String = file.chars().filter(|c| !c.is_control()).take(100).collect();
            let shown: String = name.chars().take(60).collect();
            notes.push(format!(
                "the file `{file}` of the field `{shown}` was not recorded: put it beside the scenario, and add \
                 `{shown}: {{ file: {file} }}`"
            ));
            continue;
        }
        if name.is_empty() || name.contains("{{") || all.iter().any(|(known, _)| *known == name) {
            notes.push("a field of its form has no name, or that of another: left out".into());
            continue;
        }
        let at = Whereabouts {
            field: Some(&name),
            path: None,
        };
        let value = Yaml::text(values.text(&field.value, at, Form::Plain, credentials));
        let kind = field
            .content_type
            .as_ref()
            .filter(|kind| !kind.contains(char::is_control));
        let value = match kind {
            Some(kind) => Yaml::map([
                ("value", value),
                ("content_type", Yaml::text(literal(kind))),
            ]),
            None => value,
        };
        all.push((name, value));
    }
    if all.is_empty() {
        Body::None
    } else {
        Body::Multipart(all)
    }
}

/// Takes a form with files apart (RFC 7578).
fn parts(text: &str, content_type: &str) -> Option<Vec<Field>> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    if boundary.is_empty() {
        return None;
    }
    let boundary = format!("--{boundary}");
    let mut fields = Vec::new();
    for part in text.split(&boundary).skip(1).take(1000) {
        if part.starts_with("--") {
            break;
        }
        let part = part.strip_prefix("\r\n").or(part.strip_prefix('\n'))?;
        let (head, value) = part.split_once("\r\n\r\n").or(part.split_once("\n\n"))?;
        let value = value
            .strip_suffix("\r\n")
            .or(value.strip_suffix('\n'))
            .unwrap_or(value);
        let mut field = Field {
            value: value.to_owned(),
            ..Field::default()
        };
        for line in head.lines() {
            let (name, said) = line.split_once(':')?;
            match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    field.name = parameter(said, "name").unwrap_or_default();
                    field.file = parameter(said, "filename");
                }
                "content-type" => field.content_type = Some(said.trim().to_owned()),
                _ => {}
            }
        }
        fields.push(field);
    }
    Some(fields)
}

/// Returns a parameter of a header: `name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let begin = format!("{name}=\"");
    let mut rest = header;
    loop {
        let at = rest.find(&begin)?;
        let is_whole = rest[..at].ends_with([' ', ';', '\t']);
        rest = &rest[at + begin.len()..];
        if is_whole {
            let value = rest.split('"').next()?;
            return Some(value.replace("%22", "\"").replace("%0D%0A", "\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_files_is_taken_apart() {
        let text = "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\nworld\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--B--\r\n";
        let fields = parts(text, "multipart/form-data; boundary=B").expect("a form");
        let plain: Vec<_> = fields
            .iter()
            .map(|field| {
                (
                    field.name.as_str(),
                    field.value.as_str(),
                    field.file.as_deref(),
                    field.content_type.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            plain,
            [
                ("title", "hello\nworld", None, None),
                ("photo", "PNG", Some("a.png"), Some("image/png"))
            ]
        );
        assert!(parts("x", "multipart/form-data").is_none());
    }
}
