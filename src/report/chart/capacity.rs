//! Latency against rate: the rates tried by a search for the highest rate, and the point at which
//! the target was overloaded.

use crate::plan::{Check, Metric, Quantity};
use crate::result::{CapacityResult, ProbeOutcome, RateProbe};

use super::super::view;
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{Entry, Field, Frame, Height};
use super::palette::{self, LineStyle, Marker};

/// A curve: its name, its figure and its style.
type Curve = (&'static str, fn(&RateProbe) -> Option<f64>, LineStyle);

const CURVES: [Curve; 3] = [
    (
        "p50",
        |probe| probe.p50_ms,
        LineStyle {
            color: palette::CURVES[0],
            dash: None,
            marker: Marker::Circle,
        },
    ),
    (
        "p90",
        |probe| probe.p90_ms,
        LineStyle {
            color: palette::CURVES[1],
            dash: Some((9.0, 4.0)),
            marker: Marker::Square,
        },
    ),
    (
        "p99",
        |probe| probe.p99_ms,
        LineStyle {
            color: palette::CURVES[2],
            dash: Some((3.0, 3.0)),
            marker: Marker::Triangle,
        },
    ),
];

/// Draws the chart, if some rate had responses.
pub(crate) fn svg(result: &CapacityResult) -> Option<String> {
    let mut probes: Vec<&RateProbe> = result
        .probes
        .iter()
        .filter(|probe| probe.p50_ms.is_some())
        .collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let decisive = decisive(&probes);
    let (first, last) = (decisive.first()?, decisive.last()?);
    let entry = |(name, _, style): &Curve| Entry {
        key: (*name).into(),
        text: (*name).into(),
        style: *style,
        marked: true,
    };
    let legend: Vec<Entry> = CURVES.iter().map(entry).collect();
    let field = Field::below(&legend, Height::Full);
    let Field {
        left,
        top,
        right,
        bottom,
        ..
    } = field;
    let limits: Vec<(String, f64)> = limits(result);
    let figures = CURVES
        .iter()
        .flat_map(|(_, figure, _)| probes.iter().filter_map(|probe| figure(probe)));
    let values: Vec<f64> = figures
        .chain(limits.iter().map(|(_, limit)| *limit))
        .collect();
    let x = Axis::for_times(&[first.rate, last.rate], (left, right));
    let y = Axis::for_times(&values, (bottom, top));
    let title = format!(
        "Response time against arrival rate – {}",
        view::shortened(&result.scenario.name, 48)
    );
    let found = super::super::capacity::sentence(result);
    let subtitle = view::shortened(&found, 120);
    let frame = Frame {
        title: &title,
        subtitle: &subtitle,
        x_label: "planned iterations per second",
        y_label: "response time",
    };
    let about = About {
        title: &title,
        description: &found,
        ..About::default()
    };
    Some(canvas::picture(field.size, &about, |c| {
        if let Some(missed) = result.missed {
            c.rect((x.pixel(missed), top), (right, bottom), palette::SHADE, 1.0);
        }
        frame.draw(
            c,
            field,
            (&x, &x.ticks(8.0, |rate| view::round(&view::rate(rate)))),
            (&y, &y.ticks(6.0, |ms| view::round(&view::duration_ms(ms)))),
            &legend,
        );
        limit_lines(c, field, &y, &limits);
        if let Some(capacity) = result.capacity {
            capacity_line(
                c,
                field,
                x.pixel(capacity),
                &format!("{} met", view::rate(capacity)),
            );
        }
        curves(c, (&x, &y), &decisive, &probes);
        invalid_marks(c, &x, bottom, &decisive);
    }))
}

/// Returns the last valid probe of each rate, or the last one if none is valid: the curves connect
/// these. `probes` are sorted by rate.
fn decisive<'a>(probes: &[&'a RateProbe]) -> Vec<&'a RateProbe> {
    probes
        .chunk_by(|a, b| a.rate == b.rate)
        .filter_map(|tries| {
            tries
                .iter()
                .rfind(|probe| is_believed(probe))
                .or(tries.last())
                .copied()
        })
        .collect()
}

/// Labels the rates whose figures are invalid.
fn invalid_marks(c: &mut Canvas, x: &Axis, bottom: f64, decisive: &[&RateProbe]) {
    for probe in decisive.iter().filter(|probe| !is_believed(probe)) {
        c.text(
            "invalid",
            (x.pixel(probe.rate), bottom - 8.0),
            Font::TICK,
            Align::Middle,
        );
    }
}

fn is_believed(probe: &RateProbe) -> bool {
    probe.outcome != ProbeOutcome::Invalid
}

/// Draws a line for each limit.
fn limit_lines(c: &mut Canvas, field: Field, y: &Axis, limits: &[(String, f64)]) {
    let Field { left, right, .. } = field;
    for (text, limit) in limits {
        let at = y.pixel(*limit);
        c.line(
            &[(left, at), (right, at)],
            palette::MUTED,
            1.25,
            Some((2.0, 3.0)),
        );
        c.text(text, (left + 6.0, at - 9.0), Font::TICK, Align::Start);
    }
}

/// Draws the curves through the decisive probes, and a point for each of the others.
fn curves(c: &mut Canvas, (x, y): (&Axis, &Axis), decisive: &[&RateProbe], probes: &[&RateProbe]) {
    for (_, figure, style) in CURVES {
        let point = |probe: &RateProbe| Some((x.pixel(probe.rate), y.pixel(figure(probe)?)));
        let points: Vec<(f64, f64)> = decisive.iter().filter_map(|probe| point(probe)).collect();
        c.line(&points, style.color, 2.25, style.dash);
        // The others are small points.
        probes
            .iter()
            .filter(|probe| is_believed(probe))
            .filter_map(|probe| point(probe))
            .for_each(|at| c.marker(at, style, 2.5));
        points.iter().for_each(|at| c.marker(*at, style, 4.0));
    }
}

/// Draws the rate that was found as a line, with its name on the side that has room.
fn capacity_line(c: &mut Canvas, field: Field, at: f64, text: &str) {
    let Field {
        left, top, bottom, ..
    } = field;
    c.line(
        &[(at, top), (at, bottom)],
        palette::INK,
        1.5,
        Some((6.0, 5.0)),
    );
    let (beside, align) = if at - left > 140.0 {
        (at - 6.0, Align::End)
    } else {
        (at + 6.0, Align::Start)
    };
    c.text(text, (beside, top + 10.0), Font::TICK.bold(), align);
}

/// Returns the limits of response times, which the curves are compared with.
fn limits(result: &CapacityResult) -> Vec<(String, f64)> {
    let checks = result.slo.iter().filter_map(|text| Check::parse(text).ok());
    let of_response =
        checks.filter(|check| matches!(check.metric, Metric::Time(Quantity::Response, _)));
    of_response
        .map(|check| (check.to_string(), check.limit))
        .collect()
}
