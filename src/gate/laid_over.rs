//! [`step_changes`]: what differs between the steps of two results that are laid over one another.
//!
//! There is one run of each, so intervals cover the chance within runs, and not what differs from one
//! run to the next: [`super::versions`] needs repeated runs for that.

use crate::metrics::Summary;
use crate::plan::{Mode, Unit};
use crate::result::{Group, ModeRun, RunResult};

/// The quantile of the normal distribution for 95 % intervals.
const Z: f64 = 1.959_964;

/// A percentile of response time: its name, and its value.
type Time = (&'static str, fn(&Summary) -> f64);

/// The times that are compared.
const TIMES: [Time; 2] = [("p50", |own| own.p50), ("p99", |own| own.p99)];

/// A figure of a step in two results, in the first round of a mode.
#[derive(Clone, Debug, PartialEq)]
pub struct StepChange {
    /// The mix entry of the step.
    pub mix: String,
    /// The name of the step.
    pub step: String,
    /// The mode.
    pub mode: Mode,
    /// The figure: `p50`, `p99`, `error_rate` or `throughput`.
    pub figure: &'static str,
    /// The unit of `base` and `new`.
    pub unit: Unit,
    /// The figure in the first result.
    pub base: f64,
    /// The figure in the other.
    pub new: f64,
    /// The increase as a fraction of the base, or the difference of error rates.
    pub change: f64,
    /// The 95 % interval of the change, if the samples support one.
    pub interval: Option<[f64; 2]>,
}

impl StepChange {
    /// Returns whether the samples show that there is a difference.
    pub fn is_shown(&self) -> bool {
        self.interval
            .is_some_and(|[low, high]| low > 0.0 || high < 0.0)
    }

    /// Returns how large the change is, so that twice and half are equal.
    fn size(&self) -> f64 {
        match self.unit {
            Unit::Share => self.change.abs().ln_1p(),
            _ => (self.change.max(-0.999_999)).ln_1p().abs(),
        }
    }
}

/// Returns the changes of each step that both results have, the largest of those that samples show
/// first, and then the largest of the others.
pub fn step_changes(base: &RunResult, new: &RunResult) -> Vec<StepChange> {
    let first_round =
        |result: &RunResult, mode| result.runs.iter().position(|run| run.mode == mode);
    let mut all = Vec::new();
    for (place, run) in base.runs.iter().enumerate() {
        let other =
            first_round(new, run.mode).filter(|_| first_round(base, run.mode) == Some(place));
        all.extend(
            other
                .into_iter()
                .flat_map(|other| of_runs(run, &new.runs[other])),
        );
    }
    all.sort_by(|a, b| {
        b.is_shown()
            .cmp(&a.is_shown())
            .then(b.size().total_cmp(&a.size()))
    });
    all
}

fn of_runs(base: &ModeRun, new: &ModeRun) -> Vec<StepChange> {
    let same = |a: &Group, b: &Group| (&a.name, &a.mix) == (&b.name, &b.mix);
    let pairs = base.steps.iter().filter_map(|own| {
        let other = new.steps.iter().find(|other| same(own, other))?;
        Some((own, other))
    });
    pairs.flat_map(|(a, b)| of_step(a, b, base.mode)).collect()
}

fn of_step(base: &Group, new: &Group, mode: Mode) -> Vec<StepChange> {
    let change = |figure, unit, [base_value, new_value]: [f64; 2], change, interval| StepChange {
        mix: base.mix.clone().unwrap_or_default(),
        step: base.name.clone(),
        mode,
        figure,
        unit,
        base: base_value,
        new: new_value,
        change,
        interval,
    };
    let summaries = (
        base.times.response_ms.as_ref(),
        new.times.response_ms.as_ref(),
    );
    let mut all = Vec::new();
    if let (Some(a), Some(b)) = summaries {
        for (name, value) in TIMES {
            let values = [value(a), value(b)];
            if values.iter().all(|ms| ms.is_finite() && *ms > 0.0) {
                let interval = ratio(values, [ends(a, name), ends(b, name)]);
                let relative = values[1] / values[0] - 1.0;
                all.push(change(name, Unit::Millis, values, relative, interval));
            }
        }
    }
    let counts = [&base.counts, &new.counts].map(|own| (own.failed, own.completed));
    if counts.iter().all(|(_, completed)| *completed > 0) {
        let shares = counts.map(|(failed, completed)| failed as f64 / completed as f64);
        let interval = Some(difference(counts));
        let points = shares[1] - shares[0];
        all.push(change("error_rate", Unit::Share, shares, points, interval));
    }
    let rates = [base.throughput_rps, new.throughput_rps];
    if rates.iter().all(|rate| rate.is_finite()) && rates[0] > 0.0 {
        let relative = rates[1] / rates[0] - 1.0;
        all.push(change("throughput", Unit::PerSecond, rates, relative, None));
    }
    all
}

/// Returns the interval of a percentile.
fn ends(summary: &Summary, name: &str) -> Option<[f64; 2]> {
    let ends = summary.ci95.get(name).copied().flatten()?;
    ends.iter().all(|end| *end > 0.0).then_some(ends)
}

/// Returns the interval of the ratio of two figures less one, from the interval of each: the method of
/// variance estimates recovery (Zou and Donner, 2008), on logarithms.
fn ratio(values: [f64; 2], ends: [Option<[f64; 2]>; 2]) -> Option<[f64; 2]> {
    let [a, b] = values.map(f64::ln);
    let [[a_low, a_high], [b_low, b_high]] = [ends[0]?, ends[1]?].map(|own| own.map(f64::ln));
    let low = b - a - (b - b_low).hypot(a_high - a);
    let high = b - a + (b_high - b).hypot(a - a_low);
    Some([low.exp_m1(), high.exp_m1()])
}

/// Returns the interval of the difference of two shares, each of a number of failures and of
/// operations: Newcombe's hybrid of Wilson's score intervals (1998).
fn difference(counts: [(u64, u64); 2]) -> [f64; 2] {
    let [(p, [p_low, p_high]), (q, [q_low, q_high])] = counts.map(|(failed, all)| {
        let (share, n) = (failed as f64 / all as f64, all as f64);
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        // Exactly zero and one at the ends, in spite of rounding.
        let low = if failed == 0 {
            0.0
        } else {
            (middle - spread) / scale
        };
        let high = if failed == all {
            1.0
        } else {
            (middle + spread) / scale
        };
        (share, [low, high])
    });
    [
        q - p - (q - q_low).hypot(p_high - p),
        q - p + (q_high - q).hypot(p - p_low),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: [f64; 2], wanted: [f64; 2]) {
        let near = |(a, b): (f64, f64)| (a - b).abs() < 5e-5;
        assert!(
            seen.into_iter().zip(wanted).all(near),
            "{seen:?} {wanted:?}"
        );
    }

    #[test]
    fn the_interval_of_a_difference_is_that_of_the_literature() {
        // Newcombe, Statistics in Medicine 17 (1998), table II, method 10: of 56/70 and 48/80, of
        // 9/10 and 3/10, and of 10/10 and 0/10.
        close(difference([(48, 80), (56, 70)]), [0.0524, 0.3339]);
        close(difference([(3, 10), (9, 10)]), [0.1705, 0.8090]);
        close(difference([(0, 10), (10, 10)]), [0.6075, 1.0]);
        close(difference([(0, 20), (0, 10)]), [-0.1611, 0.2775]);
    }

    #[test]
    fn the_interval_of_a_ratio_holds_the_ratio_and_needs_both_intervals() {
        let [low, high] =
            ratio([10.0, 20.0], [Some([9.0, 11.0]), Some([18.0, 23.0])]).expect("an interval");
        assert!(
            0.5 < low && low < 1.0 && 1.0 < high && high < 1.5,
            "{low} {high}"
        );
        // With one that is known exactly, it is that of the other.
        close(
            ratio([10.0, 20.0], [Some([10.0, 10.0]), Some([18.0, 23.0])]).expect("an interval"),
            [0.8, 1.3],
        );
        assert_eq!(ratio([10.0, 20.0], [None, Some([18.0, 23.0])]), None);
    }
}
