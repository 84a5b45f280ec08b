//! The run at a glance: throughput, response time, that of groups as a whole, operations in flight
//! and failures over time, in panels with a shared time axis, so that simultaneous events are aligned.

use std::borrow::Cow;

use super::super::part_name::PartName;
use super::super::view;
use super::axis::{Axis, Tick};
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{self, Entry, Field, Height, MARGIN, WIDTH};
use super::over_time::{rounds, shades};
use super::palette;
use super::plot::marks;
use super::trace::{Cast, Trace};
use crate::result::Window;

/// The height of a panel's plot area.
const HEIGHT: f64 = 112.0;
/// The space between two plot areas, for the title of the lower one.
const GAP: f64 = 40.0;
/// The maximum number of points across the chart: a line that is shorter than the others has
/// proportionally fewer.
const POINTS: f64 = 150.0;

/// The most groups with a panel of their own.
const MAX_GROUPS: usize = 4;

/// The points of a line, in seconds and the panel's unit.
type Points = Vec<(f64, f64)>;

/// A figure of windows.
type Value<'a> = Box<dyn Fn(&Window) -> Option<f64> + 'a>;

/// One panel.
struct Panel<'a> {
    title: Cow<'static, str>,
    value: Value<'a>,
    show: fn(f64) -> String,
    log: bool,
    /// Whether several windows are represented by their maximum rather than their mean: all windows
    /// of a run are equally wide.
    highest: bool,
}

/// Returns the panels, from top to bottom.
fn panels<'a>(cast: &Cast<'a>) -> Vec<Panel<'a>> {
    let time = |title: Cow<'static, str>, value| Panel {
        title,
        value,
        show: view::duration_ms,
        log: true,
        highest: true,
    };
    let mut all = vec![
        Panel {
            title: "throughput, successful operations per second".into(),
            value: Box::new(|w| Some(w.throughput_rps)),
            show: view::rate,
            log: false,
            highest: false,
        },
        time("response time, p50".into(), Box::new(|w| w.p50_ms)),
        time("response time, p99".into(), Box::new(|w| w.p99_ms)),
    ];
    let runs = cast.traces.iter().flat_map(|trace| &trace.rounds).copied();
    let groups = PartName::of_groups(runs).into_iter().take(MAX_GROUPS);
    all.extend(groups.map(|group| {
        let label = view::shortened(&group.label(), 60);
        let p99 = move |w: &Window| Some(group.group_in(w)?.response_ms.as_ref()?.p99);
        time(format!("{label} as a whole, p99").into(), Box::new(p99))
    }));
    all.extend([
        Panel {
            title: "operations in flight".into(),
            value: Box::new(|w| w.in_flight),
            show: view::number,
            log: false,
            highest: true,
        },
        Panel {
            title: "operations failed per second".into(),
            value: Box::new(|w| Some(w.failed as f64 / w.window_s)),
            show: view::rate,
            log: false,
            highest: true,
        },
    ]);
    all
}

/// Draws the chart, if some run has a time series.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let (start, end) = cast.span()?;
    let shown: Vec<(Panel<'_>, Vec<Points>)> = panels(cast)
        .into_iter()
        .map(|panel| {
            let traces = cast.traces.iter();
            let lines = traces.map(|trace| points(trace, &panel, (end - start) / POINTS));
            let lines = lines.collect::<Vec<_>>();
            (panel, lines)
        })
        .filter(|(_, lines)| lines.iter().flatten().any(|p| p.1 > 0.0))
        .collect();
    if shown.is_empty() {
        return None;
    }
    let traces: Vec<&Trace<'_>> = cast
        .traces
        .iter()
        .filter(|trace| trace.series().next().is_some())
        .collect();
    let legend: Vec<Entry> = traces
        .iter()
        .map(|trace| Entry::from_trace(trace))
        .collect();
    let Field {
        left, top, right, ..
    } = Field::below(&legend, Height::Full);
    let x = Axis::linear(start, end, (left, right));
    let ticks = x.ticks(10.0, seconds);
    let bottom = top + (HEIGHT + GAP) * shown.len() as f64 - GAP;
    let title = format!("The run over time – {}", cast.name);
    let panels = shown
        .iter()
        .map(|(panel, _)| &*panel.title)
        .collect::<Vec<_>>()
        .join("; ");
    let description = format!(
        "From {} s to {} s: {panels}.",
        view::number(start),
        view::number(end)
    );
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    let shaded = shades(cast, (start, end));
    Some(canvas::picture(
        (WIDTH, (bottom + 58.0) as u32),
        &about,
        |c| {
            frame::heading(c, &title, &subtitle(cast, &traces, (end - start) / POINTS));
            frame::entries(c, &legend);
            for (i, (panel, lines)) in shown.iter().enumerate() {
                let upper = top + (HEIGHT + GAP) * i as f64;
                background(c, &x, &ticks, &shaded, upper);
                panel.draw(c, cast, lines, &x, (upper, upper + HEIGHT));
            }
            shade_names(c, &x, &shaded, top);
            time_axis(c, &x, &ticks, (left, right), bottom);
        },
    ))
}

/// Formats a tick of the time axis.
fn seconds(s: f64) -> String {
    if s == 0.0 {
        "0".into()
    } else {
        format!("{} s", view::round(&view::number(s)))
    }
}

/// Explains the panels; windows narrower than `point` seconds are merged.
fn subtitle(cast: &Cast<'_>, traces: &[&Trace<'_>], point: f64) -> String {
    let narrow = traces
        .iter()
        .flat_map(|trace| trace.series())
        .any(|w| w.window_s < point);
    let joined = if narrow {
        " Windows too narrow to be seen: their highest; throughput: their mean."
    } else {
        ""
    };
    format!(
        "By the time that operations were due.{joined}{}",
        rounds(cast)
    )
}

/// Labels the shaded spans that have room for it.
fn shade_names(c: &mut Canvas, x: &Axis, shaded: &[(&'static str, (f64, f64))], top: f64) {
    for (what, (from, to)) in shaded {
        if x.pixel(*to) - x.pixel(*from) > 9.0 * what.len() as f64 {
            c.text(
                what,
                (x.pixel(*from) + 6.0, top + 10.0),
                Font::TICK,
                Align::Start,
            );
        }
    }
}

/// Draws the background of a panel: spans that are not measured, and a line for each tick.
fn background(
    c: &mut Canvas,
    x: &Axis,
    ticks: &[Tick],
    shaded: &[(&'static str, (f64, f64))],
    upper: f64,
) {
    for (_, (from, to)) in shaded {
        c.rect(
            (x.pixel(*from), upper),
            (x.pixel(*to), upper + HEIGHT),
            palette::SHADE,
            1.0,
        );
    }
    for tick in ticks {
        let at = x.pixel(tick.value);
        c.line(
            &[(at, upper), (at, upper + HEIGHT)],
            palette::GRID,
            1.0,
            None,
        );
    }
}

/// Draws the labels of the time axis below all panels, as many as fit.
fn time_axis(c: &mut Canvas, x: &Axis, ticks: &[Tick], (left, right): (f64, f64), bottom: f64) {
    let mut free_from = 0.0;
    for tick in ticks {
        let half = Font::TICK.width(&tick.label) / 2.0;
        let middle = x.pixel(tick.value).min(f64::from(WIDTH) - 6.0 - half);
        if middle - half >= free_from {
            c.text(
                &tick.label,
                (middle, bottom + 16.0),
                Font::TICK,
                Align::Middle,
            );
            free_from = middle + half + 8.0;
        }
    }
    c.text(
        "seconds since the start of the run",
        (f64::midpoint(left, right), bottom + 40.0),
        Font::TICK,
        Align::Middle,
    );
}

impl Panel<'_> {
    fn draw(
        &self,
        c: &mut Canvas,
        cast: &Cast<'_>,
        lines: &[Points],
        x: &Axis,
        (top, bottom): (f64, f64),
    ) {
        let values: Vec<f64> = lines.iter().flatten().map(|p| p.1).collect();
        let y = if self.log {
            Axis::for_times(&values, (bottom, top))
        } else {
            Axis::from_zero(values, (bottom, top))
        };
        let title = if y.is_log() {
            format!("{}, log scale", self.title)
        } else {
            self.title.to_string()
        };
        c.text(
            &title,
            (MARGIN, top - 14.0),
            Font::TICK.bold(),
            Align::Start,
        );
        let (left, right) = (x.pixel(x.low()), x.pixel(x.high()));
        let mut last = f64::INFINITY;
        for tick in y.ticks(3.0, |v| view::round(&(self.show)(v))) {
            let at = y.pixel(tick.value);
            c.line(&[(left, at), (right, at)], palette::GRID, 1.0, None);
            if !tick.label.is_empty() && (last - at).abs() >= 15.0 {
                c.text(&tick.label, (left - 8.0, at), Font::TICK, Align::End);
                last = at;
            }
        }
        let paths = lines.iter().map(|points| {
            points
                .iter()
                .map(|(s, v)| (x.pixel(*s), y.pixel(*v)))
                .collect::<Vec<_>>()
        });
        let paths: Vec<(&Trace<'_>, Vec<(f64, f64)>)> = cast
            .traces
            .iter()
            .zip(paths)
            .filter(|(_, path)| !path.is_empty())
            .collect();
        for (trace, path) in &paths {
            c.line(path, trace.style.color, 1.75, trace.style.dash);
        }
        for (i, (trace, path)) in paths.iter().enumerate() {
            marks(c, trace.style, path, i as f64 / paths.len() as f64);
        }
        c.line(
            &[(left, bottom), (right, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
    }
}

/// Returns the points of a line, each at least `narrowest` seconds wide: narrower windows are
/// merged.
fn points(trace: &Trace<'_>, panel: &Panel<'_>, narrowest: f64) -> Points {
    let windows: Vec<&Window> = trace.series().collect();
    let width = windows.first().map_or(1.0, |w| w.window_s);
    let step = ((narrowest / width).ceil() as usize).max(1);
    let join = |chunk: &[&Window]| {
        let (first, last) = (chunk.first()?, chunk.last()?);
        let known: Vec<f64> = chunk
            .iter()
            .filter_map(|w| (panel.value)(w).filter(|v| v.is_finite()))
            .collect();
        let high = known.iter().copied().reduce(f64::max)?;
        let value = if panel.highest {
            high
        } else {
            known.iter().sum::<f64>() / known.len() as f64
        };
        Some((f64::midpoint(first.t_s, last.t_s + last.window_s), value))
    };
    windows.chunks(step).filter_map(join).collect()
}
