//! [`Overrides`]: values of the command line that replace those of the file.
//!
//! It knows nothing of the command line itself, whose parser fills it in.

use super::Workers;
use crate::base::{Nanos, Rate};
use crate::plan::{Format, HttpClient, Mode};

/// Values that take precedence over the file's. `vus` and `rate` replace the file's load model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--mode`: the modes to run.
    pub modes: Option<Vec<Mode>>,
    /// `--rounds`.
    pub rounds: Option<u32>,
    /// `--workers`.
    pub workers: Option<Workers>,
    /// `--vus`: a closed model with this many virtual users.
    pub vus: Option<u32>,
    /// `--rate`: an open model with this arrival rate.
    pub rate: Option<Rate>,
    /// `--duration`.
    pub duration: Option<Nanos>,
    /// `--iterations`.
    pub iterations: Option<u64>,
    /// `--target NAME=URL`, or `--target URL` if there is at most one target.
    pub targets: Vec<(Option<String>, String)>,
    /// `--http-client`: the client of HTTP/1.1, for every target that does not ask for HTTP/2.
    pub http_client: Option<HttpClient>,
    /// `--var NAME=VALUE`.
    pub vars: Vec<(String, String)>,
    /// `--threshold`: checks in addition to the file's.
    pub thresholds: Vec<String>,
    /// The flag that they come from, if it is not `--threshold`.
    pub threshold_flag: Option<&'static str>,
    /// `--no-thresholds`: whether the file's thresholds are ignored.
    pub no_thresholds: bool,
    /// `--allow-target`: hosts in addition to those that the file allows.
    pub allow_targets: Vec<String>,
    /// Whether steps may run programs.
    pub allow_exec: bool,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--format`.
    pub formats: Option<Vec<Format>>,
}
