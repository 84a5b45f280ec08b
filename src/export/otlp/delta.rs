//! [`Deltas`]: what a run has measured since it was last asked.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;

use crate::metrics::codec;
use crate::plan::Mode;
use crate::result::{Exemplar, ModeRun};

/// What a run has measured within one interval.
#[derive(Clone, Debug)]
pub(super) struct Delta {
    pub(super) mode: Mode,
    /// Counted from 1.
    pub(super) round: u32,
    /// The beginning and the end, in nanoseconds since 1970.
    pub(super) interval: (u64, u64),
    /// The operations that ended, by their outcome.
    pub(super) outcomes: Vec<(&'static str, u64)>,
    /// The failed operations, by kind.
    pub(super) failures: Vec<(String, u64)>,
    /// The response times, in nanoseconds, and their sum in seconds; `None` without any.
    pub(super) response: Option<(Histogram<u64>, f64)>,
    /// The operations among them that stand for others and whose traces are recorded.
    pub(super) exemplars: Vec<Exemplar>,
    /// The time of day of the run's epoch, or what is taken for it in virtual time, in nanoseconds since 1970.
    pub(super) epoch: u64,
    /// How it is now.
    pub(super) in_flight: Option<f64>,
    pub(super) vus: Option<f64>,
    /// The 99th percentile of the last interval, in seconds.
    pub(super) lag_s: Option<f64>,
}

/// What a run had measured by some moment.
#[derive(Debug)]
struct Totals {
    at: u64,
    outcomes: [(&'static str, u64); 6],
    failures: BTreeMap<String, u64>,
    response: Option<Histogram<u64>>,
    sum_s: f64,
    /// The trace ids of the exemplars.
    traces: BTreeSet<String>,
}

/// Turns figures so far, which grow, into what was added to them.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    /// Of the run in progress.
    last: Option<(Mode, u32, Totals)>,
}

impl Totals {
    fn new(run: &ModeRun, at: u64) -> Self {
        let response = run.times.response_ms.as_ref();
        Self {
            at,
            outcomes: run.counts.by_outcome(),
            failures: run.failures.clone(),
            response: codec::decode(&run.histograms.response).ok(),
            sum_s: response.map_or(0.0, |times| times.mean * times.count as f64 / 1e3),
            traces: recorded(run).map(|(id, _)| id.to_owned()).collect(),
        }
    }
}

/// Returns the exemplars whose traces are recorded, with their trace ids.
fn recorded(run: &ModeRun) -> impl Iterator<Item = (&str, &Exemplar)> {
    let all = run.exemplars.iter();
    all.filter_map(|own| Some((own.recorded_trace()?, own)))
}

impl Deltas {
    /// Returns what was added to a run up to `now`, in nanoseconds since 1970.
    pub(super) fn take(&mut self, run: &ModeRun, now: u64) -> Delta {
        let totals = Totals::new(run, now);
        let last = self.last.take();
        let last = last.filter(|(mode, round, _)| (*mode, *round) == (run.mode, run.round));
        let last = last.map(|(.., totals)| totals);
        // At first, it is everything since the epoch; virtual time has none by the clock.
        let epoch = run.epoch_unix_ms.map(|ms| (ms * 1e6) as u64);
        let epoch = epoch.unwrap_or_else(|| now.saturating_sub((run.wall_s * 1e9) as u64));
        let since = last.as_ref().map_or(epoch, |last| last.at);
        let before = |place: usize| last.as_ref().map_or(0, |last| last.outcomes[place].1);
        let failed_before = |kind: &str| {
            let last = last.as_ref().and_then(|last| last.failures.get(kind));
            last.copied().unwrap_or(0)
        };
        let outcomes = totals.outcomes.into_iter().enumerate();
        let outcomes = outcomes.map(|(place, (name, n))| (name, n.saturating_sub(before(place))));
        let failures = totals.failures.iter();
        let failures =
            failures.map(|(kind, n)| (kind.clone(), n.saturating_sub(failed_before(kind))));
        let response = totals.response.clone().and_then(|mut added| {
            if let Some(before) = last.as_ref().and_then(|last| last.response.as_ref()) {
                added.subtract(before).ok()?;
            }
            let sum_before = last.as_ref().map_or(0.0, |last| last.sum_s);
            (!added.is_empty()).then(|| (added, (totals.sum_s - sum_before).max(0.0)))
        });
        let is_new = |id: &str| last.as_ref().is_none_or(|last| !last.traces.contains(id));
        let exemplars = recorded(run).filter(|(id, _)| is_new(id));
        let window = run
            .series
            .iter()
            .rev()
            .find(|window| window.in_flight.is_some());
        let delta = Delta {
            mode: run.mode,
            round: run.round,
            interval: (since, now),
            outcomes: outcomes.filter(|(_, n)| *n > 0).collect(),
            failures: failures.filter(|(_, n)| *n > 0).collect(),
            response,
            exemplars: exemplars.map(|(_, own)| own.clone()).collect(),
            epoch,
            in_flight: window.and_then(|window| window.in_flight),
            vus: window.and_then(|window| window.vus),
            lag_s: window
                .and_then(|window| window.lag_p99_ms)
                .map(|ms| ms / 1e3),
        };
        self.last = Some((run.mode, run.round, totals));
        delta
    }
}
