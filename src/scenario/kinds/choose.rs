//! `choose`: runs one of several flows, drawn by weight.

use crate::plan::{Choose, Step, StepKind};
use crate::scenario::decode;
use crate::scenario::fields::Fields;
use crate::scenario::flow::EXAMPLE;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::section::Section;
use crate::scenario::tree::Node;

/// A way of `choose`.
const WAY: Section = Section::new(&[
    ("chance", "weight"),
    ("share", "weight"),
    ("percent", "weight"),
    ("steps", "flow"),
]);

const WAYS: &str = "choose: [ { weight: 3, flow: [ { get: /a } ] }, { flow: [ { get: /b } ] } ]";

pub(super) const KIND: Kind = Kind {
    keys: &["choose"],
    family: Family::Group,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[
        ("randomSwitch", "choose"),
        ("oneOf", "choose"),
        ("uniformRandomSwitch", "choose"),
    ],
    example: |_| format!("`{WAYS}`"),
    read: |reader, action, fields| reader.choose(action, fields),
    schema: include_str!("choose.json"),
};

impl Reader<'_> {
    fn choose(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_in_group(action, fields);
        if action.value.is_null() {
            return None;
        }
        let items = decode::list(action.value, "choose", WAYS, self.problems)?;
        if items.is_empty() {
            self.problems
                .error(
                    action.value.span,
                    "this `choose` has nothing to choose from",
                )
                .help(format!("write `{WAYS}`"));
        }
        let ways: Vec<Option<(f64, Step)>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.way(index, item))
            .collect();
        let ways = ways.into_iter().collect::<Option<Vec<_>>>()?;
        let (weights, ways) = ways.into_iter().unzip();
        let choose = Choose { ways, weights };
        Some((action.key.to_owned(), StepKind::Choose(choose)))
    }

    /// Decodes one way: its weight, and its steps.
    fn way(&mut self, index: usize, item: &Node) -> Option<(f64, Step)> {
        let mut fields = Fields::open(
            item,
            &WAY,
            "a way of `choose`",
            "- { weight: 3, flow: [ { get: / } ] }",
            self.problems,
        )?;
        let weight = match fields.take("weight", self.problems) {
            Some(node) => decode::weight(node, "weight", self.problems),
            None => Some(1.0),
        };
        let flow = fields
            .need("flow", EXAMPLE, self.problems)
            .map(|node| self.list(node, "flow"));
        fields.finish(self.problems);
        let step = Step {
            name: format!("way {}", index + 1),
            kind: StepKind::Flow(flow?),
            when: None,
            chance: None,
            once: false,
            continue_on_error: false,
        };
        Some((weight?, step))
    }
}
