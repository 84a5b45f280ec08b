//! The body of a request: text, JSON, a form, a file, or a multipart form.

use std::path::Path;

use http::HeaderValue;

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;
use super::{json, url};
use crate::plan::{Body, BodyPart, Content, Template};
use crate::value::file;

/// A part of `multipart`.
const MULTIPART: Section = Section::new(&[
    ("path", "file"),
    ("name", "filename"),
    ("type", "content_type"),
]);

/// Keys for a body; a request has at most one of them.
pub(super) const BODIES: [&str; 5] = ["json", "form", "body", "body_file", "multipart"];
/// Maximum number of parts in a multipart body.
const MAX_PARTS: usize = 1000;

/// Decodes the body of a request from its step's fields; file paths are relative to `folder`.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Diagnostics,
) -> Option<Body> {
    let mut given: Vec<&Entry> = BODIES.iter().filter_map(|key| fields.entry(key)).collect();
    given.sort_by_key(|entry| entry.key_span.start);
    let body = match given.as_slice() {
        [] => return None,
        [body] => *body,
        [first, second, ..] => {
            problems
                .error(
                    second.value.span,
                    format!(
                        "a request has only one body, but this one has `{}` and `{}`",
                        first.key, second.key
                    ),
                )
                .related(first.key_span, "the other one")
                .help("remove one of the two");
            return None;
        }
    };
    let node = &body.value;
    // `json: null` is a valid body, so an empty value is not an error there.
    if body.key != "json" && node.is_null() {
        problems
            .error(body.key_span, format!("`{}` has no value", body.key))
            .help("write one after the colon, or remove the key");
        return None;
    }
    match body.key.as_str() {
        "json" => json::template(node, problems).map(Body::Json),
        "form" => form(node, problems).map(Body::Form),
        "body_file" => path(node, "body_file", folder, problems).map(Body::File),
        "multipart" => multipart(node, folder, problems).map(Body::Multipart),
        _ => text(node, problems).map(Body::Text),
    }
}

fn text(node: &Node, problems: &mut Diagnostics) -> Option<Template> {
    if matches!(node.value, Value::Map(_) | Value::List(_)) {
        problems
            .error(
                node.span,
                format!("`body` must be a string, but this is {}", node.describe()),
            )
            .help("write `json: …` to send it as JSON");
        return None;
    }
    decode::template(node, "body", problems)
}

/// Decodes the pairs of a query or a form; a list gives a name several values.
pub(super) fn pairs(
    node: &Node,
    key: &str,
    help: &str,
    problems: &mut Diagnostics,
) -> Option<Vec<(String, Template)>> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Broken => return None,
        _ => {
            problems
                .error(
                    node.span,
                    format!("`{key}` must be a map, but this is {}", node.describe()),
                )
                .help(help);
            return None;
        }
    };
    let mut pairs = Vec::with_capacity(entries.len());
    for entry in entries {
        let values = match &entry.value.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        let texts = values
            .iter()
            .filter_map(|value| decode::template(value, &entry.key, problems));
        pairs.extend(texts.map(|text| (entry.key.clone(), text)));
    }
    Some(pairs)
}

fn form(node: &Node, problems: &mut Diagnostics) -> Option<Template> {
    let pairs = pairs(
        node,
        "form",
        "write `form: { user: me, tag: [a, b] }`; it is percent-encoded",
        problems,
    )?;
    let mut form = Template::default();
    for (n, (name, value)) in pairs.iter().enumerate() {
        form.push_text(if n > 0 { "&" } else { "" });
        form.push(&url::pair(name, value));
    }
    Some(form)
}

/// Decodes the path of a file, and checks the file.
pub(super) fn path(
    node: &Node,
    key: &str,
    folder: &Path,
    problems: &mut Diagnostics,
) -> Option<String> {
    let typed = decode::text(node, key, problems)?;
    if typed.trim().is_empty() {
        problems
            .error(node.span, format!("`{key}` is empty"))
            .help("write the path of a file, relative to the scenario");
        return None;
    }
    // Files that are streamed may have any size.
    let looked = if key == "body_file" {
        file::open(folder, typed).map(drop)
    } else {
        file::check(folder, typed)
    };
    let good =
        looked.inspect_err(|wrong| decode::with_remedy(&wrong.to_string(), node.span, problems));
    good.ok().map(|()| typed.to_owned())
}

fn multipart(node: &Node, folder: &Path, problems: &mut Diagnostics) -> Option<Vec<BodyPart>> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Broken => return None,
        _ => {
            problems
                .error(
                    node.span,
                    format!(
                        "`multipart` must be a map of fields, but this is {}",
                        node.describe()
                    ),
                )
                .help("write `multipart: { title: hello, picture: { file: cat.png } }`");
            return None;
        }
    };
    if entries.is_empty() {
        problems
            .error(node.span, "this `multipart` has no parts")
            .help("add one: `multipart: { title: hello }`");
    }
    if let Some(entry) = entries.get(MAX_PARTS) {
        problems
            .error(entry.key_span, format!("more than {MAX_PARTS} parts"))
            .help("remove some");
        return None;
    }
    let parts: Vec<Option<BodyPart>> = entries
        .iter()
        .map(|entry| part(entry, folder, problems))
        .collect();
    parts.into_iter().collect()
}

fn part(entry: &Entry, folder: &Path, problems: &mut Diagnostics) -> Option<BodyPart> {
    let name = entry.key.clone();
    if name.is_empty() || name.chars().any(char::is_control) {
        problems
            .error(
                entry.key_span,
                format!("{} is not a valid field name", quoted(&name)),
            )
            .help("keep it on one line");
        return None;
    }
    if !matches!(entry.value.value, Value::Map(_)) {
        let text = decode::template(&entry.value, &name, problems)?;
        return Some(BodyPart {
            name,
            content: Content::Text(text),
            filename: None,
            content_type: None,
        });
    }
    let example = format!("{name}: {{ file: cat.png }}");
    let mut fields = Fields::open(&entry.value, &MULTIPART, "a part", &example, problems)?;
    let sources = [
        fields.take("file", problems),
        fields.take("value", problems),
    ];
    let filename = fields
        .take("filename", problems)
        .and_then(|node| decode::line(node, "filename", problems));
    let content_type = fields
        .take("content_type", problems)
        .map(|node| media_type(node, problems));
    let content = content(sources, &mut fields, &example, folder, problems);
    fields.finish(problems);
    let content_type = match content_type {
        Some(good) => Some(good?),
        None => None,
    };
    let content = content?;
    // Like a browser, sends the name of the file without its folders.
    let own = match &content {
        Content::File(file) => Path::new(file)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        Content::Text(_) => None,
    };
    Some(BodyPart {
        name,
        content,
        filename: filename.or(own),
        content_type,
    })
}

/// Decodes the content of a part: a file, or a value.
fn content(
    [file, value]: [Option<&Node>; 2],
    fields: &mut Fields<'_>,
    example: &str,
    folder: &Path,
    problems: &mut Diagnostics,
) -> Option<Content> {
    let misspelt = fields.entries().iter().any(|e| {
        words::nearest(&e.key, ["file", "value"]).is_some()
            || MULTIPART.ours(&e.key).is_some_and(|ours| ours == "file")
    });
    match (file, value) {
        (Some(file), None) => path(file, "file", folder, problems).map(Content::File),
        (None, Some(value)) => {
            if let Some(filename) = fields.entry("filename") {
                problems
                    .error(
                        filename.key_span,
                        "`filename` belongs to a `file`, and this is a `value`",
                    )
                    .help("remove it");
            }
            decode::template(value, "value", problems).map(Content::Text)
        }
        (Some(file), Some(value)) => {
            problems
                .error(
                    value.span,
                    "a part has only one content, but this one has `file` and `value`",
                )
                .related(file.span, "the other one")
                .help("remove one of the two");
            None
        }
        (None, None) => {
            if !misspelt {
                problems
                    .error(fields.span, "this part has no content")
                    .help(format!("write `{example}`, or `value: …`"));
            }
            None
        }
    }
}

fn media_type(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "content_type", problems)?.trim();
    let good = HeaderValue::from_str(text).is_ok()
        && text
            .split_once('/')
            .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    if !good {
        problems
            .error(node.span, format!("{} is not a content type", quoted(text)))
            .help("write one such as `image/png` or `text/plain; charset=utf-8`");
    }
    good.then(|| text.to_owned())
}
