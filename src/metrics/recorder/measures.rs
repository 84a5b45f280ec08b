//! The measures of a [`Recorder`].

use super::Recorder;
use crate::base::Nanos;
use crate::metrics::MeasureFigures;

impl Recorder {
    /// Also keeps figures for this many measures.
    #[must_use]
    pub fn measuring(self, count: usize) -> Self {
        Self {
            measures: vec![MeasureFigures::default(); count],
            ..self
        }
    }

    /// Records what was read from a response: `None` for a value that could not be. `first` is the
    /// number of the operation's first measure.
    pub fn measured(&mut self, intended: Nanos, first: u32, values: &[Option<u64>]) {
        if !self.measures(intended) {
            return;
        }
        let own = self.measures.iter_mut().skip(first as usize);
        for (figures, value) in own.zip(values) {
            figures.record(*value);
        }
    }

    /// Returns the figures of each measure, by its number.
    pub fn measure_figures(&self) -> &[MeasureFigures] {
        &self.measures
    }
}
