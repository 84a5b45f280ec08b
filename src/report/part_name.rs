//! [`PartName`]: a step or a timed group of some runs, by name.

use super::view;
use crate::result::{Group, GroupWindow, ModeRun, StepWindow, TimedGroup, Window};

/// A step or a timed group of some runs, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartName<'r> {
    /// Its mix entry.
    pub mix: &'r str,
    /// Its own name.
    pub name: &'r str,
    /// Whether the runs have several mix entries, so that readers need to know which it is.
    several_mixes: bool,
}

impl<'r> PartName<'r> {
    /// Returns the steps of some runs, each once, in the order of the scenario.
    pub(crate) fn of_steps(runs: impl IntoIterator<Item = &'r ModeRun>) -> Vec<Self> {
        Self::of_runs(runs, |run| run.steps.iter().map(of_step))
    }

    /// Returns the timed groups of some runs, each once, in the order of the scenario.
    pub(crate) fn of_groups(runs: impl IntoIterator<Item = &'r ModeRun>) -> Vec<Self> {
        Self::of_runs(runs, |run| {
            run.groups.iter().map(|own| (&*own.mix, &*own.name))
        })
    }

    /// `parts` returns the mix entry and the name of each part of a run.
    fn of_runs<P: Iterator<Item = (&'r str, &'r str)>>(
        runs: impl IntoIterator<Item = &'r ModeRun>,
        parts: impl Fn(&'r ModeRun) -> P,
    ) -> Vec<Self> {
        let runs: Vec<&ModeRun> = runs.into_iter().collect();
        let several_mixes = runs.iter().any(|run| run.mixes.len() > 1);
        let mut all: Vec<Self> = Vec::new();
        for (mix, name) in runs.into_iter().flat_map(parts) {
            let one = Self {
                mix,
                name,
                several_mixes,
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Returns its name for readers.
    pub(crate) fn label(self) -> String {
        match self.several_mixes {
            true => format!("{} / {}", view::plain(self.mix), view::plain(self.name)),
            false => view::plain(self.name),
        }
    }

    /// Returns whether it is the part with this name of this mix entry.
    pub(crate) fn is(self, (mix, name): (&str, &str)) -> bool {
        (self.mix, self.name) == (mix, name)
    }

    /// Returns the figures of the step in a run.
    pub(crate) fn step_of(self, run: &ModeRun) -> Option<&Group> {
        run.steps.iter().find(|own| self.is(of_step(own)))
    }

    /// Returns the operations of the step in an interval of the time line.
    pub(crate) fn step_in(self, window: &Window) -> Option<&StepWindow> {
        let mut steps = window.steps.iter();
        steps.find(|own| self.is((&own.mix, &own.name)))
    }

    /// Returns the figures of the group in a run.
    pub(crate) fn group_of(self, run: &ModeRun) -> Option<&TimedGroup> {
        let mut groups = run.groups.iter();
        groups.find(|own| self.is((&own.mix, &own.name)))
    }

    /// Returns the passes of the group in an interval of the time line.
    pub(crate) fn group_in(self, window: &Window) -> Option<&GroupWindow> {
        let mut groups = window.groups.iter();
        groups.find(|own| self.is((&own.mix, &own.name)))
    }
}

/// Returns the mix entry and the name of a step.
fn of_step(step: &Group) -> (&str, &str) {
    (step.mix.as_deref().unwrap_or_default(), &step.name)
}
