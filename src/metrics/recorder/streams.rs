//! The streams of a [`Recorder`].

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::{Sample, StreamSample, TakenBy, Track};

impl Recorder {
    /// Records the stream of an operation, which is recorded besides.
    pub fn stream(&mut self, sample: &Sample, stream: &StreamSample, window_end: Nanos) {
        self.windows.stream(sample, stream);
        for probe in &mut self.probes {
            if *probe.taken_by(sample.operation) == TakenBy::Itself {
                probe.windows.stream(sample, stream);
            }
        }
        if !self.measures(sample.intended) {
            return;
        }
        let window_end = self.window_end(sample.completed, window_end);
        self.stages.stream(sample, stream, window_end);
        if let Some(step) = self.steps.get_mut(sample.operation as usize) {
            step.record_stream(sample, stream, window_end);
        }
    }

    /// Records how late a worker woke up at this moment while streams were open.
    pub fn reading(&mut self, at: Nanos, late: Nanos) {
        if self.measures(at) {
            self.reading.record(late);
        }
    }

    /// Returns how late workers woke up while streams were open.
    pub const fn reading_lag(&self) -> &Track {
        &self.reading
    }
}
