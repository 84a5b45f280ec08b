//! Flows: lists of steps, and the keys that every step may have.
//!
//! The [`Kind`] of a step decodes what it does. Operations are numbered here, by mix entry in
//! source order; nested operations are numbered at the position of their group.

use super::decode;
use super::diagnostic::quoted;
use super::expression;
use super::fields::{self, Fields};
use super::foreign;
use super::kind::{Family, Kind, OF_STEPS, Reader, StepAction, TransactionContext};
use super::tree::Node;
use super::words;
use crate::base::Share;
use crate::plan::{Step, StepKind};

const MAX_STEPS: usize = 10_000;
/// Example of a flow.
pub(super) const EXAMPLE: &str = "flow: [ { get: / } ]";

impl Reader<'_> {
    /// Decodes the steps under `key`: a flow, or branches.
    pub(super) fn list(&mut self, node: &Node, key: &str) -> Vec<Step> {
        let in_order = matches!(key, "flow" | "setup" | "teardown");
        let example = if in_order {
            EXAMPLE.replace("flow", key)
        } else {
            format!("{key}: [ {{ get: /a }}, {{ get: /b }} ]")
        };
        let Some(items) = decode::list(node, key, &example, self.problems) else {
            return Vec::new();
        };
        if items.is_empty() {
            let what = if in_order { "steps" } else { "branches" };
            self.problems
                .error(node.span, format!("this `{key}` has no {what}"))
                .help("add a step: `{ get: / }` or `{ sleep: 20ms }`");
        }
        let before = self.steps;
        self.steps = self.steps.saturating_add(items.len());
        if self.steps > MAX_STEPS {
            if before <= MAX_STEPS {
                self.problems
                    .error(
                        node.span,
                        format!("more than {MAX_STEPS} steps in all flows together"),
                    )
                    .help("remove some");
            }
            return Vec::new();
        }
        let (socket, transaction) = (self.socket, self.transaction);
        let is_in_branches = self.is_in_branches;
        if matches!(key, "parallel" | "race") {
            self.is_in_branches = true;
            self.socket = socket.in_branches();
            self.transaction = transaction.map(|open| TransactionContext {
                is_outside: true,
                ..open
            });
        }
        let steps = items.iter().filter_map(|item| self.step(item)).collect();
        (self.socket, self.transaction) = (socket, transaction);
        self.is_in_branches = is_in_branches;
        steps
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let mut fields = Fields::open(
            node,
            &self.kinds.section,
            "a step",
            "- get: /items",
            self.problems,
        )?;
        let action = self.action(&fields)?;
        let kind = self.kinds.with_key(action.key)?;
        fields.known(self.kinds.keys);
        let name = fields
            .take("name", self.problems)
            .map(|node| decode::line(node, "name", self.problems));
        let when = fields
            .take("when", self.problems)
            .map(|node| expression::decode(node, "when", self.context.names, self.problems));
        let chance = fields
            .take("chance", self.problems)
            .and_then(|node| self.chance(node));
        let once = fields
            .take("once", self.problems)
            .and_then(|node| decode::flag(node, "once", self.problems))
            .unwrap_or(false);
        if action.value.is_null() {
            self.problems
                .error(action.span, format!("`{}` has no value", action.key))
                .help(format!("write {}", (kind.example)(action.key)));
        }
        let continue_on_error = !kind.own_keys.contains(&"on_error")
            && fields
                .take("on_error", self.problems)
                .is_some_and(|node| self.continues(node));
        let read = (kind.read)(self, action, &mut fields);
        self.refuse_keys_of_others(kind, &mut fields);
        fields.finish(self.problems);
        let (title, mut kind) = read?;
        let name = match name {
            None => title
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(200)
                .collect(),
            Some(name) => name?,
        };
        if let StepKind::Transaction(group) = &mut kind {
            group.name_statements(&name);
        }
        let when = match when {
            Some(when) => Some(when?),
            None => None,
        };
        Some(Step {
            name,
            kind,
            when,
            chance,
            once,
            continue_on_error,
        })
    }

    /// Returns the one action of a step.
    fn action<'n>(&mut self, fields: &Fields<'n>) -> Option<StepAction<'n>> {
        match self.kinds.actions(fields.entries()).as_slice() {
            [action] => Some(StepAction {
                key: &action.key,
                span: action.key_span,
                value: &action.value,
            }),
            [] => {
                self.no_action(fields);
                None
            }
            [first, second, ..] => {
                self.problems
                    .error(
                        second.key_span,
                        format!(
                            "a step has only one action, but this one has `{}` and `{}`",
                            first.key, second.key
                        ),
                    )
                    .related(first.key_span, "the first one")
                    .help("split it into two steps, each with its own `-`");
                None
            }
        }
    }

    /// Reports keys that only another kind of step may have. Those of operations are reported by
    /// the kinds that are not operations.
    fn refuse_keys_of_others(&mut self, kind: &Kind, fields: &mut Fields<'_>) {
        for other in self.kinds.all {
            let is_reported = other.family.is_operation() && !kind.family.is_operation();
            if other.keys == kind.keys || is_reported {
                continue;
            }
            let is_own = |key: &str| key == "on_error" || kind.takes.contains(&key);
            for key in other.own_keys.iter().filter(|key| !is_own(key)) {
                let why = format!("`{key}` belongs to `{}`", other.keys[0]);
                let remedy = if *key == "concurrency" && kind.family.is_operation() {
                    "write `limits: { concurrency: … }`".to_owned()
                } else if *key == "timed" && kind.family == Family::Group {
                    "put it into a `flow` with `timed: true`".to_owned()
                } else if let Some(ours) =
                    self.kinds.section.ours(key).filter(|_| kind.sends_headers)
                {
                    format!("loadgen calls that of a request `{ours}`")
                } else {
                    format!("remove `{key}`")
                };
                self.misplaced(fields, key, &why, &remedy);
            }
        }
    }

    fn no_action(&mut self, fields: &Fields<'_>) {
        let entries = fields.entries();
        // The adjacent keys belong to that kind, and are not reported one by one.
        if let Some(entry) = entries
            .iter()
            .find(|entry| foreign::missing_kind(&entry.key).is_some())
        {
            fields::missing_kind(&entry.key, entry.key_span, self.problems);
            return;
        }
        let section = &self.kinds.section;
        let is_misspelt = entries.iter().any(|entry| {
            words::nearest(&entry.key, self.kinds.keys.iter().copied()).is_some()
                || section.ours(&entry.key).is_some()
        });
        let beside: Vec<&str> = self
            .kinds
            .keys_of_operations()
            .chain(OF_STEPS)
            .chain(self.kinds.own_keys(|family| !family.is_operation()))
            .collect();
        if !is_misspelt {
            let help = self.kinds.listed();
            // A key that resembles one of another kind is reported as that.
            let is_meant = |key: &str| {
                beside.contains(&key) || words::nearest(key, beside.iter().copied()).is_some()
            };
            // The other keys belong to it.
            if let Some(entry) = entries.iter().find(|entry| !is_meant(&entry.key)) {
                self.problems
                    .error(
                        entry.key_span,
                        format!("unknown step {}", quoted(&entry.key)),
                    )
                    .help(help);
                return;
            }
            self.problems
                .error(fields.span, "this step does nothing")
                .help(help);
        }
        let mut known = self.kinds.keys.to_vec();
        known.extend(
            self.kinds
                .keys_of_operations()
                .chain(OF_STEPS)
                .chain(self.kinds.own_keys(|family| !family.is_operation())),
        );
        fields.report_unknown(&known, self.problems);
    }

    /// Decodes the probability of a step that does not always run.
    fn chance(&mut self, node: &Node) -> Option<Share> {
        let chance = decode::share(node, "chance", self.problems)?;
        if chance.0 <= 0.0 {
            self.problems
                .error(node.span, "a step with a `chance` of 0% is never run")
                .help("write a share above 0%, or remove the step");
        }
        (chance.0 < 1.0).then_some(chance)
    }

    fn continues(&mut self, node: &Node) -> bool {
        match decode::text(node, "on_error", self.problems) {
            Some("continue") => true,
            Some("cancel") => {
                self.problems
                    .error(node.span, "`on_error: cancel` belongs to `parallel`: there the first failure cancels the other branches")
                    .help("remove it: without `on_error: continue` a failure ends the iteration");
                false
            }
            Some(other) => {
                self.problems
                    .error(node.span, format!("`on_error` can't be {}", quoted(other)))
                    .help("write `on_error: continue`, or leave it out: then a failure ends the iteration");
                false
            }
            None => false,
        }
    }
}
