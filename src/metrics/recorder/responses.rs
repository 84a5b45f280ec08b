//! What a [`Recorder`] keeps of the responses to operations.

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::{Held, MeasureSample, Sample, StreamSample, TagSample, TakenBy};

impl Recorder {
    /// Records the outcomes of an operation's checks, in their order.
    pub fn checks(&mut self, operation: u32, intended: Nanos, passed: &[bool]) {
        if self.measures(intended) {
            self.checks.note(operation, passed);
            let held = Held::from_outcomes(passed);
            self.stages.checks(operation, intended, held);
            if let Some(step) = self.steps.get_mut(operation as usize) {
                step.held.add(held);
            }
        }
    }

    /// Records the values that split an operation's figures, one for each of its tags, with the
    /// outcomes of its checks, its stream if it has one, and its measures.
    pub fn tags(
        &mut self,
        sample: &Sample,
        values: Vec<TagSample>,
        held: Held,
        stream: Option<&StreamSample>,
        measured: &[MeasureSample],
        window_end: Nanos,
    ) {
        for probe in &mut self.probes {
            if let TakenBy::Tag(place, wanted) = probe.taken_by(sample.operation)
                && values
                    .iter()
                    .any(|sample| sample.tag == *place && sample.value.name() == wanted)
            {
                probe.windows.record(sample);
                if let Some(stream) = stream {
                    probe.windows.stream(sample, stream);
                }
                if !measured.is_empty() {
                    probe.windows.measured(sample.intended, measured);
                }
            }
        }
        if self.measures(sample.intended) {
            self.tags.note(
                sample,
                values,
                held,
                stream,
                measured,
                self.window_end(sample.completed, window_end),
            );
        }
    }
}
