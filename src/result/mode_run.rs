//! [`ModeRun`]: the results of one mode in one round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::apdex::Apdex;
use super::counts::Counts;
use super::exemplar::Exemplar;
use super::lookups::Lookups;
use super::measure::{Measure, StepMeasure};
use super::replayed::Replayed;
use super::step_window::HeatInterval;
use super::streams::Streaming;
use super::timed_group::TimedGroup;
use super::watched::Watched;
use super::{Histograms, Validity, Window};
use crate::metrics::PaceTally;
use crate::metrics::summary::Summary;
use crate::plan::{Mode, Selector};

/// Why a run stopped starting new work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoppedBy {
    /// Its duration had elapsed.
    Duration,
    /// Its iterations were complete.
    Iterations,
    /// A signal.
    Interrupt,
    /// A feed ran out of rows.
    Data,
    /// A condition of `stop_when`, or of a step `stop_run`, was met.
    Condition,
    /// A threshold with an abort was crossed.
    Threshold,
    /// A part of loadgen panicked, which is a bug.
    Panic,
}

/// The times of operations, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// completed − intended.
    pub response_ms: Option<Summary>,
    /// completed − intended, of successful operations only.
    pub response_ok_ms: Option<Summary>,
    /// completed − started.
    pub service_ms: Option<Summary>,
    /// started − intended − queue: the load generator's own delay.
    pub lag_ms: Option<Summary>,
    /// Deliberate waiting before the start.
    pub queue_ms: Option<Summary>,
    /// Time to connect, of operations that opened a connection.
    pub connect_ms: Option<Summary>,
    /// Time of TLS handshakes, of operations that made one.
    pub tls_ms: Option<Summary>,
    /// From the connection being available to the request being sent.
    #[serde(default)]
    pub send_ms: Option<Summary>,
    /// From the start to the first byte of the response.
    pub first_byte_ms: Option<Summary>,
    /// From the head of the response to the end of its body.
    #[serde(default)]
    pub body_ms: Option<Summary>,
}

/// The figures of a step, a mix entry, a target or a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name of the step, mix entry, target or stage.
    pub name: String,
    /// The mix entry of a step.
    #[serde(default)]
    pub mix: Option<String>,
    /// The figures of a step by the values of its tags, each called `tag=value`. An operation that
    /// ended without a response is in none of them; a response without the value is in `tag=none`,
    /// and the values beyond a hundred in `tag=other`.
    #[serde(default)]
    pub tags: Vec<Group>,
    /// Counts of operations.
    #[serde(flatten)]
    pub counts: Counts,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Successful completions per second.
    pub throughput_rps: f64,
    /// How satisfied users are with its response times, if the scenario asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apdex: Option<Apdex>,
    /// The times of its operations.
    #[serde(flatten)]
    pub times: Times,
    /// The figures of its streams.
    #[serde(flatten)]
    pub streaming: Streaming,
    /// Bytes received, at the HTTP level.
    pub bytes_in: u64,
    /// Bytes sent, at the HTTP level.
    pub bytes_out: u64,
    /// Requests sent again because the server reported that it had not processed them (HTTP/2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Messages that a server pushed and no step waited for, counted at the step that opened the
    /// WebSocket.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pushes: u64,
    /// How often the expectations of its responses were met, if the scenario has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<ChecksHeld>,
    /// What a replayed log says of the same requests, of the values of the tag `path` of their steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// Its iterations, if a threshold needs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Iterations>,
    /// Histograms of the times of which a threshold needs a percentile, by the name of the time, in
    /// the form of [`Histograms`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: BTreeMap<String, String>,
    /// The figures that the scenario defines, of mix entries, targets, stages, values of tags and
    /// selections of thresholds. Those of steps are in [`ModeRun::measures`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    /// The steps of a stage, if there are several and not too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Group>,
    /// The timed groups of a stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<TimedGroup>,
    /// The response times of a step in the intervals of its time line that have some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heat: Vec<HeatInterval>,
}

/// Figures of the operations that a selector matches: that of a threshold, or of a mix entry with a
/// load of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The selector of the operations.
    pub selector: Selector,
    /// Their figures.
    pub figures: Group,
    /// Their time line, if a threshold needs windows of it, or a load is judged by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Window>,
}

/// How often the expectations of a set of responses were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksHeld {
    /// Met.
    pub passed: u64,
    /// Not met.
    pub failed: u64,
}

/// How often one expectation of responses was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseCheck {
    /// The expectation, such as `status 2xx` or `json $.items min_len 1`.
    pub name: String,
    /// The step whose responses it checks.
    pub step: String,
    /// Responses that met it.
    pub passed: u64,
    /// Responses that did not.
    pub failed: u64,
}

/// Iterations: executions of whole flows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Iterations {
    /// Counts of iterations.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the intended start to the end of the flow, of completed iterations.
    pub duration_ms: Option<Summary>,
    /// How many started when the pace of their virtual user said; empty without a pace.
    #[serde(default, skip_serializing_if = "PaceTally::is_empty")]
    pub pace: PaceTally,
}

/// Operations before the measured part, or in stages that are not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warmup {
    /// Operations started.
    pub started: u64,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// The costs of the run: of the process of this mode, without the target and loadgen's single
/// observer thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Processor time in user mode, within `wall_s`.
    pub cpu_user_s: Option<f64>,
    /// Processor time in the kernel, within `wall_s`.
    pub cpu_system_s: Option<f64>,
    /// The part of that spent spinning until planned starts for precision: waiting, not work.
    #[serde(default)]
    pub cpu_spin_s: Option<f64>,
    /// The time that its threads waited for a busy processor; unknown if there are many threads.
    #[serde(default)]
    pub cpu_wait_s: Option<f64>,
    /// Peak resident memory.
    pub peak_rss_bytes: Option<u64>,
    /// Peak number of threads, without loadgen's single observer thread.
    pub threads_peak: Option<u64>,
    /// Voluntary context switches: a thread waited.
    pub ctx_voluntary: Option<u64>,
    /// Involuntary context switches: the system preempted a thread.
    pub ctx_involuntary: Option<u64>,
    /// The time for which a control group's quota throttled the process.
    pub throttled_s: Option<f64>,
    /// The time that the hypervisor gave to other guests, of the whole machine: the share of a
    /// single process is not known.
    pub steal_s: Option<f64>,
    /// The longest oversleep of a probe that sleeps for 1 ms.
    pub hiccup_max_ms: Option<f64>,
    /// The drift of the wall clock against the monotonic clock.
    pub clock_drift_ms: Option<f64>,
    /// Values above the histogram's highest.
    pub clamped: u64,
}

impl Resources {
    /// Returns the processor time spent on work.
    pub fn cpu_s(&self) -> Option<f64> {
        Some((self.cpu_user_s? + self.cpu_system_s? - self.cpu_spin_s.unwrap_or(0.0)).max(0.0))
    }
}

/// An error message of tries, with an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorExample {
    /// The failure kind.
    pub kind: String,
    /// The message of the system or the peer.
    pub message: String,
    /// The number of occurrences.
    pub count: u64,
    /// The operation that failed, as `mix entry › step`; the first one if several are counted
    /// together.
    pub example: String,
    /// When a try first failed with it, in seconds from the run's epoch.
    #[serde(default)]
    pub first_s: Option<f64>,
    /// When a try last failed with it, in seconds from the run's epoch.
    #[serde(default)]
    pub last_s: Option<f64>,
    /// The URL or the address concerned at the first occurrence; null if there is none.
    #[serde(default)]
    pub url: Option<String>,
}

/// How busy a limit was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPeak {
    /// `run`, or the target or step that it limits.
    pub scope: String,
    /// The peak number in flight.
    pub peak_in_flight: u64,
    /// The peak number waiting.
    pub peak_queue: u64,
    /// The number refused.
    pub dropped: u64,
}

/// The results of one mode in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeRun {
    /// The mode.
    pub mode: Mode,
    /// The round, counted from 1.
    pub round: u32,
    /// Event loops (1 in the sequential mode, the number of threads in the threaded one).
    pub workers: u32,
    /// Virtual users, or slots of the open model.
    pub vus: u32,
    /// The time of day at the run's epoch, in milliseconds since 1970 UTC; of several machines, of the
    /// first. Null in virtual time, and in older results.
    #[serde(default)]
    pub epoch_unix_ms: Option<f64>,
    /// From the run's epoch to the last completion or the end of the drain.
    pub wall_s: f64,
    /// The planned duration, or `wall_s` for runs limited by iterations; for a load in stages, the
    /// part of it in measured stages.
    pub measured_s: f64,
    /// Why it stopped.
    pub stopped_by: StoppedBy,
    /// Counts of operations.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long the oldest unfinished operation had been running when it was given up, in
    /// milliseconds.
    #[serde(default)]
    pub oldest_unfinished_ms: Option<f64>,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Failed tries by kind, including those whose retry succeeded.
    pub try_failures: BTreeMap<String, u64>,
    /// Responses by status.
    pub status_codes: BTreeMap<String, u64>,
    /// How often each expectation of the scenario was met by the responses of final tries.
    #[serde(default)]
    pub checks: Vec<ResponseCheck>,
    /// Bytes received, at the HTTP level.
    pub bytes_in: u64,
    /// Bytes sent, at the HTTP level.
    pub bytes_out: u64,
    /// Requests sent again because the server reported that it had not processed them (HTTP/2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// What speaks HTTP/1.1 with the targets, if any of them speaks it: `hyper`, `lean`, or
    /// `hyper and lean` if they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_client: Option<String>,
    /// Messages that servers pushed over WebSockets and no step waited for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pushes: u64,
    /// Executions of whole flows.
    pub iterations: Iterations,
    /// Operations before the measured part, or in stages that are not measured.
    pub warmup: Warmup,
    /// Successful completions inside the measured window ÷ `measured_s`.
    pub throughput_rps: f64,
    /// How satisfied users are with the response times, if the scenario asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apdex: Option<Apdex>,
    /// The times of its operations.
    #[serde(flatten)]
    pub times: Times,
    /// The figures of its streams.
    #[serde(flatten)]
    pub streaming: Streaming,
    /// Figures by step.
    pub steps: Vec<Group>,
    /// Figures of groups of steps that are measured as a whole; they are not in the counts and times
    /// of the run, which their operations are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<TimedGroup>,
    /// The figures that the scenario reads from responses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<StepMeasure>,
    /// What went on beside the run; a file has it at its top.
    #[serde(skip)]
    pub watched: Vec<Watched>,
    /// The slowest operations; a result has them at its top.
    #[serde(skip)]
    pub exemplars: Vec<Exemplar>,
    /// Figures by mix entry.
    pub mixes: Vec<Group>,
    /// Figures by target.
    pub targets: Vec<Group>,
    /// Figures by the selectors of thresholds, and of loads of mix entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Figures by stage of the load, without stages that take no time or are not measured.
    #[serde(default)]
    pub stages: Vec<Group>,
    /// How busy the limits were.
    pub limits: Vec<LimitPeak>,
    /// How the names of targets were looked up during the run, where the scenario asks for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<Lookups>,
    /// The time line.
    pub series: Vec<Window>,
    /// Its costs.
    pub resources: Resources,
    /// The histograms, for any percentile and for merging.
    pub histograms: Histograms,
    /// Distinct errors, the most frequent first, at most 50.
    pub errors: Vec<ErrorExample>,
    /// Whether these figures are credible.
    pub validity: Validity,
}

/// Returns whether a count is zero and can be omitted.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
