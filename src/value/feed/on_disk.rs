//! [`OnDisk`]: rows that are read again from their file when they are taken, so that their number
//! does not matter.

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;

use super::pieces::{Form, Parser};
use super::row::row;

/// The maximum number of blocks that a file is divided into.
const MAX_BLOCKS: usize = 1 << 16;
/// Blocks that are kept: more than the iterations in flight usually span.
const KEPT: usize = 16;

/// A text that can be read again.
pub(super) trait Again: Read + Seek + Send {}

impl<T: Read + Seek + Send> Again for T {}

/// Where the blocks of a text begin: its memory is bounded, whatever the length of the text.
#[derive(Debug)]
pub(super) struct Index {
    /// The first row of each block, and its first byte.
    blocks: Vec<(u64, u64)>,
    /// The fewest bytes of a block.
    smallest: u64,
}

impl Index {
    /// Creates the index of a text without rows, whose blocks have at least so many bytes.
    pub(super) const fn new(smallest: u64) -> Self {
        Self {
            blocks: Vec::new(),
            smallest,
        }
    }

    /// Adds a row that follows all others, at this byte.
    pub(super) fn add(&mut self, row: u64, at: u64) {
        let is_first_of_block = match self.blocks.last() {
            Some((_, begin)) => at - begin >= self.smallest,
            None => true,
        };
        if is_first_of_block {
            self.blocks.push((row, at));
        }
        if self.blocks.len() > MAX_BLOCKS {
            let mut index = 0;
            self.blocks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.smallest *= 2;
        }
    }

    /// Returns the block that a row is in, and the row's place in it.
    fn find(&self, row: u64) -> Option<(usize, usize)> {
        let block = (self.blocks.partition_point(|(first, _)| *first <= row)).checked_sub(1)?;
        Some((block, usize::try_from(row - self.blocks[block].0).ok()?))
    }
}

/// The rows of a text.
pub struct OnDisk {
    file: String,
    form: Form,
    columns: Arc<[String]>,
    index: Index,
    count: u64,
    open: Mutex<Open>,
}

/// The text, and the blocks that were read most recently, each with its number.
struct Open {
    text: Box<dyn Again>,
    kept: VecDeque<(usize, Box<[Value]>)>,
}

impl OnDisk {
    /// Creates it from a text that a parser has read to its end.
    pub(super) fn new(
        text: Box<dyn Again>,
        parser: Parser,
        columns: Arc<[String]>,
        index: Index,
        count: u64,
    ) -> Self {
        Self {
            file: parser.file,
            form: parser.form,
            columns,
            index,
            count,
            open: Mutex::new(Open {
                text,
                kept: VecDeque::new(),
            }),
        }
    }

    /// Returns the number of rows.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Returns a row; `None` if its number is too high, or if the file has been changed so
    /// that it can no longer be read.
    pub(super) fn get(&self, row: u64) -> Option<Value> {
        let (block, place) = self.index.find(row)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.kept.iter().position(|(number, _)| *number == block);
        let known = known.or_else(|| {
            let rows = self.read(block, &mut open.text)?;
            open.kept.truncate(KEPT - 1);
            open.kept.push_front((block, rows));
            Some(0)
        })?;
        open.kept[known].1.get(place).cloned()
    }

    /// Reads the rows of a block.
    fn read(&self, block: usize, text: &mut dyn Again) -> Option<Box<[Value]>> {
        let (_, begin) = self.index.blocks[block];
        let end = self.index.blocks.get(block + 1).map(|(_, at)| *at);
        text.seek(SeekFrom::Start(begin)).ok()?;
        let mut bytes = Vec::new();
        let length = end.map_or(u64::MAX, |end| end - begin);
        text.take(length).read_to_end(&mut bytes).ok()?;
        let mut parser = Parser {
            file: self.file.clone(),
            form: self.form,
            columns: self.columns.to_vec(),
        };
        let mut rows = Vec::new();
        let piece = str::from_utf8(&bytes).ok()?;
        let read = parser.rows(piece, 1, true, |parsed| {
            rows.push(row(&self.columns, parsed.cells.into_values()));
            Ok(())
        });
        read.ok().map(|_| rows.into())
    }
}

impl fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDisk")
            .field("file", &self.file)
            .field("count", &self.count)
            .field("blocks", &self.index.blocks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::error::FeedError;
    use super::*;
    use crate::value::exact;

    /// Reads a text in pieces of this size, and its rows again from blocks of this size, in this order.
    fn again(
        (text, form): (&str, Form),
        piece: usize,
        block: u64,
        order: &[u64],
    ) -> Result<Vec<String>, FeedError> {
        let mut parser = Parser {
            file: "a".into(),
            form,
            columns: Vec::new(),
        };
        let (mut index, mut count) = (Index::new(block), 0);
        parser.read(text.as_bytes(), piece, |row| {
            index.add(count, row.at);
            count += 1;
            Ok(())
        })?;
        let columns: Arc<[String]> = parser.columns.as_slice().into();
        let text = Box::new(Cursor::new(text.to_owned()));
        let rows = OnDisk::new(text, parser, columns, index, count);
        let shown = |row: u64| rows.get(row).map(|row| exact::print(&row).expect("JSON"));
        assert_eq!(shown(rows.count()), None, "a row behind the last one");
        Ok(order
            .iter()
            .filter(|_| rows.count() > 0)
            .map(|at| shown(at % rows.count()).expect("there"))
            .chain((0..rows.count()).map(|row| shown(row).expect("there")))
            .collect())
    }

    /// Reads a text whole, and then the rows in this order.
    fn at_once(text: (&str, Form), order: &[u64]) -> Result<Vec<String>, FeedError> {
        again(text, 1 << 20, 1 << 20, order)
    }

    #[test]
    fn rows_are_read_again_in_any_order() {
        let csv = "\u{feff}id,name\n1,a\r\n\r\n2,\"b\n\"\"c\"\n3,é";
        let rows = [
            r#"{"id":"1","name":"a"}"#,
            r#"{"id":"2","name":"b\n\"c"}"#,
            r#"{"id":"3","name":"é"}"#,
        ];
        let form = Form::Separated(',');
        for (piece, block) in [(3, 1), (7, 10), (1000, 1000)] {
            let read = again((csv, form), piece, block, &[2, 0]).expect("good");
            let wanted = [rows[2], rows[0], rows[0], rows[1], rows[2]];
            assert_eq!(read, wanted, "{piece} {block}");
        }
        // A column that only the last row has.
        let lines = "{\"a\": 1}\n\n{\"a\": 10.00}\r\n{\"b\": [2]}";
        let read = again((lines, Form::JsonLines), 4, 1, &[2, 1]).expect("good");
        assert_eq!(
            read[..2],
            [r#"{"a":null,"b":[2]}"#, r#"{"a":10.00,"b":null}"#]
        );
    }

    proptest! {
        #[test]
        fn pieces_and_blocks_make_no_difference(
            text in "(\u{feff})?[ab,\"\r\n é]{0,60}",
            json in proptest::collection::vec("(\\{\"[ab]\": [0-9]{1,3}\\}|[{é\r])?\r?\n", 0..9),
            piece in 3_usize..40,
            block in 1_u64..50,
            order in proptest::collection::vec(0_u64..100, 0..6),
        ) {
            let json = json.concat();
            for text in [(text.as_str(), Form::Separated(',')), (json.as_str(), Form::JsonLines)] {
                let (whole, cut) = (at_once(text, &order), again(text, piece, block, &order));
                prop_assert_eq!(whole.map_err(|e| e.to_string()), cut.map_err(|e| e.to_string()));
            }
        }
    }

    #[test]
    fn an_index_stays_small_and_finds_every_row() {
        let mut index = Index::new(4096);
        let (rows, width) = (3_000_000, 100);
        for row in 0..rows {
            index.add(row, 10 + row * width);
        }
        assert!(
            index.blocks.len() <= MAX_BLOCKS && index.blocks.len() > MAX_BLOCKS / 4,
            "{}",
            index.blocks.len()
        );
        for row in [0, 1, 40, 41, 42, 1_000_000, rows - 1] {
            let (block, place) = index.find(row).expect("there");
            let (first, at) = index.blocks[block];
            assert_eq!(first + place as u64, row);
            assert_eq!(at, 10 + first * width);
            assert!((place as u64 * width) < 2 * index.smallest, "row {row}");
        }
    }
}
