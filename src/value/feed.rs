//! Feeds: files of rows, loaded completely before the run.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use serde_json::error::Category;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::csv::Csv;
use super::file::{self, FileError};
use super::{exact, json};

/// The maximum number of rows of a feed.
const MAX_ROWS: usize = 10_000_000;
/// The maximum number of columns of a feed.
const MAX_COLUMNS: usize = 1000;
/// Separators that other programs use instead of a comma, as messages name them.
const SEPARATORS: [(&str, char); 3] = [("semicolons", ';'), ("tabs", '\t'), ("bars", '|')];

/// Why a feed can't be used.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its name does not indicate a format.
    #[error("`{0}` is neither `.csv` nor `.json` nor `.jsonl`; rename it to match its content")]
    Unknown(String),
    /// It has no rows.
    #[error(
        "`{0}` has no rows; a CSV file has its column names in the first line, and a row on each line after it"
    )]
    Empty(String),
    /// Its content is invalid.
    #[error("`{file}`, line {line}: {message}")]
    Wrong {
        /// The file as written in the scenario.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and how to fix it.
        message: String,
    },
}

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The names of the columns; in JSON, every member that any row has.
    pub columns: Arc<[String]>,
    /// The rows.
    pub rows: Vec<Value>,
    /// The first 16 hexadecimal digits of the SHA-256 of the file.
    pub digest: String,
}

/// A row: its cells in the order of the columns.
#[derive(Debug)]
struct Row {
    columns: Arc<[String]>,
    cells: Box<[Value]>,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = self
            .columns
            .iter()
            .position(|column| Some(column.as_str()) == key.as_str())?;
        self.cells
            .get(place)
            .cloned()
            .filter(|cell| !cell.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.columns
                .iter()
                .map(|column| Value::from(column.as_str()))
                .collect(),
        )
    }
}

/// Reads the rows of a file, by its path relative to `folder`. Its extension gives the format:
/// `.csv` with the column names in the first line, `.json` with a list of maps, `.jsonl` (or
/// `.ndjson`) with a map per line.
///
/// # Errors
/// If the file cannot be read, has no rows, or its content is invalid.
pub fn read(folder: &Path, typed: &str) -> Result<Rows, FeedError> {
    let content = file::read(folder, typed)?;
    let mut digest = String::new();
    for byte in Sha256::digest(&content).iter().take(8) {
        let _ = write!(digest, "{byte:02x}");
    }
    let text = text(typed, &content)?;
    let extension = Path::new(typed)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (columns, rows) = match extension.as_str() {
        "csv" => csv(typed, text)?,
        "json" => json_list(typed, text)?,
        "jsonl" | "ndjson" => json_lines(typed, text)?,
        _ => return Err(FeedError::Unknown(typed.into())),
    };
    if rows.is_empty() {
        return Err(FeedError::Empty(typed.into()));
    }
    let columns: Arc<[String]> = columns.into();
    let row = |cells: Box<[Value]>| {
        let is_exact = cells.iter().any(exact::is_special);
        exact::keeping(
            Value::from_object(Row {
                columns: columns.clone(),
                cells,
            }),
            is_exact,
        )
    };
    Ok(Rows {
        rows: rows.into_iter().map(row).collect(),
        columns,
        digest,
    })
}

/// Returns the text of a file, without its byte order mark.
fn text<'c>(file: &str, content: &'c [u8]) -> Result<&'c str, FeedError> {
    let line = |at: usize| content[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let text = str::from_utf8(content).map_err(|e| {
        let at = e.valid_up_to();
        wrong(
            file,
            line(at),
            format!("it is not UTF-8 text (byte {at} of the file); save it as UTF-8"),
        )
    })?;
    // UTF-16 without a byte order mark is often valid UTF-8, with many of these.
    if let Some(at) = text.find('\0') {
        return Err(wrong(
            file,
            line(at),
            "a NUL byte, which no text has; save the file as UTF-8",
        ));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

type Table = (Vec<String>, Vec<Box<[Value]>>);

fn wrong(file: &str, line: u64, message: impl Into<String>) -> FeedError {
    FeedError::Wrong {
        file: file.into(),
        line,
        message: message.into(),
    }
}

fn csv(file: &str, text: &str) -> Result<Table, FeedError> {
    let mut records =
        Csv::new(text).map(|record| record.map_err(|e| wrong(file, e.line, e.message)));
    let Some(header) = records.next().transpose()? else {
        return Ok(Table::default());
    };
    let columns: Vec<String> = header
        .cells
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    check_header(file, header.line, &columns)?;
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
                format!("{message}; complete the row, or quote a cell that contains a comma"),
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

fn check_header(file: &str, line: u64, columns: &[String]) -> Result<(), FeedError> {
    if let [only] = columns
        && let Some((name, _)) = SEPARATORS
            .iter()
            .find(|(_, separator)| only.contains(*separator))
    {
        return Err(wrong(
            file,
            line,
            format!("cells are separated by {name}; save the file with commas between them"),
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

fn json_list(file: &str, text: &str) -> Result<Table, FeedError> {
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

fn json_lines(file: &str, text: &str) -> Result<Table, FeedError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, content: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), content).expect("written");
        let rows = read(folder.path(), name).map_err(|e| e.to_string())?;
        let cell = |row: &Value, column: &String| {
            row.get_attr(column).map_or_else(
                |e| e.to_string(),
                |v| exact::print(&v).unwrap_or_else(|e| e.to_string()),
            )
        };
        Ok(rows
            .rows
            .iter()
            .map(|row| {
                rows.columns
                    .iter()
                    .map(|c| format!("{c}={}", cell(row, c)))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect())
    }

    #[test]
    fn rows_of_all_three_forms() {
        assert_eq!(
            rows(
                "a.csv",
                "\u{feff}id, name\r\n1,\"x, y\"\r\n2,\"a \"\"q\"\"\"\n"
            )
            .expect("good"),
            [r#"id="1" name="x, y""#, r#"id="2" name="a \"q\"""#]
        );
        assert_eq!(
            rows(
                "a.json",
                r#"[{"id": 1, "tags": ["a"]}, {"id": 2, "more": true}]"#
            )
            .expect("good"),
            ["id=1 tags=[\"a\"] more=null", "id=2 tags=null more=true"]
        );
        assert_eq!(
            rows("a.jsonl", "{\"id\": 1}\n\n{\"id\": 2}\n").expect("good"),
            ["id=1", "id=2"]
        );
        let numbers =
            r#"{"id": 98765432101234567890, "price": 10.00, "list": [1e-7, {"x": 0.0000001}]}"#;
        for (name, content) in [
            ("a.jsonl", numbers.to_owned()),
            ("a.json", format!("[\n{numbers}]")),
        ] {
            assert_eq!(
                rows(name, content).expect("good"),
                [r#"id=98765432101234567890 price=10.00 list=[1e-7,{"x":0.0000001}]"#]
            );
        }
    }

    fn refuses(name: &str, content: &str, part: &str) {
        let message = rows(name, content).expect_err(content);
        assert!(message.contains(part), "{content:?}: {message}");
    }

    #[test]
    fn a_wrong_csv_file_is_refused_with_its_line() {
        for (name, content, part) in [
            (
                "a.csv",
                "a,b\n1,2\n1\n",
                "line 3: 1 cell, where the first line names 2 columns",
            ),
            (
                "a.csv",
                "a,b\n\n\n1,2\n1,2,3\n",
                "line 5: 3 cells, where the first line names 2 columns",
            ),
            ("a.csv", "a,b\n1,\"x\ny\"\n1\n", "line 4: 1 cell, where"),
            (
                "a.csv",
                "a,b\n1,\"x\n2,y\n",
                "line 2: the quote that opens a cell here is never closed",
            ),
            (
                "a.csv",
                "a,\"b\n1,2\n",
                "line 1: the quote that opens a cell here is never closed",
            ),
            (
                "a.csv",
                "a,b\n1,2\n\"x\"y,2\n",
                "line 3: there is text after the closing quote",
            ),
            (
                "a.csv",
                "a;b\n1;2\n",
                "line 1: cells are separated by semicolons; save the file with commas",
            ),
            (
                "a.csv",
                "\na\tb\n1\t2\n",
                "line 2: cells are separated by tabs",
            ),
            ("a.csv", "a,b\n1,x\0y\n", "line 2: a NUL byte"),
            ("a.csv", "a,a\n1,2\n", "two columns are named `a`"),
            ("a.csv", "a,\n1,2\n", "a column without a name"),
            ("a.csv", "a,b\n", "has no rows"),
            ("a.csv", "", "has no rows"),
        ] {
            refuses(name, content, part);
        }
    }

    #[test]
    fn a_wrong_json_file_is_refused_with_its_line() {
        for (name, content, part) in [
            (
                "a.jsonl",
                "{\"a\": 1}\n{\"a\": \"\0\"}\n",
                "line 2: a NUL byte",
            ),
            (
                "a.json",
                "[{\"a\": 1},\n\n {\"a\": 2}, 3]",
                "line 3: a row that is not a map",
            ),
            (
                "a.json",
                "[{\"a\": 1},\n{\"a\":\n \"\\ud800\"}]",
                "not JSON: ",
            ),
            (
                "a.jsonl",
                "{\"a\": 1}\n{\"a\": 2, \"a\": 3}\n",
                "line 2: a row has two members named `a`",
            ),
            (
                "a.jsonl",
                "{\"a\": 1} {\"a\": 2}\n",
                "line 1: not JSON: trailing characters, at column 10",
            ),
            (
                "a.jsonl",
                &format!("{{\"a\": {}}}", "[".repeat(100_000)),
                "line 1: not JSON",
            ),
            (
                "a.json",
                &format!(
                    "[{{\"a\": {}{}}}]",
                    "[".repeat(100_000),
                    "]".repeat(100_000)
                ),
                "line 1: not JSON: recursion limit",
            ),
            ("a.json", "[]", "has no rows"),
            ("a.json", "{}", "not a list"),
            ("a.json", "[1]", "a row that is not a map"),
            ("a.json", "[\n{]", "line 2: not JSON"),
            ("a.jsonl", "{\"a\": 1}\n{\n", "line 2: not JSON"),
        ] {
            refuses(name, content, part);
        }
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        for (name, content, part) in [
            ("a.tsv", "a\tb\n1\t2\n", "neither `.csv` nor"),
            ("a.txt", "a", "neither `.csv` nor"),
        ] {
            refuses(name, content, part);
        }
    }

    #[test]
    fn a_file_that_is_not_utf8_is_refused_with_its_line() {
        for name in ["a.csv", "a.json", "a.jsonl"] {
            let message = rows(name, b"a\n\xff\n").expect_err("binary");
            assert!(
                message.contains("line 2: it is not UTF-8 text (byte 2 of the file)"),
                "{message}"
            );
        }
        assert!(
            rows("a.csv", b"\xff\xfea\0\n\0")
                .expect_err("UTF-16")
                .contains("line 1: it is not UTF-8")
        );
        assert!(
            rows("a.csv", b"a\0\n\x001\0")
                .expect_err("UTF-16")
                .contains("line 1: a NUL byte")
        );
    }
}
