//! [`FeedError`]: why rows can't be used.

use std::io;

use thiserror::Error;

use crate::value::file::{FileError, LARGEST};

/// Why a feed can't be used.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its name does not indicate a format.
    #[error(
        "`{0}` is neither `.csv` nor `.tsv` nor `.json` nor `.jsonl`; rename it to match its content"
    )]
    Unknown(String),
    /// It is not a gzip file, although its name says so, or too large without its compression.
    #[error("`{file}` can't be decompressed: {message}; its name says that it is a gzip file")]
    Compressed {
        /// The file as written in the scenario.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// It is in another encoding.
    #[error("`{file}` is not valid {encoding} text; name the encoding that it was saved in")]
    Encoding {
        /// The file as written in the scenario.
        file: String,
        /// The name of the encoding.
        encoding: &'static str,
    },
    /// Such a file has no separator.
    #[error("`{0}` is JSON, whose values have no separator; remove `separator`")]
    Separator(String),
    /// Its rows would have to be kept in memory, and it is too large for that.
    #[error(
        "`{0}` has more than {most} MiB of text, and only rows of `.csv`, `.tsv` and `.jsonl` that are taken in their order are not kept in memory; use such a file with `order: sequential` and without `split`, or a smaller one", most = LARGEST >> 20
    )]
    TooLarge(String),
    /// A log has a format that is not known.
    #[error("`{file}`: {message}")]
    Format {
        /// The file as written in the scenario.
        file: String,
        /// What is wrong, and how to fix it.
        message: String,
    },
    /// A log has no request to replay.
    #[error("`{file}` can't be replayed: {message}")]
    NoRequests {
        /// The file as written in the scenario.
        file: String,
        /// Why, and how to fix it.
        message: String,
    },
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

impl FeedError {
    /// Creates the error of a file that the system cannot read.
    pub(super) fn of_io(file: &str, source: io::Error) -> Self {
        Self::File(FileError::Io {
            path: file.into(),
            source,
        })
    }
}

/// Creates the error of a line.
pub(super) fn wrong(file: &str, line: u64, message: impl Into<String>) -> FeedError {
    FeedError::Wrong {
        file: file.into(),
        line,
        message: message.into(),
    }
}
