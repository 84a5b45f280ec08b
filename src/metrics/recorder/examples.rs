//! The failures of a [`Recorder`], and its examples.

use super::Recorder;
use crate::metrics::{Example, Examples, FailedTry};

impl Recorder {
    /// Records a failed try of an operation.
    pub fn error(&mut self, failed: FailedTry) {
        if self.measures(failed.intended) {
            self.try_failures[failed.kind as usize] += 1;
            self.errors.note(failed);
        }
    }

    /// Offers a completed operation, which is recorded besides, as an example of its step and of its
    /// window.
    pub fn example(&mut self, example: &Example) {
        if self.measures(example.intended) {
            self.windows.example(example);
            let own = self.examples.entry(example.operation).or_default();
            own.offer(example);
        }
    }

    /// Returns the slowest operations of each window and of each step, by when they were planned;
    /// one that is the slowest in several respects comes once.
    pub fn examples(&self) -> Vec<&Example> {
        let mut all: Vec<&Example> = self.all_examples().collect();
        all.sort_by_key(|own| (own.intended, own.operation, own.response, own.trace));
        all.dedup();
        all
    }

    pub(super) fn add_examples(&mut self, other: &Self) {
        for (operation, theirs) in &other.examples {
            self.examples.entry(*operation).or_default().add(theirs);
        }
    }

    pub(super) fn all_examples(&self) -> impl Iterator<Item = &Example> {
        let windows = self.windows.iter();
        let of_windows = windows.filter_map(|(_, window)| window.examples.as_deref());
        let all = of_windows.chain(self.examples.values());
        all.flat_map(Examples::iter)
    }
}
