//! Whether a [`Recorder`] that was read from a file can be one of a plan.

use super::Recorder;
use crate::metrics::{Batches, Figures, GroupFigures};

impl Recorder {
    /// Checks that it is like `empty`, an empty recorder of the plan, so that the two can be added,
    /// and that its figures agree with each other.
    ///
    /// # Errors
    /// A description of what does not fit.
    pub fn fits(&self, empty: &Self) -> Result<(), &'static str> {
        let is_like = self.epoch == empty.epoch
            && self.steps.len() == empty.steps.len()
            && self.teardown == empty.teardown
            && self.groups.len() == empty.groups.len()
            && self.teardown_groups == empty.teardown_groups
            && self.stages.is_like(&empty.stages)
            && self.probes.len() == empty.probes.len()
            && self.iteration_parts.len() == empty.iteration_parts.len()
            && self.tags.is_like(&empty.tags);
        if !is_like {
            return Err("it has other operations, stages or thresholds than its plan");
        }
        let parts = self.iteration_parts.iter().zip(&empty.iteration_parts);
        let probes = self.probes.iter().zip(&empty.probes);
        if parts.clone().any(|((own, _), (wanted, _))| own != wanted)
            || probes.clone().any(|(own, wanted)| own.of != wanted.of)
        {
            return Err("it has other thresholds than its plan");
        }
        let lines = probes
            .map(|(own, wanted)| (&own.windows, &wanted.windows))
            .chain([(&self.windows, &empty.windows)]);
        if !lines
            .into_iter()
            .all(|(own, wanted)| own.fit(wanted) && own.is_consistent())
        {
            return Err("its time line is damaged");
        }
        let groups = self.groups.iter().zip(&empty.groups);
        let groups = groups.map(|(own, wanted)| (&own.figures, &wanted.figures));
        let batches = self
            .steps
            .iter()
            .zip(&empty.steps)
            .chain(groups)
            .map(|(own, wanted)| (own.batches(), wanted.batches()))
            .chain([(
                self.duration_batches.as_ref(),
                empty.duration_batches.as_ref(),
            )]);
        let fit = |(own, wanted): (Option<&Batches>, Option<&Batches>)| match (own, wanted) {
            (Some(own), Some(wanted)) => own.fits(wanted),
            (own, wanted) => own.is_none() && wanted.is_none(),
        };
        if !batches.into_iter().all(fit) {
            return Err("its batches are damaged");
        }
        let steps = self.steps.len();
        if self
            .all_examples()
            .any(|own| own.operation as usize >= steps)
        {
            return Err("it has examples of other operations than its plan");
        }
        let tracks = parts
            .map(|((_, own), _)| &own.durations)
            .chain([&self.durations, &self.reading])
            .all(super::Track::is_consistent);
        if !(tracks
            && self.groups.iter().all(GroupFigures::is_consistent)
            && self.stages.is_consistent()
            && self
                .steps
                .iter()
                .chain(self.tags.figures_of_all())
                .all(Figures::is_consistent))
        {
            return Err("a histogram does not agree with its count and its sum");
        }
        Ok(())
    }
}
