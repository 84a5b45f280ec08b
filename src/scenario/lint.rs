//! Little's law: to carry a rate, a concurrency limit must be at least the rate times the mean time
//! under it.
//!
//! A warning must be certain, so all estimates are lower bounds. Requests are assumed to succeed in
//! no time, because their duration is unknown; time spent waiting for limits and on retries would
//! be added.

use super::cost::{Cost, sequence};
use super::diagnostic::{Diagnostics, Place};
use super::plan_places::PlanPlaces;
use super::tree::{Node, Value};
use crate::base::{Nanos, Rate};
use crate::plan::{Limits, LoadModel, MixEntry, OnFull, Plan, Stage};

const REMEDY: &str = "to at least that, or lower the `rate`: otherwise waiting times keep growing";

/// Warns of concurrency limits that can't carry the rate of the open model.
pub(super) fn capacity(plan: &Plan, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
    // What the others take of a cap is not known.
    if plan.has_own_loads() {
        return;
    }
    let LoadModel::Open {
        rate,
        max_in_flight,
        on_full,
        ..
    } = plan.load.model
    else {
        return;
    };
    // If work may be dropped, the remaining amount is unknown, and the author has considered it.
    if on_full == OnFull::Drop || limits(plan).any(|limits| limits.on_full == OnFull::Drop) {
        return;
    }
    let costs: Vec<Cost> = plan.mix.iter().map(|entry| sequence(&entry.flow)).collect();
    let load = OfferedLoad {
        rate: lasting_rate(plan, rate),
        total: plan.mix.iter().map(|entry| entry.weight).sum(),
        plan,
        costs: &costs,
    };
    load.check_run(max_in_flight, places, problems);
    for (index, (entry, cost)) in plan.mix.iter().zip(&costs).enumerate() {
        load.check_entry(index, entry, cost, places, problems);
    }
}

/// Returns the highest rate that is certain to last; with stages, only one that is held.
fn lasting_rate(plan: &Plan, rate: Rate) -> f64 {
    let held = |stage: &&Stage| stage.from == stage.to && stage.duration > Nanos::ZERO;
    match plan.load.stages.as_slice() {
        [] => rate.per_second_f64(),
        stages => stages
            .iter()
            .filter(held)
            .map(|stage| stage.to)
            .fold(0.0, f64::max),
    }
}

/// The load offered by the open model: iterations per second, and the minimum cost of each.
struct OfferedLoad<'a> {
    rate: f64,
    plan: &'a Plan,
    /// Cost of each mix entry.
    costs: &'a [Cost],
    /// Sum of all weights.
    total: f64,
}

impl OfferedLoad<'_> {
    /// Returns a cost averaged over the mix.
    fn average(&self, cost_of: fn(&Cost) -> f64) -> f64 {
        self.plan
            .mix
            .iter()
            .zip(self.costs)
            .map(|(entry, cost)| entry.weight / self.total * cost_of(cost))
            .sum()
    }

    /// Warns of the limits of the whole run.
    fn check_run(&self, max_in_flight: u32, places: &PlanPlaces<'_>, problems: &mut Diagnostics) {
        let rate = self.rate;
        let limits = &self.plan.limits;
        let work = self.average(|cost| cost.work);
        if let Some(cap) = limits.concurrency
            && beyond(rate * work, f64::from(cap))
        {
            problems
                .warning(
                    places.of(&["limits", "concurrency"], "--rate"),
                    format!(
                        "a concurrency of {cap} can't carry this load: {} keep {} operations busy",
                        iterations_of(rate, work),
                        up(rate * work)
                    ),
                )
                .help(format!("raise `concurrency` {REMEDY}"));
        }
        let time = self.average(|cost| cost.time);
        if beyond(rate * time, f64::from(max_in_flight)) {
            problems
                .warning(
                    in_flight_or_rate(places),
                    format!(
                        "`max_in_flight` {max_in_flight} can't carry this load: {} keep {} in flight",
                        iterations_of(rate, time),
                        up(rate * time)
                    ),
                )
                .help(format!("raise `max_in_flight` {REMEDY}"));
        }
        let starts = self.average(|cost| cost.starts);
        if let Some(limit) = limits.rate
            && beyond(rate * starts, limit.per_second_f64())
        {
            slow(
                limit,
                &format!("{:.1} operations per second", rate * starts),
                places.of(&["limits", "rate"], "--rate"),
                problems,
            );
        }
    }

    /// Warns of the limits of a mix entry.
    fn check_entry(
        &self,
        index: usize,
        entry: &MixEntry,
        cost: &Cost,
        places: &PlanPlaces<'_>,
        problems: &mut Diagnostics,
    ) {
        // Rounded for display.
        let own = (self.rate * entry.weight / self.total * 1e6).round() / 1e6;
        if let Some(cap) = entry.limits.concurrency
            && beyond(own * cost.time, f64::from(cap))
        {
            problems
                .warning(
                    of_entry(places, index, "concurrency"),
                    format!(
                        "a concurrency of {cap} can't carry this entry's share of the load: {} keep {} in flight",
                        iterations_of(own, cost.time),
                        up(own * cost.time)
                    ),
                )
                .help(format!("raise `concurrency` {REMEDY}"));
        }
        if let Some(limit) = entry.limits.rate
            && beyond(own, limit.per_second_f64())
        {
            slow(
                limit,
                &format!("{own:.1} iterations of this entry per second"),
                of_entry(places, index, "rate"),
                problems,
            );
        }
    }
}

/// Describes the load in words.
fn iterations_of(rate: f64, time: f64) -> String {
    format!(
        "{rate} iterations per second of {} each",
        Nanos::from_secs_f64((time * 1e6).round() / 1e6)
    )
}

/// Returns all limits of a plan.
pub(super) fn limits(plan: &Plan) -> impl Iterator<Item = &Limits> {
    let targets = plan.targets.iter().map(|target| &target.limits);
    let entries = plan.mix.iter().map(|entry: &MixEntry| &entry.limits);
    let operations = plan.operations().map(|(_, _, operation)| &operation.limits);
    std::iter::once(&plan.limits)
        .chain(targets)
        .chain(entries)
        .chain(operations)
}

fn slow(limit: Rate, starts: &str, place: Place, problems: &mut Diagnostics) {
    problems
        .warning(place, format!("a limit of {limit} can't carry this load: it starts {starts}"))
        .help("raise the limit, or lower the `rate` of the load: otherwise waiting times keep growing");
}

/// Returns the location of a limit of a mix entry.
fn of_entry(places: &PlanPlaces<'_>, index: usize, key: &str) -> Place {
    let mix = places.root.get("mix").map(|node| &node.value);
    let entry = if let Some(Value::List(items)) = mix {
        items.get(index)
    } else {
        None
    };
    let found: Option<&Node> = entry.and_then(|node| node.get("limits")?.get(key));
    found.map_or(Place::Flag("--rate"), |node| Place::At(node.span))
}

/// Returns the location of the open model's limit, or that of the rate if the limit is not set.
fn in_flight_or_rate(places: &PlanPlaces<'_>) -> Place {
    match places.of(&["load", "max_in_flight"], "--rate") {
        Place::Flag(flag) => places.of(&["load", "rate"], flag),
        place => place,
    }
}

fn beyond(load: f64, cap: f64) -> bool {
    load > cap * 1.000_001
}

/// Rounds up, but ignores floating-point error.
fn up(x: f64) -> f64 {
    (x - 1e-6).ceil()
}
