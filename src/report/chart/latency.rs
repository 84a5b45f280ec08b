//! Response time by percentile, all modes on one HDR axis: each nine takes as much room as the one before, so
//! that the slowest requests, which users remember, can be seen.

use hdrhistogram::Histogram;

use crate::plan::Mode;
use crate::result::{RunResult, codec};

use super::super::view;
use super::axis::{Axis, Tick};
use super::canvas;
use super::frame::{Entry, FIELD, Frame, SIZE};
use super::palette;

/// Points of a curve.
const POINTS: u32 = 240;
/// Ticks that are marked on the curves as well.
const MARKED: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];
/// Pixels between the markers of two modes, so that none hides another.
const MARK_GAP: f64 = 14.0;

/// The chart, if some mode has a sample.
pub fn svg(result: &RunResult) -> Option<String> {
    let curves: Vec<Curve> = result.comparison.iter().flat_map(|c| &c.modes).filter_map(|m| Curve::of(m.mode, &m.response)).collect();
    if curves.is_empty() {
        return None;
    }
    let (left, top, right, bottom) = FIELD;
    let reach = curves.iter().map(Curve::reach).fold(1.0, f64::max);
    let x = Axis::linear(0.0, reach * 1.02, (left, right));
    let all: Vec<f64> = curves.iter().flat_map(|c| c.points.iter().map(|p| p.1)).collect();
    let y = Axis::for_times(&all, (bottom, top));
    let title = format!("Response time by percentile – {}", view::shortened(&result.scenario.name, 48));
    let y_label = if y.is_log() { "response time, log scale" } else { "response time" };
    let description = curves.iter().map(Curve::describe).collect::<Vec<_>>().join(" ");
    let frame = Frame {
        title: &title,
        subtitle: "Lower is better. So many of all operations, failed ones included, took no longer than the line.",
        x_label: "percentile of operations",
        y_label,
    };
    Some(canvas::picture(SIZE, &title, &description, |c| {
        let legend: Vec<Entry> = curves.iter().map(|curve| Entry::mode(curve.mode)).collect();
        frame.draw(c, (&x, &percentile_ticks(reach)), (&y, &y.ticks(6.0, |ms| view::round(&view::duration_ms(ms)))), &legend);
        // Dashed lines lie over solid ones, so that of two equal curves both are seen.
        let (dashed, solid): (Vec<_>, Vec<_>) = curves.iter().partition(|curve| palette::look(curve.mode).dash.is_some());
        for curve in solid.into_iter().chain(dashed) {
            let look = palette::look(curve.mode);
            let points: Vec<(f64, f64)> = curve.points.iter().map(|(px, ms)| (x.pixel(*px), y.pixel(*ms))).collect();
            c.line(&points, look.color, 2.25, look.dash);
        }
        let apart = MARK_GAP * reach / (right - left);
        for (i, curve) in curves.iter().enumerate() {
            for (px, ms) in curve.marks(apart * i as f64) {
                c.marker((x.pixel(px), y.pixel(ms)), palette::look(curve.mode), 4.5);
            }
        }
    }))
}

/// The response times of one mode.
struct Curve {
    mode: Mode,
    histogram: Histogram<u64>,
    /// Place on the HDR axis and milliseconds.
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn of(mode: Mode, encoded: &str) -> Option<Self> {
        let histogram = codec::decode(encoded).ok().filter(|h| !h.is_empty())?;
        let mut curve = Self { mode, histogram, points: Vec::new() };
        let reach = curve.reach();
        curve.points = (0..=POINTS)
            .map(|i| {
                let place = reach * f64::from(i) / f64::from(POINTS);
                (place, curve.at(place))
            })
            .collect();
        Some(curve)
    }

    /// How far the sample carries: the place of 1 − 1/n.
    fn reach(&self) -> f64 {
        (self.histogram.len() as f64).log10()
    }

    fn at(&self, place: f64) -> f64 {
        self.histogram.value_at_quantile(1.0 - 10_f64.powf(-place)) as f64 / 1e6
    }

    /// The places to mark, moved to the left by so much: the ticks that the sample reaches, and its end.
    fn marks(&self, moved: f64) -> Vec<(f64, f64)> {
        let reach = self.reach();
        let mut places: Vec<f64> = MARKED.into_iter().map(place).filter(|p| *p < reach - 0.08).collect();
        places.push(reach);
        places.into_iter().map(|p| (p - moved).max(0.0)).map(|p| (p, self.at(p))).collect()
    }

    fn describe(&self) -> String {
        format!(
            "{}: median {}, 90 % within {}, longest {}.",
            self.mode,
            view::duration_ms(self.at(place(50.0))),
            view::duration_ms(self.at(1.0)),
            view::duration_ms(self.histogram.max() as f64 / 1e6)
        )
    }
}

/// Where a percentile stands: log₁₀(1 ÷ (1 − q)).
fn place(percentile: f64) -> f64 {
    (1.0 / (1.0 - percentile / 100.0)).log10()
}

/// 0, 50, 90, 99, 99.9 … as far as the sample carries.
fn percentile_ticks(reach: f64) -> Vec<Tick> {
    let mut ticks = vec![Tick { value: 0.0, label: "0 %".into() }];
    for (percentile, most) in [(50.0, 5.0), (75.0, 2.7), (95.0, 2.7)] {
        if reach <= most && place(percentile) <= reach {
            ticks.push(Tick { value: place(percentile), label: format!("{percentile} %") });
        }
    }
    for nines in 1..=12_usize {
        if nines as f64 <= reach + 0.02 {
            let label = match nines {
                1 => "90 %".into(),
                2 => "99 %".into(),
                n => format!("99.{} %", "9".repeat(n - 2)),
            };
            ticks.push(Tick { value: nines as f64, label });
        }
    }
    ticks.sort_by(|a, b| a.value.total_cmp(&b.value));
    ticks
}
