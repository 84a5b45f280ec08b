//! The table of the time series.

use std::io;

use super::measures::WindowColumns;
use super::{group_windows, streams};
use crate::report::part_name::PartName;
use crate::report::spreadsheet::cells::{failures, known, number, table, text};
use crate::result::RunResult;

/// The columns of the time series.
const OF_WINDOWS: [&str; 21] = [
    "scenario",
    "mode",
    "round",
    "t_s",
    "window_s",
    "planned",
    "started",
    "ok",
    "failed",
    "dropped",
    "throughput_rps",
    "mean_ms",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "max_ms",
    "lag_p99_ms",
    "in_flight",
    "vus",
    "queue",
    "failures",
];

/// Returns a row for each window of the time series of every run; those of the warm-up start before
/// zero. Only results with measures, or with
/// groups as a whole, have columns for them.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn series(result: &RunResult) -> io::Result<String> {
    let scenario = text(&result.scenario.name);
    let columns = OF_WINDOWS.into_iter().chain(streams::OF_WINDOWS);
    let measures = WindowColumns::of_result(result);
    let of_measures = measures.iter().flat_map(WindowColumns::names);
    let timed_groups = PartName::of_groups(&result.runs);
    let of_groups = timed_groups.iter().flat_map(group_windows::names);
    let head = columns.map(str::to_owned).chain(of_measures);
    let mut rows = vec![head.chain(of_groups).collect()];
    for run in &result.runs {
        for window in &run.series {
            let mut row = vec![
                scenario.clone(),
                run.mode.to_string(),
                run.round.to_string(),
            ];
            row.extend([window.t_s, window.window_s].map(number));
            row.extend(
                [
                    window.planned,
                    window.started,
                    window.ok,
                    window.failed,
                    window.dropped,
                ]
                .map(|n| n.to_string()),
            );
            row.push(number(window.throughput_rps));
            let times = [
                window.mean_ms,
                window.p50_ms,
                window.p90_ms,
                window.p99_ms,
                window.max_ms,
                window.lag_p99_ms,
            ];
            row.extend(
                times
                    .into_iter()
                    .chain([window.in_flight, window.vus, window.queue])
                    .map(known),
            );
            row.push(failures(&window.failures));
            row.extend(streams::of_window(window.streams.as_ref()).map(known));
            let of_measures = measures.iter().flat_map(|own| own.cells(window));
            row.extend(of_measures.map(known));
            let of_groups = timed_groups.iter();
            let of_groups = of_groups.flat_map(|group| group_windows::of_window(group, window));
            row.extend(of_groups.map(known));
            rows.push(row);
        }
    }
    table(&rows)
}
