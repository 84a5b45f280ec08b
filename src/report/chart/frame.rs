//! [`Frame`]: what the charts with lines have in common: title, legend, axes and the field between them.

use crate::plan::Mode;

use super::axis::{Axis, Tick};
use super::canvas::{Align, Canvas, Font};
use super::palette::{self, Look};

/// Size of the charts with lines, in pixels.
pub const SIZE: (u32, u32) = (960, 460);
/// The field that data are drawn in: left, top, right, bottom.
pub const FIELD: (f64, f64, f64, f64) = (84.0, 118.0, 930.0, 402.0);
/// Left edge of titles.
pub const MARGIN: f64 = 24.0;

/// Labels of ticks closer than this are left out.
const TICK_GAP: f64 = 14.0;

/// The texts around a chart.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// What is seen.
    pub title: &'a str,
    /// How to read it.
    pub subtitle: &'a str,
    /// Under the horizontal axis.
    pub x_label: &'a str,
    /// Above the vertical axis.
    pub y_label: &'a str,
}

/// An entry of a legend.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its text.
    pub text: String,
    /// Its line.
    pub look: Look,
    /// Whether the line has markers.
    pub marked: bool,
}

impl Entry {
    /// The entry of a mode.
    pub fn mode(mode: Mode) -> Self {
        Self { text: mode.name().into(), look: palette::look(mode), marked: true }
    }
}

/// A chart's title, and a second line under it.
pub fn heading(canvas: &mut Canvas<'_>, title: &str, subtitle: &str) {
    canvas.text(title, (MARGIN, 28.0), Font::TITLE, Align::Start);
    canvas.text(subtitle, (MARGIN, 51.0), Font::SUBTITLE, Align::Start);
}

impl Frame<'_> {
    /// Draws everything but the data.
    pub fn draw(&self, canvas: &mut Canvas<'_>, (x, x_ticks): (&Axis, &[Tick]), (y, y_ticks): (&Axis, &[Tick]), legend: &[Entry]) {
        let (left, top, right, bottom) = FIELD;
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
        let mut free_from = 0.0;
        for tick in x_ticks {
            let at = x.pixel(tick.value);
            canvas.line(&[(at, top), (at, bottom)], palette::GRID, 1.0, None);
            let half = Font::TICK.width(&tick.label) / 2.0;
            // A label that would stick out on the right is moved in.
            let middle = at.min(f64::from(SIZE.0) - 6.0 - half);
            if !tick.label.is_empty() && middle - half >= free_from {
                canvas.line(&[(at, bottom), (at, bottom + 5.0)], palette::MUTED, 1.0, None);
                canvas.text(&tick.label, (middle, bottom + 16.0), Font::TICK, Align::Middle);
                free_from = middle + half + 8.0;
            }
        }
        canvas.line(&[(left, bottom), (right, bottom)], palette::MUTED, 1.25, None);
        canvas.text(self.x_label, (f64::midpoint(left, right), f64::from(SIZE.1) - 18.0), Font::TICK, Align::Middle);
    }
}

/// The legend, in one row between title and field, where no data are.
fn entries(canvas: &mut Canvas<'_>, legend: &[Entry]) {
    let mut x = MARGIN;
    let y = 77.0;
    for entry in legend {
        canvas.line(&[(x, y), (x + 34.0, y)], entry.look.color, 2.5, entry.look.dash);
        if entry.marked {
            canvas.marker((x + 17.0, y), entry.look, 4.5);
        }
        canvas.text(&entry.text, (x + 42.0, y), Font::LABEL, Align::Start);
        x += 42.0 + Font::LABEL.width(&entry.text) + 28.0;
    }
}
