//! The metrics of answers that come in pieces, of each round.

use super::text::Text;
use crate::metrics::Summary;
use crate::result::{ModeRun, RunResult, Streaming, Streams};

/// A time of streams: its name, what it is, and where it is.
type Time = (
    &'static str,
    &'static str,
    fn(&Streaming) -> Option<&Summary>,
);

const TIMES: [Time; 4] = [
    (
        "stream_first_seconds",
        "From the planned moment to the first counted event.",
        |s| s.stream_first_ms.as_ref(),
    ),
    (
        "stream_first_service_seconds",
        "From the start to the first counted event.",
        |s| s.stream_first_service_ms.as_ref(),
    ),
    (
        "stream_gap_seconds",
        "Between counted events as they are read.",
        |s| s.stream_gap_ms.as_ref(),
    ),
    (
        "stream_unit_seconds",
        "Time per unit of each successful stream.",
        |s| s.stream_unit_ms.as_ref(),
    ),
];

/// A count of streams.
type Counter = (&'static str, &'static str, fn(&Streams) -> u64);

const COUNTERS: [Counter; 4] = [
    ("streams", "Completed streams.", |s| s.completed),
    ("stream_events", "Counted events.", |s| s.events),
    ("stream_other_events", "Events that are not counted.", |s| {
        s.other_events
    }),
    ("stream_units", "Units, as servers report them.", |s| {
        s.units
    }),
];

/// A share or a rate of streams.
type Gauge = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Streams) -> Option<f64>,
);

const GAUGES: [Gauge; 2] = [
    (
        "stream_goodput_ratio",
        "ratio",
        "Streams that met all their limits, of those that completed.",
        |s| s.goodput,
    ),
    (
        "stream_units_per_second",
        "units_per_second",
        "Units of successful streams per second.",
        |s| Some(s.units_per_s),
    ),
];

/// Writes the metrics, if there are streams.
pub(super) fn metrics(text: &mut Text, result: &RunResult) {
    let runs: Vec<(&ModeRun, String, &Streams)> = result
        .runs
        .iter()
        .filter_map(|run| {
            let streams = run.streaming.streams.as_ref()?;
            Some((run, run.round.to_string(), streams))
        })
        .collect();
    if runs.is_empty() {
        return;
    }
    for (name, help, count) in COUNTERS {
        text.family(name, "counter", "", help);
        for (run, round, streams) in &runs {
            let labels = [("mode", run.mode.name()), ("round", round)];
            let total = format!("{name}_total");
            text.line(&total, &labels, Some(count(streams) as f64));
        }
    }
    for (name, unit, help, value) in GAUGES {
        text.family(name, "gauge", unit, help);
        for (run, round, streams) in &runs {
            let labels = [("mode", run.mode.name()), ("round", round)];
            text.line(name, &labels, value(streams));
        }
    }
    for (name, help, get) in TIMES {
        text.family(name, "summary", "seconds", help);
        for (run, round, _) in &runs {
            let Some(summary) = get(&run.streaming).filter(|summary| summary.count > 0) else {
                continue;
            };
            let labels = [("mode", run.mode.name()), ("round", round.as_str())];
            text.summary(name, &labels, summary, 1e3);
        }
    }
}
