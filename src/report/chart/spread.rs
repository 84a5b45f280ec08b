//! The distribution of response times: the cumulative distribution function, and the density (a
//! violin for each mode).

use super::super::view;
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{self, Entry, MARGIN, WIDTH};
use super::ladder::Ladder;
use super::palette;
use super::plot::{Across, Line, Plot, Up};
use super::trace::{Cast, Trace};

/// The number of steps of a distribution function, and of slices of a violin.
const SLICES: usize = 160;
/// The height of a violin including the space around it.
const ROW: f64 = 64.0;

/// What violins show.
pub(super) struct Shown<'a> {
    /// Their title, without the name of what ran.
    pub title: &'a str,
    /// How to read them.
    pub subtitle: &'a str,
    /// The name of the values.
    pub x_label: &'a str,
    /// The values of a trace.
    pub of: &'a dyn Fn(&Trace<'_>) -> Option<Ladder>,
    /// Formats a value.
    pub show: &'a dyn Fn(f64) -> String,
    /// The quantiles that are marked.
    pub marks: [f64; 3],
    /// What there are several of.
    pub several: &'a str,
}

const RESPONSE: Shown<'_> = Shown {
    title: "Where response times lie",
    subtitle: "Further left is better. The thicker, the more operations took about this long; marks: p50, p90 and p99.",
    x_label: "response time",
    of: &|trace: &Trace<'_>| trace.response(),
    show: &view::duration_ms,
    marks: [0.5, 0.9, 0.99],
    several: "operations took",
};

const RATE: Shown<'_> = Shown {
    title: "Units per second of each stream",
    subtitle: "Further right is better. The thicker, the more successful streams were about this fast; marks: p1, p10 and p50.",
    x_label: "units per second, or events where servers report no units",
    of: &|trace: &Trace<'_>| Ladder::from_histogram(&trace.times(|h| h.stream_rate.as_ref())?),
    show: &view::rate,
    marks: [0.01, 0.1, 0.5],
    several: "streams had",
};

/// Returns the traces that have a sample, with it.
fn samples<'a>(
    cast: &'a Cast<'a>,
    of: &dyn Fn(&Trace<'_>) -> Option<Ladder>,
) -> Vec<(&'a Trace<'a>, Ladder)> {
    cast.traces
        .iter()
        .filter_map(|trace| Some((trace, of(trace)?)))
        .collect()
}

/// Returns the extremes of all samples, in milliseconds.
fn ends(samples: &[(&Trace<'_>, Ladder)]) -> Vec<f64> {
    samples
        .iter()
        .flat_map(|(_, h)| [h.min(), h.max()])
        .collect()
}

/// Draws the distribution function, if some mode has a sample.
pub(crate) fn cdf(cast: &Cast<'_>) -> Option<String> {
    let samples = samples(cast, RESPONSE.of);
    if samples.is_empty() {
        return None;
    }
    let ends = ends(&samples);
    // The axis that the plot will use, so that points are evenly spaced on it.
    let x = Axis::for_times(&ends, (0.0, 1.0));
    let lines: Vec<Line> = samples
        .iter()
        .map(|(trace, ladder)| {
            let points = (0..=SLICES)
                .map(|i| x.value(i as f64 / SLICES as f64))
                .map(|ms| (ms, ladder.share(ms)))
                .collect();
            Line {
                key: trace.key.clone(),
                style: trace.style,
                width: 2.25,
                marked: true,
                points,
            }
        })
        .collect();
    let describe = |(trace, h): &(&Trace<'_>, Ladder)| {
        let at = |q: f64| view::duration_ms(h.at(q));
        format!(
            "{}: half within {}, 99 % within {}.",
            trace.label,
            at(0.5),
            at(0.99)
        )
    };
    let plot = Plot {
        title: format!("Operations done within a time – {}", cast.name),
        subtitle: "Further left is better. The share of all operations, including failed ones, that took no longer.".into(),
        description: samples.iter().map(describe).collect::<Vec<_>>().join(" "),
        x_label: if x.is_log() { "response time, log scale" } else { "response time" },
        x: Across::Times(ends),
        y: Up { values: vec![1.0], log: false, show: view::share },
        y_label: "share of operations",
        legend: samples.iter().map(|(trace, _)| Entry::from_trace(trace)).collect(),
        shades: Vec::new(),
        limits: Vec::new(),
        columns: String::new(),
    };
    Some(plot.lines(&lines))
}

/// Draws a violin of response times for each mode, if one has a sample.
pub(crate) fn violins(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &RESPONSE)
}

/// Draws a violin of the rates of streams for each mode, if one has any.
pub(crate) fn rates(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &RATE)
}

/// Draws a violin for each mode that has values.
pub(super) fn draw(cast: &Cast<'_>, shown: &Shown<'_>) -> Option<String> {
    let samples = samples(cast, shown.of);
    if samples.is_empty() {
        return None;
    }
    let names = samples
        .iter()
        .map(|(trace, _)| Font::LABEL.width(&trace.short))
        .fold(0.0, f64::max);
    let (left, right, top) = (MARGIN + names + 18.0, 930.0, 74.0);
    let bottom = top + ROW * samples.len() as f64;
    let x = Axis::for_times(&ends(&samples), (left, right));
    let title = format!("{} – {}", shown.title, cast.name);
    let description = samples
        .iter()
        .map(|(trace, h)| {
            let [low, high] = [0.1, 0.9].map(|q| (shown.show)(h.at(q)));
            let (label, several) = (&trace.label, shown.several);
            format!("{label}: 80 % of the {several} from {low} to {high}.")
        })
        .collect::<Vec<_>>()
        .join(" ");
    let size = (WIDTH, (bottom + 56.0) as u32);
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    Some(canvas::picture(size, &about, |c| {
        frame::heading(c, &title, shown.subtitle);
        grid(c, &x, (top, bottom), shown.show);
        for (i, (trace, ladder)) in samples.iter().enumerate() {
            let middle = ROW.mul_add(i as f64 + 0.5, top);
            c.group(
                &[("class", "series".into()), ("data-key", trace.key.clone())],
                |c| {
                    violin(c, &x, (left, right), middle, (trace, ladder));
                    marks(c, &x, middle, shown.marks.map(|q| ladder.at(q)));
                },
            );
        }
        c.line(
            &[(left, bottom), (right, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
        let scale = if x.is_log() { ", log scale" } else { "" };
        c.text(
            &format!("{}{scale}", shown.x_label),
            (f64::midpoint(left, right), bottom + 38.0),
            Font::TICK,
            Align::Middle,
        );
    }))
}

/// Draws a line for each tick, and the labels that fit.
fn grid(c: &mut Canvas, x: &Axis, (top, bottom): (f64, f64), show: &dyn Fn(f64) -> String) {
    let mut free_from = 0.0;
    for tick in x.ticks(8.0, |value| view::round(&show(value))) {
        let at = x.pixel(tick.value);
        c.line(&[(at, top), (at, bottom)], palette::GRID, 1.0, None);
        let half = Font::TICK.width(&tick.label) / 2.0;
        let middle = at.min(f64::from(WIDTH) - 6.0 - half);
        if !tick.label.is_empty() && middle - half >= free_from {
            c.text(
                &tick.label,
                (middle, bottom + 14.0),
                Font::TICK,
                Align::Middle,
            );
            free_from = middle + half + 8.0;
        }
    }
}

/// Draws one violin with its name.
fn violin(
    c: &mut Canvas,
    x: &Axis,
    (left, right): (f64, f64),
    middle: f64,
    (trace, ladder): (&Trace<'_>, &Ladder),
) {
    c.text(&trace.short, (left - 12.0, middle), Font::LABEL, Align::End);
    let outline = outline(ladder, x, (left, right));
    let half = ROW * 0.42;
    let upper = outline
        .iter()
        .map(|(at, thick)| (*at, middle - half * thick));
    let lower = outline
        .iter()
        .rev()
        .map(|(at, thick)| (*at, middle + half * thick));
    c.polygon(
        &upper.chain(lower).collect::<Vec<_>>(),
        trace.style.color,
        0.55,
    );
    c.line(
        &[
            (x.pixel(ladder.min()), middle),
            (x.pixel(ladder.max()), middle),
        ],
        trace.style.color,
        1.25,
        None,
    );
}

/// Marks values across the middle of a violin.
fn marks(c: &mut Canvas, x: &Axis, middle: f64, values: [f64; 3]) {
    for value in values {
        let at = x.pixel(value);
        c.rect(
            (at - 1.25, middle - 11.0),
            (at + 1.25, middle + 11.0),
            palette::INK,
            1.0,
        );
    }
}

/// Returns the thickness of a violin along the axis, from 0 to 1. Slices are evenly spaced on the
/// axis, so that an area is a share.
fn outline(ladder: &Ladder, x: &Axis, (left, right): (f64, f64)) -> Vec<(f64, f64)> {
    let mut slices = vec![0_u64; SLICES];
    for (ms, count) in ladder.values() {
        let share = (x.pixel(ms) - left) / (right - left);
        let slice = ((share * SLICES as f64) as usize).min(SLICES - 1);
        slices[slice] += count;
    }
    let most = slices.iter().copied().max().unwrap_or(0).max(1) as f64;
    let width = (right - left) / SLICES as f64;
    let used = |i: usize| slices[i] > 0;
    let (first, last) = (
        (0..SLICES).find(|i| used(*i)).unwrap_or(0),
        (0..SLICES).rfind(|i| used(*i)).unwrap_or(0),
    );
    // Slices that are not empty have at least a visible thickness.
    let thick = |i: usize| {
        if used(i) {
            (slices[i] as f64 / most).max(0.03)
        } else {
            0.0
        }
    };
    (first..=last)
        .flat_map(|i| {
            [
                (width.mul_add(i as f64, left), thick(i)),
                (width.mul_add((i + 1) as f64, left), thick(i)),
            ]
        })
        .collect()
}
