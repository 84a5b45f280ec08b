//! The tables with the figures of the charts: percentiles, steps and time series. The page's script
//! reads the values of its crosshair from here, so that it cannot show any that a reader without
//! the script doesn't see.

use super::super::chart::groups_over_time::GroupLine;
use super::super::chart::ladder::Ladder;
use super::super::chart::measures_over_time::MeasureLine;
use super::super::chart::trace::{Cast, Trace};
use super::super::chart::{over_time, stages};
use super::super::tally;
use super::super::view::{self, NA};
use super::figures::data;
use super::tables::{self, Table};
use crate::metrics::Summary;
use crate::metrics::percentiles::PERCENTILES;
use crate::result::{Group, ModeRun, Window};

/// The percentiles in the table.
const ROWS: [f64; 22] = [
    1.0, 5.0, 10.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0,
    97.5, 98.0, 99.0, 99.5, 99.9, 99.99,
];

/// Times of a trace, with the summary that says which percentiles the sample supports.
type Times<'a> = (Option<&'a Summary>, Ladder);

/// Creates the table of response and service times of every trace by percentile.
pub(crate) fn percentiles(cast: &Cast<'_>) -> Option<Table> {
    let mut head = vec!["percentile".to_owned()];
    let mut columns: Vec<Times<'_>> = Vec::new();
    for trace in &cast.traces {
        let summary = trace.compared.and_then(|m| m.response_ms.as_ref());
        let Some(response) = trace.response() else {
            continue;
        };
        head.push(format!("{}, response", trace.label));
        columns.push((summary, response));
        if let Some(service) = trace
            .times(|times| Some(&times.service))
            .and_then(|h| Ladder::from_histogram(&h))
        {
            head.push(format!("{}, service", trace.label));
            columns.push((summary, service));
        }
    }
    if columns.is_empty() {
        return None;
    }
    let cell = |(summary, ladder): &Times<'_>, percentile: f64| {
        if carries(*summary, percentile) {
            view::duration_ms(ladder.at(percentile / 100.0))
        } else {
            NA.into()
        }
    };
    let row = |name: String, cell: &dyn Fn(&Times<'_>) -> String| {
        std::iter::once(name)
            .chain(columns.iter().map(cell))
            .collect::<Vec<_>>()
    };
    let mut rows = vec![row("0 % (shortest)".into(), &|(_, ladder)| {
        view::duration_ms(ladder.min())
    })];
    rows.extend(ROWS.map(|percentile| {
        row(format!("{percentile} %"), &|column| {
            cell(column, percentile)
        })
    }));
    rows.push(row("100 % (longest)".into(), &|(_, ladder)| {
        view::duration_ms(ladder.max())
    }));
    let names: Vec<&str> = head.iter().map(String::as_str).collect();
    let table = Table::new("Times by percentile", "figures", &names, rows)?;
    Some(Table {
        id: data::PERCENTILES.into(),
        ..table
    })
}

/// Returns whether a sample is large enough for a percentile.
fn carries(summary: Option<&Summary>, percentile: f64) -> bool {
    summary
        .and_then(outermost)
        .is_some_and(|outermost| percentile.max(100.0 - percentile) <= outermost)
}

/// Returns the most extreme of the result's own percentiles that the sample is large enough for;
/// everything between it and its counterpart at the lower end is readable.
pub(crate) fn outermost(summary: &Summary) -> Option<f64> {
    PERCENTILES
        .iter()
        .rfind(|(name, _)| view::carries(summary, name))
        .map(|(_, percentile)| *percentile)
}

/// Creates the table of every step of every trace, from the first round.
pub(crate) fn steps(cast: &Cast<'_>) -> Option<Table> {
    let mut steps = Vec::new();
    for trace in &cast.traces {
        let own = trace.run().into_iter().flat_map(|run| &run.steps);
        steps.extend(own.map(|step| (trace.key.clone(), trace.label.clone(), step)));
    }
    let parts: Vec<_> = steps
        .iter()
        .map(|(_, _, step)| stages::parts(step))
        .collect();
    // Only the stages that occur in some step.
    let shown: Vec<usize> = (0..stages::STAGES.len())
        .filter(|i| parts.iter().flatten().any(|parts| parts[*i] > 0.0))
        .collect();
    let percentiles = tables::percentiles(cast.results());
    let mut head = vec!["step", "mode", "ok", "failed", "throughput", "mean"];
    head.extend(percentiles.iter().map(|one| &*one.name));
    head.push("max");
    head.extend(shown.iter().map(|i| stages::STAGES[*i].0));
    let row = |((_, label, step), parts): (
        &(String, String, &Group),
        &Option<[f64; stages::STAGES.len()]>,
    )| {
        let summary = step.times.response_ms.as_ref();
        let known = summary.filter(|s| s.count > 0);
        let mut row = vec![
            stages::name(step),
            label.clone(),
            view::count(step.counts.ok),
            view::count(step.counts.failed),
        ];
        row.push(view::rate(step.throughput_rps));
        row.push(view::or_na(known, |s| view::duration_ms(s.mean)));
        row.extend(percentiles.iter().map(|one| one.show(summary)));
        row.push(view::or_na(known, |s| view::duration_ms(s.max)));
        row.extend(
            shown
                .iter()
                .map(|i| parts.map_or_else(String::new, |parts| view::duration_ms(parts[*i]))),
        );
        row
    };
    let rounds = if cast.has_rounds() {
        ", first round"
    } else {
        ""
    };
    let table = Table::new(
        &format!("Steps{rounds}"),
        "steps",
        &head,
        steps.iter().zip(&parts).map(row).collect(),
    )?;
    Some(Table {
        id: data::STEPS.into(),
        keys: steps.into_iter().map(|(key, ..)| key).collect(),
        ..table
    })
}

/// A column of the time series.
type Column<'a> = (String, Box<dyn Fn(&Window) -> Option<String> + 'a>);

/// A column that does not depend on the run.
type Fixed = (&'static str, fn(&Window) -> Option<String>);

/// The columns of every time series …
const ALWAYS: [Fixed; 4] = [
    ("from", |w| {
        Some(format!("{:.3} s", w.t_s).replace(".000 s", " s"))
    }),
    ("planned", |w| Some(view::count(w.planned))),
    ("ok", |w| Some(view::count(w.ok))),
    ("throughput", |w| Some(view::rate(w.throughput_rps))),
];
/// … those that are omitted if they are empty in every window: before the percentiles …
const ENDINGS: [Fixed; 2] = [
    ("failed", |w| (w.failed > 0).then(|| view::count(w.failed))),
    ("dropped", |w| {
        (w.dropped > 0).then(|| view::count(w.dropped))
    }),
];
/// … and after them.
const WHERE_KNOWN: [Fixed; 11] = [
    ("max", |w| w.max_ms.map(view::duration_ms)),
    ("first event p50", |w| {
        over_time::first_event(w).map(view::duration_ms)
    }),
    ("gap p99", |w| over_time::gap(w).map(view::duration_ms)),
    ("units", |w| over_time::units(w).map(view::rate)),
    ("in flight", |w| w.in_flight.map(view::number)),
    ("waiting", |w| {
        w.queue.filter(|n| *n > 0.0).map(view::number)
    }),
    ("lag p99", |w| w.lag_p99_ms.map(view::duration_ms)),
    ("CPU", |w| w.cpu_cores.map(view::number)),
    ("memory", |w| w.rss_bytes.map(view::bytes)),
    ("failures", |w| {
        Some(tally::words(&w.failures)).filter(|words| !words.is_empty())
    }),
    ("statuses", |w| {
        Some(tally::words(&w.status_codes)).filter(|words| !words.is_empty())
    }),
];

/// Returns the column of a measure.
fn measured<'a>(line: MeasureLine) -> Column<'a> {
    let name = line.column();
    let cell = move |w: &Window| line.value(w).map(line.show());
    (name, Box::new(cell))
}

/// Returns the column of a time of a group.
fn timed<'a>(line: GroupLine<'a>) -> Column<'a> {
    let cell = move |w: &Window| line.value(w).map(view::duration_ms);
    (line.column(), Box::new(cell))
}

/// Creates the table of the time series of one run of a trace.
pub(crate) fn series(trace: &Trace<'_>, run: &ModeRun, id: String) -> Option<Table> {
    let fixed = |(name, cell): Fixed| -> Column<'_> { (name.to_owned(), Box::new(cell)) };
    let percentiles = trace
        .percentiles()
        .into_iter()
        .map(|percentile| -> Column<'_> {
            (
                percentile.name(),
                Box::new(move |w| percentile.in_window(w).map(view::duration_ms)),
            )
        });
    let says = |(_, cell): &Column<'_>| run.series.iter().any(|w| cell(w).is_some());
    let where_known = ENDINGS
        .into_iter()
        .map(fixed)
        .chain(percentiles)
        .chain(WHERE_KNOWN.into_iter().map(fixed))
        .chain(MeasureLine::of_run(run).into_iter().map(measured))
        .chain(GroupLine::of_runs([run]).into_iter().map(timed))
        .filter(says);
    let columns: Vec<Column<'_>> = ALWAYS.into_iter().map(fixed).chain(where_known).collect();
    let row = |w: &Window| {
        columns
            .iter()
            .map(|(_, cell)| cell(w).unwrap_or_default())
            .collect()
    };
    let head: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let table = Table::new(
        "Time line",
        "series",
        &head,
        run.series.iter().map(row).collect(),
    )?;
    Some(Table { id, ..table })
}
