//! [`Stages`]: figures by stage of the load, and which stages are measured.

use serde::{Deserialize, Serialize};

use super::{Figures, Held, MeasureSample, Outcome, Sample, StreamSample, exact};
use crate::base::Nanos;

/// The number of stages whose histograms stay open for recording; older ones are packed until a
/// late sample arrives.
const OPEN: usize = 2;

/// A stage of the load, as far as figures need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it ends and the next one begins.
    #[serde(with = "exact::ns")]
    pub end: Nanos,
    /// Whether operations planned in it are measured.
    pub measured: bool,
}

/// Figures by stage. Operations planned after the end of the last stage belong to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stages {
    stretches: Vec<Stretch>,
    figures: Vec<Figures>,
    /// The latest stage seen: stages well before it are packed.
    #[serde(skip)]
    newest: usize,
}

impl Stages {
    /// Creates figures for these stages; empty for a constant load.
    pub fn new(stretches: Vec<Stretch>) -> Self {
        Self {
            figures: stretches.iter().map(|_| Figures::default()).collect(),
            stretches,
            newest: 0,
        }
    }

    /// Returns the stage of operations planned at this moment.
    pub fn place(&self, at: Nanos) -> Option<usize> {
        let place = self.stretches.partition_point(|stretch| stretch.end <= at);
        Some(place.min(self.stretches.len().checked_sub(1)?))
    }

    /// Returns whether operations planned at this moment are measured.
    pub fn measures(&self, at: Nanos) -> bool {
        self.place(at)
            .is_none_or(|place| self.stretches[place].measured)
    }

    /// Records a measured operation. A successful completion before `window_end` counts as
    /// throughput of the stage in which it falls.
    pub fn record(&mut self, sample: &Sample, window_end: Nanos) {
        let Some(place) = self.place(sample.intended) else {
            return;
        };
        self.move_on(place);
        self.figures[place].record(sample, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            self.figures[place].ok_in_window += 1;
        }
    }

    /// Records the stream of a measured operation. The units of a successful completion before
    /// `window_end` count as throughput of the stage in which it falls.
    pub fn stream(&mut self, sample: &Sample, stream: &StreamSample, window_end: Nanos) {
        let Some(place) = self.place(sample.intended) else {
            return;
        };
        self.move_on(place);
        self.figures[place].record_stream(sample, stream, Nanos::ZERO);
        if sample.outcome == Outcome::Ok
            && sample.completed < window_end
            && let Some(place) = self.place(sample.completed)
        {
            let streams = self.figures[place].streams.get_or_insert_default();
            streams.units_in_window += stream.units.unwrap_or(0);
        }
    }

    /// Records what was read from the response to a measured operation planned at `intended`.
    pub fn measured(&mut self, intended: Nanos, samples: &[MeasureSample]) {
        if let Some(place) = self.place(intended) {
            self.move_on(place);
            self.figures[place].record_measures(samples);
        }
    }

    /// Records the outcomes of the checks of an operation planned at `intended`.
    pub fn checks(&mut self, intended: Nanos, held: Held) {
        if let Some(place) = self.place(intended) {
            self.figures[place].held.add(held);
        }
    }

    /// Packs the stages well before this one if it is the latest so far.
    fn move_on(&mut self, place: usize) {
        if place > self.newest {
            self.newest = place;
            self.figures
                .iter_mut()
                .take((place + 1).saturating_sub(OPEN))
                .for_each(Figures::pack);
        }
    }

    /// Adds the samples of another recorder of the same run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.figures.iter_mut().zip(&other.figures) {
            mine.add(theirs);
        }
        self.move_on(other.newest);
    }

    /// Returns whether these are the stages of the same load.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.stretches == other.stretches && self.figures.len() == other.stretches.len()
    }

    /// Clears the figures and keeps the capacity of stages that may receive more.
    pub(super) fn clear(&mut self) {
        for (place, figures) in self.figures.iter_mut().enumerate() {
            if place + OPEN > self.newest {
                figures.clear();
            } else {
                *figures = Figures::default();
            }
        }
    }

    /// Returns the figures of each stage.
    pub fn figures(&self) -> &[Figures] {
        &self.figures
    }
}
