//! Feeds: rows of files and of the scenario itself.
//!
//! A file is read once before the run. Its rows then stay in memory, unless they are many and taken
//! in their order: those are read again from the file when they are taken.

mod decoded;
mod error;
mod hashed;
pub mod log;
mod maps;
mod on_disk;
mod pieces;
mod row;
mod separated;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use minijinja::Value;
use sha2::{Digest as _, Sha256};

pub use self::error::FeedError;
use self::error::wrong;
use self::hashed::{Hashed, digest};
use self::log::StoredLog;
use self::on_disk::{Again, Index, OnDisk};
use self::pieces::{Form, Parsed, Parser};
use self::row::row;
use super::file::{self, LARGEST};
use crate::plan::{FeedFile, FeedRange, FeedSource, LogSource};

/// The maximum number of rows that are kept in memory.
const MAX_ROWS: u64 = 10_000_000;
/// Up to this length of their text, in bytes, rows are kept in memory even if they need not be.
const SMALL: u64 = 1 << 20;
/// How much of a text is read at once, in bytes: before the run, and when a row is taken.
const PIECE: usize = 256 << 10;
const BLOCK: u64 = 4096;

/// The rows of a file.
#[derive(Debug)]
pub struct Rows {
    /// The names of the columns; in JSON, every member that any row has.
    pub columns: Arc<[String]>,
    /// The rows.
    pub rows: RowList,
    /// The first 16 hexadecimal digits of the SHA-256 of the source.
    pub digest: String,
}

/// Rows by their number.
#[derive(Debug)]
pub enum RowList {
    /// Rows in memory.
    Values(Vec<Value>),
    /// Rows in a file.
    OnDisk(OnDisk),
    /// Requests of a log.
    Log(Arc<StoredLog>),
    /// Integers, each made when it is needed.
    Range(FeedRange),
}

impl RowList {
    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Values(rows) => rows.len() as u64,
            Self::OnDisk(rows) => rows.count(),
            Self::Log(log) => log.count(),
            Self::Range(range) => range.count(),
        }
    }

    /// Returns the row with this number, from 0.
    pub fn get(&self, row: u64) -> Option<Value> {
        match self {
            Self::Values(rows) => rows.get(usize::try_from(row).ok()?).cloned(),
            Self::OnDisk(rows) => rows.get(row),
            Self::Log(log) => log.get(row),
            Self::Range(range) => (row < range.count()).then(|| Value::from(range.at(row))),
        }
    }
}

/// Reads rows; a file by its path relative to `folder`. Many of a file stay there if they are taken
/// `in_order`. A log is spread by the seed 0; see [`read_log`].
///
/// # Errors
/// If a file cannot be read, there are no rows, or the content is invalid.
pub fn read(folder: &Path, source: &FeedSource, in_order: bool) -> Result<Rows, FeedError> {
    let rows = match source {
        FeedSource::File(file) => of_file(folder, file, in_order)?,
        FeedSource::Rows(text) => {
            let (columns, rows) = maps::list("rows", text)?;
            Rows::in_memory(columns, rows, digest(Sha256::digest(text).as_ref()))
        }
        FeedSource::Log(source) => read_log(folder, source, 0)?,
        FeedSource::Range(range) => {
            let text = format!("{range:?}");
            return Ok(Rows {
                columns: Arc::default(),
                rows: RowList::Range(*range),
                digest: digest(Sha256::digest(text).as_ref()),
            });
        }
    };
    if rows.rows.count() == 0 {
        return Err(FeedError::Empty(source.path().unwrap_or("rows").into()));
    }
    Ok(rows)
}

/// Reads the requests of a log by its path relative to `folder`, in the order of their starts; `seed`
/// spreads those of one second, if the log does not say more.
///
/// # Errors
/// If it cannot be read, has no request, or a temporary file cannot be written.
pub fn read_log(folder: &Path, source: &LogSource, seed: u64) -> Result<Rows, FeedError> {
    let log = log::open(folder, source, seed)?;
    Ok(Rows {
        columns: log.columns,
        rows: RowList::Log(Arc::new(log.rows)),
        digest: log.digest,
    })
}

impl Rows {
    fn in_memory(
        columns: Vec<String>,
        rows: impl IntoIterator<Item = impl Into<Box<[Value]>>>,
        digest: String,
    ) -> Self {
        let columns: Arc<[String]> = columns.into();
        let rows = rows.into_iter().map(|cells| row(&columns, cells.into()));
        Self {
            rows: RowList::Values(rows.collect()),
            columns,
            digest,
        }
    }
}

/// Returns the form of a file's rows, which its extension gives: `.csv` and `.tsv` with the column
/// names in the first line, `.jsonl` (or `.ndjson`) with a map per line; `None` for `.json` with a
/// list of maps. `name` is without `.gz`.
fn form(file: &FeedFile, name: &str) -> Result<Option<Form>, FeedError> {
    let extension = Path::new(name).extension().and_then(|e| e.to_str());
    match (extension.unwrap_or_default(), file.separator) {
        ("csv", separator) => Ok(Some(Form::Separated(separator.unwrap_or(',')))),
        ("tsv", separator) => Ok(Some(Form::Separated(separator.unwrap_or('\t')))),
        ("json" | "jsonl" | "ndjson", Some(_)) => Err(FeedError::Separator(file.path.clone())),
        ("jsonl" | "ndjson", None) => Ok(Some(Form::JsonLines)),
        ("json", None) => Ok(None),
        _ => Err(FeedError::Unknown(file.path.clone())),
    }
}

/// Reads the rows of a file.
fn of_file(folder: &Path, file: &FeedFile, in_order: bool) -> Result<Rows, FeedError> {
    let typed = &file.path;
    let name = typed.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz");
    let mut content = Hashed::new(file::open(folder, typed)?);
    let form = form(file, plain.unwrap_or(&name))?;
    // A text that differs from the content of its file.
    let mut text = None;
    if plain.is_some() {
        let most = if in_order {
            decoded::LARGEST_ON_DISK
        } else {
            LARGEST
        };
        text = Some(decoded::decompressed(typed, &mut content, most)?);
    }
    let encoding =
        (file.encoding.as_deref()).and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Some(encoding) = encoding.filter(|encoding| *encoding != encoding_rs::UTF_8) {
        let input: &mut dyn Read = match &mut text {
            Some(text) => text,
            None => &mut content,
        };
        text = Some(decoded::in_utf8(typed, input, encoding)?);
    }
    let input: &mut dyn Read = match &mut text {
        Some(text) => text,
        None => &mut content,
    };
    let Some(form) = form else {
        let (columns, rows) = json_list(typed, input)?;
        let (_, digest) = content.finish();
        return Ok(Rows::in_memory(columns, rows, digest));
    };
    let mut parser = Parser {
        file: typed.clone(),
        form,
        columns: Vec::new(),
    };
    let mut found = Found::new(in_order);
    parser.read(input, PIECE, |row| found.add(typed, row))?;
    let (file, digest) = content.finish();
    if let Some(rows) = found.kept {
        return Ok(Rows::in_memory(parser.columns, rows, digest));
    }
    let again: Box<dyn Again> = match text {
        Some(text) => Box::new(text),
        None => Box::new(file),
    };
    let columns: Arc<[String]> = parser.columns.as_slice().into();
    let rows = OnDisk::new(again, parser, columns.clone(), found.index, found.count);
    Ok(Rows {
        columns,
        rows: RowList::OnDisk(rows),
        digest,
    })
}

/// Reads the whole of a `.json` file.
fn json_list(file: &str, content: impl Read) -> Result<(Vec<String>, Vec<Vec<Value>>), FeedError> {
    let mut bytes = Vec::new();
    content
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| FeedError::of_io(file, source))?;
    if bytes.len() as u64 > LARGEST {
        return Err(FeedError::TooLarge(file.into()));
    }
    maps::list(file, pieces::whole(file, &bytes)?)
}

/// The rows of a file while it is read.
struct Found {
    in_order: bool,
    /// The rows, unless they stay in the file.
    kept: Option<Vec<Box<[Value]>>>,
    /// Where they are, if they may stay there.
    index: Index,
    count: u64,
}

impl Found {
    const fn new(in_order: bool) -> Self {
        Self {
            in_order,
            kept: Some(Vec::new()),
            index: Index::new(BLOCK),
            count: 0,
        }
    }

    /// Adds a row that follows all others.
    fn add(&mut self, file: &str, row: Parsed<'_>) -> Result<(), FeedError> {
        if self.in_order {
            self.index.add(self.count, row.at);
            if row.at > SMALL {
                self.kept = None;
            }
        } else if row.at > LARGEST {
            return Err(FeedError::TooLarge(file.into()));
        } else if self.count == MAX_ROWS {
            return Err(wrong(
                file,
                row.line,
                format!(
                    "more than {MAX_ROWS} rows, which are kept in memory unless they are taken in their order; use `order: sequential` without `split`, or a shorter file"
                ),
            ));
        }
        self.count += 1;
        if let Some(rows) = &mut self.kept {
            rows.push(row.cells.into_values());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::exact;

    fn rows(name: &str, content: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        let file = FeedFile {
            path: name.into(),
            ..FeedFile::default()
        };
        rows_of(file, content)
    }

    fn rows_of(file: FeedFile, content: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(&file.path), content).expect("written");
        shown(folder.path(), &FeedSource::File(file))
    }

    fn shown(folder: &Path, source: &FeedSource) -> Result<Vec<String>, String> {
        let rows = read(folder, source, true).map_err(|e| e.to_string())?;
        let cell = |row: &Value, column: &String| {
            row.get_attr(column).map_or_else(
                |e| e.to_string(),
                |v| exact::print(&v).unwrap_or_else(|e| e.to_string()),
            )
        };
        Ok((0..rows.rows.count())
            .map(|number| rows.rows.get(number).expect("there"))
            .map(|row| {
                rows.columns
                    .iter()
                    .map(|c| format!("{c}={}", cell(&row, c)))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect())
    }

    #[test]
    fn cells_are_separated_by_what_the_file_or_its_name_says() {
        let wanted = [r#"id="1" name="x, y""#, r#"id="2" name="a;b""#];
        assert_eq!(
            rows("a.tsv", "id\tname\n1\tx, y\n2\ta;b\n").expect("good"),
            wanted
        );
        let separated = |path: &str, separator| FeedFile {
            path: path.into(),
            separator: Some(separator),
            encoding: None,
        };
        let text = "id;name\r\n1;x, y\r\n2;\"a;b\"\r\n";
        assert_eq!(
            rows_of(separated("a.csv", ';'), text).expect("good"),
            wanted
        );
        let why = rows("a.csv", text).expect_err("no commas");
        assert!(
            why.ends_with("write `separator: \";\"` beside `file`"),
            "{why}"
        );
        let why = rows_of(separated("a.jsonl", ';'), "{}").expect_err("JSON");
        assert!(why.contains("remove `separator`"), "{why}");
    }

    #[test]
    fn a_file_may_be_in_another_encoding() {
        let encoded = |encoding: &str| FeedFile {
            path: "a.csv".into(),
            separator: None,
            encoding: Some(encoding.into()),
        };
        for (encoding, content) in [
            ("windows-1252", &b"name\nZo\xeb\n"[..]),
            ("utf-16le", b"\xff\xfen\0a\0m\0e\0\n\0Z\0o\0\xeb\0"),
            ("UTF-8", "\u{feff}name\nZoë".as_bytes()),
        ] {
            let found = rows_of(encoded(encoding), content);
            assert_eq!(found.expect("good"), [r#"name="Zoë""#], "{encoding}");
        }
        let why = rows_of(encoded("shift_jis"), b"name\n\x81").expect_err("cut");
        assert!(why.contains("not valid Shift_JIS text"), "{why}");
    }

    #[test]
    fn a_file_may_be_compressed() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"id\n1\n2\n").expect("memory");
        let content = gzip.finish().expect("memory");
        assert_eq!(
            rows("a.csv.gz", &content).expect("good"),
            [r#"id="1""#, r#"id="2""#]
        );
        assert_eq!(rows("A.CSV.GZ", &content).expect("good").len(), 2);
        for broken in [&content[..content.len() - 6], b"id\n1\n"] {
            let why = rows("a.csv.gz", broken).expect_err("no gzip file");
            assert!(why.starts_with("`a.csv.gz` can't be decompressed"), "{why}");
        }
        assert!(rows("a.gz", &content).is_err_and(|why| why.contains("neither")));
    }

    #[test]
    fn rows_may_be_in_the_scenario() {
        let rows = FeedSource::Rows(r#"[{"id": 1, "price": 10.00}, {"id": 2}]"#.into());
        assert_eq!(
            shown(Path::new("."), &rows).expect("good"),
            ["id=1 price=10.00", "id=2 price=null"]
        );
    }

    #[test]
    fn a_range_has_its_ends_and_makes_each_number_when_it_is_needed() {
        let range = |first, last, step| FeedRange { first, last, step };
        let all = |range| {
            let rows = read(Path::new("."), &FeedSource::Range(range), true).expect("good");
            let numbers = (0..rows.rows.count()).map(|row| rows.rows.get(row).expect("there"));
            numbers
                .map(|number| number.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(all(range(1, 3, 1)), "1 2 3");
        assert_eq!(all(range(5, -2, -3)), "5 2 -1");
        assert_eq!(all(range(7, 7, 100)), "7");
        for empty in [range(2, 1, 1), range(1, 2, -1), range(1, 2, 0)] {
            assert_eq!(empty.count(), 0, "{empty:?}");
        }
        let whole = range(i64::MIN, i64::MAX, 1);
        assert_eq!((whole.count(), whole.at(u64::MAX)), (u64::MAX, i64::MAX));
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
                "line 1: cells are separated by semicolons; write `separator: \";\"`",
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
            ("a.txt", "a\tb\n1\t2\n", "neither `.csv` nor"),
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
