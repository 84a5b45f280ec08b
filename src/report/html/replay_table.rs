//! [`replayed`]: a replayed log beside what was measured.

use super::tables::Table;
use crate::report::replayed::table;
use crate::result::RunResult;

/// More paths than have figures of their own.
const ALL: usize = 1000;

/// Creates the table of what a log says of paths beside what was measured, if one was replayed.
pub(crate) fn replayed(result: &RunResult) -> Option<Table> {
    let figures = table(result, ALL)?;
    let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
    Table::new("Paths of the log", "steps", &head, figures.rows)
}
