//! The table of the figures of each step over time.

use std::io;

use super::cells::{failures, known, number, table, text};
use crate::result::RunResult;

/// The columns.
const HEAD: [&str; 17] = [
    "scenario",
    "mode",
    "round",
    "t_s",
    "window_s",
    "mix",
    "step",
    "planned",
    "ok",
    "failed",
    "throughput_rps",
    "mean_ms",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "max_ms",
    "failures",
];

/// Returns a row for each step in each window of the time series of every run: long rather than wide,
/// because there may be dozens of steps.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn steps_over_time(result: &RunResult) -> io::Result<String> {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for run in &result.runs {
        for window in &run.series {
            for step in &window.steps {
                let mut row = vec![
                    text(&result.scenario.name),
                    run.mode.to_string(),
                    run.round.to_string(),
                    number(window.t_s),
                    number(window.window_s),
                    text(&step.mix),
                    text(&step.name),
                ];
                row.extend([step.planned, step.ok, step.failed].map(|n| n.to_string()));
                row.push(number(step.throughput_rps));
                let times = [
                    step.mean_ms,
                    step.p50_ms,
                    step.p90_ms,
                    step.p99_ms,
                    step.max_ms,
                ];
                row.extend(times.map(known));
                row.push(failures(&step.failures));
                rows.push(row);
            }
        }
    }
    table(&rows)
}
