//! Throughput over time, the first round of every mode on one time line. In a run bound by iterations the area
//! under each line is the same work: the faster mode is done sooner.

use crate::plan::{LoadModel, Plan, StepKind};
use crate::result::{ModeRun, RunResult, StoppedBy};

use super::super::{tally, view};
use super::axis::Axis;
use super::canvas;
use super::frame::{Entry, FIELD, Frame, SIZE};
use super::palette::{self, Look, Marker};

/// Pixels between the markers of a line, at the least.
const MARK_GAP: f64 = 48.0;

/// The chart, if some run has a time line.
pub fn svg(result: &RunResult) -> Option<String> {
    let runs: Vec<&ModeRun> =
        tally::modes(result).into_iter().filter_map(|m| tally::rounds(result, m).next()).filter(|r| !r.series.is_empty()).collect();
    if runs.is_empty() {
        return None;
    }
    let (left, top, right, bottom) = FIELD;
    let windows = || runs.iter().flat_map(|r| &r.series);
    let start = windows().map(|w| w.t_s).filter(|t| t.is_finite()).fold(0.0, f64::min);
    let end = windows().map(|w| w.t_s + w.window_s).filter(|t| t.is_finite()).fold(0.0, f64::max);
    let planned = planned_rate(result);
    let x = Axis::linear(start, end, (left, right));
    let y = Axis::from_zero(windows().map(|w| w.throughput_rps).chain(planned), (bottom, top));
    let title = format!("Throughput over time – {}", view::shortened(&result.scenario.name, 48));
    let rounds = if result.runs.iter().any(|r| r.round > 1) { " First round." } else { "" };
    let subtitle = format!("Higher is better. Operations that completed well.{rounds}");
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
        if let Some(rate) = planned {
            legend.push(Entry { text: format!("planned {}", view::rate(rate)), look: target, marked: false });
        }
        if start < 0.0 {
            c.rect((x.pixel(start), top), (x.pixel(0.0), bottom), palette::SHADE, 1.0);
        }
        frame.draw(c, (&x, &x.ticks(10.0, seconds)), (&y, &y.ticks(6.0, |v| view::round(&view::rate(v)))), &legend);
        if start < 0.0 && x.pixel(0.0) - x.pixel(start) > 60.0 {
            c.text("warm-up", (x.pixel(start) + 6.0, top + 10.0), canvas::Font::TICK, canvas::Align::Start);
        }
        for run in &runs {
            let look = palette::look(run.mode);
            let steps = steps(run, end).into_iter().map(|(t, v)| (x.pixel(t), y.pixel(v))).collect::<Vec<_>>();
            c.line(&steps, look.color, 2.25, look.dash);
        }
        if let Some(rate) = planned {
            c.line(&[(x.pixel(0.0), y.pixel(rate)), (right, y.pixel(rate))], target.color, 1.5, target.dash);
        }
        for (i, run) in runs.iter().enumerate() {
            let mut free_from = left + MARK_GAP * i as f64 / runs.len() as f64;
            for window in &run.series {
                let at = (x.pixel(window.t_s + window.window_s / 2.0), y.pixel(window.throughput_rps));
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

/// A window's rate holds over the whole of it; where a run is done before the others, it falls to nothing.
fn steps(run: &ModeRun, end: f64) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> =
        run.series.iter().flat_map(|w| [(w.t_s, w.throughput_rps), (w.t_s + w.window_s, w.throughput_rps)]).collect();
    if let Some((t, _)) = points.last().copied().filter(|(t, _)| *t < end) {
        points.push((t, 0.0));
    }
    points
}

fn seconds(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{} s", view::round(&view::number(value))) }
}

/// Operations a second that an open model's arrivals amount to, where every iteration runs all of its steps.
fn planned_rate(result: &RunResult) -> Option<f64> {
    let plan: Plan = serde_json::from_value(result.plan.clone()).ok()?;
    let LoadModel::Open { rate, .. } = plan.load.model else { return None };
    let operations = |flow: &[crate::plan::Step]| flow.iter().filter(|s| matches!(s.kind, StepKind::Operation(_))).count() as f64;
    let weights: f64 = plan.mix.iter().map(|m| m.weight).sum();
    let each = plan.mix.iter().map(|m| m.weight * operations(&m.flow)).sum::<f64>() / weights;
    Some(rate.per_second_f64() * each).filter(|r| r.is_finite() && *r > 0.0)
}
