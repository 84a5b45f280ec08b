//! Where the rows of a feed come from: a file, the scenario itself, or a range of numbers.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::json;
use super::section::Section;
use super::tree::{Node, Value};
use crate::plan::{FeedFile, FeedRange, FeedSource};

/// A range of integers.
const RANGE: Section = Section::new(&[("start", "from"), ("end", "to"), ("by", "step")]);
/// What a feed can be made of.
const SOURCES: [&str; 3] = ["file", "rows", "range"];

/// Decodes where the rows come from; returns the place to report what is wrong with them.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<(FeedSource, Span)> {
    let given = |key: &&str| fields.entries().iter().any(|entry| entry.key == **key);
    let named: Vec<&str> = SOURCES.iter().copied().filter(|key| given(key)).collect();
    if let [first, second, ..] = named[..] {
        let entry = fields.entries().iter().find(|entry| entry.key == second);
        let span = entry.map_or(Span::default(), |entry| entry.key_span);
        problems
            .error(span, format!("a feed has either `{first}` or `{second}`"))
            .help("make two feeds of it, or remove one of them");
        fields.known(&SOURCES);
        fields.known(&["separator", "encoding"]);
        return None;
    }
    match named.first() {
        Some(&"rows") => {
            let node = fields.take("rows", problems)?;
            let text = json::template(node, problems)?;
            let Some(text) = text.as_text() else {
                problems
                    .error(node.span, "`rows` must be known before the run")
                    .help("write the values themselves, or capture them in a step");
                return None;
            };
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                problems
                    .error(node.span, "`rows` is empty")
                    .help("write at least one row, as in `rows: [ { id: 1 } ]`");
                return None;
            }
            Some((FeedSource::Rows(text.to_owned()), node.span))
        }
        Some(&"range") => {
            let node = fields.take("range", problems)?;
            Some((FeedSource::Range(range(node, problems)?), node.span))
        }
        _ => {
            let node = fields.need("file", &format!("file: {name}.csv"), problems);
            let separator = optional(fields, "separator", separator, problems);
            let encoding = optional(fields, "encoding", encoding, problems);
            let file = FeedFile {
                path: decode::text(node?, "file", problems)?.to_owned(),
                separator: separator?,
                encoding: encoding?,
            };
            Some((FeedSource::File(file), node?.span))
        }
    }
}

/// Decodes a key that may be missing; returns `None` if it is there and wrong.
fn optional<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    decode: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    problems: &mut Diagnostics,
) -> Option<Option<T>> {
    match fields.take(key, problems) {
        Some(node) => decode(node, problems).map(Some),
        None => Some(None),
    }
}

fn separator(node: &Node, problems: &mut Diagnostics) -> Option<char> {
    let text = decode::text(node, "separator", problems)?;
    let mut characters = text.chars();
    match (text, characters.next(), characters.next()) {
        ("tab", ..) => Some('\t'),
        (_, Some(one), None) if !matches!(one, '"' | '\r' | '\n') => Some(one),
        _ => {
            problems
                .error(
                    node.span,
                    format!("{} does not separate cells", quoted(text)),
                )
                .help("write one character, as in `separator: \";\"`, or `tab`");
            None
        }
    }
}

fn encoding(node: &Node, problems: &mut Diagnostics) -> Option<String> {
    let text = decode::text(node, "encoding", problems)?;
    if encoding_rs::Encoding::for_label(text.as_bytes()).is_some() {
        return Some(text.to_owned());
    }
    problems
        .error(node.span, format!("unknown encoding {}", quoted(text)))
        .help("write one that browsers know, such as `windows-1252`, `iso-8859-2`, `utf-16le` or `shift_jis`");
    None
}

fn range(node: &Node, problems: &mut Diagnostics) -> Option<FeedRange> {
    let example = "range: { from: 1, to: 1000 }";
    let mut fields = Fields::open(node, &RANGE, "a range", example, problems)?;
    let first = fields.need("from", "from: 1", problems);
    let last = fields.need("to", "to: 1000", problems);
    let step = optional(
        &mut fields,
        "step",
        |node, problems| integer(node, "step", problems),
        problems,
    );
    fields.finish(problems);
    let range = FeedRange {
        first: integer(first?, "from", problems)?,
        last: integer(last?, "to", problems)?,
        step: step?.unwrap_or(1),
    };
    if range.count() == 0 {
        problems
            .error(
                node.span,
                format!(
                    "no integer from {} to {} in steps of {}",
                    range.first, range.last, range.step
                ),
            )
            .help("`to` is the last one, and `step` is negative if they decrease");
        return None;
    }
    Some(range)
}

fn integer(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<i64> {
    let text = decode::text(node, key, problems)?;
    let number = text.trim().parse();
    if number.is_err() {
        problems
            .error(node.span, format!("{} is not an integer", quoted(text)))
            .help(format!("`{key}` is an integer of at most 64 bits"));
    }
    number.ok()
}
