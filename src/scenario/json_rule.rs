//! `expect.json`: rules for values in a JSON body.

use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::json;
use super::pattern::{Patterns, refuse_values};
use super::response_source::is_query;
use super::section::Section;
use super::tree::{Entry, Node, Value};
use super::words;
use crate::plan::{ExpectedPart, ExpectedValue, JsonKind, JsonRule};

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
/// What to do about a pattern with values.
const PLAIN: &str =
    "compare the value with `equals`, or write a condition over `json` as `when` in `expect`";
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

/// Decodes rules whose values are known before the run.
pub(super) fn decode(
    node: &Node,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Vec<JsonRule> {
    rules(node, None, patterns, problems)
}

/// Decodes `expect.json`. The values that are known only during the run are appended to `values`.
pub(super) fn expected(
    node: &Node,
    values: &mut Vec<ExpectedValue>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Vec<JsonRule> {
    rules(node, Some(values), patterns, problems)
}

fn rules(
    node: &Node,
    mut values: Option<&mut Vec<ExpectedValue>>,
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
        .filter_map(|entry| rule(entry, values.as_deref_mut(), patterns, problems))
        .collect()
}

/// Returns the rule of an entry; `None` if it is invalid, or consists of a value of the run.
fn rule(
    entry: &Entry,
    mut values: Option<&mut Vec<ExpectedValue>>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<JsonRule> {
    let path = &entry.key;
    let good = is_query(&entry.key, entry.key_span, problems);
    let mut rule = JsonRule {
        path: path.clone(),
        ..JsonRule::default()
    };
    if !matches!(entry.value.value, Value::Map(_)) {
        rule.equals = Some(equals(&entry.value, path, path, values, problems)?);
        return good.then_some(rule);
    }
    let mut fields = Fields::open(
        &entry.value,
        &JSON_RULE,
        "a rule",
        "{ min_len: 1 }",
        problems,
    )?;
    if let Some(entry) = fields.entry("equals") {
        let values = values.as_deref_mut();
        rule.equals = equals(&entry.value, "equals", path, values, problems);
    }
    rule.exists = fields
        .take("exists", problems)
        .and_then(|node| decode::flag(node, "exists", problems));
    rule.kind = fields
        .entry("type")
        .and_then(|entry| kind(&entry.value, problems));
    if let Some(node) = fields.take("matches", problems)
        && !(values.is_some() && refuse_values(node, PLAIN, problems))
    {
        rule.matches = patterns.decode(node, "matches", problems);
    }
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
    check_bounds(&rule, max, max_len, problems);
    let other = fields.entries().iter().find(|e| e.key != "exists");
    if let (Some(false), Some(other)) = (rule.exists, other) {
        problems
            .error(
                other.key_span,
                format!("`{}` is set for a value that must not exist", other.key),
            )
            .help("remove it, or `exists: false`");
    }
    // A value of the run alone leaves nothing to judge before it is known.
    let is_empty = rule.equals.is_none() && fields.entries().iter().all(|e| e.key == "equals");
    fields.finish(problems);
    (good && !is_empty).then_some(rule)
}

/// Decodes the value that the one at `path` must be equal to. One that is known only during the run
/// goes to `values`, if they are given.
fn equals(
    node: &Node,
    key: &str,
    path: &str,
    values: Option<&mut Vec<ExpectedValue>>,
    problems: &mut Diagnostics,
) -> Option<serde_json::Value> {
    let Some(values) = values.filter(|_| json::running(node).is_some()) else {
        return json::value(node, key, problems);
    };
    let part = ExpectedPart::Json(path.to_owned());
    let value = json::template(node, problems)?;
    values.push(ExpectedValue { part, value });
    None
}

/// Reports bounds that nothing can be within.
fn check_bounds(
    rule: &JsonRule,
    max: Option<&Node>,
    max_len: Option<&Node>,
    problems: &mut Diagnostics,
) {
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
