//! The timed groups of a [`Recorder`].

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::{Batches, GroupFigures, GroupSample};

impl Recorder {
    /// Also keeps figures for timed groups, each with whether it belongs to the teardown of virtual
    /// users, which is not throughput. Their stages are those that [`Self::in_stages`] has set.
    #[must_use]
    pub fn timing_groups(mut self, teardown: Vec<bool>) -> Self {
        let batches = Batches::new(self.epoch, self.windows.width());
        self.groups = vec![GroupFigures::new(batches); teardown.len()];
        if !teardown.is_empty() {
            self.stages.timing_groups();
        }
        if teardown.contains(&true) {
            self.teardown_groups = teardown;
        }
        self
    }

    /// Records one pass through a timed group, whose operations are recorded besides.
    pub fn group(&mut self, sample: &GroupSample, window_end: Nanos) {
        self.windows.group(sample);
        for probe in &mut self.probes {
            if probe.of.groups.contains(&sample.group) {
                probe.windows.record_whole(sample);
            }
        }
        if !self.measures(sample.intended) {
            return;
        }
        let group = sample.group as usize;
        let window_end = if self.teardown_groups.get(group) == Some(&true) {
            Nanos::ZERO
        } else {
            self.window_end(sample.completed, window_end)
        };
        self.stages.group(sample, window_end);
        if let Some(group) = self.groups.get_mut(group) {
            group.record(sample, window_end);
        }
    }

    /// Returns the figures of each timed group, by its number.
    pub fn groups(&self) -> &[GroupFigures] {
        &self.groups
    }

    /// Returns the figures of a timed group in a stage of the load, if it has any.
    pub fn group_in_stage(&self, stage: usize, group: u32) -> Option<&GroupFigures> {
        self.stages.group_figures(stage, group)
    }
}
