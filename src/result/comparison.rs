//! [`Comparison`]: the modes compared, with their rounds merged.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::apdex::Apdex;
use super::{Histograms, ModeRun, StoppedBy, codec};
use crate::metrics::histogram;
use crate::metrics::interval::Inflation;
use crate::metrics::summary::{self, NANOS_PER_MS, Summary};
use crate::plan::{Mode, Statistic};

/// One mode, with all its rounds merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeComparison {
    /// The mode.
    pub mode: Mode,
    /// The number of rounds in these figures.
    pub rounds: u32,
    /// Mean wall time of the rounds.
    pub wall_s: f64,
    /// 95 % interval of the mean, if there are enough rounds.
    pub wall_s_ci95: Option<[f64; 2]>,
    /// How satisfied users are with the response times of all rounds, if the scenario asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apdex: Option<Apdex>,
    /// Mean throughput of the rounds.
    pub throughput_rps: f64,
    /// 95 % interval of the mean, if there are enough rounds.
    pub throughput_rps_ci95: Option<[f64; 2]>,
    /// The speedup over the baseline mode.
    pub speedup: Option<f64>,
    /// 95 % interval of the geometric mean of the rounds' speedups.
    pub speedup_ci95: Option<[f64; 2]>,
    /// Wall time of the same plan in virtual time, if it consists of mock operations.
    pub ideal_s: Option<f64>,
    /// `ideal_s` ÷ `wall_s`.
    pub efficiency: Option<f64>,
    /// Response times of all rounds.
    pub response_ms: Option<Summary>,
    /// The load generator's own delay in all rounds.
    #[serde(default)]
    pub lag_ms: Option<Summary>,
    /// Completed operations of all rounds.
    pub completed: u64,
    /// Failed operations of all rounds.
    pub failed: u64,
    /// Processor time (user and system) per completed operation, in microseconds.
    pub cpu_us_per_operation: Option<f64>,
    /// Peak resident memory of all rounds.
    pub peak_rss_bytes: Option<u64>,
    /// Peak number of threads of all rounds.
    pub threads_peak: Option<u64>,
    /// Context switches of all rounds per completed operation.
    pub ctx_per_operation: Option<f64>,
    /// The histogram of `response_ms`, in the form of [`super::Histograms`].
    pub response: String,
}

/// The modes compared with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The mode that speedups are relative to: sequential if it ran, else the first mode.
    pub baseline_mode: Mode,
    /// The modes, in the order of the scenario.
    pub modes: Vec<ModeComparison>,
}

impl Comparison {
    /// Compares the modes that ran, in the order of `modes`. `ideal_s` is the wall time of the same
    /// plan in virtual time, if known. Returns `None` if nothing ran.
    pub fn from_runs(runs: &[ModeRun], modes: &[Mode], ideal_s: Option<f64>) -> Option<Self> {
        let ran: Vec<Mode> = modes
            .iter()
            .copied()
            .filter(|mode| runs.iter().any(|r| r.mode == *mode))
            .collect();
        let baseline_mode = if ran.contains(&Mode::Sequential) {
            Mode::Sequential
        } else {
            *ran.first()?
        };
        let of_mode = |mode: Mode| {
            runs.iter()
                .filter(move |r| r.mode == mode)
                .collect::<Vec<_>>()
        };
        let baseline = of_mode(baseline_mode);
        let modes = ran
            .iter()
            .map(|mode| compare(*mode, &of_mode(*mode), &baseline, ideal_s))
            .collect();
        Some(Self {
            baseline_mode,
            modes,
        })
    }
}

fn compare(
    mode: Mode,
    rounds: &[&ModeRun],
    baseline: &[&ModeRun],
    ideal_s: Option<f64>,
) -> ModeComparison {
    let each = |value: fn(&ModeRun) -> f64| rounds.iter().map(|r| value(r)).collect::<Vec<_>>();
    let walls = each(|r| r.wall_s);
    let throughputs = each(|r| r.throughput_rps);
    let completed: u64 = rounds.iter().map(|r| r.counts.completed).sum();
    let inflation = inflation(rounds);
    let (response_ms, response) = merged(
        rounds,
        &inflation,
        |run| run.times.response_ms.as_ref(),
        |h| &h.response,
    );
    let apdex = Apdex::merged(rounds.iter().filter_map(|run| run.apdex));
    let (lag_ms, _) = merged(
        rounds,
        &inflation,
        |run| run.times.lag_ms.as_ref(),
        |h| &h.lag,
    );
    // Only operations that have times: those that could not be made cost next to nothing.
    let timed = response_ms.as_ref().map_or(0, |response| response.count);
    let per_operation = |total: Option<f64>| total.filter(|_| timed > 0).map(|t| t / timed as f64);
    let sum =
        |value: fn(&ModeRun) -> Option<f64>| rounds.iter().map(|r| value(r)).sum::<Option<f64>>();
    let cpu_s = sum(|r| r.resources.cpu_s());
    let switches =
        sum(|r| Some((r.resources.ctx_voluntary? + r.resources.ctx_involuntary?) as f64));
    // Compares rounds pairwise, because drift between rounds affects both modes of a pair alike.
    let speedups: Vec<f64> = rounds
        .iter()
        .filter_map(|run| {
            baseline
                .iter()
                .find(|b| b.round == run.round)
                .and_then(|base| speedup(base, run))
        })
        .map(f64::ln)
        .collect();
    let wall_s = mean(&walls);
    ModeComparison {
        apdex,
        mode,
        rounds: u32::try_from(rounds.len()).unwrap_or(u32::MAX),
        wall_s,
        wall_s_ci95: interval(&walls),
        throughput_rps: mean(&throughputs),
        throughput_rps_ci95: interval(&throughputs),
        speedup: (!speedups.is_empty()).then(|| mean(&speedups).exp()),
        speedup_ci95: interval(&speedups).map(|[low, high]| [low.exp(), high.exp()]),
        ideal_s,
        efficiency: ideal_s.filter(|_| wall_s > 0.0).map(|ideal| ideal / wall_s),
        response_ms,
        lag_ms,
        completed,
        failed: rounds.iter().map(|r| r.counts.failed).sum(),
        cpu_us_per_operation: per_operation(cpu_s).map(|s| s * 1e6),
        peak_rss_bytes: rounds
            .iter()
            .filter_map(|r| r.resources.peak_rss_bytes)
            .max(),
        threads_peak: rounds.iter().filter_map(|r| r.resources.threads_peak).max(),
        ctx_per_operation: per_operation(switches),
        response,
    }
}

/// Returns the speedup of `run` over `base`: by wall time if both did the same work, else by
/// throughput.
fn speedup(base: &ModeRun, run: &ModeRun) -> Option<f64> {
    let same_work =
        base.stopped_by == StoppedBy::Iterations && run.stopped_by == StoppedBy::Iterations;
    let (over, under) = if same_work {
        (base.wall_s, run.wall_s)
    } else {
        (run.throughput_rps, base.throughput_rps)
    };
    (over > 0.0 && under > 0.0).then(|| over / under)
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        0.0
    } else {
        values.iter().sum::<f64>() / values.len() as f64
    }
}

/// Returns Student's 95 % interval of the mean; `None` for fewer than two values.
fn interval(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len() as f64;
    let t = StudentsT::new(0.0, 1.0, n - 1.0)
        .ok()
        .filter(|_| values.len() > 1)?
        .inverse_cdf(0.975);
    let mean = mean(values);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t * (variance / n).sqrt();
    half.is_finite().then_some([mean - half, mean + half])
}

/// Merges one time of all rounds: returns its summary, and the histogram it comes from.
fn merged(
    rounds: &[&ModeRun],
    inflation: &Inflation,
    summary: impl Fn(&ModeRun) -> Option<&Summary>,
    histogram: impl Fn(&Histograms) -> &String,
) -> (Option<Summary>, String) {
    let mut whole = histogram::empty();
    for run in rounds {
        // An unreadable histogram was already reported when the result was read.
        if let Ok(histogram) = codec::decode(histogram(&run.histograms)) {
            histogram::add(&mut whole, &histogram);
        }
    }
    let parts: Vec<&Summary> = rounds.iter().filter_map(|run| summary(run)).collect();
    let mut all = summary::merged(&parts, &whole, inflation);
    let asked = parts.first().map(|part| part.percentiles.keys());
    let asked = asked.into_iter().flatten().filter_map(|name| {
        let thousandths = Statistic::percentile(name)?;
        Some((name.clone(), f64::from(thousandths) / 1e3))
    });
    if let Some(all) = &mut all {
        all.add(asked, &whole, NANOS_PER_MS);
    }
    (all, codec::encode(&whole))
}

/// Returns how much wider intervals are because successive operations are correlated.
fn inflation(rounds: &[&ModeRun]) -> Inflation {
    let windows = rounds
        .iter()
        .flat_map(|run| run.series.iter().filter(|window| window.t_s >= 0.0));
    let windows: Vec<&str> = windows
        .filter_map(|window| window.response.as_deref())
        .collect();
    let windows = windows
        .into_iter()
        .map(|text| codec::decode_window(text).unwrap_or_else(|_| histogram::window()));
    Inflation::from_windows(windows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_interval() {
        // Known values: mean 5, s = 2.138, t(7) = 2.3646, half-width 1.7873.
        let [low, high] =
            interval(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).expect("eight values");
        assert!(
            (low - 3.2127).abs() < 1e-3 && (high - 6.7873).abs() < 1e-3,
            "{low} {high}"
        );
        assert_eq!(interval(&[1.0]), None);
        assert_eq!(interval(&[]), None);
    }
}
