//! The rows of a text: CSV or JSON.

use std::collections::HashSet;

use minijinja::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::FeedError;
use crate::value::csv::Csv;
use crate::value::json;

/// The maximum number of rows of a feed.
const MAX_ROWS: usize = 10_000_000;
/// The maximum number of columns of a feed.
const MAX_COLUMNS: usize = 1000;
/// Separators of cells, as messages name them and as a scenario says them.
const SEPARATORS: [(&str, char, &str); 4] = [
    ("commas", ',', ","),
    ("semicolons", ';', ";"),
    ("tabs", '\t', "tab"),
    ("bars", '|', "|"),
];

/// The names of the columns, and the cells of each row.
pub(super) type Table = (Vec<String>, Vec<Box<[Value]>>);

/// Creates the error of a line.
pub(super) fn wrong(file: &str, line: u64, message: impl Into<String>) -> FeedError {
    FeedError::Wrong {
        file: file.into(),
        line,
        message: message.into(),
    }
}

/// Reads rows whose cells are separated by `separator`, or else by what is `usual`.
pub(super) fn csv(
    file: &str,
    text: &str,
    separator: Option<char>,
    usual: char,
) -> Result<Table, FeedError> {
    let separator = separator.unwrap_or(usual);
    let mut records =
        Csv::new(text, separator).map(|record| record.map_err(|e| wrong(file, e.line, e.message)));
    let Some(header) = records.next().transpose()? else {
        return Ok(Table::default());
    };
    let columns: Vec<String> = header
        .cells
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    check_header(file, header.line, &columns, separator)?;
    let mut rows = Vec::new();
    for record in records {
        let record = record?;
        if record.cells.len() != columns.len() {
            let cells = if record.cells.len() == 1 {
                "1 cell".into()
            } else {
                format!("{} cells", record.cells.len())
            };
            let message = format!(
                "{cells}, where the first line names {} columns",
                columns.len()
            );
            return Err(wrong(
                file,
                record.line,
                format!("{message}; complete the row, or quote a cell that contains the separator"),
            ));
        }
        if rows.len() == MAX_ROWS {
            return Err(wrong(
                file,
                record.line,
                format!("more than {MAX_ROWS} rows; use a shorter file"),
            ));
        }
        rows.push(
            record
                .cells
                .iter()
                .map(|cell| Value::from(cell.as_ref()))
                .collect(),
        );
    }
    Ok((columns, rows))
}

fn check_header(
    file: &str,
    line: u64,
    columns: &[String],
    separator: char,
) -> Result<(), FeedError> {
    if let [only] = columns
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
    for column in columns {
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
    Ok(())
}

/// Collects rows of JSON maps, discovering the columns row by row.
#[derive(Default)]
struct Maps {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Maps {
    fn add(&mut self, file: &str, line: u64, item: &RawValue) -> Result<(), FeedError> {
        let members = json::members(item).map_err(|e| match e.classify() {
            Category::Data => wrong(
                file,
                line,
                "a row that is not a map; write `{\"id\": 1, …}` for each row",
            ),
            _ => not_json(file, line, &e),
        })?;
        let mut cells = vec![Value::UNDEFINED; self.columns.len()];
        for (key, raw) in members {
            let place = self
                .columns
                .iter()
                .position(|column| *column == key)
                .unwrap_or_else(|| {
                    self.columns.push(key.clone());
                    cells.push(Value::UNDEFINED);
                    self.columns.len() - 1
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
        if self.columns.len() > MAX_COLUMNS {
            return Err(wrong(
                file,
                line,
                format!("more than {MAX_COLUMNS} columns; remove some"),
            ));
        }
        if self.rows.len() == MAX_ROWS {
            return Err(wrong(
                file,
                line,
                format!("more than {MAX_ROWS} rows; use a shorter file"),
            ));
        }
        self.rows.push(cells);
        Ok(())
    }

    fn table(self) -> Table {
        (
            self.columns,
            self.rows.into_iter().map(Vec::into_boxed_slice).collect(),
        )
    }
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

/// Reads a list of maps.
pub(super) fn json_list(file: &str, text: &str) -> Result<Table, FeedError> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| match e.classify() {
        Category::Data => wrong(
            file,
            1,
            "not a list; a `.json` feed is a list of maps, one per row",
        ),
        _ => not_json(file, 1, &e),
    })?;
    let mut maps = Maps::default();
    let (mut line, mut before) = (1, 0);
    for item in items {
        let at = item.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[before..at].matches('\n').count() as u64;
        before = at;
        maps.add(file, line, item)?;
    }
    Ok(maps.table())
}

/// Reads a map in each line.
pub(super) fn json_lines(file: &str, text: &str) -> Result<Table, FeedError> {
    let mut maps = Maps::default();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let item = serde_json::from_str(line).map_err(|e| not_json(file, number, &e))?;
        maps.add(file, number, item)?;
    }
    Ok(maps.table())
}
