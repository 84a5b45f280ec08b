//! The tables of figures that stand mode beside mode.

use crate::report::markup::{bounded, prose};
use crate::report::{asked, exemplars, groups, measures, replayed, streams, tally, watched};
use crate::result::RunResult;

/// The maximum size in bytes of the rows of each of these tables.
const ROWS: usize = 4_000;
/// The most paths of a replayed log that are listed.
const MAX_PATHS: usize = 50;

/// The most slow operations that are listed: of a step, besides those that failed, and of all.
const PER_STEP: usize = 3;
const MAX_EXEMPLARS: usize = 30;

/// Returns the figures of answers that come in pieces.
pub(super) fn streamed(result: &RunResult) -> String {
    let Some(figures) = streams::table(result) else {
        return String::new();
    };
    tabled(&figures.head, &figures.rows)
}

/// Returns the figures that the scenario reads from responses.
pub(super) fn measured(result: &RunResult) -> String {
    let Some(mut figures) = measures::by_step(result) else {
        return String::new();
    };
    // Names of steps are free text.
    for name in figures.rows.iter_mut().filter_map(|row| row.first_mut()) {
        *name = prose(name);
    }
    tabled(&figures.head, &figures.rows)
}

/// Returns what went on beside the runs.
pub(super) fn watched(result: &RunResult) -> String {
    let Some(mut figures) = watched::table(result) else {
        return String::new();
    };
    // Names and sources are what a scenario says.
    for cell in figures.rows.iter_mut().flatten() {
        *cell = prose(cell);
    }
    tabled(&figures.head, &figures.rows)
}

/// Returns the slowest operations.
pub(super) fn exemplary(result: &RunResult) -> String {
    let Some(mut figures) = exemplars::table(result, PER_STEP, MAX_EXEMPLARS) else {
        return String::new();
    };
    for cell in figures.rows.iter_mut().flatten() {
        *cell = prose(cell);
    }
    tabled(&figures.head, &figures.rows)
}

/// Returns what became of a replayed log, and what it says of paths beside what was measured.
pub(super) fn replayed(result: &RunResult) -> String {
    let lines = asked::plan(result).as_ref().and_then(replayed::lines);
    let lines = lines.map_or_else(String::new, |lines| format!("Log: {}.\n", prose(&lines)));
    let Some(mut figures) = replayed::table(result, MAX_PATHS) else {
        return lines;
    };
    // Paths are what clients have sent.
    for name in figures.rows.iter_mut().filter_map(|row| row.first_mut()) {
        *name = prose(name);
    }
    format!("{lines}\n{}", tabled(&figures.head, &figures.rows))
}

/// Returns the groups that are measured as a whole, of the first round of each mode.
pub(super) fn grouped(result: &RunResult) -> String {
    let modes = tally::modes(result).into_iter();
    let runs: Vec<_> = modes
        .filter_map(|mode| Some((mode.to_string(), tally::rounds(result, mode).next()?)))
        .collect();
    let percentiles = asked::percentiles([result], &["p50", "p95", "p99"]);
    let Some(mut figures) = groups::table(&runs, &percentiles) else {
        return String::new();
    };
    if let Some(first) = figures.head.first_mut() {
        *first = "group as a whole".into();
    }
    let rows = figures.rows.into_iter().map(|(_, mut row)| {
        row[0] = prose(&row[0]);
        row
    });
    tabled(&figures.head, &rows.collect::<Vec<_>>())
}

fn tabled(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---|{}\n", "--:|".repeat(head.len() - 1));
    let (rows, left) = bounded(rows.iter().map(|row| line(row)), ROWS);
    let more = match left {
        0 => String::new(),
        left => format!("\nand {left} more; they are in the result\n"),
    };
    format!("{}{rule}{rows}{more}", line(head))
}
