//! The figures of what went on beside a run.

use super::selection::{Figure, Selection};
use crate::plan::{WatchName, WatchStatistic};
use crate::result::Watched;

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
        };
        value.map(|value| Figure { value, thin: false })
    }
}
