//! `expect.json`: rules for values in a JSON body.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::json;
use super::pattern::Patterns;
use super::response_source::is_query;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;
use crate::plan::{JsonKind, JsonRule};

/// A rule of `expect.json`.
const JSON_RULE: Section = Section::new(&[
    ("length", "min_len"),
    ("regex", "matches"),
    ("eq", "equals"),
    ("value", "equals"),
    ("kind", "type"),
]);

/// Maximum number of rules per step.
const MAX_RULES: usize = 100;
/// Names of the JSON types in rules.
const KINDS: [(&str, JsonKind); 7] = [
    ("null", JsonKind::Null),
    ("boolean", JsonKind::Boolean),
    ("number", JsonKind::Number),
    ("integer", JsonKind::Integer),
    ("string", JsonKind::String),
    ("array", JsonKind::Array),
    ("object", JsonKind::Object),
];
/// Names of types in other languages.
const FOREIGN: [(&str, &str); 11] = [
    ("bool", "boolean"),
    ("int", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("text", "string"),
    ("str", "string"),
    ("list", "array"),
    ("map", "object"),
    ("dict", "object"),
    ("none", "null"),
    ("nil", "null"),
];

/// Decodes `expect.json`.
pub(super) fn decode(
    node: &Node,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Vec<JsonRule> {
    const EXAMPLE: &str = "write `json: { \"$.items\": { min_len: 1 } }`";
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Broken => return Vec::new(),
        _ => {
            problems
                .error(
                    node.span,
                    format!(
                        "`json` must be a map of JSONPaths, but this is {}",
                        node.describe()
                    ),
                )
                .help(EXAMPLE);
            return Vec::new();
        }
    };
    if entries.is_empty() {
        problems
            .error(node.span, "this `json` checks nothing")
            .help(EXAMPLE);
    }
    if let Some(entry) = entries.get(MAX_RULES) {
        problems
            .error(
                entry.key_span,
                format!("more than {MAX_RULES} rules for one body"),
            )
            .help("remove some");
        return Vec::new();
    }
    entries
        .iter()
        .filter_map(|entry| rule(entry, patterns, problems))
        .collect()
}

fn rule(entry: &Entry, patterns: &mut Patterns, problems: &mut Diagnostics) -> Option<JsonRule> {
    let good = is_query(&entry.key, entry.key_span, problems);
    let mut rule = JsonRule {
        path: entry.key.clone(),
        ..JsonRule::default()
    };
    if !matches!(entry.value.value, Value::Map(_)) {
        rule.equals = Some(json::value(&entry.value, &entry.key, problems)?);
        return good.then_some(rule);
    }
    let mut fields = Fields::open(
        &entry.value,
        &JSON_RULE,
        "a rule",
        "{ min_len: 1 }",
        problems,
    )?;
    rule.equals = fields
        .entry("equals")
        .and_then(|entry| json::value(&entry.value, "equals", problems));
    rule.exists = fields
        .take("exists", problems)
        .and_then(|node| decode::flag(node, "exists", problems));
    rule.kind = fields
        .entry("type")
        .and_then(|entry| kind(&entry.value, problems));
    rule.matches = fields
        .take("matches", problems)
        .and_then(|node| patterns.decode(node, "matches", problems));
    let (min, max) = (fields.take("min", problems), fields.take("max", problems));
    rule.min = min.and_then(|node| number(node, "min", problems));
    rule.max = max.and_then(|node| number(node, "max", problems));
    let (min_len, max_len) = (
        fields.take("min_len", problems),
        fields.take("max_len", problems),
    );
    rule.min_len = min_len.and_then(|node| decode::count(node, "min_len", 0..=u64::MAX, problems));
    rule.max_len = max_len.and_then(|node| decode::count(node, "max_len", 0..=u64::MAX, problems));
    if fields.entries().is_empty() {
        problems
            .error(fields.span, "this rule checks nothing")
            .help("write `{ exists: true }`, `{ min_len: 1 }` or a plain value");
    }
    if let (Some(least), Some(most), Some(node)) = (rule.min, rule.max, max)
        && least > most
    {
        problems
            .error(
                node.span,
                format!("no number is at least {least} and at most {most}"),
            )
            .help("swap them");
    }
    if let (Some(least), Some(most), Some(node)) = (rule.min_len, rule.max_len, max_len)
        && least > most
    {
        problems
            .error(
                node.span,
                format!("nothing has at least {least} items and at most {most}"),
            )
            .help("swap them");
    }
    let other = fields.entries().iter().find(|e| e.key != "exists");
    if let (Some(false), Some(other)) = (rule.exists, other) {
        problems
            .error(
                other.key_span,
                format!("`{}` is set for a value that must not exist", other.key),
            )
            .help("remove it, or `exists: false`");
    }
    fields.finish(problems);
    good.then_some(rule)
}

fn number(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<f64> {
    let text = decode::text(node, key, problems)?;
    let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    if number.is_none() {
        problems
            .error(node.span, format!("{} is not a number", quoted(text)))
            .help(format!("`{key}` is a number such as `1` or `2.5`"));
    }
    number
}

fn kind(node: &Node, problems: &mut Diagnostics) -> Option<JsonKind> {
    // `type: null` is usually written without quotes.
    let text = if node.is_null() {
        "null"
    } else {
        decode::text(node, "type", problems)?
    };
    if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == text) {
        return Some(*kind);
    }
    let names = KINDS.map(|(name, _)| name);
    let error = problems.error(node.span, format!("{} is not a JSON type", quoted(text)));
    let lower = text.to_lowercase();
    let meant = FOREIGN
        .iter()
        .find(|(theirs, _)| *theirs == lower)
        .map(|(_, ours)| *ours)
        .or_else(|| words::nearest(text, names));
    match meant {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error.help(format!("choose from {}", words::listed(names))),
    };
    None
}
