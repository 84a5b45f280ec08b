//! [`Parser`]: the rows of a text that is read in pieces, so that its length does not matter.

use std::borrow::Cow;
use std::io::Read;

use minijinja::Value;

use super::error::{FeedError, wrong};
use super::{maps, separated};
use crate::value::csv::Csv;
use crate::value::file::LARGEST;

/// The form of a text whose rows follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Cells with this character between them, and the names of the columns in the first line.
    Separated(char),
    /// A map in each line.
    JsonLines,
}

/// A row, and where it is.
pub(super) struct Parsed<'t> {
    /// Its first byte, or that of an empty line before it.
    pub at: u64,
    /// Its line, from 1.
    pub line: u64,
    /// Its cells, for the columns that are known by now.
    pub cells: Cells<'t>,
}

/// The cells of a row.
pub(super) enum Cells<'t> {
    /// All of them texts.
    Texts(Vec<Cow<'t, str>>),
    /// Values of any type.
    Values(Vec<Value>),
}

impl Cells<'_> {
    /// Converts them to values of expressions.
    pub(super) fn into_values(self) -> Box<[Value]> {
        match self {
            Self::Texts(texts) => texts
                .iter()
                .map(|text| Value::from(text.as_ref()))
                .collect(),
            Self::Values(values) => values.into(),
        }
    }
}

/// Reads the rows of a text.
#[derive(Debug)]
pub(super) struct Parser {
    /// The file as written in the scenario.
    pub file: String,
    /// Its form.
    pub form: Form,
    /// The names of the columns: those of the header once it was read; of maps all seen so far.
    pub columns: Vec<String>,
}

impl Parser {
    /// Reads all rows of a file from its beginning, in pieces of this size in bytes. A row that is
    /// longer is read whole.
    ///
    /// # Errors
    /// If its content is invalid, it cannot be read, or `each` returns an error.
    pub(super) fn read(
        &mut self,
        mut input: impl Read,
        piece: usize,
        mut each: impl FnMut(Parsed<'_>) -> Result<(), FeedError>,
    ) -> Result<(), FeedError> {
        let (mut bytes, mut start, mut line) = (Vec::new(), 0, 1);
        loop {
            // Twice as much each time, for a row that is longer than all that was read.
            let wanted = bytes.len().max(piece);
            let read = (&mut input)
                .take(wanted as u64)
                .read_to_end(&mut bytes)
                .map_err(|source| FeedError::of_io(&self.file, source))?;
            if start == 0 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
                start = 3;
            }
            let is_last = read < wanted;
            let text = text(&self.file, &bytes, start, line, is_last)?;
            // Whatever is wrong with a row of this length, it is said now.
            let is_too_long = bytes.len() as u64 > LARGEST;
            let (end, next) = self.rows(text, line, is_last || is_too_long, |row| {
                each(Parsed {
                    at: row.at + start,
                    ..row
                })
            })?;
            if is_last {
                return Ok(());
            }
            if is_too_long {
                let most = LARGEST >> 20;
                return Err(wrong(
                    &self.file,
                    line,
                    format!("a row of more than {most} MiB; shorten it"),
                ));
            }
            bytes.drain(..end);
            (start, line) = (start + end as u64, next);
        }
    }

    /// Reads the rows of a piece that begins in the line `line`; unless it is the last one, without a
    /// row at its end that may go on in the next. Returns where the next piece has to begin, and its
    /// line.
    ///
    /// # Errors
    /// If its content is invalid, or `each` returns an error.
    pub(super) fn rows(
        &mut self,
        piece: &str,
        line: u64,
        is_last: bool,
        each: impl FnMut(Parsed<'_>) -> Result<(), FeedError>,
    ) -> Result<(usize, u64), FeedError> {
        match self.form {
            Form::Separated(separator) => self.separated(piece, line, separator, is_last, each),
            Form::JsonLines => self.json_lines(piece, line, is_last, each),
        }
    }

    fn separated(
        &mut self,
        piece: &str,
        line: u64,
        separator: char,
        is_last: bool,
        mut each: impl FnMut(Parsed<'_>) -> Result<(), FeedError>,
    ) -> Result<(usize, u64), FeedError> {
        let mut records = Csv::new(piece, line, separator);
        loop {
            let (at, line) = (piece.len() - records.rest.len(), records.line);
            let Some(record) = records.next() else {
                return Ok((at, line));
            };
            if records.rest.is_empty() && !is_last {
                return Ok((at, line));
            }
            let record = record.map_err(|e| wrong(&self.file, e.line, e.message))?;
            if self.columns.is_empty() {
                self.columns = separated::columns(&self.file, &record, separator)?;
                continue;
            }
            let line = record.line;
            let cells = separated::cells(&self.file, record, self.columns.len())?;
            each(Parsed {
                at: at as u64,
                line,
                cells: Cells::Texts(cells),
            })?;
        }
    }

    fn json_lines(
        &mut self,
        piece: &str,
        mut line: u64,
        is_last: bool,
        mut each: impl FnMut(Parsed<'_>) -> Result<(), FeedError>,
    ) -> Result<(usize, u64), FeedError> {
        let mut at = 0;
        while at < piece.len() {
            let end = match piece[at..].find('\n') {
                Some(length) => at + length + 1,
                None if is_last => piece.len(),
                None => break,
            };
            let row = piece[at..end].trim_end_matches(['\r', '\n']);
            if !row.trim().is_empty() {
                let cells = maps::cells(&self.file, line, row, &mut self.columns)?;
                each(Parsed {
                    at: at as u64,
                    line,
                    cells: Cells::Values(cells),
                })?;
            }
            (at, line) = (end, line + 1);
        }
        Ok((at, line))
    }
}

/// Returns the text of a whole file, without its byte order mark.
///
/// # Errors
/// If it is not a text in UTF-8.
pub(super) fn whole<'c>(file: &str, content: &'c [u8]) -> Result<&'c str, FeedError> {
    let text = text(file, content, 0, 1, true)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Returns the text of a piece, which begins at the byte `start` and in the line `line` of its file;
/// unless it is the last one, without a character at its end that goes on in the next.
fn text<'p>(
    file: &str,
    piece: &'p [u8],
    start: u64,
    line: u64,
    is_last: bool,
) -> Result<&'p str, FeedError> {
    let line_of =
        |at: usize| line + piece[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
    let text = match str::from_utf8(piece) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && !is_last => {
            str::from_utf8(&piece[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(error) => {
            let at = error.valid_up_to();
            let byte = start + at as u64;
            return Err(wrong(
                file,
                line_of(at),
                format!(
                    "it is not UTF-8 text (byte {byte} of the file); save it as UTF-8, or name its `encoding`"
                ),
            ));
        }
    };
    // UTF-16 without a byte order mark is often valid UTF-8, with many of these.
    if let Some(at) = text.find('\0') {
        return Err(wrong(
            file,
            line_of(at),
            "a NUL byte, which no text has; save the file as UTF-8, or name its `encoding`",
        ));
    }
    Ok(text)
}
