//! The figures of answers that come in pieces, mode beside mode.

use super::asked::Percentile;
use super::{asked, tally, view};
use crate::metrics::Summary;
use crate::result::{ModeRun, RunResult, Streaming, Streams};

/// The figures of the streams of the first run of each mode that has any.
pub(crate) struct StreamTable {
    /// What the figures are of, then each mode.
    pub head: Vec<String>,
    /// The name of a figure, then its value in each mode.
    pub rows: Vec<Vec<String>>,
}

/// Returns the figures of the streams of a result, if it has any.
pub(crate) fn table(result: &RunResult) -> Option<StreamTable> {
    let runs: Vec<(&ModeRun, &Streams)> = tally::modes(result)
        .into_iter()
        .filter_map(|mode| tally::rounds(result, mode).next())
        .filter_map(|run| Some((run, run.streaming.streams.as_ref()?)))
        .collect();
    let (first, _) = runs.first()?;
    let several = tally::rounds(result, first.mode).count();
    let what = if several > 1 {
        format!("streams, round {} of {several}", first.round)
    } else {
        "streams".into()
    };
    let head = std::iter::once(what).chain(runs.iter().map(|(run, _)| run.mode.to_string()));
    let percentiles = asked::percentiles([result], &["p50", "p95", "p99"]);
    let mut rows = Vec::new();
    for (name, cell) in COUNTS {
        let cells: Vec<Option<String>> = runs.iter().map(|(_, streams)| cell(streams)).collect();
        if cells.iter().any(Option::is_some) {
            let unit = runs.first().map_or("units", |(_, streams)| &streams.unit);
            let name = name.replace("units", unit);
            let cells = cells.into_iter().map(Option::unwrap_or_default);
            rows.push(std::iter::once(name).chain(cells).collect());
        }
    }
    for time in TIMES {
        rows.extend(time.rows(&runs, &percentiles));
    }
    Some(StreamTable {
        head: head.collect(),
        rows,
    })
}

/// Returns the usual figures of the streams of each stage of the load, of the first run of each mode,
/// if there are any.
pub(crate) fn by_stage(result: &RunResult) -> Option<StreamTable> {
    let runs = tally::modes(result).into_iter();
    let runs: Vec<&ModeRun> = runs
        .filter_map(|mode| tally::rounds(result, mode).next())
        .collect();
    let mut rows = Vec::new();
    for run in &runs {
        for stage in &run.stages {
            let Some(streams) = &stage.streaming.streams else {
                continue;
            };
            let of = &stage.streaming;
            let time = |summary: &Option<Summary>, name| view::percentile(summary.as_ref(), name);
            let mut name = view::shortened(&view::plain(&stage.name), 60);
            if runs.len() > 1 {
                name = format!("{}: {name}", run.mode);
            }
            rows.push(vec![
                name,
                view::count(streams.completed),
                view::or_na(streams.goodput, view::share),
                view::rate(streams.units_per_s),
                time(&of.stream_first_ms, "p50"),
                time(&of.stream_first_ms, "p95"),
                time(&of.stream_gap_ms, "p50"),
                time(&of.stream_gap_ms, "p99"),
                time(&of.stream_unit_ms, "p50"),
            ]);
        }
    }
    let head = [
        "streams by stage",
        "completed",
        "goodput",
        "units",
        "first p50",
        "first p95",
        "gap p50",
        "gap p99",
        "per unit p50",
    ];
    let head = head.map(str::to_owned).to_vec();
    (!rows.is_empty()).then_some(StreamTable { head, rows })
}

/// A count, omitted if it says nothing in any mode.
type Count = (&'static str, fn(&Streams) -> Option<String>);

const COUNTS: [Count; 8] = [
    ("completed", |s| Some(view::count(s.completed))),
    ("goodput: met all their limits", |s| {
        s.goodput.map(view::share)
    }),
    ("units per second, all streams", |s| {
        Some(view::rate(s.units_per_s))
    }),
    ("units", |s| Some(view::count(s.units))),
    ("counted events", |s| Some(view::count(s.events))),
    ("other events", |s| some(s.other_events)),
    ("hung up, as stop_after asks", |s| some(s.hung_up)),
    ("servers did not say how many units", |s| {
        some(s.without_units)
    }),
];

fn some(count: u64) -> Option<String> {
    (count > 0).then(|| view::count(count))
}

/// A time of streams.
pub(crate) struct StreamTime {
    /// Its name.
    pub name: &'static str,
    /// The time.
    pub get: fn(&Streaming) -> Option<&Summary>,
    /// Formats a value.
    pub show: fn(f64) -> String,
}

/// The times of streams, and the rate, which is as much a figure of each.
pub(crate) const TIMES: [StreamTime; 5] = [
    StreamTime {
        name: "first event",
        get: |s| s.stream_first_ms.as_ref(),
        show: view::duration_ms,
    },
    StreamTime {
        name: "first event, from started",
        get: |s| s.stream_first_service_ms.as_ref(),
        show: view::duration_ms,
    },
    StreamTime {
        name: "gap between events",
        get: |s| s.stream_gap_ms.as_ref(),
        show: view::duration_ms,
    },
    StreamTime {
        name: "time per unit",
        get: |s| s.stream_unit_ms.as_ref(),
        show: view::duration_ms,
    },
    StreamTime {
        name: "units per second of a stream",
        get: |s| s.stream_rate.as_ref(),
        show: view::rate,
    },
];

impl StreamTime {
    fn rows(&self, runs: &[(&ModeRun, &Streams)], percentiles: &[Percentile]) -> Vec<Vec<String>> {
        let of = |run: &ModeRun| (self.get)(&run.streaming).filter(|s| s.count > 0).cloned();
        let summaries: Vec<Option<Summary>> = runs.iter().map(|(run, _)| of(run)).collect();
        if summaries.iter().all(Option::is_none) {
            return Vec::new();
        }
        let row = |percentile: &Percentile| {
            let cells = summaries.iter().map(|summary| {
                let value = percentile.value(summary.as_ref());
                view::or_na(value, self.show)
            });
            let name = format!("{}, {}", self.name, percentile.name);
            std::iter::once(name).chain(cells).collect()
        };
        percentiles.iter().map(row).collect()
    }
}
