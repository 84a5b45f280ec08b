//! The measures of a [`Recorder`].

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::{MeasureSample, TakenBy};

impl Recorder {
    /// Records what was read from the response to an operation, which is recorded besides.
    pub fn measured(&mut self, operation: u32, intended: Nanos, samples: &[MeasureSample]) {
        self.windows.measured(intended, samples);
        for probe in &mut self.probes {
            if *probe.taken_by(operation) == TakenBy::Itself {
                probe.windows.measured(intended, samples);
            }
        }
        if !self.measures(intended) {
            return;
        }
        self.stages.measured(operation, intended, samples);
        if let Some(step) = self.steps.get_mut(operation as usize) {
            step.record_measures(samples);
        }
    }
}
