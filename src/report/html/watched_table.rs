//! The table of what went on beside the runs.

use super::figures::data;
use super::tables::Table;
use crate::report::watched;
use crate::result::RunResult;

/// Creates the table of what was watched, mode beside mode, if anything was.
pub(super) fn of_result(result: &RunResult) -> Option<Table> {
    let figures = watched::table(result)?;
    let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
    let table = Table::new("What was watched", "steps", &head, figures.rows)?;
    Some(Table {
        id: data::WATCHED.into(),
        ..table
    })
}
