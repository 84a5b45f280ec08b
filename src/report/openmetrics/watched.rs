//! The metrics of what went on beside the runs.

use super::text::Text;
use super::values::label;
use crate::result::RunResult;

/// Writes the metrics, if something was watched; of a run in progress, with the last sample.
pub(super) fn metrics(text: &mut Text, result: &RunResult, is_live: bool) {
    if result.watched.is_empty() {
        return;
    }
    text.family(
        "watched",
        "gauge",
        "",
        "What went on beside the run, in the unit that a label names; a total is that unit times seconds.",
    );
    for own in &result.watched {
        let mode = own.mode.map_or("", |mode| mode.name());
        let (name, round) = (label(&own.name), own.round.to_string());
        let shard = own
            .shard
            .map_or_else(String::new, |shard| shard.to_string());
        let total = own.total.map(|total| ("total", Some(total)));
        let last = own.series.last().filter(|_| is_live);
        let all = [
            ("mean", own.mean),
            ("min", own.min),
            ("max", own.max),
            ("last", last.map(|point| point.value)),
        ];
        for (statistic, value) in all.into_iter().chain(total) {
            let labels = [
                ("mode", mode),
                ("round", &*round),
                ("shard", &*shard),
                ("watched", &*name),
                ("unit", own.unit.as_str()),
                ("statistic", statistic),
            ];
            text.line("watched", &labels, value);
        }
    }
}
