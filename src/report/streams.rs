//! The figures of answers that come in pieces, mode beside mode.

use super::asked::ShownPercentile;
use super::{asked, tally, view};
use crate::metrics::Summary;
use crate::result::{ModeRun, RunResult, Streaming, Streams};

/// The figures of the streams of the first run of each mode that has any.
pub(crate) struct StreamTable {
    /// What the figures are of, then each mode.
    pub head: Vec<String>,
    /// The name of a figure, then its value in each mode; of stages, the name of one and its figures.
    pub rows: Vec<Vec<String>>,
    /// Whether it is of stages.
    pub is_by_stage: bool,
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
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, cell) in COUNTS {
        let cells: Vec<Option<String>> = runs.iter().map(|(_, streams)| cell(streams)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(Option::unwrap_or_default);
            rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }
    for time in TIMES {
        rows.extend(time.rows(&runs, &percentiles));
    }
    let names = rows.iter_mut().filter_map(|row| row.first_mut());
    name_units(names, runs.iter().map(|(_, streams)| *streams));
    Some(StreamTable {
        head: head.collect(),
        rows,
        is_by_stage: false,
    })
}

/// Returns the usual figures of the streams of each stage of the load, of the first run of each mode,
/// if there are any.
pub(crate) fn by_stage(result: &RunResult) -> Option<StreamTable> {
    let runs = tally::modes(result).into_iter();
    let runs = runs.filter_map(|mode| tally::rounds(result, mode).next());
    let mut rows = Vec::new();
    for run in runs {
        for stage in &run.stages {
            let Some(streams) = &stage.streaming.streams else {
                continue;
            };
            let of = &stage.streaming;
            let time = |summary: &Option<Summary>, name| view::percentile(summary.as_ref(), name);
            rows.push(vec![
                view::shortened(&view::plain(&stage.name), 30),
                run.mode.to_string(),
                view::count(streams.completed),
                view::or_na(streams.goodput, view::share),
                view::rate(streams.units_per_s),
                time(&of.stream_first_ms, "p50"),
                time(&of.stream_first_ms, "p95"),
                time(&of.stream_gap_ms, "p99"),
                time(&of.stream_unit_ms, "p50"),
            ]);
        }
    }
    // Stage by stage, in order, so that modes stand side by side.
    let order: Vec<String> = rows
        .iter()
        .map(|row: &Vec<String>| row[0].clone())
        .collect();
    rows.sort_by_key(|row| order.iter().position(|name| *name == row[0]));
    let head = [
        "streams by stage",
        "mode",
        "count",
        "goodput",
        "units",
        "first p50",
        "p95",
        "gap p99",
        "unit p50",
    ];
    let mut head = head.map(str::to_owned).to_vec();
    let stages = result.runs.iter().flat_map(|run| &run.stages);
    let streams = stages.filter_map(|stage| stage.streaming.streams.as_ref());
    name_units(head.iter_mut(), streams);
    (!rows.is_empty()).then_some(StreamTable {
        head,
        rows,
        is_by_stage: true,
    })
}

/// What units are, if servers don't report how many they have sent.
const EVENTS: &str = "events";

/// Writes "event" for "unit" in names of figures, if no server reported units.
fn name_units<'a>(
    names: impl Iterator<Item = &'a mut String>,
    mut streams: impl Iterator<Item = &'a Streams>,
) {
    if streams.all(|streams| streams.unit == EVENTS) {
        names.for_each(|name| *name = name.replace("unit", "event"));
    }
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
    ("units", |s| {
        (s.unit != EVENTS).then(|| view::count(s.units))
    }),
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
    /// Whether percentiles but the median would be misread: of a rate, high ones are the good ones.
    only_median: bool,
}

/// The times of streams, and the rate, which is as much a figure of each.
pub(crate) const TIMES: [StreamTime; 5] = [
    StreamTime {
        name: "first event",
        get: |s| s.stream_first_ms.as_ref(),
        show: view::duration_ms,
        only_median: false,
    },
    StreamTime {
        name: "first event, from started",
        get: |s| s.stream_first_service_ms.as_ref(),
        show: view::duration_ms,
        only_median: false,
    },
    StreamTime {
        name: "gap between events",
        get: |s| s.stream_gap_ms.as_ref(),
        show: view::duration_ms,
        only_median: false,
    },
    StreamTime {
        name: "time per unit",
        get: |s| s.stream_unit_ms.as_ref(),
        show: view::duration_ms,
        only_median: false,
    },
    StreamTime {
        name: "units per second of a stream",
        get: |s| s.stream_rate.as_ref(),
        show: view::rate,
        only_median: true,
    },
];

impl StreamTime {
    fn rows(
        &self,
        runs: &[(&ModeRun, &Streams)],
        percentiles: &[ShownPercentile],
    ) -> Vec<Vec<String>> {
        let of = |run: &ModeRun| (self.get)(&run.streaming).filter(|s| s.count > 0).cloned();
        let summaries: Vec<Option<Summary>> = runs.iter().map(|(run, _)| of(run)).collect();
        if summaries.iter().all(Option::is_none) {
            return Vec::new();
        }
        let row = |percentile: &ShownPercentile| {
            let cells = summaries.iter().map(|summary| {
                let value = percentile.value(summary.as_ref());
                view::or_na(value, self.show)
            });
            let name = format!("{}, {}", self.name, percentile.name);
            std::iter::once(name).chain(cells).collect()
        };
        let is_shown = |one: &&ShownPercentile| !self.only_median || one.thousandths == 50_000;
        percentiles.iter().filter(is_shown).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, hlog, html, markdown, openmetrics, spreadsheet, terminal};
    use super::*;
    use crate::report::fixture::{Form, assert_only_in_first};
    use crate::result::{StreamWindow, WindowValues};

    /// Returns a result whose modes have streams.
    fn result() -> RunResult {
        let mut result = fixture::three_modes();
        for run in &mut result.runs {
            let times = run.times.response_ms.clone();
            run.streaming = Streaming {
                stream_first_ms: times.clone(),
                stream_first_service_ms: times.clone(),
                stream_gap_ms: times.clone(),
                stream_unit_ms: times.clone(),
                stream_rate: times,
                stream_lag_ms: None,
                streams: Some(Streams {
                    completed: 40,
                    ok: 30,
                    hung_up: 5,
                    events: 1234,
                    other_events: 80,
                    unit: "units".into(),
                    units: 2468,
                    without_units: 0,
                    units_per_s: 246.8,
                    goodput: Some(0.75),
                }),
            };
            run.histograms.stream_first = Some(run.histograms.response.clone());
            run.histograms.stream_gap = Some(run.histograms.response.clone());
            run.histograms.stream_unit = Some(run.histograms.response.clone());
            run.histograms.stream_rate = Some(run.histograms.response.clone());
            for window in &mut run.series {
                let times = window.response.clone().map(|histogram| WindowValues {
                    count: window.timed(),
                    mean: 12.5,
                    p50: 12.25,
                    p90: 14.5,
                    p99: 17.75,
                    max: 18.0,
                    histogram,
                });
                window.streams = Some(StreamWindow {
                    completed: 7,
                    ok: 6,
                    units_per_s: 61.5,
                    first_ms: times.clone(),
                    gap_ms: times.clone(),
                    unit_ms: times,
                });
            }
        }
        result
    }

    #[test]
    fn streams_are_in_every_form_and_nowhere_without_them() {
        let (with, without) = (result(), fixture::three_modes());
        let forms: [Form<'_>; 7] = [
            (
                "terminal",
                &|r| terminal::render(r, terminal::Style::default()),
                &["goodput: met all their limits", "75.0 %", "247/s"],
            ),
            (
                "markdown",
                &markdown::render,
                &["| first event, p50 |", "| counted events | 1,234 |"],
            ),
            (
                "openmetrics",
                &openmetrics::render,
                &[
                    "loadgen_stream_events_total{",
                    "loadgen_stream_first_seconds{",
                    "loadgen_stream_goodput_ratio{",
                ],
            ),
            (
                "csv",
                &|r| spreadsheet::summary(r).expect("text"),
                &[",30,5,1234,80,2468,246.8,0.75,"],
            ),
            (
                "csv of the time line",
                &|r| spreadsheet::series(r).expect("text"),
                &[",7,6,61.5,12.25,17.75,12.25,17.75,12.25,17.75"],
            ),
            (
                "hlog",
                &|r| hlog::render(r).expect("text"),
                &["stream_first", "stream_gap"],
            ),
            (
                "html",
                &|r| html::render(r, html::Delivery::Whole(&[])).expect("a page"),
                &[
                    "id=\"chart-first-events\"",
                    "id=\"chart-gaps\"",
                    "id=\"chart-units\"",
                    "id=\"chart-rates\"",
                    "id=\"chart-first-events-over-time\"",
                    "id=\"chart-gaps-over-time\"",
                    "id=\"chart-units-over-time\"",
                    "<th scope=\"col\">first event p50</th>",
                    "id=\"data-streams\"",
                ],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
        assert!(table(&without).is_none() && by_stage(&without).is_none());
        let page = html::render(&with, html::Delivery::Whole(&[])).expect("a page");
        assert_eq!(page.matches("<caption>Streams").count(), 1);
    }

    #[test]
    fn units_are_events_where_no_server_reports_how_many_it_sent() {
        let mut result = result();
        let names = |result: &RunResult| -> Vec<String> {
            let table = table(result).expect("streams");
            table.rows.into_iter().map(|row| row[0].clone()).collect()
        };
        assert!(names(&result).contains(&"time per unit, p50".into()));
        assert!(names(&result).contains(&"units".into()));
        for streams in result
            .runs
            .iter_mut()
            .filter_map(|run| run.streaming.streams.as_mut())
        {
            streams.unit = EVENTS.into();
        }
        let names = names(&result);
        assert!(names.contains(&"time per event, p50".into()), "{names:?}");
        assert!(
            names.iter().all(|name| !name.contains("unit")) && !names.contains(&"events".into()),
            "{names:?}"
        );
    }
}
