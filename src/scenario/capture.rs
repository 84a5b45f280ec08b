//! `capture` and `tag`: values to extract from a response, and to split metrics by.

use super::diagnostic::{Diagnostics, quoted};
use super::expression::nameable;
use super::fields::Fields;
use super::json;
use super::names::Names;
use super::pattern::Patterns;
use super::response_source::{Origin, source};
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::vars::is_name;
use crate::plan::{Capture, Tag};

/// A value of `capture`.
const CAPTURE: Section = Section::new(&[
    ("json", "jsonpath"),
    ("jmespath", "jsonpath"),
    ("pattern", "regex"),
    ("regexp", "regex"),
    ("fallback", "default"),
]);
/// A value of `tag`.
const TAG: Section = Section::new(&[("json", "jsonpath"), ("regexp", "regex")]);

/// Places that captures and measures may use.
pub(super) const PLACES: [&str; 8] = [
    "jsonpath", "css", "xpath", "regex", "header", "cookie", "body", "status",
];
/// Places that tags may use. The body is excluded: nearly every response has a different one.
const OF_TAGS: [&str; 7] = [
    "header", "cookie", "status", "jsonpath", "css", "xpath", "regex",
];
/// Maximum number of captures, or of tags, per step.
const MAX_CAPTURES: usize = 100;

/// Decodes `capture`.
pub(super) fn captures(
    node: &Node,
    of: Origin,
    names: &Names<'_>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Vec<Capture> {
    let example = "capture: { item: { jsonpath: \"$.items[0].id\" } }";
    let entries = entries(node, "capture", example, problems);
    entries
        .iter()
        .filter_map(|entry| capture(entry, of, names, patterns, problems))
        .collect()
}

/// Decodes `tag`.
pub(super) fn tags(
    node: &Node,
    of: Origin,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Vec<Tag> {
    let entries = entries(node, "tag", "tag: { cache: { header: x-cache } }", problems);
    entries
        .iter()
        .filter_map(|entry| tag(entry, of, patterns, problems))
        .collect()
}

/// Returns the named entries of `capture`, `tag` or `measure`.
pub(super) fn entries<'n>(
    node: &'n Node,
    key: &str,
    example: &str,
    problems: &mut Diagnostics,
) -> &'n [Entry] {
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Broken => &[],
        _ => {
            problems
                .error(
                    node.span,
                    format!(
                        "`{key}` must be a map of names, but this is {}",
                        node.describe()
                    ),
                )
                .help(format!("write `{example}`"));
            &[]
        }
    };
    // Artillery's syntax: `{ json: $.id, as: id }`.
    let named = |is_name: bool| {
        entries
            .iter()
            .find(|entry| (entry.key == "as") == is_name)
            .map(|entry| (&entry.key, &entry.value.value))
    };
    if let (2, Some((_, Value::Scalar(called))), Some((place, Value::Scalar(query)))) =
        (entries.len(), named(true), named(false))
    {
        let kind = CAPTURE.ours(place).unwrap_or(place);
        problems
            .error(
                node.span,
                format!("`{key}` must be a map of names, each with the place of its value"),
            )
            .help(format!(
                "write `{key}: {{ {}: {{ {kind}: \"{}\" }} }}`",
                called.as_typed(),
                query.as_typed().replace('"', "'")
            ));
        return &[];
    }
    if let Some(entry) = entries.get(MAX_CAPTURES) {
        problems
            .error(
                entry.key_span,
                format!("more than {MAX_CAPTURES} names in one `{key}`"),
            )
            .help("split it into several steps, or remove some");
        return &[];
    }
    entries
}

fn capture(
    entry: &Entry,
    of: Origin,
    names: &Names<'_>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Capture> {
    let name = &entry.key;
    let good = nameable(name, entry.key_span, names, problems);
    let mut fields = open(entry, &CAPTURE, "the capture", problems)?;
    // `default: null` is a valid default.
    let default = fields
        .entry("default")
        .map(|entry| json::value(&entry.value, "default", problems));
    let source = source(&mut fields, of, &PLACES, patterns, problems);
    fields.finish(problems);
    let default = match default {
        Some(value) => Some(value?),
        None => None,
    };
    good.then_some(Capture {
        name: name.clone(),
        source: source?,
        default,
    })
}

fn tag(
    entry: &Entry,
    of: Origin,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<Tag> {
    let name = &entry.key;
    let good = is_name(&name.replace('-', "_"));
    if !good {
        problems
            .error(
                entry.key_span,
                format!("{} is not a valid tag name", quoted(name)),
            )
            .help("use letters, digits, `_` and `-`, and begin with a letter");
    }
    let mut fields = open(entry, &TAG, "the tag", problems)?;
    for (key, why, remedy) in [
        (
            "body",
            "a whole body can't be a tag: figures are split by at most 100 values",
            "take a part of it with `jsonpath` or `regex`",
        ),
        (
            "default",
            "a tag has no `default`: responses without a value are counted without the tag",
            "remove it",
        ),
    ] {
        // Looked up only if present, so that it is not suggested as a key.
        if fields.entries().iter().any(|entry| entry.key == key)
            && let Some(entry) = fields.entry(key)
        {
            problems.error(entry.key_span, why).help(remedy);
            fields.known(&OF_TAGS);
            fields.known(&["group", "attribute"]);
            fields.finish(problems);
            return None;
        }
    }
    let source = source(&mut fields, of, &OF_TAGS, patterns, problems);
    fields.finish(problems);
    good.then_some(Tag {
        name: name.clone(),
        source: source?,
    })
}

/// Opens the map of a place; most other tools use the bare query.
pub(super) fn open<'n>(
    entry: &'n Entry,
    section: &'static Section,
    what: &str,
    problems: &mut Diagnostics,
) -> Option<Fields<'n>> {
    let text = match &entry.value.value {
        Value::Scalar(scalar) if !entry.value.is_null() => scalar.as_typed(),
        _ => "$.items[0].id",
    };
    let kind = match text.chars().next() {
        Some('$') => "jsonpath",
        Some('/') if text.starts_with("//") => "xpath",
        Some('/' | '^') => "regex",
        _ => "header",
    };
    let example = format!(
        "{}: {{ {kind}: \"{}\" }}",
        entry.key,
        text.replace('"', "'")
    );
    Fields::open(
        &entry.value,
        section,
        &format!("{what} {}", quoted(&entry.key)),
        &example,
        problems,
    )
}
