//! The tables of figures that stand mode beside mode.

use crate::report::markup::prose;
use crate::report::{measures, streams, watched};
use crate::result::RunResult;

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

fn tabled(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---|{}\n", "--:|".repeat(head.len() - 1));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{rule}{rows}", line(head))
}
