//! Whether a run's figures can be trusted, judged from the figures themselves. The checks and
//! limits are those in the table of the design page on measurement; each check reports what it
//! observed, what was allowed, and what to do.

mod demand;
pub(crate) mod headroom;
mod judged;
mod lag;
mod reading;
mod remedy;
mod settled;
pub mod shards;

use self::judged::judged;
use self::lag::{LAG_FLOOR_MS, LAG_SHARE, LAG_SHARE_OF_LIMIT, p99};
use super::observations::Observations;
use crate::pacing::Arrivals;
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::pacing::fit::{CRITICAL, anderson_darling};
use crate::plan::{Load, LoadModel, Mode, NumberedLoad, Plan, Spread};
use crate::result::{Check, LoadFigures, ModeRun, Validity, Verdict};

/// The share of started operations that may be unfinished.
const UNFINISHED_SHARE: f64 = 0.01;

/// The share of iterations that may start later than their pace says.
const MISSED_SHARE: f64 = 0.01;

/// How far the wall clock may drift from the monotonic one, in milliseconds.
const DRIFT_MS: f64 = 10.0;
/// The number of gaps between arrivals that are tested.
const GAPS: usize = 1000;

/// Runs all checks on one run; `seen` is what was observed of its processes.
pub fn check(run: &ModeRun, plan: &Plan, seen: &[Observations]) -> Validity {
    let mut checks = vec![
        accounting(run),
        pacing(run, plan),
        unfinished(run),
        range(run),
        headroom::check(run.mode, plan, seen),
        clock(run),
    ];
    checks.extend(pace(run));
    checks.extend(reading::check(run, plan));
    let arrivals = plan.loads().filter_map(|own| poisson(&own, plan.seed));
    checks.extend(arrivals.max_by_key(|check| check.verdict));
    checks.extend(settled(run, plan));
    if run.mode == Mode::Processes {
        checks.extend(shards::of_processes(run, seen));
    }
    Validity::from_checks(checks)
}

fn bad_if(bad: bool, verdict: Verdict) -> Verdict {
    if bad { verdict } else { Verdict::Valid }
}

fn accounting(run: &ModeRun) -> Check {
    let broken: Vec<&str> = [
        ("operations", run.counts),
        ("iterations", run.iterations.counts),
    ]
    .into_iter()
    .chain(
        run.steps
            .iter()
            .chain(&run.stages)
            .map(|part| (part.name.as_str(), part.counts)),
    )
    .chain(
        run.groups
            .iter()
            .map(|group| (group.name.as_str(), group.counts)),
    )
    .filter(|(_, counts)| !counts.hold())
    .map(|(name, _)| name)
    .collect();
    let good = broken.is_empty();
    judged(
        "accounting",
        bad_if(!good, Verdict::Invalid),
        if good {
            "every operation is accounted for".into()
        } else {
            format!("counts of {} don't add up", broken.join(", "))
        },
        "planned = started + dropped + skipped; started = completed + cancelled + unfinished; completed = ok + failed",
        "loadgen lost count: this is a bug in loadgen; please report it with the scenario",
    )
}

fn pacing(run: &ModeRun, plan: &Plan) -> Check {
    let limit = lag_limit_ms(run, plan);
    let (lag, least) = lag(run);
    // In the closed model nothing is planned before a user is free for it.
    let left = never_started(run, plan);
    let (seen, why) = if left > 0 {
        (
            format!(
                "{left} of {} planned iterations never started; ",
                run.iterations.counts.planned
            ),
            "iterations that were planned and never started would have been the slowest, and are in no figure; use a lower rate, a larger `max_in_flight`, or `on_full: drop`",
        )
    } else {
        (
            String::new(),
            "the generator itself started operations late: these figures describe loadgen, not the target; use more workers, or a lower rate",
        )
    };
    judged(
        "pacing",
        bad_if(lag > limit || left > 0, Verdict::Invalid),
        format!("{seen}p99 of lag {least}{lag:.3} ms"),
        format!(
            "{limit:.3} ms{}",
            if left > 0 { ", and all start" } else { "" }
        ),
        why,
    )
}

/// Returns the number of iterations of loads with planned arrivals that never started.
fn never_started(run: &ModeRun, plan: &Plan) -> u64 {
    let mut left = 0;
    let mut all = run.iterations.counts.skipped;
    let mut shared = None;
    for own in plan.loads() {
        let is_planned = matches!(own.load.model, LoadModel::Open { .. });
        let figures = LoadFigures::of(plan, run, &own);
        if figures.is_own {
            let skipped = figures.iterations.counts.skipped;
            all = all.saturating_sub(skipped);
            left += if is_planned { skipped } else { 0 };
        } else {
            shared = Some(is_planned);
        }
    }
    // What is left is that of the shared load.
    left + if shared == Some(true) { all } else { 0 }
}

/// Returns how late operations may start, in milliseconds. Lag that is small compared to the
/// measured times, or to those in thresholds, is harmless.
pub fn lag_limit_ms(run: &ModeRun, plan: &Plan) -> f64 {
    // The first event of a stream may come long before its end.
    let medians = [&run.times.response_ms, &run.streaming.stream_first_ms];
    let medians = medians.into_iter().flatten().map(|q| q.p50);
    let of_median = medians.reduce(f64::min).unwrap_or(0.0) * LAG_SHARE;
    let own = plan
        .thresholds
        .iter()
        .filter(|threshold| threshold.selector.is_about(run.mode));
    let tightest = own
        .filter_map(|threshold| threshold.check.longest_ms())
        .reduce(f64::min)
        .unwrap_or(0.0);
    LAG_FLOOR_MS
        .max(of_median)
        .max(tightest * LAG_SHARE_OF_LIMIT)
}

/// Returns the 99th percentile of lag in milliseconds. With few operations that is the largest of
/// them, and a single hiccup of the machine would invalidate the run; then this is a lower bound
/// that the percentile reliably exceeds.
fn lag(run: &ModeRun) -> (f64, &'static str) {
    let lag = run.times.lag_ms.as_ref();
    lag.map_or((0.0, ""), |lag| p99(lag, &run.histograms.lag))
}

fn unfinished(run: &ModeRun) -> Check {
    let share = if run.counts.started == 0 {
        0.0
    } else {
        run.counts.unfinished as f64 / run.counts.started as f64
    };
    let age = run
        .oldest_unfinished_ms
        .map(|age| format!(", the oldest for {:.1} s", age / 1e3))
        .unwrap_or_default();
    judged(
        "unfinished",
        bad_if(share > UNFINISHED_SHARE, Verdict::Degraded),
        format!("{:.2} % of started operations{age}", share * 100.0),
        format!("{:.0} %", UNFINISHED_SHARE * 100.0),
        "operations were still in flight when the drain ended, and are in no histogram: the slowest are missing; use a longer `graceful_stop`",
    )
}

/// Checks whether users started their iterations when their pace said, if they have one.
fn pace(run: &ModeRun) -> Option<Check> {
    let tally = run.iterations.pace;
    let all = tally.held + tally.missed;
    if all == 0 {
        return None;
    }
    let share = tally.missed as f64 / all as f64;
    Some(judged(
        "pace",
        bad_if(share > MISSED_SHARE, Verdict::Degraded),
        format!(
            "{} of {all} iterations started later than their pace says",
            tally.missed
        ),
        format!("{:.0} %", MISSED_SHARE * 100.0),
        "virtual users were still busy with the previous iteration, so the load was lower than the pace asks for, and what would have been sent meanwhile is in no figure; use more `vus` with a longer `pace`, or a `rate`",
    ))
}

fn range(run: &ModeRun) -> Check {
    let clamped = run.resources.clamped;
    judged(
        "range",
        bad_if(clamped > 0, Verdict::Invalid),
        format!("{clamped} values longer than an hour"),
        "0",
        "values beyond the histogram's range were clamped to an hour, so percentiles are too low; use a `timeout` of less than an hour",
    )
}

fn clock(run: &ModeRun) -> Check {
    let drift = run.resources.clock_drift_ms;
    judged(
        "clock",
        bad_if(
            drift.is_some_and(|drift| drift.abs() > DRIFT_MS),
            Verdict::Degraded,
        ),
        drift.map_or_else(
            || "not known".into(),
            |drift| {
                // Not "-0.0".
                let drift = (drift * 10.0).round() / 10.0 + 0.0;
                format!("wall clock moved {drift:.1} ms against the monotonic one")
            },
        ),
        format!("{DRIFT_MS:.0} ms"),
        "the machine's clock was set during the run: times of day in logs don't match these figures, which use the monotonic clock",
    )
}

/// Checks whether planned Poisson arrivals are a Poisson process.
fn poisson(own: &NumberedLoad<'_>, seed: u64) -> Option<Check> {
    let LoadModel::Open {
        rate,
        arrivals: Spread::Poisson,
        ..
    } = own.load.model
    else {
        return None;
    };
    // All shards together are the process.
    let whole = Load {
        slice: None,
        ..own.load.clone()
    };
    let whole = NumberedLoad {
        load: &whole,
        mix: own.mix,
    };
    let times = Arrivals::of_load(&whole, seed, None)
        .filter(|arrival| arrival.number < WARMUP_NUMBERS)
        .take(GAPS + 1);
    let times: Vec<f64> = times.map(|arrival| arrival.at.as_secs_f64()).collect();
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.len() < 10 || !own.load.stages.is_empty() {
        return None;
    }
    let a2 = anderson_darling(&gaps, rate.per_second_f64());
    Some(judged(
        "arrivals",
        bad_if(a2 > CRITICAL, Verdict::Degraded),
        format!("A² = {a2:.3} over {} gaps", gaps.len()),
        format!("{CRITICAL} (Anderson–Darling, 1 %)"),
        "the arrivals of this seed are an unlikely sample of a Poisson process; use another seed",
    ))
}

fn settled(run: &ModeRun, plan: &Plan) -> Option<Check> {
    let limit = "no trend of the medians after the start-up (Mann–Kendall, 1 %) and no start-up of over half of the run (MSER-5), by more than 10 % and 0.25 ms";
    let advice = "the figures mix different states of the target; use a longer `warmup`, or a load that it can sustain";
    let loads: Vec<(Verdict, String)> = plan
        .loads()
        .filter_map(|own| level_of(run, plan, &own))
        .collect();
    let verdict = loads.iter().map(|(verdict, _)| *verdict).max()?;
    let worst = loads.into_iter().filter(|(own, _)| *own == verdict);
    let seen: Vec<String> = worst.map(|(_, seen)| seen).collect();
    Some(judged("settled", verdict, seen.join("; "), limit, advice))
}

/// Returns whether a load had a level, unless it changes on purpose, as that of a log does, or is not
/// recorded separately.
fn level_of(run: &ModeRun, plan: &Plan, own: &NumberedLoad<'_>) -> Option<(Verdict, String)> {
    let figures = LoadFigures::of(plan, run, own);
    let changes = !own.load.stages.is_empty() || own.load.replay.is_some();
    if changes || (plan.has_own_loads() && !figures.is_own) {
        return None;
    }
    let whose = own
        .mix
        .map_or_else(String::new, |mix| format!("`{}`: ", plan.mix[mix].name));
    let (verdict, seen) = match settled::unsettled(&figures, run) {
        Ok(None) => (Verdict::Valid, "settled".into()),
        Ok(Some(wrong)) => (Verdict::Degraded, wrong),
        Err(short) => (Verdict::Valid, format!("not applicable: {short}")),
    };
    Some((verdict, format!("{whose}{seen}")))
}
