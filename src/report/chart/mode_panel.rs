//! [`Panel`]: one figure of the modes, with a bar for each.

use super::super::view;
use super::axis::Axis;
use super::canvas::{Align, Canvas, Font};
use super::palette;
use super::trace::Trace;
use crate::result::ModeComparison;

/// The height of a bar including the space around it.
pub(super) const ROW: f64 = 34.0;

/// Height of a bar.
const BAR: f64 = 20.0;

/// Height of a panel's title.
pub(super) const PANEL_TITLE: f64 = 38.0;

/// The minimum width of a readable whisker, in pixels.
const WHISKER: f64 = 4.0;

/// The content of one panel.
pub(super) struct Panel<'a> {
    pub(super) title: String,
    pub(super) hint: &'static str,
    pub(super) less_is_better: bool,
    pub(super) value: Value<'a>,
    pub(super) interval: Interval<'a>,
    pub(super) ideal: fn(&ModeComparison) -> Option<f64>,
    pub(super) show: fn(f64) -> String,
    pub(super) modes: &'a [(&'a Trace<'a>, &'a ModeComparison)],
}

pub(super) type Value<'a> = Box<dyn Fn(&ModeComparison) -> Option<f64> + 'a>;

pub(super) type Interval<'a> = Box<dyn Fn(&ModeComparison) -> Option<[f64; 2]> + 'a>;

impl Panel<'_> {
    pub(super) fn draw(&self, c: &mut Canvas, (left, top): (f64, f64), width: f64) {
        self.heading(c, (left, top));
        let names = self
            .modes
            .iter()
            .map(|(trace, _)| Font::LABEL.width(&trace.short))
            .fold(0.0, f64::max)
            + 12.0;
        let labels: Vec<String> = self.modes.iter().map(|(_, m)| self.label(m)).collect();
        let room = labels
            .iter()
            .map(|l| Font::LABEL.bold().width(l))
            .fold(0.0, f64::max)
            + 12.0;
        let start = left + names;
        let highest = self
            .modes
            .iter()
            .flat_map(|(_, m)| [self.known(m), self.ends(m).map(|e| e[1]), (self.ideal)(m)]);
        let highest = highest
            .flatten()
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        let x = Axis::linear(
            0.0,
            if highest > 0.0 { highest } else { 1.0 },
            (start, (left + width - room).max(start + 40.0)),
        );
        let best = self.best();
        for (i, ((trace, mode), label)) in self.modes.iter().zip(&labels).enumerate() {
            let middle = top + PANEL_TITLE + ROW * (i as f64 + 0.5) - 6.0;
            c.text(
                &trace.short,
                (start - 10.0, middle),
                Font::LABEL,
                Align::End,
            );
            let end = self.bar(c, &x, (start, middle), (trace, mode));
            let font = if best == Some(i) {
                Font::LABEL.bold()
            } else {
                Font::LABEL
            };
            c.text(label, (end + 8.0, middle), font, Align::Start);
        }
        let bottom = top + PANEL_TITLE + ROW * self.modes.len() as f64 - 6.0;
        c.line(
            &[(start, top + PANEL_TITLE - 6.0), (start, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
    }

    fn heading(&self, c: &mut Canvas, (left, top): (f64, f64)) {
        c.text(
            &self.title,
            (left, top + 8.0),
            Font {
                size: 14.0,
                ..Font::LABEL
            }
            .bold(),
            Align::Start,
        );
        let after = Font {
            size: 14.0,
            ..Font::LABEL
        }
        .bold()
        .width(&self.title)
            + 10.0;
        c.text(
            self.hint,
            (left + after, top + 8.5),
            Font::TICK,
            Align::Start,
        );
    }

    /// Draws the bar of a mode with its whisker and its ideal; returns where they end.
    fn bar(
        &self,
        c: &mut Canvas,
        x: &Axis,
        (start, middle): (f64, f64),
        (trace, mode): (&Trace<'_>, &ModeComparison),
    ) -> f64 {
        let mut end = start;
        if let Some(value) = self.known(mode) {
            // Even the smallest value is visible as a sliver.
            end = x.pixel(value).max(start + 1.0);
            c.rect(
                (start, middle - BAR / 2.0),
                (end, middle + BAR / 2.0),
                trace.style.color,
                1.0,
            );
        }
        if let Some([low, high]) = self.ends(mode) {
            let (low, high) = (x.pixel(low), x.pixel(high));
            if high - low >= WHISKER {
                c.line(&[(low, middle), (high, middle)], palette::INK, 1.25, None);
                for at in [low, high] {
                    c.line(
                        &[(at, middle - 4.5), (at, middle + 4.5)],
                        palette::INK,
                        1.25,
                        None,
                    );
                }
            }
            end = end.max(high);
        }
        if let Some(ideal) = (self.ideal)(mode).filter(|v| v.is_finite()) {
            let at = x.pixel(ideal);
            c.rect(
                (at - 1.5, middle - BAR / 2.0 - 4.0),
                (at + 1.5, middle + BAR / 2.0 + 4.0),
                palette::INK,
                1.0,
            );
            end = end.max(at + 1.5);
        }
        end
    }

    fn known(&self, mode: &ModeComparison) -> Option<f64> {
        (self.value)(mode).filter(|v| v.is_finite())
    }

    fn ends(&self, mode: &ModeComparison) -> Option<[f64; 2]> {
        (self.interval)(mode).filter(|ends| ends.iter().all(|e| e.is_finite()))
    }

    fn label(&self, mode: &ModeComparison) -> String {
        let value = view::or_na(self.known(mode), self.show);
        match (self.ideal)(mode) {
            Some(ideal) => format!("{value} (ideal {})", (self.show)(ideal)),
            None => value,
        }
    }

    /// Returns the index of the mode with the best value, if there is one.
    fn best(&self) -> Option<usize> {
        let sign = if self.less_is_better { 1.0 } else { -1.0 };
        let known =
            |(i, (_, m)): (usize, &(_, &ModeComparison))| self.known(m).map(|v| (i, v * sign));
        let mut values: Vec<(usize, f64)> =
            self.modes.iter().enumerate().filter_map(known).collect();
        values.sort_by(|a, b| a.1.total_cmp(&b.1));
        match values.as_slice() {
            // Figures that look the same are equal to a reader.
            [(mode, first), (_, second), ..]
                if (self.show)(first.abs()) != (self.show)(second.abs()) =>
            {
                Some(*mode)
            }
            _ => None,
        }
    }
}
