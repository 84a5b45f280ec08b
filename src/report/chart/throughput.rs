//! Throughput over time, the first round of every mode on one time line. In a run bound by iterations the area
//! under each line is the same work: the faster mode is done sooner.

use crate::result::{ModeRun, RunResult, StoppedBy, Window};

use super::super::{tally, view};
use super::axis::Axis;
use super::canvas;
use super::frame::{Entry, FIELD, Frame, SIZE};
use super::palette::{self, Look, Marker};
use super::planned::Planned;

/// Pixels between the markers of a line, at the least.
const MARK_GAP: f64 = 48.0;
/// Steps across the chart, at most: more can't be told apart.
const STEPS: usize = 120;
/// Opacity of the range behind a line.
const RANGE: f64 = 0.16;

/// The chart, if some run has a time line.
pub fn svg(result: &RunResult) -> Option<String> {
    let first = |mode| tally::rounds(result, mode).next();
    let runs: Vec<&ModeRun> = tally::modes(result).into_iter().filter_map(first).filter(|r| !r.series.is_empty()).collect();
    if runs.is_empty() {
        return None;
    }
    let (left, top, right, bottom) = FIELD;
    let windows = || runs.iter().flat_map(|r| &r.series);
    let start = windows().map(|w| w.t_s).filter(|t| t.is_finite()).fold(0.0, f64::min);
    let end = windows().map(|w| w.t_s + w.window_s).filter(|t| t.is_finite()).fold(0.0, f64::max);
    let lines: Vec<Vec<Step>> = runs.iter().map(|run| steps(&run.series, (end - start) / STEPS as f64)).collect();
    let planned = Planned::of(result, end);
    let highest = planned.highest();
    let x = Axis::linear(start, end, (left, right));
    let y = Axis::from_zero(lines.iter().flatten().map(|s| s.high).chain(highest), (bottom, top));
    let title = format!("Throughput over time – {}", view::shortened(&result.scenario.name, 48));
    let rounds = if result.runs.iter().any(|r| r.round > 1) { " First round." } else { "" };
    let joined = lines.iter().flatten().any(|s| s.high > s.low);
    let shade = if joined { " Shaded: the range of the windows behind each step." } else { "" };
    let subtitle = format!("Higher is better. Operations that completed well.{rounds}{shade}");
    let description = runs
        .iter()
        .map(|r| format!("{}: {} over {}.", r.mode, view::rate(r.throughput_rps), view::duration_s(r.wall_s)))
        .collect::<Vec<_>>()
        .join(" ");
    let frame = Frame {
        title: &title,
        subtitle: &subtitle,
        x_label: "seconds since the start of the run",
        y_label: "operations completed per second",
    };
    Some(canvas::picture(SIZE, &title, &description, |c| {
        let mut legend: Vec<Entry> = runs.iter().map(|r| entry(r)).collect();
        let target = Look { color: palette::INK, dash: Some((6.0, 5.0)), marker: Marker::Diamond };
        if let Some(rate) = highest {
            let up_to = if planned.staged { "up to " } else { "" };
            legend.push(Entry { text: format!("planned {up_to}{}", view::rate(rate)), look: target, marked: false });
        }
        let warm_up = (start < 0.0).then_some(("warm-up", (start, 0.0)));
        let shaded: Vec<_> = warm_up.into_iter().chain(planned.aside.iter().map(|stage| ("not measured", *stage))).collect();
        for (_, (from, to)) in &shaded {
            c.rect((x.pixel(*from), top), (x.pixel(*to), bottom), palette::SHADE, 1.0);
        }
        frame.draw(c, (&x, &x.ticks(10.0, seconds)), (&y, &y.ticks(6.0, |v| view::round(&view::rate(v)))), &legend);
        for (what, (from, to)) in shaded {
            if x.pixel(to) - x.pixel(from) > 9.0 * what.len() as f64 {
                c.text(what, (x.pixel(from) + 6.0, top + 10.0), canvas::Font::TICK, canvas::Align::Start);
            }
        }
        for (run, line) in runs.iter().zip(&lines) {
            for step in line.iter().filter(|s| s.high > s.low) {
                let corners = ((x.pixel(step.from), y.pixel(step.high)), (x.pixel(step.to), y.pixel(step.low)));
                c.rect(corners.0, corners.1, palette::look(run.mode).color, RANGE);
            }
        }
        for (run, line) in runs.iter().zip(&lines) {
            let look = palette::look(run.mode);
            let points = outline(line, end).into_iter().map(|(t, v)| (x.pixel(t), y.pixel(v))).collect::<Vec<_>>();
            c.line(&points, look.color, 2.25, look.dash);
        }
        let curve: Vec<_> = planned.rate.iter().map(|(at, rate)| (x.pixel(*at), y.pixel(*rate))).collect();
        if !curve.is_empty() {
            c.line(&curve, target.color, 1.5, target.dash);
        }
        for (i, (run, line)) in runs.iter().zip(&lines).enumerate() {
            let mut free_from = left + MARK_GAP * i as f64 / runs.len() as f64;
            for step in line {
                let at = (x.pixel(f64::midpoint(step.from, step.to)), y.pixel(step.rate));
                if at.0 >= free_from {
                    c.marker(at, palette::look(run.mode), 4.0);
                    free_from = at.0 + MARK_GAP;
                }
            }
        }
    }))
}

/// In a run bound by iterations, the legend says when a mode was done.
fn entry(run: &ModeRun) -> Entry {
    let mut entry = Entry::mode(run.mode);
    if run.stopped_by == StoppedBy::Iterations {
        entry.text = format!("{}, done after {}", run.mode, view::duration_s(run.wall_s));
    }
    entry
}

/// One window, or some that are joined because there are too many to be seen.
struct Step {
    from: f64,
    to: f64,
    rate: f64,
    low: f64,
    high: f64,
}

/// The time line in steps that are at least `narrowest` seconds wide. The rate of joined windows is theirs, weighted
/// by their widths: what completed in all of them over their time. Their range is shown where the time line is a long
/// one; in a short run, drawn beside a longer one, a window holds few operations and its rate is mostly chance.
fn steps(series: &[Window], narrowest: f64) -> Vec<Step> {
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
                several => several.iter().map(|w| w.throughput_rps * w.window_s).sum::<f64>() / width,
            };
            let (low, high) =
                if ranged { (rates().fold(f64::INFINITY, f64::min), rates().fold(f64::NEG_INFINITY, f64::max)) } else { (rate, rate) };
            Some(Step { from: first.t_s, to: last.t_s + last.window_s, rate, low, high })
        })
        .collect()
}

/// A step's rate holds over the whole of it; where a run is done before the others, it falls to nothing.
fn outline(steps: &[Step], end: f64) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = steps.iter().flat_map(|s| [(s.from, s.rate), (s.to, s.rate)]).collect();
    if let Some((t, _)) = points.last().copied().filter(|(t, _)| *t < end) {
        points.push((t, 0.0));
    }
    points
}

fn seconds(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{} s", view::round(&view::number(value))) }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn joined_windows_keep_their_rate_and_their_range() {
        let result = fixture::long_run();
        let series = &result.runs[2].series;
        let joined = steps(series, 600.0 / STEPS as f64);
        assert_eq!(joined.len(), STEPS);
        let mean = |rates: &mut dyn Iterator<Item = f64>, n: usize| rates.sum::<f64>() / n as f64;
        let (all, few) = (mean(&mut series.iter().map(|w| w.throughput_rps), 600), mean(&mut joined.iter().map(|s| s.rate), STEPS));
        assert!((all - few).abs() < 1e-6);
        assert!(joined.iter().all(|s| s.low <= s.rate && s.rate <= s.high));
        assert_eq!(joined.last().map(|s| s.to), Some(600.0));
    }
}
