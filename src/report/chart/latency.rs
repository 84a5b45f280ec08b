//! Response time by percentile, with all modes on one HDR axis: each nine is as wide as the
//! previous one, so that the slowest requests, which users remember, are visible. If operations
//! waited before they started, service time is shown too.

use super::super::view;
use super::frame::Entry;
use super::ladder::Ladder;
use super::palette::{self, LineStyle};
use super::plot::{self, Across, Plot, Up, place};
use super::trace::{Cast, Trace};

/// The number of points of a curve.
const POINTS: u32 = 240;
/// Percentiles with a marker on the curves.
const MARKED: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];
/// The distance in pixels between the markers of two modes, so that none hides another.
const MARK_GAP: f64 = 14.0;
/// Service times are drawn if they are less than this share of response times.
const APART: f64 = 0.9;

/// Draws the chart, if some mode has a sample.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let curves: Vec<Curve<'_>> = cast.traces.iter().filter_map(Curve::from_trace).collect();
    if curves.is_empty() {
        return None;
    }
    let reach = curves
        .iter()
        .map(|curve| last_position(&curve.response))
        .fold(1.0, f64::max);
    let values = curves
        .iter()
        .flat_map(|c| {
            c.points
                .iter()
                .chain(c.service.iter().flatten())
                .map(|p| p.1)
        })
        .collect();
    let plot = Plot {
        title: format!("Response time by percentile – {}", cast.name),
        subtitle: "Lower is better. This share of all operations, including failed ones, took no longer than the line.".into(),
        description: curves.iter().map(Curve::describe).collect::<Vec<_>>().join(" "),
        x: Across::Percentiles(reach),
        x_label: "percentile of operations",
        y: Up { values, log: true, show: view::duration_ms },
        y_label: "response time",
        legend: legend(&curves),
        shades: Vec::new(),
        limits: Vec::new(),
        columns: String::new(),
    };
    Some(plot.draw(|c, x, y| {
        let path = |points: &[(f64, f64)]| {
            points
                .iter()
                .map(|(at, ms)| (x.pixel(*at), y.pixel(*ms)))
                .collect::<Vec<_>>()
        };
        // Dashed lines are drawn over solid ones, so that two equal curves are both visible.
        let (dashed, solid): (Vec<_>, Vec<_>) = curves
            .iter()
            .partition(|curve| curve.trace.style.dash.is_some());
        for curve in solid.into_iter().chain(dashed) {
            let style = curve.trace.style;
            plot::series(c, &curve.trace.key, |c| {
                if let Some(service) = &curve.service {
                    c.line(&path(service), style.color, 1.5, DOTS);
                }
                c.line(&path(&curve.points), style.color, 2.25, style.dash);
            });
        }
        let apart = MARK_GAP / (x.pixel(1.0) - x.pixel(0.0)).max(1e-9);
        for (i, curve) in curves.iter().enumerate() {
            plot::series(c, &curve.trace.key, |c| {
                c.group(&[("class", "marks".into())], |c| {
                    for (at, ms) in curve.marks(apart * i as f64) {
                        c.marker((x.pixel(at), y.pixel(ms)), curve.trace.style, 4.5);
                    }
                });
            });
        }
    }))
}

/// Returns a legend entry for each mode, and one for service times if they are drawn.
fn legend(curves: &[Curve<'_>]) -> Vec<Entry> {
    let mut legend: Vec<Entry> = curves
        .iter()
        .map(|curve| Entry::from_trace(curve.trace))
        .collect();
    if curves.iter().any(|curve| curve.service.is_some()) {
        let style = LineStyle {
            color: palette::MUTED,
            dash: DOTS,
            ..palette::of_index(0)
        };
        legend.push(Entry {
            key: String::new(),
            text: "service time, in the colour of its mode".into(),
            style,
            marked: false,
        });
    }
    legend
}

/// The dash pattern of service times.
const DOTS: Option<(f64, f64)> = Some((1.5, 2.5));

/// The times of one trace.
struct Curve<'a> {
    trace: &'a Trace<'a>,
    response: Ladder,
    /// Position on the HDR axis and milliseconds.
    points: Vec<(f64, f64)>,
    /// The same for service times, if they differ.
    service: Option<Vec<(f64, f64)>>,
}

impl<'a> Curve<'a> {
    fn from_trace(trace: &'a Trace<'a>) -> Option<Self> {
        let response = trace.response()?;
        let points = points(&response);
        let service = trace
            .times(|times| Some(&times.service))
            .and_then(|service| Ladder::from_histogram(&service))
            .map(|service| self::points(&service));
        let differs = |service: &Vec<(f64, f64)>| {
            let mut pairs = service.iter().zip(&points);
            service.len() == points.len()
                && pairs.any(|(service, response)| service.1 < APART * response.1)
        };
        let service = service.filter(differs);
        Some(Self {
            trace,
            response,
            points,
            service,
        })
    }

    /// Returns the positions of the markers, shifted left by this much: the ticks that the sample
    /// supports, and its end.
    fn marks(&self, moved: f64) -> Vec<(f64, f64)> {
        let reach = last_position(&self.response);
        let mut places: Vec<f64> = MARKED
            .into_iter()
            .map(place)
            .filter(|p| *p < reach - 0.08)
            .collect();
        places.push(reach);
        places
            .into_iter()
            .map(|p| (p - moved).max(0.0))
            .map(|p| (p, at(&self.response, p)))
            .collect()
    }

    fn describe(&self) -> String {
        format!(
            "{}: median {}, 90 % within {}, longest {}.",
            self.trace.label,
            view::duration_ms(at(&self.response, place(50.0))),
            view::duration_ms(at(&self.response, 1.0)),
            view::duration_ms(self.response.max())
        )
    }
}

fn points(ladder: &Ladder) -> Vec<(f64, f64)> {
    let reach = last_position(ladder);
    (0..=POINTS)
        .map(|i| reach * f64::from(i) / f64::from(POINTS))
        .map(|place| (place, at(ladder, place)))
        .collect()
}

/// Returns the rightmost position that the sample supports: that of 1 − 1/n.
fn last_position(ladder: &Ladder) -> f64 {
    (ladder.count() as f64).log10()
}

fn at(ladder: &Ladder, place: f64) -> f64 {
    ladder.at(1.0 - 10_f64.powf(-place))
}
