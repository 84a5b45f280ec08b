//! [`ModeRun`]: what one mode did in one round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Histograms, Validity, Window};
use crate::metrics::summary::Summary;
use crate::plan::{Mode, Selector};

/// The identities hold always: `planned = started + dropped + skipped`,
/// `started = completed + cancelled + unfinished`, `completed = ok + failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Reached by the plan.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Ended by themselves, well or not.
    pub completed: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended badly.
    pub failed: u64,
    /// Refused by a full queue or limit.
    pub dropped: u64,
    /// Planned, but what they belong to ended before they began.
    pub skipped: u64,
    /// Begun, then ended by a race's winner or a failed sibling.
    pub cancelled: u64,
    /// In flight when the drain ended.
    pub unfinished: u64,
    /// Tries after the first.
    #[serde(default)]
    pub retries: u64,
}

impl Counts {
    /// Whether the three identities hold.
    pub const fn hold(&self) -> bool {
        self.planned == self.started + self.dropped + self.skipped
            && self.started == self.completed + self.cancelled + self.unfinished
            && self.completed == self.ok + self.failed
    }

    /// Adds another part's counts.
    pub const fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.completed += other.completed;
        self.ok += other.ok;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.unfinished += other.unfinished;
        self.retries += other.retries;
    }
}

/// Why a run took no new work any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoppedBy {
    /// Its duration was over.
    Duration,
    /// Its iterations were done.
    Iterations,
    /// A signal.
    Interrupt,
    /// A feed had no more rows.
    Data,
    /// A condition of `stop_when` held.
    Condition,
    /// A threshold that aborts was crossed.
    Threshold,
    /// A part of loadgen panicked: a defect of its own.
    Panic,
}

/// How long operations took, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// completed − intended.
    pub response_ms: Option<Summary>,
    /// The same, of good operations only.
    pub response_ok_ms: Option<Summary>,
    /// completed − started.
    pub service_ms: Option<Summary>,
    /// started − intended − queue: the generator's own lateness.
    pub lag_ms: Option<Summary>,
    /// Deliberate waiting before the start.
    pub queue_ms: Option<Summary>,
    /// Time to connect, of operations that opened a connection.
    pub connect_ms: Option<Summary>,
    /// Time of TLS handshakes, of operations that made one.
    pub tls_ms: Option<Summary>,
    /// Connection ready → request sent.
    #[serde(default)]
    pub send_ms: Option<Summary>,
    /// started → first byte of the response.
    pub first_byte_ms: Option<Summary>,
    /// Head of the response → the end of its body.
    #[serde(default)]
    pub body_ms: Option<Summary>,
}

/// Figures of a step, a mix entry, a target or a stage: a part of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Name of the step, mix entry, target or stage.
    pub name: String,
    /// Of a step: the mix entry that it is in.
    #[serde(default)]
    pub mix: Option<String>,
    /// Of a step: its figures by the values of its tags, each called `tag=value`. An operation that
    /// ended without a response is in none of them; a response without the value is in `tag=none`,
    /// and what comes after the first hundred values in `tag=other`.
    #[serde(default)]
    pub tags: Vec<Group>,
    /// Counts of operations.
    #[serde(flatten)]
    pub counts: Counts,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Good completions a second.
    pub throughput_rps: f64,
    /// How long its operations took.
    #[serde(flatten)]
    pub times: Times,
    /// Bytes received, as HTTP sees them.
    pub bytes_in: u64,
    /// Bytes sent, as HTTP sees them.
    pub bytes_out: u64,
    /// Requests sent again because the server had said that it did not process them (HTTP/2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Messages that a server has pushed and no step waited for: of the step that opened the
    /// WebSocket.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pushes: u64,
    /// How often the expectations of its responses held, where the scenario has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<ChecksHeld>,
    /// Its iterations, where a threshold asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<Iterations>,
    /// Histograms of the times that a threshold asks a percentile of, by the name of the time, in
    /// the form of [`Histograms`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histograms: BTreeMap<String, String>,
}

/// Figures that only a threshold asks for: of the operations that its selector takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Which operations.
    pub selector: Selector,
    /// Their figures.
    pub figures: Group,
    /// Their time line, where a threshold asks for windows of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Window>,
}

/// How often the expectations of some responses held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksHeld {
    /// Held.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
}

/// How often an expectation of responses held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseCheck {
    /// What is expected, as `status 2xx` or `json $.items min_len 1`.
    pub name: String,
    /// The step whose responses are meant.
    pub step: String,
    /// Responses that were so.
    pub passed: u64,
    /// Responses that were not.
    pub failed: u64,
}

/// Iterations: passes of whole flows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Iterations {
    /// Counts of iterations.
    #[serde(flatten)]
    pub counts: Counts,
    /// intended → the end of the flow, of completed iterations.
    pub duration_ms: Option<Summary>,
}

/// What ran before the measured part, or in stages that are not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warmup {
    /// Operations begun.
    pub started: u64,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// What the run cost the machine: the process of this mode, without the target, and without
/// loadgen's one observer thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Processor time in user mode, within `wall_s`.
    pub cpu_user_s: Option<f64>,
    /// Processor time in the kernel, within `wall_s`.
    pub cpu_system_s: Option<f64>,
    /// How much of that went into turning until planned starts, in order to be exact: waiting, not
    /// work.
    #[serde(default)]
    pub cpu_spin_s: Option<f64>,
    /// Time that its threads waited for a processor that was busy with something else; not known of
    /// many threads.
    #[serde(default)]
    pub cpu_wait_s: Option<f64>,
    /// Largest resident memory.
    pub peak_rss_bytes: Option<u64>,
    /// Most threads at once, without loadgen's one observer thread.
    pub threads_peak: Option<u64>,
    /// Context switches because a thread waited.
    pub ctx_voluntary: Option<u64>,
    /// Context switches because the system took the processor away.
    pub ctx_involuntary: Option<u64>,
    /// Time throttled by a control group's quota.
    pub throttled_s: Option<f64>,
    /// Time that the hypervisor gave to others, as a share is not known of one process: of the
    /// whole machine.
    pub steal_s: Option<f64>,
    /// Longest time that a probe of 1 ms overslept.
    pub hiccup_max_ms: Option<f64>,
    /// Wall clock against monotonic clock.
    pub clock_drift_ms: Option<f64>,
    /// Values that were longer than the histogram's highest.
    pub clamped: u64,
}

impl Resources {
    /// Processor time that went into work.
    pub fn cpu_s(&self) -> Option<f64> {
        Some((self.cpu_user_s? + self.cpu_system_s? - self.cpu_spin_s.unwrap_or(0.0)).max(0.0))
    }
}

/// What tries of an operation were told, with one example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorExample {
    /// The failure kind.
    pub kind: String,
    /// What the system or the peer said.
    pub message: String,
    /// How often.
    pub count: u64,
    /// The operation that saw it, as `mix entry › step`; of what is counted together the first.
    pub example: String,
    /// When a try first failed with it, in seconds from the run's epoch.
    #[serde(default)]
    pub first_s: Option<f64>,
    /// When a try last failed with it, in seconds from the run's epoch.
    #[serde(default)]
    pub last_s: Option<f64>,
    /// The URL or the address that the first try was about; null where it was about none.
    #[serde(default)]
    pub url: Option<String>,
}

/// How busy a limit was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPeak {
    /// `run`, or the target or step that it limits.
    pub scope: String,
    /// Most in flight at once.
    pub peak_in_flight: u64,
    /// Most waiting at once.
    pub peak_queue: u64,
    /// Refused.
    pub dropped: u64,
}

/// What one mode did in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeRun {
    /// The mode.
    pub mode: Mode,
    /// Counted from 1.
    pub round: u32,
    /// Event loops (1 in the sequential mode, the threads of the threaded one).
    pub workers: u32,
    /// Virtual users, or slots of the open model.
    pub vus: u32,
    /// From the run's epoch to the last completion or the end of the drain.
    pub wall_s: f64,
    /// The planned duration, or `wall_s` for runs bound by iterations; of a load in stages, what of
    /// it lies in stages that are measured.
    pub measured_s: f64,
    /// Why it ended.
    pub stopped_by: StoppedBy,
    /// Counts of operations.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long the oldest unfinished operation had been under way when it was given up, in
    /// milliseconds.
    #[serde(default)]
    pub oldest_unfinished_ms: Option<f64>,
    /// Failed operations by kind.
    pub failures: BTreeMap<String, u64>,
    /// Failed tries by kind, those that a retry mended included.
    pub try_failures: BTreeMap<String, u64>,
    /// Responses by status.
    pub status_codes: BTreeMap<String, u64>,
    /// How often each expectation that the scenario has written held, of the responses of final
    /// tries.
    #[serde(default)]
    pub checks: Vec<ResponseCheck>,
    /// Bytes received, as HTTP sees them.
    pub bytes_in: u64,
    /// Bytes sent, as HTTP sees them.
    pub bytes_out: u64,
    /// Requests sent again because the server had said that it did not process them (HTTP/2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Messages that servers have pushed over WebSockets, and that no step waited for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pushes: u64,
    /// Passes of whole flows.
    pub iterations: Iterations,
    /// What ran before the measured part, or in stages that are not measured.
    pub warmup: Warmup,
    /// Good completions inside the measured window ÷ `measured_s`.
    pub throughput_rps: f64,
    /// How long its operations took.
    #[serde(flatten)]
    pub times: Times,
    /// By step.
    pub steps: Vec<Group>,
    /// By mix entry.
    pub mixes: Vec<Group>,
    /// By target.
    pub targets: Vec<Group>,
    /// By the selectors of thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// By stage of the load, those that take no time or are not measured left out.
    #[serde(default)]
    pub stages: Vec<Group>,
    /// How busy the limits were.
    pub limits: Vec<LimitPeak>,
    /// The time line.
    pub series: Vec<Window>,
    /// What it cost the machine.
    pub resources: Resources,
    /// For any percentile, and for merging.
    pub histograms: Histograms,
    /// Distinct errors, most frequent first, at most 50.
    pub errors: Vec<ErrorExample>,
    /// Whether these figures can be believed.
    pub validity: Validity,
}

/// What is not there is not written.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
