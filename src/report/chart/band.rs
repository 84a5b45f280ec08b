//! Response time over time: p50, p90, p99 and the percentiles that thresholds refer to, for each
//! window of a mode, with the areas between them shaded, the maxima as points, and the limits of
//! thresholds for comparison with their lines.

use super::super::{asked, view};
use super::axis::Axis;
use super::canvas::Canvas;
use super::frame::{Entry, Height};
use super::over_time::{rounds, shades};
use super::palette::{self, LineStyle, Marker};
use super::plot::{self, Across, Plot, Up};
use super::trace::{Cast, Trace};
use crate::plan::{Check, Metric, Quantity, Statistic};
use crate::result::Window;

/// A line: its name, its points, and how it looks.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
    style: LineStyle,
}

/// Returns the style of a percentile's line; `index` counts those other than p50, p90 and p99.
fn style_of(name: &str, index: usize) -> LineStyle {
    match name {
        "p50" => LineStyle {
            color: palette::CURVES[0],
            dash: None,
            marker: Marker::Circle,
        },
        "p90" => LineStyle {
            color: palette::CURVES[1],
            dash: Some((9.0, 4.0)),
            marker: Marker::Square,
        },
        "p99" => LineStyle {
            color: palette::CURVES[2],
            dash: Some((3.0, 3.0)),
            marker: Marker::Triangle,
        },
        _ => palette::of_index(3 + index),
    }
}

/// The maximum number of points of a line; further windows are merged into their maximum.
const POINTS: usize = 400;
/// Opacity of the area between two lines.
const BETWEEN: f64 = 0.13;

/// Draws the chart of one mode, if it has a time series with response times.
pub(crate) fn svg(cast: &Cast<'_>, trace: &Trace<'_>) -> Option<String> {
    let windows: Vec<&Window> = trace.series().collect();
    let step = windows.len().div_ceil(POINTS).max(1);
    // Merged windows show their maximum: a line over time must show when it was bad.
    let curve = |figure: &dyn Fn(&Window) -> Option<f64>| -> Vec<(f64, f64)> {
        let known = |w: &&Window| figure(w).filter(|v| v.is_finite());
        let join = |chunk: &[&Window]| {
            let (first, last) = (chunk.first()?, chunk.last()?);
            let high = chunk.iter().filter_map(known).reduce(f64::max)?;
            Some((f64::midpoint(first.t_s, last.t_s + last.window_s), high))
        };
        windows.chunks(step).filter_map(join).collect()
    };
    let curves = curves(trace, &curve);
    let longest = curve(&|w| w.max_ms);
    if curves.iter().all(|curve| curve.points.is_empty()) {
        return None;
    }
    let (start, end) = trace.span()?;
    let values: Vec<f64> = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .chain(&longest)
        .map(|p| p.1)
        .collect();
    let joined = if step > 1 {
        format!(" Highest of {step} windows each.")
    } else {
        String::new()
    };
    let plot = Plot {
        title: format!("Response time over time – {}", trace.label),
        subtitle: format!(
            "Lower is better. Percentiles of each window, by the time that operations were due.{joined}{}",
            rounds(cast)
        ),
        description: peak(&curves).unwrap_or_default(),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up {
            values,
            log: true,
            show: view::duration_ms,
        },
        y_label: "response time",
        legend: legend(&curves),
        shades: shades(cast, (start, end)),
        limits: limits(trace),
        height: Height::Full,
        columns: curves
            .iter()
            .map(|curve| curve.name.as_str())
            .chain(["max"])
            .collect::<Vec<_>>()
            .join(","),
    };
    Some(plot.draw(|c, x, y| draw(c, (x, y), &curves, &longest)))
}

/// The style of the longest response times.
const LONGEST: LineStyle = LineStyle {
    color: palette::MUTED,
    dash: Some((1.0, 4.0)),
    marker: Marker::Diamond,
};

/// Describes the worst p99 and its time.
fn peak(curves: &[Curve]) -> Option<String> {
    let p99 = curves.iter().find(|curve| curve.name == "p99")?;
    let worst = p99.points.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    worst.map(|(at, ms)| {
        format!(
            "p99 at most {}, about {} s into the run.",
            view::duration_ms(*ms),
            view::number(*at)
        )
    })
}

/// Draws the curves, the areas between them, and the longest response times.
fn draw(c: &mut Canvas, (x, y): (&Axis, &Axis), curves: &[Curve], longest: &[(f64, f64)]) {
    let path = |points: &[(f64, f64)]| {
        points
            .iter()
            .map(|(at, ms)| (x.pixel(*at), y.pixel(*ms)))
            .collect::<Vec<_>>()
    };
    let paths: Vec<Vec<(f64, f64)>> = curves.iter().map(|curve| path(&curve.points)).collect();
    between(c, curves, &paths);
    plot::series(c, "max", |c| {
        c.line(&path(longest), LONGEST.color, 1.0, LONGEST.dash)
    });
    for (curve, path) in curves.iter().zip(&paths) {
        plot::series(c, &curve.key(), |c| {
            c.line(path, curve.style.color, 2.0, curve.style.dash)
        });
    }
    for (i, (curve, path)) in curves.iter().zip(&paths).enumerate() {
        plot::series(c, &curve.key(), |c| {
            plot::marks(c, curve.style, path, i as f64 / curves.len() as f64)
        });
    }
}

/// A function that returns the points of a figure of the windows, up to a maximum number.
type Line<'a> = dyn Fn(&dyn Fn(&Window) -> Option<f64>) -> Vec<(f64, f64)> + 'a;

/// Returns a curve for each percentile of a mode.
fn curves(trace: &Trace<'_>, curve: &Line<'_>) -> Vec<Curve> {
    let mut more = 0..;
    trace
        .percentiles()
        .into_iter()
        .map(|percentile| {
            let name = percentile.name();
            let style = style_of(
                &name,
                if ["p50", "p90", "p99"].contains(&name.as_str()) {
                    0
                } else {
                    more.next().unwrap_or(0)
                },
            );
            Curve {
                points: curve(&|window| percentile.in_window(window)),
                name,
                style,
            }
        })
        .collect()
}

fn legend(curves: &[Curve]) -> Vec<Entry> {
    let entry = |curve: &Curve| Entry {
        key: curve.key(),
        text: curve.name.clone(),
        style: curve.style,
        marked: true,
    };
    let mut legend: Vec<Entry> = curves.iter().map(entry).collect();
    legend.push(Entry {
        key: "max".into(),
        text: "max".into(),
        style: LONGEST,
        marked: false,
    });
    legend
}

/// Fills the area between two curves.
fn between(c: &mut Canvas, curves: &[Curve], paths: &[Vec<(f64, f64)>]) {
    for (pair, curve) in paths.windows(2).zip(&curves[1..]) {
        if let [lower, upper] = pair {
            let around: Vec<(f64, f64)> = upper
                .iter()
                .copied()
                .chain(lower.iter().rev().copied())
                .collect();
            plot::series(c, &curve.key(), |c| {
                c.polygon(&around, curve.style.color, BETWEEN)
            });
        }
    }
}

impl Curve {
    /// Returns its name in attributes, which contain no dots.
    fn key(&self) -> String {
        self.name.replace('.', "-")
    }
}

/// Returns the limits of the thresholds on response times of the whole mode.
fn limits(trace: &Trace<'_>) -> Vec<(String, f64)> {
    let mut limits: Vec<(String, f64)> = Vec::new();
    for threshold in trace
        .result
        .thresholds
        .iter()
        .filter(|threshold| threshold.mode == trace.mode)
    {
        let whole = asked::is_of_whole(&threshold.selector);
        // Limits on percentiles that the chart doesn't show are omitted.
        let is_drawn = |check: &Check| {
            matches!(
                check.metric,
                Metric::Time(
                    Quantity::Response,
                    Statistic::Percentile(_) | Statistic::Max
                )
            )
        };
        let of_response = Check::parse(&threshold.check).ok().filter(is_drawn);
        if let Some(check) = of_response.filter(|_| whole && threshold.limit.is_finite())
            && !limits.iter().any(|(_, limit)| *limit == threshold.limit)
        {
            limits.push((check.to_string(), threshold.limit));
        }
    }
    limits
}
