//! The body of a recorded request, as a scenario writes it.

use super::given::Whereabouts;
use super::parts::parts;
use super::select::Kept;
use super::traffic::{Field, Payload, essence};
use super::values::{Form, Values, decoded};
use crate::import::bodies::Bodies;
use crate::import::credentials::Credentials;
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::template::literal;
use crate::import::yaml::Yaml;

/// What to do about what can't be in the scenario.
const TO_A_FILE: &str = "write the scenario to a file (`-o`), which puts this beside it";
/// The longest name of a file that is kept.
const MAX_CHARS: usize = 100;
/// The longest extension that is kept of the name of a file.
const MAX_EXTENSION: usize = 5;

/// Reads the body of a request.
pub(super) struct Reader<'a, 'r> {
    /// The values of the recording.
    pub values: &'a mut Values<'r>,
    /// What must not be written.
    pub credentials: &'a mut Credentials,
    /// What is not text.
    pub bodies: &'a mut Bodies,
    /// What could not be carried over.
    pub notes: Vec<String>,
}

impl Reader<'_, '_> {
    /// Returns the body of a request, and what could not be carried over of it.
    pub(super) fn read(mut self, kept: &Kept<'_>) -> (Body, Vec<String>) {
        let content_type = kept.recorded.header("content-type").unwrap_or_default();
        let body = match &kept.recorded.body {
            Payload::None => Body::None,
            Payload::Text(text) => self.text(text, content_type),
            Payload::Fields(fields) => self.multipart(fields),
            Payload::Bytes(bytes) => self.bytes(bytes, content_type),
            Payload::Unknown(why) => {
                let file = "write it into a file, and `body_file` here";
                self.notes
                    .push(format!("its body is missing, because {why}: {file}"));
                Body::None
            }
        };
        (self.credentials.hide_body(body), self.notes)
    }

    fn text(&mut self, text: &str, content_type: &str) -> Body {
        let media = essence(content_type);
        if (media == "application/json" || media.ends_with("+json"))
            && let Some(value) = json::yaml(text)
            && !has_templates_in_keys(&value)
        {
            return Body::Json(json_value(value, None, self.values, self.credentials));
        }
        if media == "application/x-www-form-urlencoded" {
            if let Some(fields) = form(text, self.values, self.credentials) {
                return Body::Form(fields);
            }
            return Body::Text(self.values.pairs(text, self.credentials));
        }
        if media == "multipart/form-data"
            && let Some(fields) = parts(text.as_bytes(), content_type)
        {
            return self.multipart(&fields);
        }
        if text.contains('\u{fffd}') {
            self.notes
                .push("its body was not recorded as it was, because it is not text".into());
        }
        let at = Whereabouts::default();
        Body::Text(self.values.text(text, at, Form::Plain, self.credentials))
    }

    fn bytes(&mut self, bytes: &[u8], content_type: &str) -> Body {
        if essence(content_type) == "multipart/form-data"
            && let Some(fields) = parts(bytes, content_type)
        {
            return self.multipart(&fields);
        }
        match self.bodies.attach(bytes.to_vec(), "", "bin") {
            Some(path) => Body::File(path),
            None => {
                self.notes.push(format!(
                    "its body is missing, because its {} bytes are not text: {TO_A_FILE}",
                    bytes.len()
                ));
                Body::None
            }
        }
    }

    /// Returns the fields of a form with files.
    fn multipart(&mut self, fields: &[Field]) -> Body {
        let mut all: Vec<(String, Yaml)> = Vec::new();
        for field in fields {
            let name: String = field.name.chars().filter(|c| !c.is_control()).collect();
            if name.is_empty() || name.contains("{{") || all.iter().any(|(known, _)| *known == name)
            {
                let left_out = "a field of its form has no name, or that of another: left out";
                self.notes.push(left_out.into());
                continue;
            }
            let text = std::str::from_utf8(&field.value).ok();
            let value = match (text, &field.file) {
                (Some(text), None) => Some(self.field(&name, text, field)),
                (_, file) => self.file(&name, file.as_deref().unwrap_or(&name), field),
            };
            all.extend(value.map(|value| (name, value)));
        }
        if all.is_empty() {
            Body::None
        } else {
            Body::Multipart(all)
        }
    }

    fn field(&mut self, name: &str, text: &str, field: &Field) -> Yaml {
        let at = Whereabouts {
            field: Some(name),
            path: None,
        };
        let value = self.values.text(text, at, Form::Plain, self.credentials);
        let value = Yaml::text(value);
        match kind(field) {
            Some(kind) => Yaml::map([("value", value), ("content_type", kind)]),
            None => value,
        }
    }

    /// Returns a field that is a file, if its content was recorded.
    fn file(&mut self, name: &str, file: &str, field: &Field) -> Option<Yaml> {
        let file: String = file.chars().filter(|c| !c.is_control()).collect();
        let file: String = file.chars().take(MAX_CHARS).collect();
        let shown: String = name.chars().take(60).collect();
        // Browsers leave out the content of files, or what of it is not text.
        let text = std::str::from_utf8(&field.value).ok();
        let is_whole = text.is_none_or(|text| !text.is_empty() && !text.contains('\u{fffd}'));
        if !is_whole {
            self.notes.push(format!(
                "the file `{file}` of the field `{shown}` was not recorded: put it beside the scenario, and add \
                 `{shown}: {{ file: {file} }}`"
            ));
            return None;
        }
        let (stem, extension) = stem_and_extension(&file);
        let content = field.value.clone();
        let Some(path) = self.bodies.attach(content, stem, extension) else {
            self.notes.push(format!(
                "the file `{file}` of the field `{shown}` is left out: {TO_A_FILE}"
            ));
            return None;
        };
        let mut keys = vec![("file", Yaml::text(path))];
        keys.extend((!file.is_empty()).then(|| ("filename", Yaml::text(literal(&file)))));
        keys.extend(kind(field).map(|kind| ("content_type", kind)));
        Some(Yaml::map(keys))
    }
}

/// Splits the name of a file.
fn stem_and_extension(file: &str) -> (&str, &str) {
    match file.rsplit_once('.') {
        Some((stem, end))
            if (1..=MAX_EXTENSION).contains(&end.len())
                && end.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            (stem, end)
        }
        _ => (file, "bin"),
    }
}

/// Returns the content type of a field.
fn kind(field: &Field) -> Option<Yaml> {
    let kind = field.content_type.as_ref()?;
    let is_good = !kind.contains(char::is_control);
    is_good.then(|| Yaml::text(literal(kind)))
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
