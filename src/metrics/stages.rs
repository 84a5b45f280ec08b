//! [`Stages`]: figures by stage of the load, and which stages are measured at all.

use super::{Figures, Held, Outcome, Sample};
use crate::base::Nanos;

/// Stages whose histograms stay open for recording; older ones are packed until something late
/// arrives.
const OPEN: usize = 2;

/// A stage of the load, as far as figures go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where it ends, and the next one begins.
    pub end: Nanos,
    /// Whether what is planned in it is measured.
    pub measured: bool,
}

/// Figures by stage. What is planned past the end of the last stage belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    stretches: Vec<Stretch>,
    figures: Vec<Figures>,
    /// The latest stage seen: stages well before it are packed.
    newest: usize,
}

impl Stages {
    /// For these stages, each of some length; none where the load is always the same.
    pub fn new(stretches: Vec<Stretch>) -> Self {
        Self {
            figures: stretches.iter().map(|_| Figures::default()).collect(),
            stretches,
            newest: 0,
        }
    }

    /// The stage in which something is planned at this moment.
    pub fn place(&self, at: Nanos) -> Option<usize> {
        let place = self.stretches.partition_point(|stretch| stretch.end <= at);
        Some(place.min(self.stretches.len().checked_sub(1)?))
    }

    /// Whether what is planned at this moment is measured.
    pub fn measures(&self, at: Nanos) -> bool {
        self.place(at)
            .is_none_or(|place| self.stretches[place].measured)
    }

    /// Takes an operation that is measured. A good completion before `window_end` counts as
    /// throughput of the stage that it falls in.
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

    /// Takes how the checks of an operation went that was planned at this moment.
    pub fn checks(&mut self, intended: Nanos, held: Held) {
        if let Some(place) = self.place(intended) {
            self.figures[place].held.add(held);
        }
    }

    /// Packs what is well before this stage, where it is the latest yet.
    fn move_on(&mut self, place: usize) {
        if place > self.newest {
            self.newest = place;
            self.figures
                .iter_mut()
                .take((place + 1).saturating_sub(OPEN))
                .for_each(Figures::pack);
        }
    }

    /// Adds what another recorder of the same run has seen.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.figures.iter_mut().zip(&other.figures) {
            mine.add(theirs);
        }
        self.move_on(other.newest);
    }

    /// Forgets what they hold, and keeps the room of those to which more may come.
    pub(super) fn clear(&mut self) {
        for (place, figures) in self.figures.iter_mut().enumerate() {
            if place + OPEN > self.newest {
                figures.clear();
            } else {
                *figures = Figures::default();
            }
        }
    }

    /// The figures of each stage.
    pub fn figures(&self) -> &[Figures] {
        &self.figures
    }
}
