//! `expect.body`: conditions on the body as text.

use crate::plan::{BodyRule, ExpectedPart, ExpectedValue};
use crate::scenario::decode;
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::fields::Fields;
use crate::scenario::pattern::{Patterns, refuse_values};
use crate::scenario::section::Section;
use crate::scenario::tree::Node;

/// The map `expect.body`.
const BODY_RULE: Section = Section::new(&[
    ("regex", "matches"),
    ("includes", "contains"),
    ("excludes", "not_contains"),
    ("notContains", "not_contains"),
]);
/// Decodes the rule. Those of its texts that are known only during the run are appended to `values`.
pub(super) fn decode(
    node: &Node,
    values: &mut Vec<ExpectedValue>,
    patterns: &mut Patterns,
    problems: &mut Diagnostics,
) -> Option<BodyRule> {
    let mut fields = Fields::open(
        node,
        &BODY_RULE,
        "`body`",
        "body: { contains: … }",
        problems,
    )?;
    let before = values.len();
    let mut text = |node: &Node, key: &str, part, problems: &mut Diagnostics| {
        let value = decode::template(node, key, problems)?;
        let known = value.as_text().map(str::to_owned);
        if known.is_none() {
            values.push(ExpectedValue { part, value });
        }
        known
    };
    let mut rule = BodyRule::default();
    if let Some(node) = fields.take("contains", problems) {
        rule.contains = text(node, "contains", ExpectedPart::BodyContains, problems);
        if rule.contains.as_deref() == Some("") {
            problems
                .error(node.span, "an empty string is in every body")
                .help("write what must be in it; `equals: \"\"` requires an empty body");
        }
    }
    if let Some(node) = fields.take("not_contains", problems) {
        let part = ExpectedPart::BodyNotContains;
        rule.not_contains = text(node, "not_contains", part, problems);
        if rule.not_contains.as_deref() == Some("") {
            problems
                .error(
                    node.span,
                    "an empty string is in every body, so this never holds",
                )
                .help("write what must not be in it");
        }
    }
    if let Some(node) = fields.take("matches", problems)
        && !refuse_values(node, PLAIN, problems)
    {
        rule.matches = patterns.decode(node, "matches", problems);
    }
    if let Some(node) = fields.take("equals", problems) {
        rule.equals = text(node, "equals", ExpectedPart::BodyEquals, problems);
    }
    if fields.entries().is_empty() {
        problems
            .error(node.span, "this `body` checks nothing")
            .help("write `body: { contains: … }`, `not_contains`, `matches` or `equals`");
    }
    fields.finish(problems);
    // Without a literal text there is nothing to judge before the values are known.
    let is_empty = rule == BodyRule::default() && values.len() > before;
    (!is_empty).then_some(rule)
}

/// What to do about a pattern with values.
const PLAIN: &str =
    "compare a text with `contains`, or write a condition over `body` as `when` in `expect`";
