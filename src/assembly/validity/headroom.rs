//! Whether the generator had enough headroom: CPU time, quota, hypervisor, and how late a probe
//! woke.

use super::demand::Demand;
use super::judged::judged;
use super::remedy;
use crate::assembly::observations::Observations;
use crate::plan::profile::Occupies;
use crate::plan::{Mode, Plan};
use crate::result::{Check, ModeRun, Verdict};

/// The share of its available CPU time above which figures are degraded.
const BUSY: f64 = 0.80;
/// The share of time that a control group may throttle it.
const THROTTLED: f64 = 0.01;
/// The share of the machine's time that the hypervisor may steal.
const STOLEN: f64 = 0.05;
/// How late the probe may wake, in milliseconds, before figures are degraded.
const LATE_MS: f64 = 50.0;
/// How late it may wake before they are invalid.
const TOO_LATE_MS: f64 = 200.0;
/// The shortest run, in seconds, for which the system's counters are fine enough.
const SHORTEST: f64 = 0.2;

/// The maximum number of observations that are named: a run may have thousands of shards.
const MAX_NAMED: usize = 4;

/// Checks the headroom of a run: each process on its own machine, of which the worst decides.
pub(crate) fn check(mode: Mode, plan: &Plan, seen: &[Observations]) -> Check {
    let of_process = |own: &Observations| {
        let demand = Demand {
            mode,
            workers: own.workers,
            wall_s: own.wall.as_secs_f64(),
            resources: &own.resources,
            machine: own.machine,
        };
        let found = [
            busy(&demand, plan),
            throttled(&demand),
            stolen(&demand),
            hiccup(&demand),
        ];
        let what = if mode == Mode::Processes {
            "process"
        } else {
            "shard"
        };
        let which = (seen.len() > 1).then(|| format!("{what} {}: ", own.shard));
        found.into_iter().flatten().map(move |found| Found {
            observed: format!("{}{}", which.as_deref().unwrap_or_default(), found.observed),
            ..found
        })
    };
    let found: Vec<Found> = seen.iter().flat_map(of_process).collect();
    let verdict = found
        .iter()
        .map(|found| found.verdict)
        .max()
        .unwrap_or_default();
    let say = |part: fn(&Found) -> &str| {
        let mut parts: Vec<&str> = Vec::new();
        for found in found.iter().filter(|found| found.verdict == verdict) {
            let part = part(found);
            // Processes have their explanations in common.
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        let more = parts.len().saturating_sub(MAX_NAMED);
        parts.truncate(MAX_NAMED);
        let more = (more > 0).then(|| format!("; and {more} more"));
        parts.join("; ") + more.as_deref().unwrap_or_default()
    };
    let limit = format!(
        "{:.0} % of its processors, throttled {:.0} % of the time, {:.0} % steal, a probe {LATE_MS:.0} ms late",
        BUSY * 100.0,
        THROTTLED * 100.0,
        STOLEN * 100.0
    );
    judged(
        "headroom",
        verdict,
        say(|f| &f.observed),
        limit,
        say(|f| &f.explanation),
    )
}

/// The ratio of time spent waiting for a processor to CPU time above which threads had to share
/// one.
const WAITED: f64 = 0.5;
/// The share of the whole time that the wait must also exceed, to be able to make anything late.
const WAITED_AT_ALL: f64 = 0.01;

/// Describes what kept the machine from running loadgen on time; returns `None` if nothing is known
/// to have.
pub(crate) fn interference(run: &ModeRun) -> Option<String> {
    let waited = run.resources.cpu_wait_s.filter(|waited| {
        *waited > WAITED_AT_ALL * run.wall_s
            && run
                .resources
                .cpu_s()
                .is_some_and(|spent| *waited > WAITED * spent)
    });
    let waited = waited.map(|waited| {
        format!(
            "its threads waited for a processor {:.0} % of the time",
            waited / run.wall_s * 100.0
        )
    });
    let demand = Demand::of_run(run);
    let late = hiccup(&demand).map(|found| found.observed);
    let all: Vec<String> = [stolen(&demand), throttled(&demand)]
        .into_iter()
        .flatten()
        .map(|f| f.observed)
        .chain(waited)
        .chain(late)
        .collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Returns whether the hypervisor stole time from this machine, which no lower load changes.
pub(crate) fn is_stolen(run: &ModeRun) -> bool {
    stolen(&Demand::of_run(run)).is_some()
}

/// Returns the generator's share of its available CPU time, or `None` if it is not known.
pub(crate) fn own_share(run: &ModeRun) -> Option<f64> {
    Some(run.resources.cpu_s()? / run.wall_s.max(1e-3) / Demand::of_run(run).processors())
}

struct Found {
    verdict: Verdict,
    observed: String,
    explanation: String,
}

fn found(verdict: Verdict, observed: String, explanation: &str) -> Found {
    Found {
        verdict,
        observed,
        explanation: if verdict == Verdict::Valid {
            String::new()
        } else {
            explanation.into()
        },
    }
}

fn busy(demand: &Demand<'_>, plan: &Plan) -> Option<Found> {
    let waited = demand.resources.cpu_wait_s.unwrap_or(0.0);
    let spent = demand.resources.cpu_s()? + waited;
    // CPU time that the scenario asks for is its work, not a sign of strain.
    let asked = plan
        .operations()
        .any(|(_, _, operation)| operation.action.profile().occupies != Occupies::Nothing);
    if demand.wall_s < SHORTEST || asked {
        return None;
    }
    let share = spent / demand.wall_s / demand.processors();
    let verdict = if share > BUSY {
        Verdict::Degraded
    } else {
        Verdict::Valid
    };
    let is_crowded = waited > spent / 2.0;
    let part = if is_crowded { "waited for" } else { "was at" };
    let observed = format!(
        "the generator {part} {:.0} % of its processors",
        share * 100.0
    );
    let explanation = format!(
        "a busy generator handles responses late and measures itself: the target may be faster than these figures say; {}",
        remedy::of_busy(demand, is_crowded, plan)
    );
    Some(found(verdict, observed, &explanation))
}

fn throttled(demand: &Demand<'_>) -> Option<Found> {
    let share = demand.resources.throttled_s? / demand.wall_s.max(1e-3);
    if share <= THROTTLED {
        return None;
    }
    let explanation = "a control group throttled the generator: these figures describe its quota, not the target; raise the quota, or lower the load";
    Some(found(
        Verdict::Invalid,
        format!("throttled {:.1} % of the time", share * 100.0),
        explanation,
    ))
}

fn stolen(demand: &Demand<'_>) -> Option<Found> {
    let cores = f64::from(demand.machine.processors.max(1));
    let share = demand.resources.steal_s? / (demand.wall_s.max(1e-3) * cores);
    if demand.wall_s < SHORTEST || share <= STOLEN {
        return None;
    }
    let explanation = "the hypervisor gave this machine's time to others: measure on a quieter one, or compare in interleaved pairs";
    Some(found(
        Verdict::Degraded,
        format!("{:.0} % of the machine's time was stolen", share * 100.0),
        explanation,
    ))
}

fn hiccup(demand: &Demand<'_>) -> Option<Found> {
    let late = demand.resources.hiccup_max_ms?;
    let verdict = match late {
        _ if late > TOO_LATE_MS => Verdict::Invalid,
        _ if late > LATE_MS => Verdict::Degraded,
        _ => return None,
    };
    let explanation = "the whole generator stalled for that long: the machine was too busy, or the process was stopped; every response in that time looks too slow; measure on a quieter machine";
    Some(found(
        verdict,
        format!("a probe woke {late:.0} ms late"),
        explanation,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Nanos;
    use crate::result::Resources;
    use crate::scenario::fixture;

    #[test]
    fn of_many_shards_a_few_are_named() {
        let text =
            "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, iterations: 1}}";
        let plan = fixture::plan(text);
        let late = |shard: u32| Observations {
            shard,
            wall: Nanos::from_secs(1),
            resources: Resources {
                hiccup_max_ms: Some(f64::from(60 + shard % 3)),
                ..Resources::default()
            },
            ..Observations::default()
        };
        let observed = |count: u32| {
            let seen: Vec<Observations> = (0..count).map(late).collect();
            let check = check(Mode::Async, &plan, &seen);
            assert_eq!(check.verdict, Verdict::Degraded);
            check.observed
        };
        assert_eq!(observed(1), "a probe woke 60 ms late");
        assert_eq!(
            observed(2),
            "shard 0: a probe woke 60 ms late; shard 1: a probe woke 61 ms late"
        );
        let many = observed(1000);
        assert!(
            many.ends_with("shard 3: a probe woke 60 ms late; and 996 more"),
            "{many}"
        );
    }
}
