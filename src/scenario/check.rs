//! What only shows when the whole plan is known: modes that can't run it, and caps that can't carry it.

use super::diagnostic::{Diagnostics, Place, Span};
use super::tree::Node;
use crate::base::Nanos;
use crate::plan::{Action, LoadModel, Mode, Plan, StepKind};

/// Where things stand in the scenario.
pub struct Places<'a> {
    /// The whole scenario.
    pub root: &'a Node,
    /// Each operation, by its number.
    pub operations: &'a [Span],
    /// Whether each operation has a timeout of its own.
    pub timed: &'a [bool],
}

impl Places<'_> {
    /// The value at this path, or the flag that took its place.
    fn of(&self, path: &[&str], flag: &'static str) -> Place {
        let found = path.iter().try_fold(self.root, |node, key| node.get(key));
        found.map_or(Place::Flag(flag), |node| Place::At(node.span))
    }
}

/// Reports what is wrong with single steps under the plan's modes. Parts of the plan may be missing.
pub fn steps(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    requests(plan, places, problems);
    operations(plan, places, problems);
}

/// Reports what is wrong with a plan that is complete.
pub fn whole(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    endless(plan, places, problems);
    little(plan, places, problems);
}

/// Virtual time has no network.
fn requests(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    if !plan.modes.contains(&Mode::Simulated) {
        return;
    }
    let modes = places.of(&["modes"], "--mode");
    if let Some((_, _, operation)) = plan.operations().find(|(_, _, op)| matches!(op.action, Action::Http(_))) {
        let error = problems.error(modes, "the mode `simulated` runs in virtual time and can't send requests");
        if let Some(span) = places.operations.get(operation.id as usize) {
            error.related(*span, "the first request");
        }
        error.help("remove `simulated`, or use mock operations (`sleep`, `cpu`, `block`) only");
    }
}

/// Virtual time has no end where nothing takes any of it.
fn endless(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    if !plan.modes.contains(&Mode::Simulated) {
        return;
    }
    let modes = places.of(&["modes"], "--mode");
    let closed = matches!(plan.load.model, LoadModel::Closed { .. });
    if closed && plan.load.total_iterations().is_none() && plan.mix.iter().all(|entry| mean(&entry.flow, true) == Nanos::ZERO) {
        problems
            .error(modes, "in the mode `simulated` this load never ends, because no step takes any time")
            .help("give a step a duration above 0, or bound the load by `iterations`");
    }
}

fn operations(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    for (_, _, operation) in plan.operations() {
        let Some(span) = places.operations.get(operation.id as usize).copied() else { continue };
        let least = match &operation.action {
            Action::Http(_) => continue,
            Action::Sleep(duration) | Action::Cpu(duration) => duration.mean(),
            Action::Block { duration, offload } => {
                if !offload && plan.modes.contains(&Mode::Async) {
                    problems
                        .warning(span, "in the mode `async` this call blocks the event loop: nothing else on it goes on meanwhile")
                        .help("add `offload: true` to give it to a pool of threads (unless the mistake is what you want to see)");
                }
                duration.mean()
            }
        };
        let own = places.timed.get(operation.id as usize).copied().unwrap_or(true);
        if !own && least >= operation.timeout.total {
            problems
                .warning(span, format!("this takes about {least}, and the default timeout of {} ends it before", operation.timeout.total))
                .help(format!("give it a longer one: `timeout: {}`", Nanos(least.0.saturating_mul(2))));
        }
    }
}

/// Little's law: to carry a rate, a cap must be at least the rate times the mean time under it. Requests
/// count as nothing here, because nobody knows how long they will take.
fn little(plan: &Plan, places: &Places<'_>, problems: &mut Diagnostics) {
    let LoadModel::Open { rate, max_in_flight } = plan.load.model else { return };
    let total: f64 = plan.mix.iter().map(|entry| entry.weight).sum();
    let average = |of: &dyn Fn(&crate::plan::MixEntry) -> f64| plan.mix.iter().map(|e| e.weight / total * of(e)).sum::<f64>();
    let rate = rate.per_second_f64();
    let law = |time: f64| format!("{rate} iterations a second of {} each", Nanos::from_secs_f64((time * 1e6).round() / 1e6));

    let working = average(&|entry| mean(&entry.flow, false).as_secs_f64());
    if let Some(cap) = plan.limits.concurrency
        && rate * working > f64::from(cap) * 1.000_001
    {
        problems
            .warning(
                places.of(&["limits", "concurrency"], "--rate"),
                format!("a concurrency of {cap} can't carry this load: {} keep {} operations busy", law(working), up(rate * working)),
            )
            .help("raise `concurrency` to that at least, or lower the `rate`: what is beyond waits longer and longer");
    }
    let longest = average(&|entry| mean(&entry.flow, true).as_secs_f64());
    if rate * longest > f64::from(max_in_flight) * 1.000_001 {
        problems
            .warning(
                places.of(&["load", "max_in_flight"], "--rate"),
                format!("`max_in_flight` {max_in_flight} can't carry this load: {} keep {} in flight", law(longest), up(rate * longest)),
            )
            .help("raise `max_in_flight` to that at least, or lower the `rate`: what is beyond waits longer and longer");
    }
    let starts = average(&|entry| entry.flow.iter().filter(|step| matches!(step.kind, StepKind::Operation(_))).count() as f64);
    if let Some(limit) = plan.limits.rate
        && rate * starts > limit.per_second_f64() * 1.000_001
    {
        problems
            .warning(
                places.of(&["limits", "rate"], "--rate"),
                format!("a limit of {limit} can't carry this load: it starts {:.1} operations a second", rate * starts),
            )
            .help("raise the limit, or lower the `rate` of the load: what is beyond waits longer and longer");
    }
}

/// The mean time of the mock steps of a flow, pauses included or not. A step ends at its timeout.
fn mean(flow: &[crate::plan::Step], pauses: bool) -> Nanos {
    flow.iter().fold(Nanos::ZERO, |sum, step| {
        let step = match &step.kind {
            StepKind::Flow(_) | StepKind::Parallel(_) | StepKind::Race(_) | StepKind::Repeat(_) => todo!(),
            StepKind::Think(delay) => {
                if pauses {
                    delay.mean()
                } else {
                    Nanos::ZERO
                }
            }
            StepKind::Operation(operation) => match &operation.action {
                Action::Http(_) => Nanos::ZERO,
                Action::Sleep(delay) | Action::Cpu(delay) | Action::Block { duration: delay, .. } => delay.mean().min(operation.timeout.total),
            },
        };
        sum + step
    })
}

/// Rounded up, past what the arithmetic of reals adds.
fn up(x: f64) -> f64 {
    (x - 1e-6).ceil()
}
