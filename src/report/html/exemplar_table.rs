//! The table of the slowest operations.

use super::tables::Table;
use crate::report::exemplars;
use crate::result::RunResult;

/// The most operations of a step, besides those that failed.
const PER_STEP: usize = 5;
/// The most operations of all steps.
const MOST: usize = 100;

/// Creates the table of the slowest operations that something identifies, if there are any.
pub(super) fn of_result(result: &RunResult) -> Option<Table> {
    let figures = exemplars::table(result, PER_STEP, MOST)?;
    let caption = format!("Slowest first, up to {PER_STEP} of each step");
    let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
    let table = Table::new(&caption, "steps words", &head, figures.rows)?;
    Some(Table {
        id: "exemplars".into(),
        ..table
    })
}
