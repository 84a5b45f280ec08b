//! Checks that need the whole plan: modes that can't run it, and steps that make no sense in them.

use super::diagnostic::{Diagnostics, quoted};
use super::kind::Family;
use super::kinds::KINDS;
use super::lint;
use super::pipeline;
use super::plan_places::PlanPlaces;
use super::tracing;
use super::tree::Value;
use crate::base::Nanos;
use crate::plan::profile::Occupies;
use crate::plan::{
    AtEnd, Backoff, Delay, LoadModel, MixEntry, Mode, NumberedLoad, Plan, Split, Step, StepKind,
    flow,
};

/// Reports problems of single steps under the plan's modes; the plan may be incomplete.
pub(super) fn steps(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    requests(plan, places, problems);
    operations(plan, places, problems);
    pipeline::judge_steps(plan, places, problems);
}

/// Reports problems of a complete plan.
pub(super) fn whole(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    endless(plan, places, problems);
    divided(plan, places, problems);
    idle(plan, places, problems);
    pipeline::judge_modes(plan, places, problems);
    split(plan, places, problems);
    lint::capacity(plan, places, problems);
    tracing::check(plan, places, problems);
}

/// Reports requests in simulated mode: virtual time has no network.
fn requests(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    if !plan.modes.contains(&Mode::Simulated) {
        return;
    }
    let modes = places.of(&["modes"], "--mode");
    if plan.is_mock() {
        return;
    }
    let flows = [
        (&plan.setup, places.lifecycle[0]),
        (&plan.teardown, places.lifecycle[1]),
    ];
    let mix = plan
        .mix
        .iter()
        .flat_map(MixEntry::flows)
        .map(|steps| (steps, places.operations));
    let first = mix.chain(flows).find_map(|(steps, spans)| {
        let mut requests = Vec::new();
        flow::each(steps, &mut |step| {
            requests.extend(step.operation().into_iter().filter_map(|operation| {
                let profile = operation.action.profile();
                (!profile.is_mock).then_some((operation.id, profile.target, &step.name))
            }));
        });
        let (id, target, name) = *requests.first()?;
        Some((spans.get(id as usize)?, target, name))
    });
    let (what, label) = match first {
        Some((_, None, name)) => (
            format!("run the step {}, which does real work", quoted(name)),
            "this step",
        ),
        _ => ("send requests".to_owned(), "the first request"),
    };
    let error = problems.error(
        modes,
        format!("the mode `simulated` runs in virtual time and can't {what}"),
    );
    if let Some((span, ..)) = first {
        error.related(*span, label);
    }
    let mocks = KINDS.all.iter().filter(|kind| kind.family == Family::Mock);
    let names: Vec<String> = mocks.map(|kind| format!("`{}`", kind.keys[0])).collect();
    error.help(format!(
        "remove `simulated`, or use mock operations ({}) only",
        names.join(", ")
    ));
}

/// Reports loads that cannot be divided among processes.
fn divided(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    if plan.modes.contains(&Mode::Processes)
        && plan.loads().any(|own| own.load.has_both_iterations())
    {
        problems
            .error(
                places.of(&["load", "iterations_per_vu"], "--iterations"),
                "the mode `processes` can't run a load with both `iterations` and `iterations_per_vu`: which iterations run would depend on all processes",
            )
            .help("keep one of the two");
    }
}

/// Reports feeds whose rows can't be split among the virtual users that take them, and warns of rows
/// that nobody takes.
fn split(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    for (mix, entry) in plan.mix.iter().enumerate() {
        let load = plan.loads().find(|own| match own.mix {
            Some(own) => own == mix,
            None => entry.load.is_none(),
        });
        let Some(own) = load else { continue };
        let feeds = entry.data.iter().filter_map(|index| plan.feeds.get(*index));
        for feed in feeds.filter(|feed| feed.split == Split::ByUser) {
            let place = places.of(&["data", &feed.name, "split"], "--vus");
            let LoadModel::Closed { vus } = own.load.model else {
                problems
                    .error(
                        place,
                        format!("the rows of `{}` can't be split among virtual users, because this load has a rate instead of users", feed.name),
                    )
                    .help("remove `split`, or give the load `vus` instead of `rate`");
                continue;
            };
            let (rows, users) = (feed.rows, u64::from(vus));
            let left = rows % users.max(1);
            if rows < users {
                problems
                    .error(
                        place,
                        format!(
                            "`{}` has {rows} rows for {users} virtual users, and each needs one",
                            feed.name
                        ),
                    )
                    .help(format!("add rows, or lower `vus` to {rows} at most"));
            } else if left > 0 {
                problems
                    .warning(
                        place,
                        format!("the last {left} of the {rows} rows of `{}` are not used: each of {users} virtual users has {}", feed.name, rows / users),
                    )
                    .help("make the number of rows a multiple of `vus`");
            }
        }
    }
}

/// Warns of targets that no step uses: either a leftover, or a step has the wrong target.
fn idle(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    let Some(Value::Map(declared)) = places.root.get("targets").map(|node| &node.value) else {
        return;
    };
    let used = plan.targets_used();
    let is_used = |name: &str| {
        used.iter().any(|index| {
            plan.targets
                .get(*index)
                .is_some_and(|target| target.name == name)
        })
    };
    for entry in declared.iter().filter(|entry| !is_used(&entry.key)) {
        problems
            .warning(
                entry.key_span,
                format!("no step uses the target `{}`", entry.key),
            )
            .help(format!(
                "use it in a step (`target: {}`), or remove it",
                entry.key
            ));
    }
}

/// Reports plans that never end in virtual time because nothing takes any of it.
fn endless(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    if !plan.modes.contains(&Mode::Simulated) {
        return;
    }
    let modes = places.of(&["modes"], "--mode");
    let is_limited = lint::limits(plan).any(|limits| limits.rate.is_some());
    let stops = |index: &usize| {
        plan.feeds
            .get(*index)
            .is_some_and(|feed| feed.at_end == AtEnd::Stop)
    };
    let is_endless = |own: NumberedLoad<'_>| {
        let entries = || {
            let all = plan.mix.iter().enumerate();
            all.filter(|(index, entry)| match own.mix {
                Some(mix) => *index == mix,
                None => entry.load.is_none(),
            })
        };
        let is_closed = matches!(own.load.model, LoadModel::Closed { .. });
        let is_fed = entries().all(|(_, entry)| entry.data.iter().any(stops));
        is_closed
            && own.load.pace.is_none()
            && own.load.total_iterations().is_none()
            && !is_fed
            && !entries().any(|(_, entry)| entry.flow.iter().any(takes_time))
    };
    if !is_limited && plan.loads().any(is_endless) {
        problems
            .error(
                modes,
                "in the mode `simulated` this load never ends, because no step takes any time",
            )
            .help("give a step a duration above 0, or bound the load by `iterations`");
    }
}

fn operations(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    for (_, _, operation) in plan.operations() {
        let Some(span) = places.operations.get(operation.id as usize).copied() else {
            continue;
        };
        let profile = operation.action.profile();
        let mut on_loops = [Mode::Async, Mode::Processes].into_iter();
        if profile.occupies == (Occupies::Thread { offload: false })
            && let Some(mode) = on_loops.find(|mode| plan.modes.contains(mode))
        {
            problems
                .warning(span, format!("in the mode `{mode}` this call blocks the event loop: nothing else on it makes progress meanwhile"))
                .help("add `offload: true` to move it to a thread pool (unless you want to demonstrate this mistake)");
        }
        let Some(least) = profile.duration.map(Delay::mean) else {
            continue;
        };
        let own = places
            .timed
            .get(operation.id as usize)
            .copied()
            .unwrap_or(true);
        if !own && least >= operation.timeout.total {
            problems
                .warning(
                    span,
                    format!(
                        "this takes about {least}, and the default timeout of {} ends it before",
                        operation.timeout.total
                    ),
                )
                .help(format!(
                    "give it a longer one: `timeout: {}`",
                    Nanos(least.0.saturating_mul(2))
                ));
        }
    }
}

/// Returns whether a step takes time, in this iteration and in every later one.
fn takes_time(step: &Step) -> bool {
    if step.once {
        return false;
    }
    match &step.kind {
        StepKind::Think(delay) => !delay.is_zero(),
        StepKind::Operation(operation) => {
            let waits = operation
                .retry
                .as_ref()
                .is_some_and(|retry| retry.backoff != Backoff::Constant(Nanos::ZERO));
            let duration = operation.action.profile().duration;
            waits || duration.is_none_or(|duration| !duration.is_zero())
        }
        StepKind::Websocket(_) | StepKind::Crawl(_) => true,
        _ => step.inside().iter().any(takes_time),
    }
}
