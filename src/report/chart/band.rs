//! Response time over time: p50, p90 and p99 of each window of a mode, with what lies between them shaded, the longest
//! as points, and the limits of thresholds.

use super::super::view;
use super::frame::Entry;
use super::over_time::{rounds, shades};
use super::palette::{self, Look, Marker};
use super::plot::{self, Across, Plot, Up};
use super::trace::{Cast, Trace};
use crate::plan::{Check, Metric, Quantity};
use crate::result::Window;

/// The lines: their name, their figure, and how they look.
type Curve = (&'static str, fn(&Window) -> Option<f64>, Look);

const CURVES: [Curve; 3] = [
    ("p50", |w| w.p50_ms, Look { color: palette::CURVES[0], dash: None, marker: Marker::Circle }),
    ("p90", |w| w.p90_ms, Look { color: palette::CURVES[1], dash: Some((9.0, 4.0)), marker: Marker::Square }),
    ("p99", |w| w.p99_ms, Look { color: palette::CURVES[2], dash: Some((3.0, 3.0)), marker: Marker::Triangle }),
];
/// Points of a line at most; the windows between are joined to their highest.
const POINTS: usize = 400;
/// Opacity of what lies between two lines.
const BETWEEN: f64 = 0.13;

/// The chart of one mode, if it has a time line with response times.
pub fn svg(cast: &Cast<'_>, trace: &Trace<'_>) -> Option<String> {
    let windows: Vec<&Window> = trace.series().collect();
    let step = windows.len().div_ceil(POINTS).max(1);
    // Of joined windows the highest: a line over time is there to show when it was bad.
    let curve = |figure: fn(&Window) -> Option<f64>| -> Vec<(f64, f64)> {
        let known = |w: &&Window| figure(w).filter(|v| v.is_finite());
        let join = |chunk: &[&Window]| {
            let (first, last) = (chunk.first()?, chunk.last()?);
            let high = chunk.iter().filter_map(known).reduce(f64::max)?;
            Some((f64::midpoint(first.t_s, last.t_s + last.window_s), high))
        };
        windows.chunks(step).filter_map(join).collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = CURVES.iter().map(|(_, figure, _)| curve(*figure)).collect();
    let longest = curve(|w| w.max_ms);
    if curves.iter().all(Vec::is_empty) {
        return None;
    }
    let (start, end) = trace.span()?;
    let values: Vec<f64> = curves.iter().flatten().chain(&longest).map(|p| p.1).collect();
    let max_look = Look { color: palette::MUTED, dash: None, marker: Marker::Diamond };
    let mut legend: Vec<Entry> =
        CURVES.iter().map(|(name, _, look)| Entry { key: (*name).into(), text: (*name).into(), look: *look, marked: true }).collect();
    legend.push(Entry { key: "max".into(), text: "max".into(), look: Look { dash: Some((1.0, 4.0)), ..max_look }, marked: false });
    let worst = |points: &[(f64, f64)]| points.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    let peak =
        worst(&curves[2]).map(|(at, ms)| format!("p99 at most {}, about {} s into the run.", view::duration_ms(ms), view::number(at)));
    let joined = if step > 1 { format!(" Highest of {step} windows each.") } else { String::new() };
    let plot = Plot {
        title: format!("Response time over time – {}", trace.label),
        subtitle: format!("Lower is better. Percentiles of each window, by the moment that operations were due.{joined}{}", rounds(cast)),
        description: peak.unwrap_or_default(),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up { values, log: true, show: view::duration_ms },
        y_label: "response time",
        legend,
        shades: shades(cast, (start, end)),
        limits: limits(trace),
        columns: "p50,p90,p99,max",
    };
    Some(plot.draw(|c, x, y| {
        let path = |points: &[(f64, f64)]| points.iter().map(|(at, ms)| (x.pixel(*at), y.pixel(*ms))).collect::<Vec<_>>();
        let paths: Vec<Vec<(f64, f64)>> = curves.iter().map(|points| path(points)).collect();
        for (pair, (name, _, look)) in paths.windows(2).zip(&CURVES[1..]) {
            if let [lower, upper] = pair {
                let around: Vec<(f64, f64)> = upper.iter().copied().chain(lower.iter().rev().copied()).collect();
                plot::series(c, name, |c| c.polygon(&around, look.color, BETWEEN));
            }
        }
        plot::series(c, "max", |c| c.line(&path(&longest), max_look.color, 1.0, Some((1.0, 4.0))));
        for ((name, _, look), path) in CURVES.iter().zip(&paths) {
            plot::series(c, name, |c| c.line(path, look.color, 2.0, look.dash));
        }
        for (i, ((name, _, look), path)) in CURVES.iter().zip(&paths).enumerate() {
            plot::series(c, name, |c| plot::marks(c, *look, path, i as f64 / 3.0));
        }
    }))
}

/// The limits of the thresholds that are about response times of the whole of this mode.
fn limits(trace: &Trace<'_>) -> Vec<(String, f64)> {
    let mut limits: Vec<(String, f64)> = Vec::new();
    for threshold in trace.result.thresholds.iter().filter(|threshold| threshold.mode == trace.mode) {
        let selector = &threshold.selector;
        let whole = [&selector.mix, &selector.step, &selector.target, &selector.stage, &selector.tag].iter().all(|part| part.is_none());
        let of_response = Check::parse(&threshold.check).ok().filter(|check| matches!(check.metric, Metric::Time(Quantity::Response, _)));
        if let Some(check) = of_response.filter(|_| whole && threshold.limit.is_finite())
            && !limits.iter().any(|(_, limit)| *limit == threshold.limit)
        {
            limits.push((check.to_string(), threshold.limit));
        }
    }
    limits
}
