//! [`probe`]: judges a rate that was tried.
//!
//! A check alone can be met by a rate that the target cannot sustain: what is still queued at the
//! end of a short probe would be slow only later, and what was never started is in no figure. So a
//! rate is also missed if its iterations were lost, or if response times kept growing.

use super::{Judged, judge};
use crate::assembly::validity::{headroom, lag_limit_ms};
use crate::base::Nanos;
use crate::metrics::trend::trend;
use crate::plan::{Check, LoadModel, Metric, NumberedLoad, Plan};
use crate::result::measured::{after_first_iteration, measured};
use crate::result::{
    Counts, LoadFigures, ModeRun, ProbeOutcome, RateProbe, ThresholdResult, ThresholdVerdict,
    Verdict,
};

/// The share of planned iterations that may be lost.
const LOST: f64 = 0.01;
/// The share of a rate by which a target may fall behind it.
const BEHIND: f64 = 0.01;
/// The minimum growth, as a share of the initial median response time: smaller drifts don't matter.
const GROWN: f64 = 0.10;
/// The minimum number of windows needed to detect growth.
const FEWEST: usize = 10;
/// A target that leaves this share of its work to the end of the probe, or loses it, is clearly
/// overloaded.
const OVERLOADED: f64 = 0.10;

/// A generator that uses less than this share of its processors is late for reasons other than the
/// rate.
const AT_WORK: f64 = 0.5;

/// The cause of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The rate is clearly too high for the target or for the generator: it needs fewer retries.
    Rate,
    /// The machine is known to have been busy with other work.
    Machine,
    /// The cause is unknown.
    Unclear,
}

/// The outcome of trying a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The probe as recorded in the result.
    pub probe: RateProbe,
    /// Why it was missed or is invalid.
    pub cause: Cause,
}

/// Judges a run of a plan in which the load searched for has a constant arrival rate over the whole
/// duration. Without `fail_on_invalid`, even invalid figures are judged.
pub fn probe(
    plan: &Plan,
    searched: &NumberedLoad<'_>,
    run: &ModeRun,
    fail_on_invalid: bool,
) -> Tried {
    let part = LoadFigures::of(plan, run, searched);
    let (rate, max_in_flight) = match part.load.model {
        LoadModel::Open {
            rate,
            max_in_flight,
            ..
        } => (rate.per_second_f64(), max_in_flight),
        LoadModel::Closed { vus } => (0.0, vus),
    };
    let Judged {
        thresholds,
        warnings,
    } = judge(plan, std::slice::from_ref(run), None);
    let lost = lost(&part.iterations.counts);
    let planned = part.iterations.counts.planned;
    let lost_share = (lost as f64 / planned.max(1) as f64).max(refused_share(&part.counts));
    let reasons = reasons(&part, run.measured_s, &thresholds, lost);
    let validity = run.validity.verdict;
    let missed = !reasons.is_empty() || thresholds.iter().any(|threshold| !threshold.is_met());
    let outcome = match () {
        () if validity == Verdict::Invalid && fail_on_invalid => ProbeOutcome::Invalid,
        () if missed => ProbeOutcome::Missed,
        () => ProbeOutcome::Met,
    };
    let interference = headroom::interference(run).filter(|_| validity == Verdict::Invalid);
    let unproven = plan
        .thresholds
        .iter()
        .find_map(|threshold| unproven(&threshold.check, &part.counts));
    let doubts = doubts(run, interference.as_deref())
        .into_iter()
        .chain(warnings)
        .chain(unproven);
    let summary = part.response_ms;
    let probe = RateProbe {
        rate,
        outcome,
        thresholds,
        reasons,
        throughput_rps: part.throughput_rps,
        planned,
        lost,
        completed: part.counts.completed,
        failed: part.counts.failed,
        dropped: part.counts.dropped + part.iterations.counts.dropped,
        iteration_ms: part.iterations.duration_ms.as_ref().map(|of| of.mean),
        p50_ms: summary.map(|of| of.p50),
        p90_ms: summary.map(|of| of.p90),
        p99_ms: summary.map(|of| of.p99),
        max_ms: summary.map(|of| of.max),
        max_in_flight,
        verdict: validity,
        doubts: doubts.collect(),
        watched: run.watched.clone(),
    };
    let cause = match outcome {
        // Iterations that never started have not been late.
        ProbeOutcome::Invalid if lost_share > LOST => Cause::Rate,
        ProbeOutcome::Invalid => blamed(plan, run, interference.is_some()),
        ProbeOutcome::Met | ProbeOutcome::Missed
            if lost_share.max(late_share(&part, run.measured_s)) > OVERLOADED =>
        {
            Cause::Rate
        }
        ProbeOutcome::Met | ProbeOutcome::Missed => Cause::Unclear,
    };
    Tried { probe, cause }
}

/// Describes why figures of a run are not credible, first the other work that kept the machine busy.
fn doubts(run: &ModeRun, interference: Option<&str>) -> Vec<String> {
    let doubtful = run
        .validity
        .checks
        .iter()
        .filter(|check| check.verdict != Verdict::Valid);
    interference
        .map(|what| format!("the machine was busy with other work: {what}"))
        .into_iter()
        .chain(
            doubtful
                .map(|check| format!("{}: {}; {}", check.name, check.observed, check.explanation)),
        )
        .collect()
}

/// Returns the reasons why a rate was missed, apart from thresholds.
fn reasons(
    part: &LoadFigures<'_>,
    measured_s: f64,
    thresholds: &[ThresholdResult],
    lost: u64,
) -> Vec<String> {
    let planned = part.iterations.counts.planned;
    let mut reasons = Vec::new();
    if lost as f64 / planned.max(1) as f64 > LOST {
        reasons.push(format!(
            "{lost} of {planned} iterations were dropped, never started or did not finish; they are in no figure, and the rate was not sustained"
        ));
    }
    if refused_share(&part.counts) > LOST {
        let Counts {
            dropped, planned, ..
        } = part.counts;
        reasons.push(format!(
            "{dropped} of {planned} operations were refused by a full limit (`on_full: drop`); they are in no response time, and the rate was not sustained"
        ));
    }
    if let Some(growth_ms) = growth_ms(part, measured_s) {
        reasons.push(format!(
            "the median response time grew by {} in {}; the target falls behind, and a longer try would find it slower",
            Nanos::from_secs_f64(growth_ms.round() / 1e3),
            Nanos::from_secs_f64(measured_s)
        ));
    }
    if thresholds
        .iter()
        .any(|threshold| threshold.verdict == ThresholdVerdict::NoData)
    {
        reasons.push("nothing was measured that could be judged".into());
    }
    reasons
}

/// Returns what made the figures of a probe invalid. A generator that starts every second operation
/// too late while it is busy is overloaded itself, and not only at bad moments. Its own load makes
/// it wait for processors too, but causes no steal time.
fn blamed(plan: &Plan, run: &ModeRun, interfered: bool) -> Cause {
    let is_late = run
        .times
        .lag_ms
        .as_ref()
        .is_some_and(|lag| lag.p50 > lag_limit_ms(run, plan));
    let is_at_work = headroom::own_share(run).is_none_or(|share| share > AT_WORK);
    match () {
        () if headroom::is_stolen(run) => Cause::Machine,
        () if is_late && is_at_work => Cause::Rate,
        () if interfered && !is_at_work => Cause::Machine,
        () => Cause::Unclear,
    }
}

/// Returns a reason if there are too few operations to prove that no more than a share fails: among
/// three times its inverse, at least one failure is expected 19 times out of 20.
fn unproven(check: &Check, counts: &Counts) -> Option<String> {
    let completed = counts.completed;
    (check.metric == Metric::ErrorRate && check.limit > 0.0 && counts.failed == 0 && completed as f64 * check.limit < 3.0).then(|| {
        format!("`{check}`: none of {completed} operations failed, but {:.0} are needed to tell; use a longer --probe", 3.0 / check.limit)
    })
}

/// Returns the number of planned iterations that did not complete.
const fn lost(counts: &Counts) -> u64 {
    counts.dropped + counts.skipped + counts.unfinished
}

/// Returns the share of planned operations that a full limit refused. Their iterations have failed,
/// and are not lost.
fn refused_share(counts: &Counts) -> f64 {
    counts.dropped as f64 / counts.planned.max(1) as f64
}

/// Returns the share of good operations that completed only after the measured time.
fn late_share(part: &LoadFigures<'_>, measured_s: f64) -> f64 {
    if part.counts.ok == 0 {
        0.0
    } else {
        1.0 - part.throughput_rps * measured_s / part.counts.ok as f64
    }
}

/// Returns the growth of the median response time if the target fell behind the rate: each second
/// with a throughput of one hundredth less than planned adds a hundredth of a second.
fn growth_ms(part: &LoadFigures<'_>, measured_s: f64) -> Option<f64> {
    let measured = measured(part.series, measured_s);
    let steady = after_first_iteration(&measured, &part.counts, part.iterations, part.load.warmup);
    let medians: Vec<f64> = steady.iter().filter_map(|window| window.p50_ms).collect();
    if medians.len() < FEWEST {
        return None;
    }
    let growth = trend(&medians)?;
    (growth.change > measured_s * 1e3 * BEHIND && growth.share > GROWN).then_some(growth.change)
}
