//! The timed groups of a [`Recorder`].

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::{Batches, GroupFigures, GroupSample};

impl Recorder {
    /// Also keeps figures for this many timed groups.
    #[must_use]
    pub fn timing_groups(self, count: usize) -> Self {
        let batches = Batches::new(self.epoch, self.windows.width());
        Self {
            groups: vec![GroupFigures::new(batches); count],
            ..self
        }
    }

    /// Records one pass through a timed group, whose operations are recorded besides.
    pub fn group(&mut self, sample: &GroupSample, window_end: Nanos) {
        for probe in &mut self.probes {
            if probe.of.groups.contains(&sample.group) {
                probe.windows.record(&sample.as_operation());
            }
        }
        if !self.measures(sample.intended) {
            return;
        }
        let window_end = self.window_end(sample.completed, window_end);
        if let Some(group) = self.groups.get_mut(sample.group as usize) {
            group.record(sample, window_end);
        }
    }

    /// Returns the figures of each timed group, by its number.
    pub fn groups(&self) -> &[GroupFigures] {
        &self.groups
    }
}
