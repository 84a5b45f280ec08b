//! [`Comparison`]: the modes against each other, their rounds merged.

use serde::{Deserialize, Serialize};

use crate::metrics::summary::Summary;
use crate::plan::Mode;

/// One mode, all of its rounds together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeComparison {
    /// The mode.
    pub mode: Mode,
    /// How many rounds are in these figures.
    pub rounds: u32,
    /// Wall time, mean of the rounds.
    pub wall_s: f64,
    /// 95 % interval of the mean, where there are rounds to tell.
    pub wall_s_ci95: Option<[f64; 2]>,
    /// Throughput, mean of the rounds.
    pub throughput_rps: f64,
    /// 95 % interval of the mean, where there are rounds to tell.
    pub throughput_rps_ci95: Option<[f64; 2]>,
    /// How much faster than the baseline mode.
    pub speedup: Option<f64>,
    /// 95 % interval of the geometric mean of the rounds' speedups.
    pub speedup_ci95: Option<[f64; 2]>,
    /// Wall time of the same plan in virtual time, where it is made of mock operations.
    pub ideal_s: Option<f64>,
    /// `ideal_s` ÷ `wall_s`.
    pub efficiency: Option<f64>,
    /// Response times of all rounds.
    pub response_ms: Option<Summary>,
    /// Completed operations of all rounds.
    pub completed: u64,
    /// Failed operations of all rounds.
    pub failed: u64,
    /// Processor time (user and system) for each completed operation, in microseconds.
    pub cpu_us_per_operation: Option<f64>,
    /// Largest resident memory of any round.
    pub peak_rss_bytes: Option<u64>,
    /// Most threads of any round.
    pub threads_peak: Option<u64>,
    /// Context switches of all rounds for each completed operation.
    pub ctx_per_operation: Option<f64>,
    /// The histogram behind `response_ms`, in the form of [`super::Histograms`].
    pub response: String,
}

/// The modes against each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What speedups are relative to: sequential if it ran, else the first mode.
    pub baseline_mode: Mode,
    /// In the order of the scenario.
    pub modes: Vec<ModeComparison>,
}
