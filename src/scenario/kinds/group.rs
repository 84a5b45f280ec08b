//! Groups of steps: in order, side by side, against each other, again and again.

use crate::plan::{Parallel, Race, StepKind};
use crate::scenario::decode::{self, Fields};
use crate::scenario::diagnostic::quoted;
use crate::scenario::flow::{Deed, Reader};
use crate::scenario::load::MOST_SLOTS;
use crate::scenario::operation::{OF_OPERATIONS, OF_REQUESTS};
use crate::scenario::tree::Node;

/// The steps that hold steps.
pub const GROUPS: [&str; 4] = ["flow", "parallel", "race", "repeat"];

impl Reader<'_> {
    /// Reads `parallel` and what goes with it, `on_error` included, which has a meaning of its own
    /// there.
    pub fn parallel(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let concurrency = fields.take("concurrency", self.problems);
        let concurrency = concurrency
            .and_then(|node| decode::small(node, "concurrency", 1..=MOST_SLOTS, self.problems));
        let cancel_on_error = fields
            .take("on_error", self.problems)
            .is_some_and(|node| self.cancels(node));
        let branches = self.steps_of(deed, fields)?;
        Some((
            deed.key.to_owned(),
            StepKind::Parallel(Parallel {
                branches,
                concurrency,
                cancel_on_error,
            }),
        ))
    }

    /// Reads any other group.
    pub fn group(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) -> Option<(String, StepKind)> {
        let kind = match deed.key {
            "race" => {
                let must_succeed = fields
                    .take("win", self.problems)
                    .is_some_and(|node| self.wins_ok(node));
                StepKind::Race(Race {
                    branches: self.steps_of(deed, fields)?,
                    must_succeed,
                })
            }
            "repeat" => {
                self.only_operations(deed, fields);
                StepKind::Repeat(self.repeat(deed.value)?)
            }
            _ => StepKind::Flow(self.steps_of(deed, fields)?),
        };
        Some((deed.key.to_owned(), kind))
    }

    fn steps_of(
        &mut self,
        deed: Deed<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<Vec<crate::plan::Step>> {
        self.only_operations(deed, fields);
        (!deed.value.is_null()).then(|| self.list(deed.value, deed.key))
    }

    /// Reports what operations may have and groups may not.
    fn only_operations(&mut self, deed: Deed<'_>, fields: &mut Fields<'_>) {
        for word in OF_REQUESTS.into_iter().chain(OF_OPERATIONS) {
            let why = format!(
                "`{word}` belongs to an operation, and `{}` is a group of steps",
                deed.key
            );
            self.misplaced(fields, word, &why, "give it to the steps inside");
        }
    }

    fn cancels(&mut self, node: &Node) -> bool {
        match decode::text(node, "on_error", self.problems) {
            Some("cancel") => true,
            Some("continue") | None => false,
            Some(other) => {
                self.problems
                    .error(node.span, format!("`on_error` of `parallel` can't be {}", quoted(other)))
                    .help("write `continue` to let the other branches end (the default), or `cancel` to end them at the first failure");
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
