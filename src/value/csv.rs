//! [`Csv`]: a reader of CSV (RFC 4180). Malformed input is an error with its line; nothing is
//! repaired, because a repaired row is not the row that the author wrote.

use std::borrow::Cow;

/// A record: a row, or the header with the column names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'t> {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// Its cells, without their quotes.
    pub cells: Vec<Cow<'t, str>>,
}

/// An error and its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong, and how to fix it.
    pub message: String,
}

/// Iterates over the records of a text; skips empty lines and stops after an error.
pub(crate) struct Csv<'t> {
    /// What has not been read.
    pub rest: &'t str,
    /// The line in which it begins.
    pub line: u64,
    separator: char,
}

impl<'t> Csv<'t> {
    /// Starts at the beginning of a text, which is the line `line` of its file and whose cells are
    /// separated by `separator`.
    pub(crate) const fn new(text: &'t str, line: u64, separator: char) -> Self {
        Self {
            rest: text,
            line,
            separator,
        }
    }

    fn record(&mut self) -> Result<Record<'t>, Malformed> {
        let line = self.line;
        let mut cells = vec![self.cell()?];
        while let Some(rest) = self.rest.strip_prefix(self.separator) {
            self.rest = rest;
            cells.push(self.cell()?);
        }
        self.skip_line_break();
        Ok(Record { line, cells })
    }

    /// Returns whether a character ends a cell.
    const fn ends(&self, c: char) -> bool {
        c == self.separator || matches!(c, '\r' | '\n')
    }

    /// Reads a cell up to a separator, a line break or the end of the text.
    fn cell(&mut self) -> Result<Cow<'t, str>, Malformed> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            self.rest = rest;
            return self.quoted();
        }
        // A quote in the middle of a cell is an ordinary character: `5" pipe`.
        let (cell, rest) = self
            .rest
            .split_at(self.rest.find(|c| self.ends(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(cell.into())
    }

    /// Reads the rest of a cell after its opening quote.
    fn quoted(&mut self) -> Result<Cow<'t, str>, Malformed> {
        let begun = self.line;
        let mut cell = Cow::Borrowed("");
        loop {
            let Some((text, rest)) = self.rest.split_once('"') else {
                let message = "the quote that opens a cell here is never closed; close it, and double each `\"` inside the cell";
                return Err(Malformed {
                    line: begun,
                    message: message.into(),
                });
            };
            self.line += line_breaks(text);
            self.rest = rest;
            cell += text;
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    self.rest = rest;
                    cell += "\"";
                }
                None if self.rest.is_empty() || self.rest.starts_with(|c| self.ends(c)) => {
                    return Ok(cell);
                }
                None => {
                    let opened = if begun == self.line {
                        String::new()
                    } else {
                        format!(" that was opened on line {begun}")
                    };
                    let message = format!(
                        "there is text after the closing quote of a cell{opened}; double each `\"` inside the cell"
                    );
                    return Err(Malformed {
                        line: self.line,
                        message,
                    });
                }
            }
        }
    }

    /// Skips a line break; returns whether there was one.
    fn skip_line_break(&mut self) -> bool {
        let Some(rest) = self
            .rest
            .strip_prefix("\r\n")
            .or_else(|| self.rest.strip_prefix(['\r', '\n']))
        else {
            return false;
        };
        self.rest = rest;
        self.line += 1;
        true
    }
}

impl<'t> Iterator for Csv<'t> {
    type Item = Result<Record<'t>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.skip_line_break() {}
        if self.rest.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.rest = "";
        }
        Some(record)
    }
}

/// Counts the line breaks in a text, in any form.
fn line_breaks(text: &str) -> u64 {
    let bytes = text.as_bytes();
    (0..bytes.len())
        .filter(|at| {
            bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n')
        })
        .count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record with its line.
    type Row = (u64, Vec<String>);

    fn read(text: &str) -> Result<Vec<Row>, (u64, String)> {
        let record = |record: Result<Record<'_>, Malformed>| {
            record
                .map(|r| (r.line, r.cells.into_iter().map(Cow::into_owned).collect()))
                .map_err(|e| (e.line, e.message))
        };
        Csv::new(text, 1, ',').map(record).collect()
    }

    fn cells(line: u64, cells: &[&str]) -> Row {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn records_have_their_lines_and_cells() {
        for (text, records) in [
            ("", vec![]),
            ("a", vec![cells(1, &["a"])]),
            (
                "a,b\n1,2\n",
                vec![cells(1, &["a", "b"]), cells(2, &["1", "2"])],
            ),
            (
                "a,b\r\n\r\n\n1,2",
                vec![cells(1, &["a", "b"]), cells(4, &["1", "2"])],
            ),
            ("a\r1\r", vec![cells(1, &["a"]), cells(2, &["1"])]),
            (
                ",\n\"\"\n,,",
                vec![
                    cells(1, &["", ""]),
                    cells(2, &[""]),
                    cells(3, &["", "", ""]),
                ],
            ),
            ("5\" pipe, \"x\"", vec![cells(1, &["5\" pipe", " \"x\""])]),
            ("\"a \"\"q\"\", b\",2", vec![cells(1, &["a \"q\", b", "2"])]),
            ("\"\"\"\"", vec![cells(1, &["\""])]),
            (
                "\"a\r\nb\nc\rd\",2\n3,4",
                vec![cells(1, &["a\r\nb\nc\rd", "2"]), cells(5, &["3", "4"])],
            ),
        ] {
            assert_eq!(read(text), Ok(records), "{text:?}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_where_it_stands() {
        for (text, line, part) in [
            ("a,b\n1,\"x\n2,y\n", 2, "never closed"),
            ("a\n\"", 2, "never closed"),
            ("a\n\"x\"\"\n", 2, "never closed"),
            ("a\n\n\"x\"y\n", 3, "after the closing quote of a cell;"),
            ("a,b\n\"x\" ,y\n", 2, "after the closing quote"),
            // The first quote was not closed, so the opening quote of the next cell closes it.
            (
                "a,b\n1,\"x\n2,\"y\"\n",
                3,
                "after the closing quote of a cell that was opened on line 2",
            ),
        ] {
            let (at, message) = read(text).expect_err(text);
            assert!(
                at == line && message.contains(part),
                "{text:?}: line {at}: {message}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_writes_is_read_back(rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,6}", 2..4), 1..5)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("into memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("into memory")).expect("text");
            let read: Vec<_> = read(&text).expect("well-formed").into_iter().map(|(_, cells)| cells).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn nothing_makes_it_panic(text in "[a,\"\r\n é\u{0}]{0,40}") {
            let _ = read(&text);
        }
    }
}
