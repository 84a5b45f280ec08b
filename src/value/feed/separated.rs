//! Rows whose cells are separated by a character: CSV and TSV.

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::{FeedError, wrong};
use crate::value::csv::Record;

/// The maximum number of columns of a feed.
pub(super) const MAX_COLUMNS: usize = 1000;
/// Separators of cells, as messages name them and as a scenario says them.
const SEPARATORS: [(&str, char, &str); 4] = [
    ("commas", ',', ","),
    ("semicolons", ';', ";"),
    ("tabs", '\t', "tab"),
    ("bars", '|', "|"),
];

/// Returns the names of the columns, which are in the first record of a file.
///
/// # Errors
/// If they are invalid, or too many.
pub(super) fn columns(
    file: &str,
    header: &Record<'_>,
    separator: char,
) -> Result<Vec<String>, FeedError> {
    let line = header.line;
    let columns: Vec<String> = header
        .cells
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    if let [only] = columns.as_slice()
        && let Some((name, _, typed)) = SEPARATORS
            .iter()
            .find(|(_, other, _)| *other != separator && only.contains(*other))
    {
        return Err(wrong(
            file,
            line,
            format!("cells are separated by {name}; write `separator: \"{typed}\"` beside `file`"),
        ));
    }
    let mut known = HashSet::new();
    for column in &columns {
        if column.is_empty() {
            return Err(wrong(
                file,
                line,
                "a column without a name; the first line has the names of all columns",
            ));
        }
        if !known.insert(column) {
            return Err(wrong(
                file,
                line,
                format!("two columns are named `{column}`; give each a unique name"),
            ));
        }
    }
    if columns.len() > MAX_COLUMNS {
        return Err(wrong(
            file,
            line,
            format!("more than {MAX_COLUMNS} columns; remove some"),
        ));
    }
    Ok(columns)
}

/// Returns the cells of a record, which has one for each column.
///
/// # Errors
/// If it has more or fewer.
pub(super) fn cells<'t>(
    file: &str,
    record: Record<'t>,
    columns: usize,
) -> Result<Vec<Cow<'t, str>>, FeedError> {
    let cells = match record.cells.len() {
        all if all == columns => return Ok(record.cells),
        1 => "1 cell".into(),
        more => format!("{more} cells"),
    };
    Err(wrong(
        file,
        record.line,
        format!(
            "{cells}, where the first line names {columns} columns; complete the row, or quote a cell that contains the separator"
        ),
    ))
}
