//! `flow`, `parallel` and `race`: run steps in order, concurrently, or against each other.

use crate::plan::{Parallel, Race, Step, StepKind, TimedFlow};
use crate::scenario::decode;
use crate::scenario::diagnostic::quoted;
use crate::scenario::fields::Fields;
use crate::scenario::flow::EXAMPLE;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::limits::MAX_SLOTS;
use crate::scenario::tree::Node;

/// Maximum number of timed groups around a step.
const MAX_DEPTH: u32 = 4;

/// Runs steps in order.
pub(super) const FLOW: Kind = Kind {
    keys: &["flow"],
    family: Family::Group,
    own_keys: &["timed"],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("group", "flow")],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.in_order(action, fields),
    schema: include_str!("flow.json"),
};

/// Runs branches concurrently.
pub(super) const PARALLEL: Kind = Kind {
    keys: &["parallel"],
    family: Family::Group,
    own_keys: &["concurrency", "on_error"],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("all", "parallel"), ("gather", "parallel")],
    example: |key| format!("`{key}: [ {{ get: /a }}, {{ get: /b }} ]`"),
    read: |reader, action, fields| reader.parallel(action, fields),
    schema: include_str!("parallel.json"),
};

/// Runs branches against each other.
pub(super) const RACE: Kind = Kind {
    keys: &["race"],
    family: Family::Group,
    own_keys: &["win"],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("any", "race")],
    example: |key| format!("`{key}: [ {{ get: /a }}, {{ get: /b }} ]`"),
    read: |reader, action, fields| reader.race(action, fields),
    schema: include_str!("race.json"),
};

impl Reader<'_> {
    /// Decodes `parallel` and its keys, including `on_error`, which has its own meaning there.
    fn parallel(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let concurrency = fields.take("concurrency", self.problems);
        let concurrency = concurrency
            .and_then(|node| decode::small(node, "concurrency", 1..=MAX_SLOTS, self.problems));
        let cancel_on_error = fields
            .take("on_error", self.problems)
            .is_some_and(|node| self.cancels(node));
        let branches = self.steps_of(action, fields)?;
        Some((
            action.key.to_owned(),
            StepKind::Parallel(Parallel {
                branches,
                concurrency,
                cancel_on_error,
            }),
        ))
    }

    fn race(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let must_succeed = fields
            .take("win", self.problems)
            .is_some_and(|node| self.wins_ok(node));
        let race = Race {
            branches: self.steps_of(action, fields)?,
            must_succeed,
        };
        Some((action.key.to_owned(), StepKind::Race(race)))
    }

    fn in_order(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let is_timed = fields
            .take("timed", self.problems)
            .and_then(|node| decode::flag(node, "timed", self.problems));
        let kind = if is_timed == Some(true) {
            StepKind::Timed(self.timed(action, |reader| reader.steps_of(action, fields))?)
        } else {
            StepKind::Flow(self.steps_of(action, fields)?)
        };
        Some((action.key.to_owned(), kind))
    }

    /// Decodes the steps of a group that is measured as a whole.
    pub(super) fn timed(
        &mut self,
        action: StepAction<'_>,
        steps: impl FnOnce(&mut Self) -> Option<Vec<Step>>,
    ) -> Option<TimedFlow> {
        let group = self.groups;
        self.groups += 1;
        self.depth += 1;
        if self.depth == MAX_DEPTH + 1 {
            self.problems
                .error(
                    action.span,
                    format!("groups that are timed are nested at most {MAX_DEPTH} deep"),
                )
                .help("remove `timed` from one of them");
        }
        let flow = steps(self);
        self.depth -= 1;
        flow.map(|flow| TimedFlow { group, flow })
    }

    fn steps_of(&mut self, action: StepAction<'_>, fields: &mut Fields<'_>) -> Option<Vec<Step>> {
        self.refuse_in_group(action, fields);
        (!action.value.is_null()).then(|| self.list(action.value, action.key))
    }

    /// Reports keys that operations may have and groups may not.
    pub(crate) fn refuse_in_group(&mut self, action: StepAction<'_>, fields: &mut Fields<'_>) {
        self.refuse_keys_of_operations(
            fields,
            |key| {
                format!(
                    "`{key}` belongs to an operation, and `{}` is a group of steps",
                    action.key
                )
            },
            |_| "give it to the steps inside".to_owned(),
        );
    }

    fn cancels(&mut self, node: &Node) -> bool {
        match decode::text(node, "on_error", self.problems) {
            Some("cancel") => true,
            Some("continue") | None => false,
            Some(other) => {
                self.problems
                    .error(node.span, format!("`on_error` of `parallel` can't be {}", quoted(other)))
                    .help("write `continue` to let the other branches finish (the default), or `cancel` to end them at the first failure");
                false
            }
        }
    }

    fn wins_ok(&mut self, node: &Node) -> bool {
        match decode::text(node, "win", self.problems) {
            Some("ok") => true,
            Some(other) => {
                self.problems
                    .error(node.span, format!("`win` can't be {}", quoted(other)))
                    .help("write `win: ok` for the first that succeeds, or leave it out for the first to complete");
                false
            }
            None => false,
        }
    }
}
