//! The figures of what went on beside a run.

use super::selection::{Figure, Selection};
use super::side::Side;
use crate::plan::{Guard, Metric, Unit, WatchName, WatchStatistic};
use crate::result::{ModeRun, Watched};

/// The shortest processor time of a run that can be compared, in milliseconds: systems count it in
/// ticks of 10 ms.
const SHORTEST_MS: f64 = 100.0;

/// Checks that processor time by request is known well enough to be compared.
///
/// # Errors
/// If a run used too little.
pub(super) fn check_resolution(guard: &Guard, sides: [&Side<'_>; 2]) -> Result<(), Vec<String>> {
    let Metric::Watch(name, WatchStatistic::PerRequest, unit @ Unit::Millis) = guard.metric else {
        return Ok(());
    };
    let total = Guard {
        metric: Metric::Watch(name, WatchStatistic::Total, unit),
        ..guard.clone()
    };
    let of_mode = |side: &Side<'_>| {
        let modes = side.modes().into_iter();
        modes
            .flat_map(|mode| side.figures(&total, mode))
            .flatten()
            .any(|total| total < SHORTEST_MS)
    };
    if sides.into_iter().any(of_mode) {
        return Err(vec![format!(
            "a run used less than {SHORTEST_MS} ms of processor time, which is measured in steps of 10 ms; make the runs longer"
        )]);
    }
    Ok(())
}

impl Selection<'_> {
    /// Returns a statistic of what was watched over all rounds, if it was ever seen.
    pub(super) fn watched(&self, name: &WatchName, statistic: WatchStatistic) -> Option<Figure> {
        let all: Vec<&Watched> = self
            .parts
            .iter()
            .flat_map(|(run, _)| &run.watched)
            .filter(|watched| watched.name == name.as_str())
            .collect();
        let own = || all.iter().copied();
        let value = match statistic {
            WatchStatistic::Min => own().filter_map(|own| own.min).reduce(f64::min),
            WatchStatistic::Max => own().filter_map(|own| own.max).reduce(f64::max),
            WatchStatistic::Mean => {
                let means: Vec<f64> = own().filter_map(|own| own.mean).collect();
                let sum: f64 = means.iter().sum();
                (!means.is_empty()).then(|| sum / means.len() as f64)
            }
            WatchStatistic::Total => self.watched_total(name),
            WatchStatistic::PerRequest => {
                let completed: u64 = self.parts.iter().map(|(run, _)| run.counts.completed).sum();
                let total = self.watched_total(name).filter(|_| completed > 0);
                total.map(|total| total / completed as f64)
            }
        };
        value.map(|value| Figure { value, thin: false })
    }

    /// Returns what an increase per second adds up to over all rounds, processor time in milliseconds;
    /// `None` if it is not known of one of them.
    fn watched_total(&self, name: &WatchName) -> Option<f64> {
        let of_run = |run: &ModeRun| {
            let own = run.watched.iter().filter(|own| own.name == name.as_str());
            let total = |own: &Watched| {
                let per_unit = if own.unit == Unit::Share { 1e3 } else { 1.0 };
                own.total.map(|total| total * per_unit)
            };
            // Shards may all have watched the same.
            own.filter_map(total).reduce(f64::max)
        };
        self.parts.iter().map(|(run, _)| of_run(run)).sum()
    }
}
