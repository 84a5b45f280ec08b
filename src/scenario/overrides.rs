//! [`Overrides`]: what the command line puts in the place of the file's values.
//!
//! Knows nothing of the command line itself: whoever reads one fills this in.

use crate::base::{Nanos, Rate};
use crate::plan::{Format, Mode};

/// Values that go before the file's. `vus` and `rate` replace the file's load model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--mode`: the modes to run.
    pub modes: Option<Vec<Mode>>,
    /// `--rounds`.
    pub rounds: Option<u32>,
    /// `--workers`.
    pub workers: Option<u32>,
    /// `--vus`: a closed model with so many virtual users.
    pub vus: Option<u32>,
    /// `--rate`: an open model with this arrival rate.
    pub rate: Option<Rate>,
    /// `--duration`.
    pub duration: Option<Nanos>,
    /// `--iterations`.
    pub iterations: Option<u64>,
    /// `--target NAME=URL`, or `--target URL` where there is one target at most.
    pub targets: Vec<(Option<String>, String)>,
    /// `--var NAME=VALUE`.
    pub vars: Vec<(String, String)>,
    /// `--threshold`: checks beside the file's.
    pub thresholds: Vec<String>,
    /// The flag that they come from, where it is not `--threshold`.
    pub threshold_flag: Option<&'static str>,
    /// `--no-thresholds`: whether the file's are left out.
    pub no_thresholds: bool,
    /// `--allow-target`: hosts beside those that the file allows.
    pub allow_targets: Vec<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--format`.
    pub formats: Option<Vec<Format>>,
}
