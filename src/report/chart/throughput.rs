//! Throughput over time, with the first round of every mode on one time axis. In a run bound by
//! iterations, the area under each line is the same work: the faster mode finishes sooner.

use crate::plan::{Check, Metric};
use crate::result::{ModeRun, StoppedBy, Window};

use super::super::{asked, view};
use super::axis::Axis;
use super::canvas::Canvas;
use super::frame::{Entry, Height};
use super::over_time::{rounds, shades};
use super::palette::{self, LineStyle, Marker};
use super::planned::Planned;
use super::plot::{self, Across, Plot, Up};
use super::trace::{Cast, Trace};

/// The maximum number of steps across the chart: more would be indistinguishable.
const STEPS: usize = 120;
/// The opacity of the range behind a line.
const RANGE: f64 = 0.16;

/// Draws the chart, if some run has a time series.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let runs: Vec<(&Trace<'_>, &ModeRun)> = cast
        .traces
        .iter()
        .filter_map(|trace| Some((trace, trace.run()?)))
        .filter(|(trace, _)| trace.series().next().is_some())
        .collect();
    let (start, end) = cast.span()?;
    let narrowest = (end - start) / STEPS as f64;
    let lines: Vec<Vec<Step>> = runs
        .iter()
        .map(|(trace, _)| steps(&trace.series().collect::<Vec<_>>(), narrowest))
        .collect();
    let planned = cast.planned(end);
    let joined = lines.iter().flatten().any(|s| s.high > s.low);
    let shade = if joined {
        " Shaded: the range of the windows behind each step."
    } else {
        ""
    };
    let mut legend: Vec<Entry> = runs.iter().map(|(trace, run)| entry(trace, run)).collect();
    legend.extend(planned_entry(&planned));
    let describe = |(trace, run): &(&Trace<'_>, &ModeRun)| {
        format!(
            "{}: {} over {}.",
            trace.label,
            view::rate(run.throughput_rps),
            view::duration_s(run.wall_s)
        )
    };
    let plot = Plot {
        title: format!("Throughput over time – {}", cast.name),
        subtitle: format!(
            "Higher is better. Successful operations.{}{shade}",
            rounds(cast)
        ),
        description: runs.iter().map(describe).collect::<Vec<_>>().join(" "),
        x: Across::Seconds(start, end),
        x_label: "seconds since the start of the run",
        y: Up {
            values: lines
                .iter()
                .flatten()
                .map(|s| s.high)
                .chain(planned.highest())
                .collect(),
            log: false,
            show: view::rate,
        },
        y_label: "operations completed per second",
        legend,
        shades: shades(cast, (start, end)),
        limits: limits(cast),
        height: Height::Full,
        columns: "throughput".into(),
    };
    Some(plot.draw(|c, x, y| {
        ranges(c, (x, y), &runs, &lines);
        rates(c, (x, y), (&runs, &lines), end);
        planned_curve(c, (x, y), &planned);
        markers(c, (x, y), &runs, &lines);
    }))
}

/// The style of the planned rate.
const PLANNED: LineStyle = LineStyle {
    color: palette::INK,
    dash: Some((6.0, 5.0)),
    marker: Marker::Diamond,
};

/// Returns the legend entry for the planned rate, if there is one.
fn planned_entry(planned: &Planned) -> Option<Entry> {
    let rate = planned.highest()?;
    let up_to = if planned.staged { "up to " } else { "" };
    Some(Entry {
        key: "planned".into(),
        text: format!("planned {up_to}{}", view::rate(rate)),
        style: PLANNED,
        marked: false,
    })
}

/// Draws the curve of the planned rate.
fn planned_curve(c: &mut Canvas, (x, y): (&Axis, &Axis), planned: &Planned) {
    let curve: Vec<_> = planned
        .rate
        .iter()
        .map(|(at, rate)| (x.pixel(*at), y.pixel(*rate)))
        .collect();
    if !curve.is_empty() {
        plot::series(c, "planned", |c| {
            c.line(&curve, PLANNED.color, 1.5, PLANNED.dash)
        });
    }
}

/// The modes, each with the run that is shown.
type Runs<'r, 'a> = [(&'r Trace<'a>, &'r ModeRun)];

/// Draws the range of the windows behind each step.
fn ranges(c: &mut Canvas, (x, y): (&Axis, &Axis), runs: &Runs<'_, '_>, lines: &[Vec<Step>]) {
    for ((trace, _), line) in runs.iter().zip(lines) {
        plot::series(c, &trace.key, |c| {
            let ranges = line.iter().filter(|s| s.high > s.low);
            let cells: Vec<_> = ranges
                .map(|s| {
                    (
                        (x.pixel(s.from), y.pixel(s.high)),
                        (x.pixel(s.to), y.pixel(s.low)),
                    )
                })
                .collect();
            c.cells(&cells, trace.style.color, RANGE);
        });
    }
}

/// Draws the line of each mode.
fn rates(
    c: &mut Canvas,
    (x, y): (&Axis, &Axis),
    (runs, lines): (&Runs<'_, '_>, &[Vec<Step>]),
    end: f64,
) {
    for ((trace, _), line) in runs.iter().zip(lines) {
        let points = outline(line, end)
            .into_iter()
            .map(|(t, v)| (x.pixel(t), y.pixel(v)))
            .collect::<Vec<_>>();
        plot::series(c, &trace.key, |c| {
            c.line(&points, trace.style.color, 2.25, trace.style.dash)
        });
    }
}

/// Draws the markers of each mode, in the middle of its steps.
fn markers(c: &mut Canvas, (x, y): (&Axis, &Axis), runs: &Runs<'_, '_>, lines: &[Vec<Step>]) {
    for (i, ((trace, _), line)) in runs.iter().zip(lines).enumerate() {
        let middles: Vec<_> = line
            .iter()
            .map(|s| (x.pixel(f64::midpoint(s.from, s.to)), y.pixel(s.rate)))
            .collect();
        plot::series(c, &trace.key, |c| {
            plot::marks(c, trace.style, &middles, i as f64 / runs.len() as f64)
        });
    }
}

/// Returns the limits of the thresholds on the throughput of the whole run.
fn limits(cast: &Cast<'_>) -> Vec<(String, f64)> {
    let mut limits: Vec<(String, f64)> = Vec::new();
    for threshold in cast
        .traces
        .iter()
        .flat_map(|trace| &trace.result.thresholds)
    {
        let whole = asked::is_of_whole(&threshold.selector);
        let check = Check::parse(&threshold.check)
            .ok()
            .filter(|check| matches!(check.metric, Metric::Throughput));
        if let Some(check) = check.filter(|_| whole && threshold.limit.is_finite())
            && !limits.iter().any(|(_, limit)| *limit == threshold.limit)
        {
            limits.push((check.to_string(), threshold.limit));
        }
    }
    limits
}

/// Returns the legend entry of a mode. In a run bound by iterations, it includes when the mode
/// finished.
fn entry(trace: &Trace<'_>, run: &ModeRun) -> Entry {
    let mut entry = Entry::from_trace(trace);
    if run.stopped_by == StoppedBy::Iterations {
        entry.text = format!(
            "{}, done after {}",
            trace.label,
            view::duration_s(run.wall_s)
        );
    }
    entry
}

/// One window, or several that are merged because there are too many to be distinguished.
struct Step {
    from: f64,
    to: f64,
    rate: f64,
    low: f64,
    high: f64,
}

/// Returns the time series in steps that are at least `narrowest` seconds wide. The rate of merged
/// windows is their mean weighted by width: their completions over their time. Their range is shown
/// if the time series is a long one; in a short run, drawn next to a longer one, a window holds few
/// operations and its rate is mostly chance.
fn steps(series: &[&Window], narrowest: f64) -> Vec<Step> {
    let width = series.first().map_or(1.0, |w| w.window_s);
    let joined = ((narrowest / width).ceil() as usize).max(1);
    let ranged = series.len() > STEPS;
    series
        .chunks(joined)
        .filter_map(|windows| {
            let (first, last) = (windows.first()?, windows.last()?);
            let rates = || windows.iter().map(|w| w.throughput_rps);
            let width: f64 = windows.iter().map(|w| w.window_s).sum();
            let rate = match windows {
                [one] => one.throughput_rps,
                several => {
                    several
                        .iter()
                        .map(|w| w.throughput_rps * w.window_s)
                        .sum::<f64>()
                        / width
                }
            };
            let (low, high) = if ranged {
                (
                    rates().fold(f64::INFINITY, f64::min),
                    rates().fold(f64::NEG_INFINITY, f64::max),
                )
            } else {
                (rate, rate)
            };
            Some(Step {
                from: first.t_s,
                to: last.t_s + last.window_s,
                rate,
                low,
                high,
            })
        })
        .collect()
}

/// Returns the outline of the steps: a step's rate applies to its whole width; if a run finishes
/// before the others, it drops to zero.
fn outline(steps: &[Step], end: f64) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = steps
        .iter()
        .flat_map(|s| [(s.from, s.rate), (s.to, s.rate)])
        .collect();
    if let Some((t, _)) = points.last().copied().filter(|(t, _)| *t < end) {
        points.push((t, 0.0));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn joined_windows_keep_their_rate_and_their_range() {
        let result = fixture::long_run();
        let series = &result.runs[2].series;
        let joined = steps(&series.iter().collect::<Vec<_>>(), 600.0 / STEPS as f64);
        assert_eq!(joined.len(), STEPS);
        let mean = |rates: &mut dyn Iterator<Item = f64>, n: usize| rates.sum::<f64>() / n as f64;
        let (all, few) = (
            mean(&mut series.iter().map(|w| w.throughput_rps), 600),
            mean(&mut joined.iter().map(|s| s.rate), STEPS),
        );
        assert!((all - few).abs() < 1e-6);
        assert!(joined.iter().all(|s| s.low <= s.rate && s.rate <= s.high));
        assert_eq!(joined.last().map(|s| s.to), Some(600.0));
    }
}
