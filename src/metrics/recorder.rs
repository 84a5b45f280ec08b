//! [`Recorder`]: folds samples into figures. Each worker thread folds into one of a few, in batches.

use std::collections::BTreeMap;

use super::{CheckTally, ErrorLog, FailureKind, IterationSample, Outcome, Sample, TagFigures, TagValue, Track, Windows};
use crate::base::Nanos;

/// Counts of operations or iterations by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Reached by the plan.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Ended well.
    pub ok: u64,
    /// Ended badly, by kind.
    pub failed: [u64; FailureKind::COUNT],
    /// Refused by a full limit.
    pub dropped: u64,
    /// Planned and never begun.
    pub skipped: u64,
    /// Begun, then ended from outside.
    pub cancelled: u64,
    /// Begun and never ended.
    pub unfinished: u64,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        self.planned += 1;
        self.started += u64::from(!matches!(outcome, Outcome::Skipped | Outcome::Dropped));
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Failed(kind) => self.failed[kind as usize] += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Unfinished => self.unfinished += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.ok += other.ok;
        self.dropped += other.dropped;
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
        self.unfinished += other.unfinished;
        for (a, b) in self.failed.iter_mut().zip(other.failed) {
            *a += b;
        }
    }

    /// Failures of all kinds.
    pub fn failures(&self) -> u64 {
        self.failed.iter().sum()
    }

    /// Ended by themselves.
    pub fn completed(&self) -> u64 {
        self.ok + self.failures()
    }
}

/// The figures of some operations: of one step, or of many added up.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Counts.
    pub tally: Tally,
    /// Good completions inside the measured window.
    pub ok_in_window: u64,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Tries after the first.
    pub retries: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// completed − intended, of good operations.
    pub response_ok: Track,
    /// completed − intended, of failed operations.
    pub response_failed: Track,
    /// completed − started.
    pub service: Track,
    /// started − intended − queue.
    pub lag: Track,
    /// Deliberate waits.
    pub queue: Track,
    /// Time to connect, of those that had to.
    pub connect: Track,
    /// started → head of the response.
    pub first_byte: Track,
}

impl Figures {
    /// Ready for an operation: what every sample has is there already; what few have is made when it comes.
    fn ready(network: bool) -> Self {
        Self {
            response_ok: Track::ready(),
            service: Track::ready(),
            lag: Track::ready(),
            first_byte: if network { Track::ready() } else { Track::default() },
            ..Self::default()
        }
    }

    /// Takes one operation.
    pub fn record(&mut self, sample: &Sample, window_end: Nanos) {
        self.tally.count(sample.outcome);
        self.bytes_in += sample.bytes_in;
        self.bytes_out += sample.bytes_out;
        self.retries += u64::from(sample.retries);
        if sample.status != 0 {
            *self.statuses.entry(sample.status).or_default() += 1;
        }
        match sample.outcome {
            Outcome::Ok => {
                self.ok_in_window += u64::from(sample.completed < window_end);
                self.response_ok.record(sample.response());
            }
            Outcome::Failed(_) => self.response_failed.record(sample.response()),
            Outcome::Dropped | Outcome::Skipped | Outcome::Cancelled | Outcome::Unfinished => return,
        }
        self.service.record(sample.service());
        self.lag.record(sample.lag());
        self.queue.record(sample.queue);
        if let Some(connect) = sample.connect {
            self.connect.record(connect);
        }
        if let Some(first_byte) = sample.first_byte {
            self.first_byte.record(first_byte);
        }
    }

    /// Adds other operations' figures.
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.ok_in_window += other.ok_in_window;
        for (status, n) in &other.statuses {
            *self.statuses.entry(*status).or_default() += n;
        }
        self.retries += other.retries;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.response_ok.add(&other.response_ok);
        self.response_failed.add(&other.response_failed);
        self.service.add(&other.service);
        self.lag.add(&other.lag);
        self.queue.add(&other.queue);
        self.connect.add(&other.connect);
        self.first_byte.add(&other.first_byte);
    }

    /// Response times of good and failed operations together.
    pub fn response(&self) -> Track {
        let mut all = self.response_ok.clone();
        all.add(&self.response_failed);
        all
    }
}

/// What ran before the epoch: counted, not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmupTally {
    /// Operations begun.
    pub started: u64,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// Folds samples into figures. Its size doesn't grow with the number of samples, and adding two recorders
/// gives what one would hold that had seen everything.
#[derive(Clone, Debug)]
pub struct Recorder {
    epoch: Nanos,
    steps: Vec<Figures>,
    iterations: Tally,
    durations: Track,
    warmup: WarmupTally,
    windows: Windows,
    errors: ErrorLog,
    try_failures: [u64; FailureKind::COUNT],
    checks: CheckTally,
    tags: TagFigures,
    last_completion: Nanos,
}

impl Recorder {
    /// For a plan of these operations, each with whether it goes over the network; instants before `epoch`
    /// are warm-up.
    pub fn new(operations: &[bool], epoch: Nanos, window: Nanos) -> Self {
        Self {
            epoch,
            steps: operations.iter().map(|network| Figures::ready(*network)).collect(),
            iterations: Tally::default(),
            durations: Track::ready(),
            warmup: WarmupTally::default(),
            windows: Windows::new(window, epoch),
            errors: ErrorLog::default(),
            try_failures: [0; FailureKind::COUNT],
            checks: CheckTally::default(),
            tags: TagFigures::default(),
            last_completion: epoch,
        }
    }

    /// Takes one operation. Good completions before `window_end` count as throughput.
    pub fn operation(&mut self, sample: &Sample, window_end: Nanos) {
        self.windows.record(sample);
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        if completed {
            self.last_completion = self.last_completion.max(sample.completed);
        }
        if sample.intended < self.epoch {
            self.warmup.started += u64::from(!matches!(sample.outcome, Outcome::Skipped | Outcome::Dropped));
            self.warmup.completed += u64::from(completed);
            self.warmup.failed += u64::from(matches!(sample.outcome, Outcome::Failed(_)));
            return;
        }
        if let Some(step) = self.steps.get_mut(sample.operation as usize) {
            step.record(sample, window_end);
        }
    }

    /// Takes the outcomes of an operation's checks, each at its place.
    pub fn checks(&mut self, operation: u32, intended: Nanos, passed: &[bool]) {
        if intended >= self.epoch {
            self.checks.note(operation, passed);
        }
    }

    /// Takes the values that split an operation's figures, one for each of its tags.
    pub fn tags(&mut self, sample: &Sample, values: Vec<TagValue>, window_end: Nanos) {
        if sample.intended >= self.epoch {
            self.tags.note(sample, values, window_end);
        }
    }

    /// Takes one iteration.
    pub fn iteration(&mut self, sample: &IterationSample) {
        if sample.outcome == Outcome::Dropped {
            self.windows.refuse(sample.intended);
        }
        if sample.intended < self.epoch {
            return;
        }
        self.iterations.count(sample.outcome);
        if matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_)) {
            self.durations.record(sample.completed - sample.intended);
        }
    }

    /// Takes a failed try, with what was said of it.
    pub fn error(&mut self, kind: FailureKind, message: &str, operation: u32) {
        self.try_failures[kind as usize] += 1;
        self.errors.note(kind, message, operation);
    }

    /// Adds what another recorder of the same run has seen.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs);
        }
        self.iterations.add(&other.iterations);
        self.durations.add(&other.durations);
        self.warmup.started += other.warmup.started;
        self.warmup.completed += other.warmup.completed;
        self.warmup.failed += other.warmup.failed;
        self.windows.add(&other.windows);
        self.errors.add(&other.errors);
        for (mine, theirs) in self.try_failures.iter_mut().zip(other.try_failures) {
            *mine += theirs;
        }
        self.checks.add(&other.checks);
        self.tags.add(&other.tags);
        self.last_completion = self.last_completion.max(other.last_completion);
    }

    /// The figures of each operation, by its id.
    pub fn steps(&self) -> &[Figures] {
        &self.steps
    }

    /// Counts of iterations.
    pub const fn iterations(&self) -> &Tally {
        &self.iterations
    }

    /// Durations of iterations.
    pub const fn durations(&self) -> &Track {
        &self.durations
    }

    /// What ran before the epoch.
    pub const fn warmup(&self) -> WarmupTally {
        self.warmup
    }

    /// The time line.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Failed tries by kind, those that a retry mended included.
    pub const fn try_failures(&self) -> &[u64; FailureKind::COUNT] {
        &self.try_failures
    }

    /// Distinct errors.
    pub const fn errors(&self) -> &ErrorLog {
        &self.errors
    }

    /// How often each check held.
    pub const fn check_tally(&self) -> &CheckTally {
        &self.checks
    }

    /// The figures of operations by the values of their tags.
    pub const fn tag_figures(&self) -> &TagFigures {
        &self.tags
    }

    /// When the last operation completed.
    pub const fn last_completion(&self) -> Nanos {
        self.last_completion
    }
}
