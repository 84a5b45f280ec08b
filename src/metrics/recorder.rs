//! [`Recorder`]: folds samples into figures. Each worker thread folds into one of a few, in batches.

use super::{
    CheckTally, ErrorLog, FailedTry, FailureKind, Figures, IterationSample, Outcome, Sample, Stages, Stretch, TagFigures, TagValue, Tally,
    Track, Windows,
};
use crate::base::Nanos;

/// The histograms of up to so many operations, two megabytes each, have their memory from the start, so that a run's memory
/// does not grow with its length. Those of more would be much for what may never be needed.
const FEW: usize = 8;

/// What ran before the epoch, or in a stage that is not measured: counted, not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmupTally {
    /// Operations begun.
    pub started: u64,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// The time line of some of the operations.
#[derive(Clone, Debug)]
struct Probe {
    /// By operation, whether it is one of them.
    takes: Vec<bool>,
    windows: Windows,
}

/// Folds samples into figures. Its size doesn't grow with the number of samples, and adding two recorders
/// gives what one would hold that had seen everything.
#[derive(Clone, Debug)]
pub struct Recorder {
    epoch: Nanos,
    steps: Vec<Figures>,
    stages: Stages,
    iterations: Tally,
    /// Iterations of stages that are not measured.
    aside: u64,
    durations: Track,
    warmup: WarmupTally,
    windows: Windows,
    probes: Vec<Probe>,
    errors: ErrorLog,
    try_failures: [u64; FailureKind::COUNT],
    checks: CheckTally,
    tags: TagFigures,
    last_completion: Nanos,
    /// How long the oldest operation that never ended had been under way.
    oldest_unfinished: Nanos,
}

impl Recorder {
    /// For a plan of these operations, each with whether it goes over the network; instants before `epoch`
    /// are warm-up.
    pub fn new(operations: &[bool], epoch: Nanos, window: Nanos) -> Self {
        Self {
            epoch,
            steps: operations.iter().map(|network| Figures::ready(*network, operations.len() <= FEW)).collect(),
            stages: Stages::default(),
            iterations: Tally::default(),
            aside: 0,
            durations: Track::ready(true),
            warmup: WarmupTally::default(),
            windows: Windows::new(window, epoch),
            probes: Vec::new(),
            errors: ErrorLog::default(),
            try_failures: [0; FailureKind::COUNT],
            checks: CheckTally::default(),
            tags: TagFigures::default(),
            last_completion: epoch,
            oldest_unfinished: Nanos::ZERO,
        }
    }

    /// Keeps a time line for some of the operations too, for each of these lists of whether an operation is one of them.
    #[must_use]
    pub fn probing(mut self, probes: impl IntoIterator<Item = Vec<bool>>) -> Self {
        let windows = self.windows.clone();
        self.probes = probes.into_iter().map(|takes| Probe { takes, windows: windows.clone() }).collect();
        self
    }

    /// The same for a load in these stages.
    #[must_use]
    pub fn in_stages(self, stretches: Vec<Stretch>) -> Self {
        Self { stages: Stages::new(stretches), ..self }
    }

    /// Takes one operation. Good completions before `window_end` count as throughput.
    pub fn operation(&mut self, sample: &Sample, window_end: Nanos) {
        self.windows.record(sample);
        for probe in &mut self.probes {
            if probe.takes.get(sample.operation as usize) == Some(&true) {
                probe.windows.record(sample);
            }
        }
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        if completed {
            self.last_completion = self.last_completion.max(sample.completed);
        }
        if sample.outcome == Outcome::Unfinished {
            self.oldest_unfinished = self.oldest_unfinished.max(sample.completed - sample.started);
        }
        if !self.measures(sample.intended) {
            self.warmup.started += u64::from(!matches!(sample.outcome, Outcome::Skipped | Outcome::Dropped));
            self.warmup.completed += u64::from(completed);
            self.warmup.failed += u64::from(matches!(sample.outcome, Outcome::Failed(_)));
            return;
        }
        let window_end = self.window_end(sample, window_end);
        self.stages.record(sample, window_end);
        if let Some(step) = self.steps.get_mut(sample.operation as usize) {
            step.record(sample, window_end);
        }
    }

    /// Where throughput ends for this operation: what completes where nothing is measured is none.
    fn window_end(&self, sample: &Sample, window_end: Nanos) -> Nanos {
        if self.stages.measures(sample.completed) { window_end } else { Nanos::ZERO }
    }

    /// Whether what is planned at this moment is measured.
    pub fn measures(&self, at: Nanos) -> bool {
        at >= self.epoch && self.stages.measures(at)
    }

    /// Takes the outcomes of an operation's checks, each at its place.
    pub fn checks(&mut self, operation: u32, intended: Nanos, passed: &[bool]) {
        if self.measures(intended) {
            self.checks.note(operation, passed);
        }
    }

    /// Takes the values that split an operation's figures, one for each of its tags.
    pub fn tags(&mut self, sample: &Sample, values: Vec<TagValue>, window_end: Nanos) {
        if self.measures(sample.intended) {
            self.tags.note(sample, values, self.window_end(sample, window_end));
        }
    }

    /// Takes messages that a server has pushed at this moment over what an operation has opened.
    pub fn pushes(&mut self, operation: u32, at: Nanos, count: u64) {
        if self.measures(at)
            && let Some(step) = self.steps.get_mut(operation as usize)
        {
            step.pushes += count;
        }
    }

    /// Takes one iteration.
    pub fn iteration(&mut self, sample: &IterationSample) {
        if sample.outcome == Outcome::Dropped {
            self.windows.refuse(sample.intended);
        }
        if !self.measures(sample.intended) {
            self.aside += u64::from(sample.intended >= self.epoch);
            return;
        }
        self.iterations.count(sample.outcome);
        if matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_)) {
            self.durations.record(sample.completed - sample.intended);
        }
    }

    /// Takes a failed try of an operation.
    pub fn error(&mut self, failed: FailedTry) {
        if self.measures(failed.intended) {
            self.try_failures[failed.kind as usize] += 1;
            self.errors.note(failed);
        }
    }

    /// Adds what another recorder of the same run has seen.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs);
        }
        self.stages.add(&other.stages);
        self.iterations.add(&other.iterations);
        self.aside += other.aside;
        self.durations.add(&other.durations);
        self.warmup.started += other.warmup.started;
        self.warmup.completed += other.warmup.completed;
        self.warmup.failed += other.warmup.failed;
        self.windows.add(&other.windows);
        for (mine, theirs) in self.probes.iter_mut().zip(&other.probes) {
            mine.windows.add(&theirs.windows);
        }
        self.errors.add(&other.errors);
        for (mine, theirs) in self.try_failures.iter_mut().zip(other.try_failures) {
            *mine += theirs;
        }
        self.checks.add(&other.checks);
        self.tags.add(&other.tags);
        self.last_completion = self.last_completion.max(other.last_completion);
        self.oldest_unfinished = self.oldest_unfinished.max(other.oldest_unfinished);
    }

    /// The figures of each operation, by its id.
    pub fn steps(&self) -> &[Figures] {
        &self.steps
    }

    /// The figures of each stage of the load; those that are not measured have none.
    pub fn stages(&self) -> &[Figures] {
        self.stages.figures()
    }

    /// Iterations planned after the warm-up in stages that are not measured.
    pub const fn aside(&self) -> u64 {
        self.aside
    }

    /// Counts of iterations.
    pub const fn iterations(&self) -> &Tally {
        &self.iterations
    }

    /// Durations of iterations.
    pub const fn durations(&self) -> &Track {
        &self.durations
    }

    /// What ran before the epoch, or in a stage that is not measured.
    pub const fn warmup(&self) -> WarmupTally {
        self.warmup
    }

    /// The time line.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The time lines of some of the operations, in the order asked for.
    pub fn probes(&self) -> impl Iterator<Item = &Windows> {
        self.probes.iter().map(|probe| &probe.windows)
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

    /// How long the oldest operation that never ended had been under way when it was given up; zero where all ended.
    pub const fn oldest_unfinished(&self) -> Nanos {
        self.oldest_unfinished
    }
}
