//! Feeds: rows of files and of the scenario itself, loaded completely before the run.

mod error;
mod table;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use flate2::read::MultiGzDecoder;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use sha2::{Digest as _, Sha256};

pub use self::error::FeedError;
use self::table::{Table, csv, json_lines, json_list, wrong};
use super::exact;
use super::file;
use crate::plan::{FeedFile, FeedRange, FeedSource};

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

/// Rows by their number.
#[derive(Debug)]
pub enum RowList {
    /// Rows in memory.
    Values(Vec<Value>),
    /// Integers, each made when it is needed.
    Range(FeedRange),
}

impl RowList {
    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::Values(rows) => rows.len() as u64,
            Self::Range(range) => range.count(),
        }
    }

    /// Returns the row with this number, from 0.
    pub fn get(&self, row: u64) -> Option<Value> {
        match self {
            Self::Values(rows) => rows.get(usize::try_from(row).ok()?).cloned(),
            Self::Range(range) => (row < range.count()).then(|| Value::from(range.at(row))),
        }
    }
}

/// Reads rows; a file by its path relative to `folder`.
///
/// # Errors
/// If a file cannot be read, there are no rows, or the content is invalid.
pub fn read(folder: &Path, source: &FeedSource) -> Result<Rows, FeedError> {
    match source {
        FeedSource::File(file) => {
            let content = file::read(folder, &file.path)?;
            let table = of_file(file, &content)?;
            rows(&file.path, table, &content)
        }
        FeedSource::Rows(text) => rows("rows", json_list("rows", text)?, text.as_bytes()),
        FeedSource::Range(range) => Ok(Rows {
            columns: Arc::default(),
            rows: RowList::Range(*range),
            digest: digest(format!("{range:?}").as_bytes()),
        }),
    }
}

fn rows(typed: &str, (columns, rows): Table, content: &[u8]) -> Result<Rows, FeedError> {
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
        rows: RowList::Values(rows.into_iter().map(row).collect()),
        columns,
        digest: digest(content),
    })
}

fn digest(content: &[u8]) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(content).iter().take(8) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// Reads a file's content. Its extension gives the format: `.csv` and `.tsv` with the column names in
/// the first line, `.json` with a list of maps, `.jsonl` (or `.ndjson`) with a map per line; and `.gz`
/// behind it, that it is compressed.
fn of_file(file: &FeedFile, content: &[u8]) -> Result<Table, FeedError> {
    let typed = &file.path;
    let name = typed.to_ascii_lowercase();
    let plain = name.strip_suffix(".gz");
    let decompressed = plain.map(|_| decompressed(typed, content)).transpose()?;
    let text = text(file, decompressed.as_deref().unwrap_or(content))?;
    let extension = Path::new(plain.unwrap_or(&name)).extension();
    let format = extension.and_then(|e| e.to_str()).unwrap_or_default();
    match (format, file.separator) {
        ("csv", separator) => csv(typed, &text, separator, ','),
        ("tsv", separator) => csv(typed, &text, separator, '\t'),
        ("json" | "jsonl" | "ndjson", Some(_)) => Err(FeedError::Separator(typed.clone())),
        ("json", None) => json_list(typed, &text),
        ("jsonl" | "ndjson", None) => json_lines(typed, &text),
        _ => Err(FeedError::Unknown(typed.clone())),
    }
}

fn decompressed(file: &str, content: &[u8]) -> Result<Vec<u8>, FeedError> {
    let failed = |message: String| FeedError::Compressed {
        file: file.into(),
        message,
    };
    let mut out = Vec::new();
    let mut decoder = MultiGzDecoder::new(content).take(file::LARGEST + 1);
    decoder
        .read_to_end(&mut out)
        .map_err(|error| failed(error.to_string()))?;
    if out.len() as u64 > file::LARGEST {
        let most = file::LARGEST >> 20;
        return Err(failed(format!("it has more than {most} MiB of text")));
    }
    Ok(out)
}

/// Returns the text of a file, without its byte order mark.
fn text<'c>(file: &FeedFile, content: &'c [u8]) -> Result<Cow<'c, str>, FeedError> {
    let encoding =
        (file.encoding.as_deref()).and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Some(encoding) = encoding.filter(|encoding| *encoding != encoding_rs::UTF_8) {
        let (text, _, is_broken) = encoding.decode(content);
        return if is_broken {
            Err(FeedError::Encoding {
                file: file.path.clone(),
                encoding: encoding.name(),
            })
        } else {
            Ok(text)
        };
    }
    let file = file.path.as_str();
    let line = |at: usize| content[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let text = str::from_utf8(content).map_err(|e| {
        let at = e.valid_up_to();
        wrong(
            file,
            line(at),
            format!(
                "it is not UTF-8 text (byte {at} of the file); save it as UTF-8, or name its `encoding`"
            ),
        )
    })?;
    // UTF-16 without a byte order mark is often valid UTF-8, with many of these.
    if let Some(at) = text.find('\0') {
        return Err(wrong(
            file,
            line(at),
            "a NUL byte, which no text has; save the file as UTF-8, or name its `encoding`",
        ));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let rows = read(folder, source).map_err(|e| e.to_string())?;
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
            let rows = read(Path::new("."), &FeedSource::Range(range)).expect("good");
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
