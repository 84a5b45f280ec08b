//! What a [`Recorder`] has folded so far.

use super::{Recorder, WarmupTally};
use crate::base::Nanos;
use crate::metrics::interval::Inflation;
use crate::metrics::{
    Batches, CheckTally, ErrorLog, FailureKind, Figures, IterationFigures, IterationPart,
    TagFigures, Tally, Track, Windows,
};

impl Recorder {
    /// Bytes that the figures of its operations take.
    #[cfg(test)]
    pub fn held_by_steps(&self) -> usize {
        self.steps.iter().map(Figures::held).sum()
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

    /// The iterations of the parts that are kept apart, in the order asked for.
    pub fn iteration_parts(&self) -> impl Iterator<Item = (IterationPart, &IterationFigures)> {
        self.iteration_parts
            .iter()
            .map(|(part, figures)| (*part, figures))
    }

    /// Durations of iterations.
    pub const fn durations(&self) -> &Track {
        &self.durations
    }

    /// How much wider intervals of durations are than those of independent ones, where that was
    /// looked at.
    pub fn duration_inflation(&self) -> Option<Inflation> {
        self.duration_batches.as_ref().map(Batches::inflation)
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

    /// When the last operation or iteration completed.
    pub const fn last_completion(&self) -> Nanos {
        self.last_completion
    }

    /// How long the oldest operation that never ended had been under way when it was given up; zero
    /// where all ended.
    pub const fn oldest_unfinished(&self) -> Nanos {
        self.oldest_unfinished
    }
}
