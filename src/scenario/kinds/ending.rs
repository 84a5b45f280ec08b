//! `abort_iteration` and `stop_run`: end the iteration or the run if a condition holds.

use crate::plan::StepKind;
use crate::scenario::expression;
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};

pub(super) const ABORT_ITERATION: Kind = Kind {
    keys: &["abort_iteration"],
    family: Family::Control,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[
        ("interrupt", "abort_iteration"),
        ("exit_here", "abort_iteration"),
    ],
    example: |key| format!("`{key}: items|length == 0`, or `{key}: true`"),
    read: |reader, action, fields| reader.abort_iteration(action, fields),
    schema: include_str!("abort_iteration.json"),
};

pub(super) const STOP_RUN: Kind = Kind {
    keys: &["stop_run"],
    family: Family::Control,
    own_keys: &[],
    takes: &[],
    holds_templates: false,
    sends_headers: false,
    foreign: &[("stop_test", "stop_run"), ("stopInjector", "stop_run")],
    example: |key| format!("`{key}: stock == 0`"),
    read: |reader, action, fields| reader.stop_run(action, fields),
    schema: include_str!("stop_run.json"),
};

impl Reader<'_> {
    fn abort_iteration(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        if self.is_in_branches {
            self.problems
                .error(
                    action.span,
                    "a branch of `parallel` or `race` can't abort the iteration: the other branches go on",
                )
                .help("set a value in the branch, and put `abort_iteration` after the group");
        }
        if self.transaction.is_some() {
            self.problems
                .error(
                    action.span,
                    "the iteration can't be aborted within a transaction, which would be neither committed nor failed",
                )
                .help("put `abort_iteration` after the transaction");
        }
        let condition = self.condition_to_end(action, fields)?;
        let title = format!("abort_iteration {condition}");
        Some((title, StepKind::AbortIteration(condition)))
    }

    fn stop_run(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        let condition = self.condition_to_end(action, fields)?;
        Some((
            format!("stop_run {condition}"),
            StepKind::StopRun(condition),
        ))
    }

    /// Decodes the condition of a step that ends something.
    fn condition_to_end(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<String> {
        let key = action.key;
        self.refuse_keys_of_operations(
            fields,
            |_| format!("`{key}` is a decision and not an operation: nothing is sent or measured"),
            |key| format!("remove `{key}`"),
        );
        if self.is_lifecycle {
            self.problems
                .error(
                    action.span,
                    format!("`{key}` belongs to the `flow` of a mix entry: setup and teardown are not iterations"),
                )
                .help("give the steps after it `when`");
        }
        // Reported as an action without a value.
        if action.value.is_null() {
            return None;
        }
        expression::decode(action.value, key, self.context.names, self.problems)
    }
}
