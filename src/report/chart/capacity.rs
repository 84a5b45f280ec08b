//! Latency against rate: what a search for the highest rate tried, and where the target gave out.

use crate::result::{CapacityResult, ProbeOutcome, RateProbe};

use super::super::view;
use super::axis::Axis;
use super::canvas::{self, Align, Font};
use super::frame::{Entry, FIELD, Frame, SIZE};
use super::palette::{self, Look, Marker};

/// The curves: their name, their figure, and how they look.
type Curve = (&'static str, fn(&RateProbe) -> Option<f64>, Look);

const CURVES: [Curve; 3] = [
    ("p50", |probe| probe.p50_ms, Look { color: palette::CURVES[0], dash: None, marker: Marker::Circle }),
    ("p90", |probe| probe.p90_ms, Look { color: palette::CURVES[1], dash: Some((9.0, 4.0)), marker: Marker::Square }),
    ("p99", |probe| probe.p99_ms, Look { color: palette::CURVES[2], dash: Some((3.0, 3.0)), marker: Marker::Triangle }),
];

/// The chart, if some rate had responses.
pub fn svg(result: &CapacityResult) -> Option<String> {
    let mut probes: Vec<&RateProbe> = result.probes.iter().filter(|probe| probe.p50_ms.is_some()).collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let (first, last) = (probes.first()?, probes.last()?);
    let (left, top, right, bottom) = FIELD;
    let values: Vec<f64> = CURVES.iter().flat_map(|(_, figure, _)| probes.iter().filter_map(|probe| figure(probe))).collect();
    let x = Axis::for_times(&[first.rate, last.rate], (left, right));
    let y = Axis::for_times(&values, (bottom, top));
    let title = format!("Response time against arrival rate – {}", view::shortened(&result.scenario.name, 48));
    let found = super::super::capacity::sentence(result);
    let frame = Frame { title: &title, subtitle: &found, x_label: "planned iterations per second", y_label: "response time" };
    Some(canvas::picture(SIZE, &title, &found, |c| {
        let legend: Vec<Entry> = CURVES.iter().map(|(name, _, look)| Entry { text: (*name).into(), look: *look, marked: true }).collect();
        if let Some(missed) = result.missed {
            c.rect((x.pixel(missed), top), (right, bottom), palette::SHADE, 1.0);
        }
        frame.draw(c, (&x, &x.ticks(8.0, view::rate)), (&y, &y.ticks(6.0, view::duration_ms)), &legend);
        for (_, figure, look) in CURVES {
            let points: Vec<(f64, f64)> = probes.iter().filter_map(|probe| Some((x.pixel(probe.rate), y.pixel(figure(probe)?)))).collect();
            c.line(&points, look.color, 2.25, look.dash);
            points.iter().for_each(|point| c.marker(*point, look, 4.0));
        }
        if let Some(capacity) = result.capacity {
            let at = x.pixel(capacity);
            c.line(&[(at, top), (at, bottom)], palette::INK, 1.5, Some((6.0, 5.0)));
            let (text, room) = (format!("{} met", view::rate(capacity)), at - left);
            let (at, align) = if room > 140.0 { (at - 6.0, Align::End) } else { (at + 6.0, Align::Start) };
            c.text(&text, (at, top + 10.0), Font::TICK.bold(), align);
        }
        for probe in probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Invalid) {
            c.text("invalid", (x.pixel(probe.rate), bottom - 8.0), Font::TICK, Align::Middle);
        }
    }))
}
