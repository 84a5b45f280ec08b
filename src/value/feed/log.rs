//! Logs of requests, whose lines are the rows of a feed, in the order in which the requests started.
//!
//! A log is read from its beginning to its end, line by line. Where the requests are in it is written to
//! a temporary file, of [`ENTRY`] bytes each: neither the lines nor their times are in memory.

mod format;
mod json_line;
mod line;
mod logged;
mod sequence;
mod stamp;
mod stored;
mod unescape;

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::Arc;

pub(crate) use self::line::bare_host;
use self::line::{Line, LineReader, shown};
use self::sequence::{Arrived, Placed, Sequence, TooMany};
pub use self::stored::StoredLog;
use self::stored::{ENTRY, entry};
use super::decoded::{self, LARGEST_ON_DISK};
use super::error::{FeedError, wrong};
use super::hashed::Hashed;
use crate::base::Nanos;
use crate::plan::{LogFormat, LogLines, LogSource, LogStamp};
use crate::value::file;

/// How much of a log is read, and of a temporary file is written, at once, in bytes.
const PIECE: usize = 256 << 10;
/// The longest line that is read, in bytes.
const MAX_LINE: usize = 64 << 10;

/// What is known of a log before it is replayed.
#[derive(Debug)]
pub struct Survey {
    /// The names of the columns of its rows.
    pub columns: Vec<String>,
    /// What became of its lines.
    pub lines: LogLines,
    /// The time from its first request to its last one, at most a second more or less.
    pub span: Nanos,
    /// The first 16 hexadecimal digits of the SHA-256 of the file.
    pub digest: String,
}

/// A log that is open for reading it again.
pub(super) struct OpenedLog {
    /// Its rows.
    pub rows: StoredLog,
    /// The names of their columns.
    pub columns: Arc<[String]>,
    /// The digest of the file.
    pub digest: String,
}

/// Checks a format as typed; returns what the times of its lines are.
///
/// # Errors
/// What is wrong with it, and how to fix it.
pub fn stamp_of(format: &str) -> Result<LogStamp, String> {
    let format = format::LineFormat::compile(format)?;
    Ok(if format.is_at_end {
        LogStamp::End
    } else {
        LogStamp::Start
    })
}

/// What some lines of a log have.
#[derive(Debug, Default)]
pub struct Sample {
    /// Lines that are not empty.
    pub lines: u64,
    /// Those that are requests.
    pub requests: u64,
    /// The hosts that they name, in lower case and without ports.
    pub hosts: Vec<String>,
}

/// Reads some lines of a log in this format; returns `None` if there is no such format.
pub fn sample(format: &LogFormat, lines: &[&str]) -> Option<Sample> {
    let source = LogSource {
        path: String::new(),
        format: format.clone(),
        stamp: LogStamp::End,
        methods: vec!["GET".into(), "HEAD".into()],
        hosts: Vec::new(),
    };
    let mut reader = LineReader::new(&source).ok()?;
    let mut sample = Sample::default();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        sample.lines += 1;
        match reader.read(line.trim_end().as_bytes()) {
            Line::Request(logged) => {
                sample.requests += 1;
                let host = logged.host.as_deref().map(bare_host);
                sample
                    .hosts
                    .extend(host.filter(|host| !sample.hosts.contains(host)));
            }
            Line::OtherMethod | Line::OtherHost => sample.requests += 1,
            Line::Malformed => {}
        }
    }
    Some(sample)
}

/// Reads a log by its path relative to `folder`, and forgets its requests.
///
/// # Errors
/// If it cannot be read, or has no request.
pub fn survey(folder: &Path, source: &LogSource) -> Result<Survey, FeedError> {
    let log = Log::open(folder, source)?;
    // How a second is spread makes no difference.
    let (scanned, reader, _) = log.scan(source, 0, |_| {})?;
    let Scanned {
        lines,
        first_ns,
        last_ns,
        sample,
        digest,
    } = scanned;
    if lines.requests == 0 {
        return Err(without_requests(source, &lines, &sample));
    }
    Ok(Survey {
        columns: reader.columns(),
        lines,
        span: Nanos(last_ns.saturating_sub(first_ns).unsigned_abs()),
        digest,
    })
}

/// Opens a log by its path relative to `folder`; `seed` spreads requests in a second, if the log does
/// not say more.
///
/// # Errors
/// If it cannot be read, has no request, or a temporary file cannot be written.
pub(super) fn open(folder: &Path, source: &LogSource, seed: u64) -> Result<OpenedLog, FeedError> {
    let failed = |error| FeedError::of_io("a temporary file", error);
    let log = Log::open(folder, source)?;
    let mut entries = BufWriter::with_capacity(PIECE, tempfile::tempfile().map_err(failed)?);
    let (mut first, mut wrote) = (None, Ok(()));
    let (scanned, reader, text) = log.scan(source, seed, |placed: Placed| {
        let first = *first.get_or_insert(placed.start_ns);
        if wrote.is_ok() {
            wrote = entries.write_all(&entry(&placed, first));
        }
    })?;
    wrote.map_err(failed)?;
    let entries = entries
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    let length = entries.metadata().map_err(failed)?.len();
    let columns: Arc<[String]> = reader.columns().into();
    Ok(OpenedLog {
        rows: StoredLog::new(
            entries,
            length / ENTRY as u64,
            text,
            reader,
            columns.clone(),
        ),
        columns,
        digest: scanned.digest,
    })
}

/// A log of which nothing has been read.
struct Log {
    /// Its text, if that is not the content of its file.
    text: Option<(File, String)>,
    content: Hashed,
}

/// What a log is found to be.
struct Scanned {
    lines: LogLines,
    first_ns: i64,
    last_ns: i64,
    /// The first malformed line.
    sample: String,
    digest: String,
}

impl Log {
    fn open(folder: &Path, source: &LogSource) -> Result<Self, FeedError> {
        let typed = &source.path;
        let mut content = Hashed::new(file::open(folder, typed)?);
        if !typed.to_ascii_lowercase().ends_with(".gz") {
            return Ok(Self {
                text: None,
                content,
            });
        }
        let text = decoded::decompressed(typed, &mut content, LARGEST_ON_DISK)?;
        let text = text
            .into_file()
            .map_err(|error| FeedError::of_io("a temporary file", error))?;
        let (file, digest) = content.finish();
        Ok(Self {
            text: Some((text, digest)),
            content: Hashed::new(file),
        })
    }

    /// Reads it to its end, and gives its requests to `out` in the order of their starts; returns its
    /// text, too.
    fn scan(
        mut self,
        source: &LogSource,
        seed: u64,
        out: impl FnMut(Placed),
    ) -> Result<(Scanned, LineReader, File), FeedError> {
        let format = |message| FeedError::Format {
            file: source.path.clone(),
            message,
        };
        let mut reader = LineReader::new(source).map_err(format)?;
        let mut scan = Scan {
            file: &source.path,
            reader: &mut reader,
            sequence: Sequence::new(seed, out),
            lines: LogLines::default(),
            stamps: None,
            sample: String::new(),
        };
        match &mut self.text {
            Some((text, _)) => scan.all(text)?,
            None => scan.all(&mut self.content)?,
        }
        let (mut scanned, text) = (scan.finish()?, self.text);
        let (file, digest) = self.content.finish();
        let (file, digest) = text.unwrap_or((file, digest));
        scanned.digest = digest;
        Ok((scanned, reader, file))
    }
}

/// A log while it is read.
struct Scan<'s, F> {
    file: &'s str,
    reader: &'s mut LineReader,
    sequence: Sequence<F>,
    lines: LogLines,
    /// The first time and the last one.
    stamps: Option<(i64, i64)>,
    sample: String,
}

impl<F: FnMut(Placed)> Scan<'_, F> {
    /// Reads all lines.
    fn all(&mut self, text: impl Read) -> Result<(), FeedError> {
        let failed = |error| FeedError::of_io(self.file, error);
        let mut text = BufReader::with_capacity(PIECE, text);
        let (mut line, mut at, mut number) = (Vec::new(), 0, 0);
        loop {
            line.clear();
            let most = MAX_LINE as u64 + 1;
            let read = (&mut text).take(most).read_until(b'\n', &mut line);
            let mut length = read.map_err(failed)? as u64;
            if length == 0 {
                return Ok(());
            }
            let is_too_long = length == most && line.last() != Some(&b'\n');
            if is_too_long {
                length += skip_line(&mut text).map_err(failed)?;
            }
            number += 1;
            let end = line.iter().rposition(|b| !matches!(b, b'\r' | b'\n'));
            line.truncate(end.map_or(0, |end| end + 1));
            self.line(&line, is_too_long, at, number)?;
            at += length;
        }
    }

    fn line(
        &mut self,
        line: &[u8],
        is_too_long: bool,
        at: u64,
        number: u64,
    ) -> Result<(), FeedError> {
        if line.is_empty() {
            return Ok(());
        }
        self.lines.read += 1;
        let read = if is_too_long {
            Line::Malformed
        } else {
            self.reader.read(line)
        };
        match read {
            Line::Request(logged) => {
                let ns = logged.stamp.ns;
                let has_host = logged.host.is_some();
                let took = logged.duration_ns.filter(|_| self.reader.is_at_end);
                let length = line.len() as u32;
                let order = self.lines.read;
                let late = self.sequence.late;
                let arrived = Arrived::new(logged.stamp, order, took.unwrap_or(0), at, length);
                let pushed = self.sequence.push(arrived);
                pushed.map_err(|TooMany| self.crowded(number))?;
                if self.sequence.late == late {
                    self.lines.requests += 1;
                    self.lines.with_host += u64::from(has_host);
                    self.lines.whole_seconds += u64::from(logged.stamp.is_whole_second);
                    let (first, last) = self.stamps.unwrap_or((ns, ns));
                    self.stamps = Some((first.min(ns), last.max(ns)));
                }
            }
            Line::OtherMethod => self.lines.other_methods += 1,
            Line::OtherHost => self.lines.other_hosts += 1,
            Line::Malformed => {
                self.lines.malformed += 1;
                if self.lines.first_malformed == 0 {
                    self.lines.first_malformed = number;
                    self.sample = shown(line).into_owned();
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Scanned, FeedError> {
        let (first_ns, last_ns) = self.stamps.unwrap_or_default();
        let late = self.sequence.finish();
        let late = late.map_err(|TooMany| crowded(self.file, self.lines.read))?;
        Ok(Scanned {
            lines: LogLines { late, ..self.lines },
            first_ns,
            last_ns,
            sample: self.sample,
            digest: String::new(),
        })
    }

    fn crowded(&self, number: u64) -> FeedError {
        crowded(self.file, number)
    }
}

fn crowded(file: &str, line: u64) -> FeedError {
    wrong(
        file,
        line,
        "more than a million requests with one time in whole seconds; log parts of a second (`$msec` of nginx, `%{usec}t` of Apache), or replay a part of the log",
    )
}

/// Skips the rest of a line; returns its length in bytes.
fn skip_line(text: &mut impl std::io::BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let piece = text.fill_buf()?;
        let (length, is_end) = match piece.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (piece.len(), piece.is_empty()),
        };
        text.consume(length);
        skipped += length as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}

/// Creates the error of a log without a request to replay.
fn without_requests(source: &LogSource, lines: &LogLines, sample: &str) -> FeedError {
    let file = &source.path;
    let format = match &source.format {
        LogFormat::Text(typed) => typed.as_str(),
        LogFormat::Json { .. } => "json",
    };
    let message = if lines.read == 0 {
        "it is empty; name a log with requests".to_owned()
    } else if lines.malformed == lines.read {
        format!(
            "none of its lines is a request in the format `{format}`, for example line {}: `{sample}`; write the `format` of the log",
            lines.first_malformed
        )
    } else {
        format!(
            "none of its {} lines is a request to replay (other methods: {}, other hosts: {}, malformed: {}); change `methods` or `hosts`",
            lines.read, lines.other_methods, lines.other_hosts, lines.malformed
        )
    };
    FeedError::NoRequests {
        file: file.clone(),
        message,
    }
}
