//! What a [`Recorder`] has recorded so far.

use std::borrow::Cow;

use super::{Recorder, WarmupTally};
use crate::base::Nanos;
use crate::metrics::interval::Inflation;
use crate::metrics::{
    Batches, CheckTally, ErrorLog, FailureKind, Figures, IterationFigures, IterationPart,
    PaceTally, TagFigures, Tally, Track, Windows,
};

impl Recorder {
    /// Returns whether operations planned at this moment are measured.
    pub fn measures(&self, at: Nanos) -> bool {
        at >= self.epoch && self.stages.measures(at)
    }

    /// Returns the stage of operations planned at this moment.
    pub fn stage(&self, at: Nanos) -> Option<usize> {
        self.stages.place(at)
    }

    /// Returns whether an iteration of this mix entry planned at `intended` belongs to a part.
    pub fn is_in(&self, part: IterationPart, mix: u32, intended: Nanos) -> bool {
        part.holds(&self.stages, mix, intended)
    }

    /// Returns the size of its operations' figures in bytes.
    #[cfg(test)]
    pub fn held_by_steps(&self) -> usize {
        self.steps.iter().map(Figures::held).sum()
    }

    /// Returns the figures of each operation, by its id.
    pub fn steps(&self) -> &[Figures] {
        &self.steps
    }

    /// Returns the figures of each stage of the load; empty for stages that are not measured.
    pub fn stages(&self) -> impl Iterator<Item = Cow<'_, Figures>> {
        self.stages.figures()
    }

    /// Returns the figures of a step in a stage, by their places, if it has any of its own.
    pub fn step_in_stage(&self, stage: usize, operation: u32) -> Option<&Figures> {
        self.stages.step_figures(stage, operation)
    }

    /// Returns the number of iterations planned after the warm-up in stages that are not measured.
    pub const fn aside(&self) -> u64 {
        self.aside
    }

    /// Returns the counts of iterations.
    pub const fn iterations(&self) -> &Tally {
        &self.iterations
    }

    /// Returns how many iterations started when the pace of their user said.
    pub const fn pace(&self) -> PaceTally {
        self.pace
    }

    /// Returns the iterations of the separate parts, in the order requested.
    pub fn iteration_parts(&self) -> impl Iterator<Item = (IterationPart, &IterationFigures)> {
        self.iteration_parts
            .iter()
            .map(|(part, figures)| (*part, figures))
    }

    /// Returns the durations of iterations.
    pub const fn durations(&self) -> &Track {
        &self.durations
    }

    /// Returns how much wider intervals of durations are than those of independent ones, if known.
    pub fn duration_inflation(&self) -> Option<Inflation> {
        self.duration_batches.as_ref().map(Batches::inflation)
    }

    /// Returns the counts of operations before the epoch or in stages that are not measured.
    pub const fn warmup(&self) -> WarmupTally {
        self.warmup
    }

    /// Returns the time line.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Returns the additional time lines, in the order requested.
    pub fn probes(&self) -> impl Iterator<Item = &Windows> {
        self.probes.iter().map(|probe| &probe.windows)
    }

    /// Returns the failed tries by kind, including those whose retry succeeded.
    pub const fn try_failures(&self) -> &[u64; FailureKind::COUNT] {
        &self.try_failures
    }

    /// Returns the distinct errors.
    pub const fn errors(&self) -> &ErrorLog {
        &self.errors
    }

    /// Returns how often each check passed.
    pub const fn check_tally(&self) -> &CheckTally {
        &self.checks
    }

    /// Returns the figures of operations by the values of their tags.
    pub const fn tag_figures(&self) -> &TagFigures {
        &self.tags
    }

    /// Returns when the last operation or iteration completed.
    pub const fn last_completion(&self) -> Nanos {
        self.last_completion
    }

    /// Returns how long the oldest operation that never completed had been running when it was
    /// given up; zero if all completed.
    pub const fn oldest_unfinished(&self) -> Nanos {
        self.oldest_unfinished
    }
}
