//! Rows that are JSON maps.

use minijinja::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::{FeedError, wrong};
use super::separated::MAX_COLUMNS;
use crate::value::json;

/// Reads the cells of a row, which is a text of JSON that begins in the line `line`; adds the columns
/// that no row before it had.
///
/// # Errors
/// If it is not a map.
pub(super) fn cells(
    file: &str,
    line: u64,
    text: &str,
    columns: &mut Vec<String>,
) -> Result<Vec<Value>, FeedError> {
    let row = serde_json::from_str(text).map_err(|e| not_json(file, line, &e))?;
    cells_of(file, line, row, columns)
}

fn cells_of(
    file: &str,
    line: u64,
    row: &RawValue,
    columns: &mut Vec<String>,
) -> Result<Vec<Value>, FeedError> {
    let members = json::members(row).map_err(|e| match e.classify() {
        Category::Data => wrong(
            file,
            line,
            "a row that is not a map; write `{\"id\": 1, …}` for each row",
        ),
        _ => not_json(file, line, &e),
    })?;
    let mut cells = vec![Value::UNDEFINED; columns.len()];
    for (key, raw) in members {
        let place = columns
            .iter()
            .position(|column| *column == key)
            .unwrap_or_else(|| {
                columns.push(key.clone());
                cells.push(Value::UNDEFINED);
                columns.len() - 1
            });
        if !cells[place].is_undefined() {
            return Err(wrong(
                file,
                line,
                format!("a row has two members named `{key}`; remove one"),
            ));
        }
        cells[place] = json::from_raw(raw).map_err(|e| not_json(file, line, &e))?;
    }
    if columns.len() > MAX_COLUMNS {
        return Err(wrong(
            file,
            line,
            format!("more than {MAX_COLUMNS} columns; remove some"),
        ));
    }
    Ok(cells)
}

/// Converts an error of the parser, whose own lines start at `line` of the file.
fn not_json(file: &str, line: u64, error: &serde_json::Error) -> FeedError {
    let (whole, place) = (
        error.to_string(),
        format!(" at line {} column {}", error.line(), error.column()),
    );
    let message = whole.strip_suffix(&place).unwrap_or(&whole);
    wrong(
        file,
        line + (error.line() as u64).saturating_sub(1),
        format!("not JSON: {message}, at column {}", error.column()),
    )
}

/// Reads a list of maps: the names of the columns, and the cells of each row.
///
/// # Errors
/// If it is not one.
pub(super) fn list(file: &str, text: &str) -> Result<(Vec<String>, Vec<Vec<Value>>), FeedError> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| match e.classify() {
        Category::Data => wrong(
            file,
            1,
            "not a list; a `.json` feed is a list of maps, one per row",
        ),
        _ => not_json(file, 1, &e),
    })?;
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    let (mut line, mut before) = (1, 0);
    for item in items {
        let at = item.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[before..at].matches('\n').count() as u64;
        before = at;
        rows.push(cells_of(file, line, item, &mut columns)?);
    }
    Ok((columns, rows))
}
