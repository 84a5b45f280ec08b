//! [`StoredLog`]: the requests of a log, which stay in their file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;

use super::line::{Line, LineReader};
use super::sequence::Placed;
use crate::base::Nanos;
use crate::value::feed::row::row;

/// The length of what is written of a request: its start, and the place and the length of its line.
pub(super) const ENTRY: usize = 20;
/// The number of times that are read at once.
const TIMES: usize = 512;

/// Returns what is written of a request; `first_ns` is the start of the first one.
pub(super) fn entry(placed: &Placed, first_ns: i64) -> [u8; ENTRY] {
    let after = placed.start_ns.saturating_sub(first_ns).unsigned_abs();
    let mut entry = [0; ENTRY];
    entry[..8].copy_from_slice(&after.to_le_bytes());
    entry[8..16].copy_from_slice(&placed.at.to_le_bytes());
    entry[16..].copy_from_slice(&placed.length.to_le_bytes());
    entry
}

/// The requests of a log, in the order of their starts.
pub struct StoredLog {
    count: u64,
    columns: Arc<[String]>,
    entries: Mutex<File>,
    open: Mutex<Open>,
}

/// The text of a log, and what reads its lines.
struct Open {
    text: File,
    reader: LineReader,
}

impl StoredLog {
    /// Creates it from what was written of a log.
    pub(super) fn new(
        entries: File,
        count: u64,
        text: File,
        reader: LineReader,
        columns: Arc<[String]>,
    ) -> Self {
        Self {
            count,
            columns,
            entries: Mutex::new(entries),
            open: Mutex::new(Open { text, reader }),
        }
    }

    /// Returns the number of requests.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Replaces `times` with those of the next requests from `first` on, each counted from the start of
    /// the first request of the log; with none after the last one, or if they cannot be read.
    pub fn times(&self, first: u64, times: &mut Vec<Nanos>) {
        times.clear();
        let left = self.count.saturating_sub(first);
        let mut bytes = vec![0; ENTRY * TIMES.min(usize::try_from(left).unwrap_or(TIMES))];
        if self.entries(first, &mut bytes).is_ok() {
            times.extend(
                bytes
                    .chunks_exact(ENTRY)
                    .map(|entry| Nanos(number(&entry[..8]))),
            );
        }
    }

    /// Returns how many requests start before a time, counted from the first one.
    pub fn before(&self, time: Nanos) -> u64 {
        let (mut low, mut high) = (0, self.count);
        let mut entry = [0; ENTRY];
        while low < high {
            let middle = u64::midpoint(low, high);
            let read = self.entries(middle, &mut entry);
            if read.is_ok() && Nanos(number(&entry[..8])) < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns a row; `None` if its number is too high, or if the log has been changed so that it can no
    /// longer be read.
    pub fn get(&self, number: u64) -> Option<Value> {
        if number >= self.count {
            return None;
        }
        let mut entry = [0; ENTRY];
        self.entries(number, &mut entry).ok()?;
        let (at, length) = (self::number(&entry[8..16]), self::number(&entry[16..]));
        let mut line = vec![0; usize::try_from(length).ok()?];
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { text, reader } = &mut *open;
        read_at(text, at, &mut line).ok()?;
        let Line::Request(logged) = reader.read(&line) else {
            return None;
        };
        Some(row(&self.columns, reader.cells(&self.columns, &logged)))
    }

    fn entries(&self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        read_at(&mut entries, first * ENTRY as u64, into)
    }
}

impl fmt::Debug for StoredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLog")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

fn read_at(file: &mut File, at: u64, into: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(into)
}

/// Reads a number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(whole)
}
