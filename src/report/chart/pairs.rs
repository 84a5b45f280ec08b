//! The runs of two versions, pair by pair: the differences between them, and the variation of each.

use crate::plan::Unit;
use crate::result::{Change, Outcome, VersionComparison};

use super::super::changes::{amount, name, tolerance};
use super::super::{thresholds, versions, view};
use super::axis::{Axis, Tick};
use super::canvas::{self, About, Canvas};
use super::frame::{Entry, Field, Frame, Height};
use super::palette::{self, LineStyle, Marker};

const BASE: LineStyle = LineStyle {
    color: palette::CURVES[0],
    dash: None,
    marker: Marker::Circle,
};
const NEW: LineStyle = LineStyle {
    color: palette::CURVES[2],
    dash: None,
    marker: Marker::Diamond,
};

/// Draws the chart of a figure; returns `None` if its pairs are unknown.
pub(crate) fn svg(comparison: &VersionComparison, change: &Change) -> Option<String> {
    if change.pairs.is_empty() {
        return None;
    }
    let entry = |text: String, style| Entry {
        key: String::new(),
        text,
        style,
        marked: true,
    };
    let side =
        |word: &str, source: &str| format!("{word}: {}", view::shortened(&view::plain(source), 48));
    let legend = [
        entry(side("base", &comparison.base.source), BASE),
        entry(side("new", &comparison.new.source), NEW),
    ];
    let field = Field::below(&legend, Height::Full);
    let Field {
        left,
        top,
        right,
        bottom,
        ..
    } = field;
    let count = change.pairs.len();
    let x = Axis::linear(0.5, count as f64 + 0.5, (left, right));
    let values: Vec<f64> = change.pairs.iter().flatten().copied().collect();
    let y = if change.unit == Unit::Millis {
        Axis::for_times(&values, (bottom, top))
    } else {
        Axis::from_zero(values.iter().copied(), (bottom, top))
    };
    let step = count.div_ceil(20);
    let numbers: Vec<Tick> = (1..=count)
        .step_by(step)
        .map(|n| Tick {
            value: n as f64,
            label: n.to_string(),
        })
        .collect();
    let title = format!(
        "{} ({}), pair by pair",
        view::shortened(&name(change), 80),
        change.mode
    );
    let subtitle = format!(
        "{}: {}, and {} is tolerated",
        word(change.verdict),
        amount(change, change.change),
        tolerance(change)
    );
    let description = format!("{subtitle}. {}", versions::sentence(comparison));
    let frame = Frame {
        title: &title,
        subtitle: &subtitle,
        x_label: "pair",
        y_label: "figure of each run",
    };
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    Some(canvas::picture(field.size, &about, |c: &mut Canvas| {
        let ticks = y.ticks(6.0, |value| {
            view::round(&thresholds::figure(change.unit, value))
        });
        frame.draw(c, field, (&x, &numbers), (&y, &ticks), &legend);
        for (number, [base, new]) in (1..).zip(&change.pairs) {
            let at = |figure: f64| (x.pixel(f64::from(number)), y.pixel(figure));
            c.line(&[at(*base), at(*new)], palette::MUTED, 1.25, None);
            c.marker(at(*base), BASE, 4.0);
            c.marker(at(*new), NEW, 4.0);
        }
    }))
}

const fn word(verdict: Outcome) -> &'static str {
    match verdict {
        Outcome::Regressed => "regressed",
        Outcome::Improved => "improved",
        Outcome::Equivalent => "equivalent",
        Outcome::Inconclusive => "inconclusive",
    }
}
