//! [`Dependence`]: how far operations in a row depend on each other, for the intervals of their times.
//!
//! Every part of a run has its own: the steps of several from their batches, stages from the
//! windows that lie in them, and what is known of no part is derived from that of the operations
//! which it is taken from.

use std::ops::Range;

use crate::base::Nanos;
use crate::metrics::interval::Inflation;
use crate::metrics::{Figures, Recorder, Summary, Track};

/// How much operations in a row depend on each other.
#[derive(Clone)]
pub struct Dependence {
    /// Nobody looks at intervals of figures that are still growing: there it is not known.
    inflation: Option<Inflation>,
    /// Response times that say so.
    count: u64,
}

impl Dependence {
    /// Of all operations of a run that is over.
    pub fn of_run(recorder: &Recorder, epoch: Nanos) -> Self {
        Self {
            inflation: Some(inflation(recorder, epoch, epoch, Nanos::MAX)),
            count: responses(recorder),
        }
    }

    /// Of a run that goes on.
    pub const fn unknown() -> Self {
        Self {
            inflation: None,
            count: 0,
        }
    }

    /// Of the operations that are planned from one moment to another, whose windows are their own.
    pub fn of_stretch(
        &self,
        recorder: &Recorder,
        epoch: Nanos,
        stretch: Range<Nanos>,
        figures: &Figures,
    ) -> Self {
        let inflation = self
            .inflation
            .as_ref()
            .map(|_| inflation(recorder, epoch, stretch.start, stretch.end));
        Self {
            inflation,
            count: figures.response_count(),
        }
    }

    /// Of iterations, which last longer than each of several operations.
    pub fn of_iterations(&self, recorder: &Recorder) -> Self {
        let count = recorder.durations().count();
        let own = |all: &Inflation| recorder.duration_inflation().unwrap_or_else(|| all.clone());
        Self {
            inflation: self.inflation.as_ref().map(own),
            count,
        }
    }

    /// That of some of these operations: their own where it was looked at, and else what is left of
    /// that of all.
    pub fn of_part(&self, figures: &Figures) -> Self {
        let count = figures.response_count();
        let thinned = |all: &Inflation| all.thinned(count as f64 / self.count.max(1) as f64);
        Self {
            inflation: self
                .inflation
                .as_ref()
                .map(|all| figures.inflation().unwrap_or_else(|| thinned(all))),
            count,
        }
    }

    /// What is shown of a time of these operations. What makes their responses slow makes all of
    /// their times slow, so they take it from the response times; a time that only few of them have
    /// depends less.
    pub fn summary(&self, times: &Track) -> Option<Summary> {
        let thinned =
            |all: &Inflation| all.thinned(times.count() as f64 / self.count.max(1) as f64);
        times.summary(&self.inflation.as_ref().map_or(Inflation::NONE, thinned))
    }
}

/// How much the windows that lie within a stretch of the run, and are measured, differ from each
/// other.
fn inflation(recorder: &Recorder, epoch: Nanos, from: Nanos, to: Nanos) -> Inflation {
    let windows = recorder.windows();
    let width = windows.width();
    let is_within = |index: i64| {
        let begin = Nanos(
            epoch
                .0
                .saturating_add_signed(index.saturating_mul(width.0 as i64)),
        );
        let last = begin + width - Nanos(1);
        index >= 0
            && begin >= from
            && last < to
            && recorder.measures(begin)
            && recorder.measures(last)
    };
    let within: Vec<_> = windows
        .iter()
        .filter(|(index, _)| is_within(*index))
        .collect();
    Inflation::from_windows(within.into_iter().map(|(_, window)| window.response()))
}

/// How many response times a recorder has.
fn responses(recorder: &Recorder) -> u64 {
    recorder.steps().iter().map(Figures::response_count).sum()
}
