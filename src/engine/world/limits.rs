//! The limits of a plan.

use crate::engine::schedule::limit::Limit;
use crate::plan::{Plan, Target};

/// Limits by the index of what they are of.
pub(super) type Limits = Vec<Option<Limit>>;

/// Creates the limits that operations have: that of the run, and those of targets and of operations.
pub(super) fn limits(plan: &Plan) -> (Option<Limit>, Limits, Limits) {
    let of_target = |target: &Target| Limit::new(format!("target {}", target.name), &target.limits);
    let operations = plan.operations();
    let of_steps = operations.map(|(_, name, own)| Limit::new(format!("step {name}"), &own.limits));
    (
        Limit::new("run", &plan.limits),
        plan.targets.iter().map(of_target).collect(),
        of_steps.collect(),
    )
}
