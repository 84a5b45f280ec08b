//! Feeds: files of rows, read whole before the run.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::file::{self, FileError};
use super::{Value, from_json};

/// The most rows of a feed.
const MOST_ROWS: usize = 10_000_000;
/// The most columns of a feed.
const MOST_COLUMNS: usize = 1000;

/// Why a feed can't be used.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its name does not say what it is.
    #[error("`{0}` is neither `.csv` nor `.json` nor `.jsonl`; rename it by what is in it")]
    Unknown(String),
    /// It is not text.
    #[error("`{file}` is not UTF-8 text (byte {at}); save it as UTF-8")]
    NotUtf8 {
        /// As typed.
        file: String,
        /// The first wrong byte, from 0.
        at: usize,
    },
    /// There is nothing in it.
    #[error("`{0}` has no rows; a CSV file has its column names in the first line, and a row in each line behind it")]
    Empty(String),
    /// Something in it is wrong.
    #[error("`{file}`, line {line}: {message}")]
    Wrong {
        /// As typed.
        file: String,
        /// From 1.
        line: u64,
        /// What is wrong, and what to do.
        message: String,
    },
}

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The names of the columns; in JSON, every member that some row has.
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
        let place = self.columns.iter().position(|column| Some(column.as_str()) == key.as_str())?;
        self.cells.get(place).cloned().filter(|cell| !cell.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.columns.iter().map(|column| Value::from(column.as_str())).collect())
    }
}

/// Reads the rows of a file, by its path relative to `folder`. Its name says what it is: `.csv` with the columns'
/// names in its first line, `.json` with a list of maps, `.jsonl` (or `.ndjson`) with a map in each line.
///
/// # Errors
/// When the file can't be read, has no rows, or something in it is wrong.
pub fn read(folder: &Path, typed: &str) -> Result<Rows, FeedError> {
    let content = file::read(folder, typed)?;
    let mut digest = String::new();
    for byte in Sha256::digest(&content).iter().take(8) {
        let _ = write!(digest, "{byte:02x}");
    }
    let text = String::from_utf8(content).map_err(|e| FeedError::NotUtf8 { file: typed.into(), at: e.utf8_error().valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let extension = Path::new(typed).extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let (columns, rows) = match extension.as_str() {
        "csv" => csv(typed, text)?,
        "json" => json(typed, text)?,
        "jsonl" | "ndjson" => json_lines(typed, text)?,
        _ => return Err(FeedError::Unknown(typed.into())),
    };
    if rows.is_empty() {
        return Err(FeedError::Empty(typed.into()));
    }
    let columns: Arc<[String]> = columns.into();
    let row = |cells| Value::from_object(Row { columns: columns.clone(), cells });
    Ok(Rows { rows: rows.into_iter().map(row).collect(), columns, digest })
}

type Table = (Vec<String>, Vec<Box<[Value]>>);

fn wrong(file: &str, line: u64, message: impl Into<String>) -> FeedError {
    FeedError::Wrong { file: file.into(), line, message: message.into() }
}

fn csv(file: &str, text: &str) -> Result<Table, FeedError> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let failed = |e: ::csv::Error| wrong(file, e.position().map_or(1, ::csv::Position::line), e.to_string());
    let columns: Vec<String> = reader.headers().map_err(failed)?.iter().map(|name| name.trim().to_owned()).collect();
    let mut known = HashSet::new();
    for column in &columns {
        if column.is_empty() {
            return Err(wrong(file, 1, "a column without a name; the first line has the names of all columns"));
        }
        if !known.insert(column) {
            return Err(wrong(file, 1, format!("two columns are called `{column}`; give each a name of its own")));
        }
    }
    if columns.len() > MOST_COLUMNS {
        return Err(wrong(file, 1, format!("more than {MOST_COLUMNS} columns; remove some")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, ::csv::Position::line);
        if record.len() != columns.len() {
            let message = format!("{} cells, where the first line names {} columns", record.len(), columns.len());
            return Err(wrong(file, line, format!("{message}; fill the row up, or quote a cell that holds a comma")));
        }
        if rows.len() == MOST_ROWS {
            return Err(wrong(file, line, format!("more than {MOST_ROWS} rows; use a shorter file")));
        }
        rows.push(record.iter().map(Value::from).collect());
    }
    Ok((columns, rows))
}

/// Collects rows of JSON maps, whose columns show one by one.
#[derive(Default)]
struct Maps {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Maps {
    fn add(&mut self, file: &str, line: u64, item: &serde_json::Value) -> Result<(), FeedError> {
        let serde_json::Value::Object(map) = item else {
            return Err(wrong(file, line, "a row that is no map; write `{\"id\": 1, …}` for each row"));
        };
        let mut cells = vec![Value::UNDEFINED; self.columns.len()];
        for (key, value) in map {
            let place = self.columns.iter().position(|column| column == key).unwrap_or_else(|| {
                self.columns.push(key.clone());
                cells.push(Value::UNDEFINED);
                self.columns.len() - 1
            });
            cells[place] = from_json(value);
        }
        if self.columns.len() > MOST_COLUMNS {
            return Err(wrong(file, line, format!("more than {MOST_COLUMNS} columns; remove some")));
        }
        if self.rows.len() == MOST_ROWS {
            return Err(wrong(file, line, format!("more than {MOST_ROWS} rows; use a shorter file")));
        }
        self.rows.push(cells);
        Ok(())
    }

    fn table(self) -> Table {
        (self.columns, self.rows.into_iter().map(Vec::into_boxed_slice).collect())
    }
}

fn json(file: &str, text: &str) -> Result<Table, FeedError> {
    let list: serde_json::Value = serde_json::from_str(text).map_err(|e| wrong(file, e.line() as u64, format!("no JSON: {e}")))?;
    let serde_json::Value::Array(items) = list else {
        return Err(wrong(file, 1, "no list; a `.json` feed is a list of maps, one a row"));
    };
    let mut maps = Maps::default();
    for item in &items {
        maps.add(file, 1, item)?;
    }
    Ok(maps.table())
}

fn json_lines(file: &str, text: &str) -> Result<Table, FeedError> {
    let mut maps = Maps::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let item = serde_json::from_str(line).map_err(|e| wrong(file, number, format!("no JSON: {e}")))?;
        maps.add(file, number, &item)?;
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
            row.get_attr(column).map_or_else(|e| e.to_string(), |v| serde_json::to_string(&v).unwrap_or_else(|e| e.to_string()))
        };
        Ok(rows.rows.iter().map(|row| rows.columns.iter().map(|c| format!("{c}={}", cell(row, c))).collect::<Vec<_>>().join(" ")).collect())
    }

    #[test]
    fn rows_of_all_three_forms() {
        assert_eq!(
            rows("a.csv", "\u{feff}id, name\r\n1,\"x, y\"\r\n2,\"a \"\"q\"\"\"\n").expect("good"),
            [r#"id="1" name="x, y""#, r#"id="2" name="a \"q\"""#]
        );
        assert_eq!(
            rows("a.json", r#"[{"id": 1, "tags": ["a"]}, {"id": 2, "more": true}]"#).expect("good"),
            ["id=1 tags=[\"a\"] more=null", "id=2 tags=null more=true"]
        );
        assert_eq!(rows("a.jsonl", "{\"id\": 1}\n\n{\"id\": 2}\n").expect("good"), ["id=1", "id=2"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (name, content, part) in [
            ("a.csv", "a,b\n1,2\n1\n", "line 3: 1 cells, where the first line names 2 columns"),
            ("a.csv", "a,a\n1,2\n", "two columns are called `a`"),
            ("a.csv", "a,\n1,2\n", "a column without a name"),
            ("a.csv", "a,b\n", "has no rows"),
            ("a.csv", "", "has no rows"),
            ("a.json", "[]", "has no rows"),
            ("a.json", "{}", "no list"),
            ("a.json", "[1]", "a row that is no map"),
            ("a.json", "[\n{]", "line 2: no JSON"),
            ("a.jsonl", "{\"a\": 1}\n{\n", "line 2: no JSON"),
            ("a.txt", "a", "neither `.csv` nor"),
        ] {
            let message = rows(name, content).expect_err(content);
            assert!(message.contains(part), "{content:?}: {message}");
        }
        assert!(rows("a.csv", b"a\n\xff\n").expect_err("binary").contains("not UTF-8 text (byte 2)"));
    }
}
