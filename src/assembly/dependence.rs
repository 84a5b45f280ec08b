//! [`Dependence`]: how strongly consecutive operations depend on each other, for the confidence
//! intervals of their times; and which figures of them the scenario asks for.
//!
//! Every part of a run has its own: that of steps with several operations comes from their batches,
//! and that of stages from the windows within them. A part that was not examined derives it from
//! the operations that it is a subset of.

use std::ops::Range;
use std::sync::Arc;

use crate::base::Nanos;
use crate::metrics::histogram::HIGHEST;
use crate::metrics::interval::Inflation;
use crate::metrics::summary::NANOS_PER_MS;
use crate::metrics::{Figures, Recorder, Summary, Track};
use crate::plan::{Plan, Reporting};
use crate::result::Apdex;

/// How strongly consecutive operations depend on each other.
#[derive(Clone)]
pub(crate) struct Dependence {
    /// `None` for figures that are still growing, because nobody looks at their intervals.
    inflation: Option<Inflation>,
    /// The number of response times that it was estimated from.
    count: u64,
    /// The figures that the scenario asks for besides the usual ones.
    reporting: Arc<Reporting>,
}

impl Dependence {
    /// Estimates the dependence of all operations of a finished run.
    pub(crate) fn of_run(recorder: &Recorder, plan: &Plan) -> Self {
        let epoch = plan.load.warmup;
        Self {
            reporting: Arc::new(plan.reporting.clone()),
            inflation: Some(inflation(recorder, epoch, epoch, Nanos::MAX)),
            count: responses(recorder),
        }
    }

    /// Returns the unknown dependence of a run in progress.
    pub(crate) fn unknown(plan: &Plan) -> Self {
        Self {
            reporting: Arc::new(plan.reporting.clone()),
            inflation: None,
            count: 0,
        }
    }

    /// Estimates the dependence of the operations planned within a stretch of time from the windows
    /// in it.
    pub(crate) fn of_stretch(
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
            reporting: self.reporting.clone(),
            count: figures.response_count(),
        }
    }

    /// Returns the dependence of iterations, which last longer than each of several operations.
    pub(crate) fn of_iterations(&self, recorder: &Recorder) -> Self {
        let count = recorder.durations().count();
        let own = |all: &Inflation| recorder.duration_inflation().unwrap_or_else(|| all.clone());
        Self {
            inflation: self.inflation.as_ref().map(own),
            reporting: self.reporting.clone(),
            count,
        }
    }

    /// Returns the dependence of a subset of these operations: its own if it was examined,
    /// otherwise the thinned one of all.
    pub(crate) fn of_part(&self, figures: &Figures) -> Self {
        let count = figures.response_count();
        let thinned = |all: &Inflation| all.thinned(count as f64 / self.count.max(1) as f64);
        Self {
            inflation: self
                .inflation
                .as_ref()
                .map(|all| figures.inflation().unwrap_or_else(|| thinned(all))),
            reporting: self.reporting.clone(),
            count,
        }
    }

    /// Summarizes a time of these operations. What slows down their responses slows down all of
    /// their times, so these use the dependence of response times; a time that only few of the
    /// operations have depends less.
    pub(crate) fn summary(&self, times: &Track) -> Option<Summary> {
        self.summary_in(times, NANOS_PER_MS)
    }

    /// Summarizes values of these operations in a unit that is `per` times the recorded one.
    pub(crate) fn summary_in(&self, values: &Track, per: f64) -> Option<Summary> {
        let thinned =
            |all: &Inflation| all.thinned(values.count() as f64 / self.count.max(1) as f64);
        let inflation = self.inflation.as_ref().map_or(Inflation::NONE, thinned);
        let mut summary = values.summary_in(&inflation, per)?;
        if !self.reporting.percentiles.is_empty() {
            summary.add(self.reporting.named(), &values.histogram(), per);
        }
        Some(summary)
    }

    /// Returns how satisfied users are with these operations, if the scenario asks for that. As in
    /// other figures of the histograms, times have three significant digits.
    pub(crate) fn apdex_of(&self, figures: &Figures) -> Option<Apdex> {
        let target = self.reporting.apdex?;
        let times = figures.response_ok.histogram();
        let up_to = |most: Nanos| times.count_between(0, most.0.min(HIGHEST));
        let satisfied = up_to(target);
        let tolerating = up_to(Nanos(target.0.saturating_mul(4))) - satisfied;
        let frustrated = figures.tally.completed() - satisfied - tolerating;
        Apdex::from_counts(target.as_millis_f64(), satisfied, tolerating, frustrated)
    }
}

/// Estimates how much the measured windows within a stretch of the run differ from each other.
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
    let whole = within.into_iter().map(|(_, window)| window.whole());
    Inflation::from_windows(whole.map(|own| own.response()))
}

/// Returns the number of response times in a recorder.
fn responses(recorder: &Recorder) -> u64 {
    recorder.steps().iter().map(Figures::response_count).sum()
}
