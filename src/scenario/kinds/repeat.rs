//! `repeat`: runs steps a number of times, until a condition holds, or for each item of a list.

use crate::plan::{Passes, Repeat, StepKind};
use crate::scenario::decode;
use crate::scenario::expression;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::section::Section;
use crate::scenario::tree::{Entry, Node};
use crate::scenario::words;

/// The map `repeat`.
const REPEAT: Section = Section::new(&[
    ("count", "times"),
    ("steps", "flow"),
    ("while", "until"),
    ("loopWhile", "until"),
    ("whileTrue", "until"),
    ("foreach", "over"),
    ("in", "over"),
    ("items", "over"),
    ("loopElement", "as"),
    ("name", "as"),
]);

const MAX_TIMES: u32 = 1_000_000;
/// Default of `max`, which ends a loop.
const USUAL_MAX: u32 = 1000;
/// Keys that determine the number of passes.
const ENDS: [&str; 3] = ["times", "until", "over"];

/// Runs steps repeatedly.
pub(super) const KIND: Kind = Kind {
    keys: &["repeat"],
    family: Family::Group,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[
        ("loop", "repeat"),
        ("times", "repeat: { times: …, flow: … }"),
        ("count", "repeat: { times: …, flow: … }"),
        ("foreach", "repeat: { over: …, as: …, flow: … }"),
        ("doWhile", "repeat: { until: …, flow: … }"),
        ("asLongAs", "repeat: { until: …, flow: … }"),
        ("while", "repeat: { until: …, flow: … }"),
    ],
    example: |_| "`repeat: { times: 3, flow: [ { get: / } ] }`".into(),
    read: |reader, action, fields| reader.repeat(action, fields),
    schema: include_str!("repeat.json"),
};

impl Reader<'_> {
    fn repeat(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_in_group(action, fields);
        let repeat = self.repeated(action.value)?;
        Some((action.key.to_owned(), StepKind::Repeat(repeat)))
    }

    /// Decodes the steps of a `repeat`, and its number of passes.
    fn repeated(&mut self, node: &Node) -> Option<Repeat> {
        if node.is_null() {
            return None;
        }
        let mut fields = Fields::open(
            node,
            &REPEAT,
            "`repeat`",
            "repeat: { times: 3, flow: [ { get: / } ] }",
            self.problems,
        )?;
        let passes = self.passes(&mut fields);
        let flow = fields
            .need("flow", crate::scenario::flow::EXAMPLE, self.problems)
            .map(|node| self.list(node, "flow"));
        fields.finish(self.problems);
        Some(Repeat {
            passes: passes?,
            flow: flow?,
        })
    }

    fn passes(&mut self, fields: &mut Fields<'_>) -> Option<Passes> {
        let named = ENDS.map(|key| fields.entry(key));
        let max_at = fields.entry("max");
        let max = fields
            .take("max", self.problems)
            .map(|node| decode::small(node, "max", 1..=MAX_TIMES, self.problems));
        let name_at = fields.entry("as");
        let kind = self.only_end(named.into_iter().flatten().collect(), fields)?;
        if kind.key == "times"
            && let Some(max) = max_at
        {
            self.problems
                .error(
                    max.key_span,
                    "`max` bounds `until` and `over`, but this loop has `times`",
                )
                .help("remove it: `times` is the number of passes");
        }
        if kind.key != "over"
            && let Some(name) = name_at
        {
            self.problems
                .error(
                    name.key_span,
                    format!(
                        "`as` names the item of `over`, but this loop has `{}`",
                        kind.key
                    ),
                )
                .help("remove it");
        }
        let node = fields.take(
            if kind.key == "times" {
                "times"
            } else if kind.key == "until" {
                "until"
            } else {
                "over"
            },
            self.problems,
        )?;
        let max = match max {
            Some(max) => max?,
            None => USUAL_MAX,
        };
        let names = self.context.names;
        match kind.key.as_str() {
            "times" => {
                decode::small(node, "times", 1..=MAX_TIMES, self.problems).map(Passes::Times)
            }
            "until" => expression::decode(node, "until", names, self.problems)
                .map(|condition| Passes::Until { condition, max }),
            _ => {
                let name = fields
                    .need("as", "as: item", self.problems)
                    .and_then(|node| self.item(node));
                let list = expression::decode(node, "over", names, self.problems);
                Some(Passes::Over {
                    list: list?,
                    name: name?,
                    max,
                })
            }
        }
    }

    /// Returns the one key that determines the number of passes.
    fn only_end<'n>(
        &mut self,
        mut named: Vec<&'n Entry>,
        fields: &Fields<'_>,
    ) -> Option<&'n Entry> {
        named.sort_by_key(|entry| entry.key_span.start);
        match named.as_slice() {
            [end] => Some(*end),
            [] => {
                let meant = |e: &Entry| {
                    let ours = REPEAT.ours(&e.key).is_some_and(|ours| ENDS.contains(&ours));
                    ours || words::nearest(&e.key, ENDS).is_some()
                };
                if !fields.entries().iter().any(meant) {
                    self.problems
                        .error(fields.span, "this `repeat` does not say how many passes it makes")
                        .help("add `times: 3`, or `until: \"status == 'done'\"`, or `over: items` with `as: item`");
                }
                None
            }
            [first, second, ..] => {
                self.problems
                    .error(
                        second.key_span,
                        format!(
                            "a loop has only one end, but this one has `{}` and `{}`",
                            first.key, second.key
                        ),
                    )
                    .related(first.key_span, "the other one")
                    .help("keep one of the two; `max: …` limits the passes of `until` and `over`");
                None
            }
        }
    }

    /// Decodes the name of a list's item.
    fn item(&mut self, node: &Node) -> Option<String> {
        let name = decode::text(node, "as", self.problems)?;
        expression::nameable(name, node.span, self.context.names, self.problems)
            .then(|| name.to_owned())
    }
}
