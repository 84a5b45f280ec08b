//! [`measured`]: the figures that a scenario reads from responses.

use super::figures::data;
use super::tables::Table;
use crate::report::{measures, view};
use crate::result::RunResult;

/// Creates the table of the figures that the scenario reads from responses, of every part and mode
/// beside mode, if it reads any.
pub(crate) fn measured(result: &RunResult) -> Option<Table> {
    let figures = measures::by_part(result)?;
    let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
    let (caption, _) = head.split_first()?;
    let table = Table::new(&view::capital(caption), "steps", &head, figures.rows)?;
    Some(Table {
        id: data::MEASURES.into(),
        ..table
    })
}
