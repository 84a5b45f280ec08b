//! [`Frame`]: the common parts of the line charts: title, legend, axes and the plot area.

use super::axis::{Axis, Tick};
use super::canvas::{Align, Canvas, Font};
use super::palette::{self, LineStyle};
use super::trace::Trace;

/// Width of every chart, in pixels.
pub(crate) const WIDTH: u32 = 960;
/// The left edge of titles.
pub(crate) const MARGIN: f64 = 24.0;
/// The distance between the rows of a legend.
const ROW: f64 = 22.0;
/// The width of a legend's symbol, including the space before its text.
const SIGN: f64 = 42.0;
/// The space between the end of a text and the next symbol.
const GAP: f64 = 28.0;

/// How high the plot area of a chart is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Height {
    /// Enough to read values.
    Full,
    /// Enough to see when something changed: for charts of which there are many.
    Low,
}

impl Height {
    const fn pixels(self) -> f64 {
        match self {
            Self::Full => 284.0,
            Self::Low => 100.0,
        }
    }

    /// Returns about how many ticks fit.
    pub(crate) const fn ticks(self) -> f64 {
        match self {
            Self::Full => 6.0,
            Self::Low => 3.0,
        }
    }
}

/// The plot area, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its right edge.
    pub right: f64,
    /// Its lower edge.
    pub bottom: f64,
    /// The size of the whole chart.
    pub size: (u32, u32),
}

impl Field {
    /// Creates the plot area below a legend, which may have several rows.
    pub(crate) fn below(legend: &[Entry], height: Height) -> Self {
        let more = ROW
            * places(legend)
                .iter()
                .map(|(_, row)| *row)
                .fold(0.0, f64::max);
        Self {
            left: 84.0,
            top: 118.0 + more,
            right: 930.0,
            bottom: 118.0 + height.pixels() + more,
            size: (WIDTH, (176.0 + height.pixels() + more) as u32),
        }
    }
}

/// Returns the positions of a legend's entries: their left edge, and their row counted from 0.
fn places(legend: &[Entry]) -> Vec<(f64, f64)> {
    let (mut x, mut row) = (MARGIN, 0.0);
    legend
        .iter()
        .map(|entry| {
            let width = SIGN + Font::LABEL.width(&entry.text);
            if x > MARGIN && x + width > f64::from(WIDTH) - MARGIN {
                (x, row) = (MARGIN, row + 1.0);
            }
            let place = (x, row);
            x += width + GAP;
            place
        })
        .collect()
}

/// Tick labels closer than this are omitted.
const TICK_GAP: f64 = 14.0;

/// The texts around a chart.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    /// The title.
    pub title: &'a str,
    /// How to read the chart.
    pub subtitle: &'a str,
    /// The label below the horizontal axis.
    pub x_label: &'a str,
    /// The label above the vertical axis.
    pub y_label: &'a str,
}

/// An entry of a legend.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key of its series in attributes; empty if it is not a series.
    pub key: String,
    /// Its text.
    pub text: String,
    /// Its line.
    pub style: LineStyle,
    /// Whether the line has markers.
    pub marked: bool,
}

impl Entry {
    /// Creates the entry of a trace.
    pub(crate) fn from_trace(trace: &Trace<'_>) -> Self {
        Self {
            key: trace.key.clone(),
            text: trace.label.clone(),
            style: trace.style,
            marked: true,
        }
    }
}

/// Draws a chart's title, and a second line below it.
pub(crate) fn heading(canvas: &mut Canvas, title: &str, subtitle: &str) {
    canvas.text(title, (MARGIN, 28.0), Font::TITLE, Align::Start);
    canvas.text(subtitle, (MARGIN, 51.0), Font::SUBTITLE, Align::Start);
}

impl Frame<'_> {
    /// Draws everything but the data.
    pub(crate) fn draw(
        &self,
        canvas: &mut Canvas,
        field: Field,
        (x, x_ticks): (&Axis, &[Tick]),
        (y, y_ticks): (&Axis, &[Tick]),
        legend: &[Entry],
    ) {
        let Field {
            left,
            top,
            right,
            bottom,
            size,
        } = field;
        heading(canvas, self.title, self.subtitle);
        entries(canvas, legend);
        canvas.text(self.y_label, (MARGIN, top - 18.0), Font::TICK, Align::Start);
        let mut last = f64::INFINITY;
        for tick in y_ticks {
            let at = y.pixel(tick.value);
            canvas.line(&[(left, at), (right, at)], palette::GRID, 1.0, None);
            if !tick.label.is_empty() && (last - at).abs() >= TICK_GAP {
                canvas.text(&tick.label, (left - 8.0, at), Font::TICK, Align::End);
                last = at;
            }
        }
        canvas.group(&[("class", "x-ticks".into())], |canvas| {
            let mut free_from = 0.0;
            for tick in x_ticks {
                let at = x.pixel(tick.value);
                canvas.line(&[(at, top), (at, bottom)], palette::GRID, 1.0, None);
                let half = Font::TICK.width(&tick.label) / 2.0;
                // A label that would stick out on the right is shifted left.
                let middle = at.min(f64::from(size.0) - 6.0 - half);
                if !tick.label.is_empty() && middle - half >= free_from {
                    canvas.line(
                        &[(at, bottom), (at, bottom + 5.0)],
                        palette::MUTED,
                        1.0,
                        None,
                    );
                    canvas.text(
                        &tick.label,
                        (middle, bottom + 16.0),
                        Font::TICK,
                        Align::Middle,
                    );
                    free_from = middle + half + 8.0;
                }
            }
        });
        canvas.line(
            &[(left, bottom), (right, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
        canvas.text(
            self.x_label,
            (f64::midpoint(left, right), f64::from(size.1) - 18.0),
            Font::TICK,
            Align::Middle,
        );
    }
}

/// Draws the legend, in rows between the title and the plot area.
pub(crate) fn entries(canvas: &mut Canvas, legend: &[Entry]) {
    for (entry, (x, row)) in legend.iter().zip(places(legend)) {
        let y = 77.0 + ROW * row;
        let keyed = [
            ("class", "entry".to_owned()),
            ("data-key", entry.key.clone()),
        ];
        canvas.group(
            if entry.key.is_empty() {
                &keyed[..1]
            } else {
                &keyed
            },
            |canvas| {
                canvas.line(
                    &[(x, y), (x + 34.0, y)],
                    entry.style.color,
                    2.5,
                    entry.style.dash,
                );
                if entry.marked {
                    canvas.marker((x + 17.0, y), entry.style, 4.5);
                }
                canvas.text(&entry.text, (x + SIGN, y), Font::LABEL, Align::Start);
            },
        );
    }
}
