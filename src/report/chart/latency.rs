//! Response time by percentile, with all modes on one HDR axis: each nine is as wide as the
//! previous one, so that the slowest requests, which users remember, are visible. If operations
//! waited before they started, service time is shown too.

use super::super::view;
use super::frame::{Entry, Height};
use super::ladder::Ladder;
use super::palette::{self, LineStyle};
use super::plot::{self, Across, Plot, Up, place};
use super::trace::{Cast, Trace};
use crate::result::Histograms;

/// The number of points of a curve.
const POINTS: u32 = 240;
/// Percentiles with a marker on the curves.
const MARKED: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];
/// The distance in pixels between the markers of two modes, so that none hides another.
const MARK_GAP: f64 = 14.0;
/// Service times are drawn if they are less than this share of response times.
const APART: f64 = 0.9;

/// Where the histogram of a time is in a result.
type Stored = fn(&Histograms) -> Option<&String>;

/// A time by percentile.
struct Shown {
    title: &'static str,
    subtitle: &'static str,
    x_label: &'static str,
    y_label: &'static str,
    time: fn(&Trace<'_>) -> Option<Ladder>,
    /// The same time from started, and its legend.
    service: Option<(Stored, &'static str)>,
}

const RESPONSE: Shown = Shown {
    title: "Response time by percentile",
    subtitle: "Lower is better. This share of all operations, including failed ones, took no longer than the line.",
    x_label: "percentile of operations",
    y_label: "response time",
    time: |trace| trace.response(),
    service: Some((
        |h| Some(&h.service),
        "service time, in the colour of its mode",
    )),
};

const FIRST_EVENT: Shown = Shown {
    title: "Time to the first event by percentile",
    subtitle: "Lower is better. From when a request was intended, waiting included; this share of all streams took no longer than the line.",
    x_label: "percentile of streams",
    y_label: "time to the first event",
    time: |trace| of_streams(trace, |h| h.stream_first.as_ref()),
    service: Some((
        |h| h.stream_first_service.as_ref(),
        "from when it started, in the colour of its mode",
    )),
};

const GAP: Shown = Shown {
    title: "Gap between events by percentile",
    subtitle: "Lower is better. This share of all gaps between counted events, as they are read, was no longer than the line.",
    x_label: "percentile of gaps",
    y_label: "gap",
    time: |trace| of_streams(trace, |h| h.stream_gap.as_ref()),
    service: None,
};

const UNIT: Shown = Shown {
    title: "Time per unit by percentile",
    subtitle: "Lower is better. Units are events where servers report none; this share of the successful streams took no longer for each.",
    x_label: "percentile of streams",
    y_label: "time per unit",
    time: |trace| of_streams(trace, |h| h.stream_unit.as_ref()),
    service: None,
};

fn of_streams(trace: &Trace<'_>, of: impl Fn(&Histograms) -> Option<&String>) -> Option<Ladder> {
    Ladder::from_histogram(&trace.times(of)?)
}

/// Draws the response times, if some mode has a sample.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &RESPONSE)
}

/// Draws the times to the first event of streams, if some mode has streams.
pub(crate) fn first_events(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &FIRST_EVENT)
}

/// Draws the gaps between events of streams, if some mode has streams.
pub(crate) fn gaps(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &GAP)
}

/// Draws the times per unit of streams, if some mode has any.
pub(crate) fn units(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &UNIT)
}

fn draw(cast: &Cast<'_>, shown: &Shown) -> Option<String> {
    let curves = cast.traces.iter();
    let curves: Vec<Curve<'_>> = curves
        .filter_map(|trace| Curve::from_trace(trace, shown))
        .collect();
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
        title: format!("{} – {}", shown.title, cast.name),
        subtitle: shown.subtitle.into(),
        description: curves
            .iter()
            .map(Curve::describe)
            .collect::<Vec<_>>()
            .join(" "),
        x: Across::Percentiles(reach),
        x_label: shown.x_label,
        y: Up {
            values,
            log: true,
            show: view::duration_ms,
        },
        y_label: shown.y_label,
        legend: legend(&curves, shown),
        shades: Vec::new(),
        limits: Vec::new(),
        height: Height::Full,
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
fn legend(curves: &[Curve<'_>], shown: &Shown) -> Vec<Entry> {
    let mut legend: Vec<Entry> = curves
        .iter()
        .map(|curve| Entry::from_trace(curve.trace))
        .collect();
    if let Some((_, text)) = shown.service
        && curves.iter().any(|curve| curve.service.is_some())
    {
        let style = LineStyle {
            color: palette::MUTED,
            dash: DOTS,
            ..palette::of_index(0)
        };
        legend.push(Entry {
            key: String::new(),
            text: text.into(),
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
    fn from_trace(trace: &'a Trace<'a>, shown: &Shown) -> Option<Self> {
        let response = (shown.time)(trace)?;
        let points = points(&response);
        let service = shown
            .service
            .and_then(|(service, _)| trace.times(service))
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
