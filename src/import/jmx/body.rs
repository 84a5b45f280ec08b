//! Bodies of requests: fields, files or a text.

use super::arguments::{self, Argument};
use super::element::Element;
use super::reader::Reader;
use crate::import::exchange::Body;
use crate::import::json;
use crate::import::pieces::{operand, template};
use crate::import::template::literal;
use crate::import::yaml::{Yaml, one_or_list};

/// A file that a sampler sends.
pub(super) struct Sent {
    path: String,
    field: String,
    content_type: String,
}

/// Returns the files that a sampler sends.
pub(super) fn files(reader: &mut Reader<'_>, sampler: &Element) -> Vec<Sent> {
    let list = sampler
        .inner("HTTPsampler.Files")
        .map_or(&[][..], |files| files.items("HTTPFileArgs.files"));
    let mut all: Vec<[&str; 3]> = list
        .iter()
        .map(|file| {
            ["File.path", "File.paramname", "File.mimetype"].map(|name| file.property(name).trim())
        })
        .collect();
    if let Some(path) = sampler.given("HTTPSampler.FILE_NAME") {
        let of = |name| sampler.property(name).trim();
        all.push([
            path,
            of("HTTPSampler.FILE_FIELD"),
            of("HTTPSampler.FILE_MIMETYPE"),
        ]);
    }
    let mut files = Vec::new();
    for [path, field, content_type] in all {
        if path.is_empty() {
            continue;
        }
        match reader.variables.plain(path) {
            Some(path) => files.push(Sent {
                path: literal(&path),
                field: field.to_owned(),
                content_type: content_type.to_owned(),
            }),
            None => reader.note(sampler, "a file whose name is a variable: left out"),
        }
    }
    files
}

/// Returns the body of a request.
pub(super) fn of(
    reader: &mut Reader<'_>,
    sampler: &Element,
    arguments: arguments::Arguments,
    files: Vec<Sent>,
    headers: &mut Vec<(String, String)>,
) -> Body {
    let is_type = |(name, _): &(String, String)| name == "content-type";
    if let [file] = files.as_slice()
        && file.field.is_empty()
        && (arguments.is_raw || arguments.list.is_empty())
    {
        if !file.content_type.is_empty() && !headers.iter().any(is_type) {
            headers.push(("content-type".into(), literal(&file.content_type)));
        }
        return Body::File(file.path.clone());
    }
    if !files.is_empty() || sampler.is("HTTPSampler.DO_MULTIPART_POST") {
        return multipart(reader, sampler, &arguments.list, files, headers);
    }
    if !arguments.is_raw {
        if arguments.list.is_empty() {
            return Body::None;
        }
        let mut fields: Vec<(String, Vec<Yaml>)> = Vec::new();
        for argument in &arguments.list {
            let value = Yaml::text(argument.decoded());
            match fields.iter_mut().find(|(name, _)| *name == argument.name) {
                Some((_, values)) => values.push(value),
                None => fields.push((argument.name.clone(), vec![value])),
            }
        }
        let field = |(name, values)| (name, one_or_list(values));
        headers.retain(|(name, value)| {
            name != "content-type" || value != "application/x-www-form-urlencoded"
        });
        return Body::Form(fields.into_iter().map(field).collect());
    }
    raw(reader, &arguments, headers)
}

/// Returns a body that is sent as it is written.
fn raw(
    reader: &Reader<'_>,
    arguments: &arguments::Arguments,
    headers: &mut Vec<(String, String)>,
) -> Body {
    let text: String = arguments
        .list
        .iter()
        .map(|argument| template(&argument.value))
        .collect();
    if text.is_empty() {
        return Body::None;
    }
    let is_json =
        |(name, value): &(String, String)| name == "content-type" && value == "application/json";
    if headers.iter().any(is_json)
        && let Some(value) = json::yaml(&text)
    {
        headers.retain(|header| !is_json(header));
        return Body::Json(as_texts(value, reader));
    }
    Body::Text(text)
}

/// Lets values that stand alone in quotes stay texts, also if they are numbers.
fn as_texts(value: Yaml, reader: &Reader<'_>) -> Yaml {
    match value {
        Yaml::Text(text) => {
            let alone = text
                .strip_prefix("{{")
                .and_then(|text| text.strip_suffix("}}"))
                .filter(|inside| !inside.contains("}}"));
            match alone {
                Some(inside) if !reader.variables.values.is_text(inside) => {
                    let value = operand(inside);
                    Yaml::Text(format!("{{{{{value}|string}}}}"))
                }
                _ => Yaml::Text(text),
            }
        }
        Yaml::List(items) => Yaml::List(
            items
                .into_iter()
                .map(|item| as_texts(item, reader))
                .collect(),
        ),
        Yaml::Map(members) => Yaml::Map(
            members
                .into_iter()
                .map(|(name, value)| (name, as_texts(value, reader)))
                .collect(),
        ),
        other => other,
    }
}

fn multipart(
    reader: &mut Reader<'_>,
    sampler: &Element,
    arguments: &[Argument],
    files: Vec<Sent>,
    headers: &mut Vec<(String, String)>,
) -> Body {
    // Its boundary is that of the body.
    headers.retain(|(name, _)| name != "content-type");
    let mut parts: Vec<(String, Yaml)> = Vec::new();
    for argument in arguments {
        parts.push((argument.name.clone(), Yaml::text(argument.decoded())));
    }
    for file in files {
        let mut part = vec![("file", Yaml::text(file.path))];
        if !file.content_type.is_empty() {
            part.push(("content_type", Yaml::text(file.content_type)));
        }
        let field = if file.field.is_empty() {
            "file".to_owned()
        } else {
            file.field
        };
        parts.push((field, Yaml::map(part)));
    }
    let mut kept: Vec<(String, Yaml)> = Vec::new();
    for part in parts {
        if part.0.trim().is_empty() || part.0.contains(char::is_control) {
            reader.note(sampler, "a part whose name is not valid: left out");
        } else if kept.iter().any(|(name, _)| *name == part.0) {
            let note = "several parts of one name: only the first is carried over";
            reader.note(sampler, note);
        } else {
            kept.push(part);
        }
    }
    if kept.is_empty() {
        Body::None
    } else {
        Body::Multipart(kept)
    }
}
