//! Figures over time, one line per mode: operations in flight, waiting operations, lag, processors
//! and memory of the generator; and, for one mode, how operations ended: failures by kind,
//! responses by status.

use std::collections::{BTreeMap, BTreeSet};

use super::super::part_name::PartName;
use super::super::view;
use super::frame::{Entry, Height};
use super::palette;
use super::plot::{Across, Line, Plot, Up};
use super::trace::{Cast, Trace};
use crate::result::Window;

/// The maximum number of kinds with their own line.
const KINDS: usize = 7;

/// A figure of windows.
#[derive(Clone, Copy)]
pub(crate) struct Figure<'f> {
    /// What it is.
    pub title: &'f str,
    /// How to read it.
    pub subtitle: &'f str,
    /// The name of the vertical axis.
    pub y_label: &'static str,
    /// The name of its column in the table of the time series.
    pub column: &'f str,
    /// Its value in a window of the first round of a mode.
    pub value: &'f dyn Fn(&Trace<'_>, &Window) -> Option<f64>,
    /// Formats a value.
    pub show: fn(f64) -> String,
    /// Whether the vertical axis may be logarithmic.
    pub log: bool,
    /// Whether a time series of only zeros is meaningful.
    pub zeros: bool,
    /// What to know when comparing it with other figures.
    pub note: &'f str,
    /// The height of the chart.
    pub height: Height,
}

/// Operations in flight.
pub(crate) const IN_FLIGHT: Figure<'static> = Figure {
    title: "In flight",
    subtitle: "Operations started and not yet completed, mean of each window.",
    y_label: "operations",
    column: "in flight",
    value: &|_, w| w.in_flight,
    show: view::number,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// Operations that wait for a limit.
pub(crate) const WAITING: Figure<'static> = Figure {
    title: "Waiting for a limit",
    subtitle: "Operations held back by a limit of the scenario, mean of each window.",
    y_label: "operations",
    column: "waiting",
    value: &|_, w| w.queue,
    show: view::number,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// The generator's own lag.
pub(crate) const LAG: Figure<'static> = Figure {
    title: "Lag of the generator",
    subtitle: "Lower is better. How late loadgen itself started operations: p99 of each window.",
    y_label: "lag, p99",
    column: "lag p99",
    value: &|_, w| w.lag_p99_ms,
    show: view::duration_ms,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// Processors that the generator kept busy.
pub(crate) const CPU: Figure<'static> = Figure {
    title: "Processors of the generator",
    subtitle: "Lower is better. Processors that loadgen's own process kept busy, including waiting for exact starts.",
    y_label: "processors",
    column: "CPU",
    value: &|_, w| w.cpu_cores,
    show: view::number,
    log: false,
    zeros: true,
    note: " Just before a planned start a thread spins until the exact time. That keeps a processor busy but does no work, \
           so CPU per operation in the comparison excludes it; the table of each run lists it separately.",
    height: Height::Low,
};

/// Memory used by the generator.
pub(crate) const MEMORY: Figure<'static> = Figure {
    title: "Memory of the generator",
    subtitle: "Lower is better. Resident memory of loadgen's own process, without the target.",
    y_label: "resident memory",
    column: "memory",
    value: &|_, w| w.rss_bytes.map(|b| b as f64),
    show: |b| view::bytes(b as u64),
    log: false,
    zeros: true,
    note: "",
    height: Height::Low,
};

/// The time to the first event of streams.
pub(crate) const FIRST_EVENT: Figure<'static> = Figure {
    title: "Time to the first event over time",
    subtitle: "Lower is better. Median of each window, by the time that streams were due, waiting included.",
    y_label: "time to the first event, p50",
    column: "first event p50",
    value: &|_, w| first_event(w),
    show: view::duration_ms,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// The gaps between events of streams.
pub(crate) const GAP: Figure<'static> = Figure {
    title: "Gap between events over time",
    subtitle: "Lower is better. p99 of each window, by the time that streams were due.",
    y_label: "gap, p99",
    column: "gap p99",
    value: &|_, w| gap(w),
    show: view::duration_ms,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// The units of streams.
pub(crate) const UNITS: Figure<'static> = Figure {
    title: "Units per second over time",
    subtitle: "Higher is better. Those of successful streams, when the streams completed; events where servers report no units.",
    y_label: "units per second",
    column: "units",
    value: &|_, w| units(w),
    show: view::rate,
    log: false,
    zeros: false,
    note: "",
    height: Height::Full,
};

/// Returns the median time to the first event of a window, in milliseconds.
pub(crate) fn first_event(window: &Window) -> Option<f64> {
    Some(window.streams.as_ref()?.first_ms.as_ref()?.p50)
}

/// Returns the 99th percentile of the gaps of a window, in milliseconds.
pub(crate) fn gap(window: &Window) -> Option<f64> {
    Some(window.streams.as_ref()?.gap_ms.as_ref()?.p99)
}

/// Returns the units per second of a window.
pub(crate) fn units(window: &Window) -> Option<f64> {
    window.streams.as_ref().map(|streams| streams.units_per_s)
}

/// Draws a figure over time, with a line for each mode; returns `None` if it is unknown or always
/// zero.
pub(crate) fn figure(cast: &Cast<'_>, figure: &Figure<'_>) -> Option<String> {
    let Figure {
        title,
        subtitle,
        y_label,
        column,
        value,
        show,
        log,
        zeros,
        note,
        height,
    } = *figure;
    let middle = |trace: &Trace<'_>, w: &Window| {
        let value = value(trace, w).filter(|value| value.is_finite())?;
        Some((w.t_s + w.window_s / 2.0, value))
    };
    let known = |trace: &Trace<'_>| {
        let points = trace.series().filter_map(|window| middle(trace, window));
        points.collect::<Vec<_>>()
    };
    let traces: Vec<(&Trace<'_>, Vec<(f64, f64)>)> = cast
        .traces
        .iter()
        .map(|trace| (trace, known(trace)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let values: Vec<f64> = traces
        .iter()
        .flat_map(|(_, points)| points.iter().map(|p| p.1))
        .collect();
    if !values.iter().any(|v| *v > 0.0 || zeros) {
        return None;
    }
    let (start, end) = cast.span()?;
    let most = |points: &[(f64, f64)]| points.iter().map(|p| p.1).fold(0.0, f64::max);
    let description = traces
        .iter()
        .map(|(trace, points)| format!("{}: up to {}.", trace.label, show(most(points))));
    let lines: Vec<Line> = traces
        .iter()
        .map(|(trace, points)| Line {
            key: trace.key.clone(),
            style: trace.style,
            width: 2.0,
            marked: true,
            points: points.clone(),
        })
        .collect();
    let plot = Plot {
        title: format!("{title} – {}", cast.name),
        subtitle: format!("{subtitle}{}", rounds(cast)),
        description: format!("{}{note}", description.collect::<Vec<_>>().join(" ")),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up { values, log, show },
        y_label,
        legend: traces
            .iter()
            .map(|(trace, _)| Entry::from_trace(trace))
            .collect(),
        shades: shades(cast, (start, end)),
        limits: Vec::new(),
        columns: column.into(),
        height,
    };
    Some(plot.lines(&lines))
}

/// Draws the failures of a mode over time, by kind.
pub(crate) fn failures(cast: &Cast<'_>, trace: &Trace<'_>) -> Option<String> {
    let words = (
        "Failures over time",
        "Lower is better. Failed operations per second, by kind, at the time they were due.",
        "failures",
    );
    kinds(cast, trace, words, 1, &|w| Some(&w.failures))
}

/// Draws the failures of a step in a mode over time, by kind.
pub(crate) fn failures_of(
    cast: &Cast<'_>,
    trace: &Trace<'_>,
    step: PartName<'_>,
) -> Option<String> {
    let title = format!("Failures of {}", view::shortened(&step.label(), 40));
    let words = (
        &*title,
        "Lower is better. Failed operations of this step per second, by kind, at the time they were due.",
        "failures",
    );
    kinds(cast, trace, words, 1, &|w| {
        step.step_in(w).map(|own| &own.failures)
    })
}

/// Draws the responses of a mode over time, by status; returns `None` if all are the same.
pub(crate) fn statuses(cast: &Cast<'_>, trace: &Trace<'_>) -> Option<String> {
    let words = (
        "Statuses over time",
        "Responses per second, by status, at the time their operations were due.",
        "statuses",
    );
    kinds(cast, trace, words, 2, &|w| Some(&w.status_codes))
}

/// Counters of a window.
type Counters<'c> = &'c dyn for<'w> Fn(&'w Window) -> Option<&'w BTreeMap<String, u64>>;

/// Draws counters over time as rates, if there are at least this many kinds. The most frequent ones
/// have their own line.
fn kinds(
    cast: &Cast<'_>,
    trace: &Trace<'_>,
    (title, subtitle, column): (&str, &str, &'static str),
    at_least: usize,
    counters: Counters<'_>,
) -> Option<String> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, n) in trace.series().filter_map(counters).flatten() {
        *totals.entry(kind).or_default() += n;
    }
    let mut sorted: Vec<(&str, u64)> = totals.into_iter().filter(|(_, n)| *n > 0).collect();
    if sorted.len() < at_least {
        return None;
    }
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rest: BTreeSet<&str> = sorted.iter().skip(KINDS).map(|(kind, _)| *kind).collect();
    let mut names: Vec<(String, Vec<&str>)> = sorted
        .iter()
        .take(KINDS)
        .map(|(kind, _)| (view::plain(kind), vec![*kind]))
        .collect();
    if !rest.is_empty() {
        names.push(("other".into(), rest.into_iter().collect()));
    }
    let line = |(i, named): (usize, &(String, Vec<&str>))| kind_line(trace, i, named, counters);
    let (legend, lines): (Vec<Entry>, Vec<Line>) = names.iter().enumerate().map(line).unzip();
    let (start, end) = trace.span()?;
    let totals = sorted.iter().map(|(kind, n)| {
        format!(
            "{} {}",
            view::shortened(&view::plain(kind), 30),
            view::count(*n)
        )
    });
    let plot = Plot {
        title: format!("{title} – {}", trace.label),
        subtitle: format!("{subtitle}{}", rounds(cast)),
        description: format!("In all: {}.", totals.collect::<Vec<_>>().join(", ")),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up {
            values: lines
                .iter()
                .flat_map(|line| line.points.iter().map(|p| p.1))
                .collect(),
            log: false,
            show: view::rate,
        },
        y_label: "operations per second",
        legend,
        shades: shades(cast, (start, end)),
        limits: Vec::new(),
        columns: column.into(),
        height: Height::Full,
    };
    Some(plot.lines(&lines))
}

/// Returns the line of some kinds together, with its legend entry.
fn kind_line(
    trace: &Trace<'_>,
    i: usize,
    (name, of): &(String, Vec<&str>),
    counters: Counters<'_>,
) -> (Entry, Line) {
    let count = |w: &Window, of: &[&str]| {
        of.iter()
            .filter_map(|kind| counters(w)?.get(*kind))
            .sum::<u64>() as f64
    };
    let points = trace
        .series()
        .map(|w| (w.t_s + w.window_s / 2.0, count(w, of) / w.window_s))
        .collect();
    // Untrusted names are not used in attributes: an index is enough.
    let line = Line {
        key: format!("kind-{i}"),
        style: palette::of_index(i),
        width: 2.0,
        marked: true,
        points,
    };
    (
        Entry {
            key: line.key.clone(),
            text: view::shortened(name, 30),
            style: line.style,
            marked: true,
        },
        line,
    )
}

/// Returns the spans that are not measured.
pub(crate) fn shades(cast: &Cast<'_>, (start, end): (f64, f64)) -> Vec<(&'static str, (f64, f64))> {
    let warm_up = (start < 0.0).then_some(("warm-up", (start, 0.0)));
    warm_up
        .into_iter()
        .chain(
            cast.planned(end)
                .aside
                .into_iter()
                .map(|stage| ("not measured", stage)),
        )
        .collect()
}

/// Returns a note on which round a time series shows, if there are several.
pub(crate) fn rounds(cast: &Cast<'_>) -> &'static str {
    if cast.has_rounds() {
        " First round."
    } else {
        ""
    }
}
