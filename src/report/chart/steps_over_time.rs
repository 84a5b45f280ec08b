//! The response times and failures of each step over time: a small chart for each, all on the same
//! axes, so that a step that gets slow or fails stands out, and when it does.

use super::super::part_name::PartName;
use super::super::view;
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{Entry, Field, Height, WIDTH, entries, heading};
use super::over_time::{rounds, shades};
use super::palette;
use super::plot::{series, thin};
use super::trace::{Cast, Trace};
use crate::result::StepWindow;

/// The most small charts.
pub(crate) const MAX_CHARTS: usize = 12;
/// The size of a small chart, in pixels.
const CELL: (u32, u32) = (304, 176);
/// The small charts of a row.
const ROW: usize = 3;
/// The space below the small charts of a picture.
const BELOW: f64 = 12.0;
/// The most points of a line: more would be finer than pixels.
const POINTS: usize = 150;
/// The least height of a mark of failures, in pixels.
const LEAST: f64 = 3.0;
/// The widths of the lines of p50 and p99.
const WIDTHS: [f64; 2] = [1.0, 2.4];

/// The steps of a cast, and which of them have a small chart.
pub(crate) struct Steps<'r> {
    /// Those with figures over time, in the order of the scenario.
    pub all: Vec<PartName<'r>>,
    /// The indices of those with a small chart, in ascending order.
    pub shown: Vec<usize>,
}

impl<'r> Steps<'r> {
    /// Returns the steps of a cast; of only one, the charts of the run say everything. If there are
    /// too many, those with the most failures have charts, and then those with the highest p99.
    pub(crate) fn of_cast(cast: &Cast<'r>) -> Option<Self> {
        let runs: Vec<_> = cast.traces.iter().filter_map(Trace::run).collect();
        let mut all = PartName::of_steps(runs.iter().copied());
        all.retain(|step| {
            let mut windows = runs.iter().flat_map(|run| &run.series);
            windows.any(|window| step.step_in(window).is_some())
        });
        if all.len() < 2 {
            return None;
        }
        let of_step = |step: &PartName<'_>| {
            let own = runs.iter().filter_map(|run| step.step_of(run));
            own.fold((0, 0.0), |(failed, p99), group| {
                let own = group.times.response_ms.as_ref().map_or(0.0, |ms| ms.p99);
                (failed + group.counts.failed, f64::max(p99, own))
            })
        };
        let mut ranked: Vec<(usize, (u64, f64))> = all.iter().map(of_step).enumerate().collect();
        ranked.sort_by(|(_, a), (_, b)| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
        let mut shown: Vec<usize> = ranked.into_iter().map(|(place, _)| place).collect();
        shown.truncate(MAX_CHARTS);
        shown.sort_unstable();
        Some(Self { all, shown })
    }
}

/// The axes that all small charts share.
struct Axes {
    seconds: (f64, f64),
    times: Vec<f64>,
    shades: Vec<(&'static str, (f64, f64))>,
}

impl Axes {
    fn new(cast: &Cast<'_>, steps: &Steps<'_>) -> Option<Self> {
        let seconds = cast.span()?;
        let mut times = Vec::new();
        for window in cast.traces.iter().flat_map(Trace::series) {
            let shown = steps.shown.iter();
            let own = shown.filter_map(|place| steps.all[*place].step_in(window));
            times.extend(own.flat_map(|own| [own.p50_ms, own.p99_ms].into_iter().flatten()));
        }
        Some(Self {
            seconds,
            times,
            shades: shades(cast, seconds),
        })
    }
}

/// Draws the small charts that a page has, in the order of their steps.
pub(crate) fn cells(cast: &Cast<'_>, steps: &Steps<'_>) -> Vec<String> {
    let Some(axes) = Axes::new(cast, steps) else {
        return Vec::new();
    };
    let one = |place: &usize| {
        let step = steps.all[*place];
        let field = field((0.0, 0.0));
        let Field {
            left,
            top,
            right,
            bottom,
            size,
        } = field;
        let attributes = [
            (
                "data-ends",
                format!("{} {}", axes.seconds.0, axes.seconds.1),
            ),
            ("data-field", format!("{left} {top} {right} {bottom}")),
        ];
        let about = About {
            title: &step.label(),
            description: &description(cast, step),
            attributes: &attributes,
        };
        canvas::picture(size, &about, |c| cell(c, cast, step, &axes, field))
    };
    steps.shown.iter().map(one).collect()
}

/// Draws all small charts as one picture, if there are several steps.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let steps = Steps::of_cast(cast)?;
    let axes = Axes::new(cast, &steps)?;
    let more = match steps.all.len() - steps.shown.len() {
        0 => String::new(),
        more => format!(" {more} more on the page."),
    };
    let rows = steps.shown.len().div_ceil(ROW) as f64;
    let legend: Vec<Entry> = match &cast.traces[..] {
        [_] => Vec::new(),
        several => several.iter().map(Entry::from_trace).collect(),
    };
    let above = if legend.is_empty() {
        70.0
    } else {
        Field::below(&legend, Height::Full).top - 20.0
    };
    let height = above + rows * f64::from(CELL.1) + BELOW;
    let title = format!("Steps over time – {}", cast.name);
    let subtitle = format!(
        "Thick: p99, thin: p50 of each window, all on the same axes; red: the share of operations that failed.{}{more}",
        rounds(cast)
    );
    let about = About {
        title: &title,
        description: &subtitle,
        attributes: &[],
    };
    Some(canvas::picture((WIDTH, height as u32), &about, |c| {
        heading(c, &title, &subtitle);
        entries(c, &legend);
        for (number, place) in steps.shown.iter().enumerate() {
            let (column, row) = ((number % ROW) as f64, (number / ROW) as f64);
            let origin = (
                20.0 + column * (f64::from(CELL.0) + 4.0),
                above + row * f64::from(CELL.1),
            );
            cell(c, cast, steps.all[*place], &axes, field(origin));
        }
    }))
}

/// Returns the plot area of a small chart whose upper left corner is there.
fn field((x, y): (f64, f64)) -> Field {
    Field {
        left: x + 52.0,
        top: y + 30.0,
        right: x + f64::from(CELL.0) - 10.0,
        bottom: y + f64::from(CELL.1) - 26.0,
        size: CELL,
    }
}

fn description(cast: &Cast<'_>, step: PartName<'_>) -> String {
    let of_trace = |trace: &Trace<'_>| {
        let own = step.step_of(trace.run()?)?;
        let times = own.times.response_ms.as_ref()?;
        Some(format!(
            "{}: p50 {}, p99 {}, {} failed.",
            trace.label,
            view::duration_ms(times.p50),
            view::duration_ms(times.p99),
            view::count(own.counts.failed)
        ))
    };
    let all: Vec<String> = cast.traces.iter().filter_map(of_trace).collect();
    all.join(" ")
}

fn cell(c: &mut Canvas, cast: &Cast<'_>, step: PartName<'_>, axes: &Axes, field: Field) {
    let Field {
        left,
        top,
        right,
        bottom,
        ..
    } = field;
    let x = Axis::linear(axes.seconds.0, axes.seconds.1, (left, right));
    let y = Axis::for_times(&axes.times, (bottom, top));
    for (_, (from, to)) in &axes.shades {
        c.rect(
            (x.pixel(*from), top),
            (x.pixel(*to), bottom),
            palette::SHADE,
            1.0,
        );
    }
    let label = view::shortened(&step.label(), 36);
    c.text(
        &label,
        (left - 44.0, top - 16.0),
        Font::LABEL.bold(),
        Align::Start,
    );
    grid(c, (&x, &y), field);
    for trace in &cast.traces {
        let known: Vec<((f64, f64), &StepWindow)> = trace
            .series()
            .filter_map(|w| Some(((w.t_s, w.t_s + w.window_s), step.step_in(w)?)))
            .collect();
        series(c, &trace.key, |c| {
            failed(c, &known, &x, field);
            for (of, width) in [
                (p50 as fn(&StepWindow) -> Option<f64>, WIDTHS[0]),
                (p99, WIDTHS[1]),
            ] {
                let points = known.iter().filter_map(|((from, to), own)| {
                    let value = of(own).filter(|value| value.is_finite())?;
                    Some((f64::midpoint(*from, *to), value))
                });
                let path: Vec<(f64, f64)> = thin(&points.collect::<Vec<_>>(), POINTS)
                    .into_iter()
                    .map(|(at, value)| (x.pixel(at), y.pixel(value)))
                    .collect();
                // A single mode needs no dashes to be told from others.
                let dash = trace.style.dash.filter(|_| cast.traces.len() > 1);
                c.line(&path, trace.style.color, width, dash);
            }
        });
    }
}

const fn p50(own: &StepWindow) -> Option<f64> {
    own.p50_ms
}

const fn p99(own: &StepWindow) -> Option<f64> {
    own.p99_ms
}

/// Draws the grid with the ticks of both axes.
fn grid(c: &mut Canvas, (x, y): (&Axis, &Axis), field: Field) {
    let Field {
        left,
        top,
        right,
        bottom,
        ..
    } = field;
    let mut free = f64::INFINITY;
    for tick in y.ticks(3.0, |v| view::round(&view::duration_ms(v))) {
        let at = y.pixel(tick.value);
        c.line(&[(left, at), (right, at)], palette::GRID, 1.0, None);
        if !tick.label.is_empty() && free - at >= 24.0 {
            c.text(&tick.label, (left - 6.0, at), Font::TICK, Align::End);
            free = at;
        }
    }
    let mut free = 0.0;
    for tick in x.ticks(4.0, |v| format!("{} s", view::round(&view::number(v)))) {
        let at = x.pixel(tick.value);
        c.line(&[(at, top), (at, bottom)], palette::GRID, 1.0, None);
        let half = Font::TICK.width(&tick.label) / 2.0;
        let middle = at.min(right + 8.0 - half);
        if middle - half >= free {
            c.text(
                &tick.label,
                (middle, bottom + 14.0),
                Font::TICK,
                Align::Middle,
            );
            free = middle + half + 12.0;
        }
    }
    c.line(
        &[(left, bottom), (right, bottom)],
        palette::MUTED,
        1.25,
        None,
    );
}

/// Draws a bar in each window with failures: as high as the share of operations that failed.
fn failed(c: &mut Canvas, known: &[((f64, f64), &StepWindow)], x: &Axis, field: Field) {
    let height = field.bottom - field.top;
    let bars: Vec<canvas::Cell> = known
        .iter()
        .filter(|(_, own)| own.failed > 0)
        .map(|((from, to), own)| {
            let share = own.failed as f64 / own.planned.max(own.failed) as f64;
            let (left, right) = (x.pixel(*from), x.pixel(*to));
            let top = field.bottom - (height * share).max(LEAST);
            ((left, top), (right.max(left + 1.0), field.bottom))
        })
        .collect();
    c.cells(&bars, palette::LIMIT, 0.35);
}
