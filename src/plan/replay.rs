//! A log of requests, and how it is replayed.

use serde::{Deserialize, Serialize};

use crate::base::Nanos;

/// The name of the feed that a replayed log is.
pub const LOG_ROW: &str = "row";

/// A log of requests, each line of which is a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// Path relative to the scenario.
    pub path: String,
    /// The form of its lines.
    pub format: LogFormat,
    /// What the time of a line is.
    pub stamp: LogStamp,
    /// The methods of the requests that are taken, in upper case.
    pub methods: Vec<String>,
    /// The hosts of the requests that are taken, in lower case; empty for all.
    pub hosts: Vec<String>,
}

/// The form of the lines of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `common` or `combined`, a `log_format` of nginx or a `LogFormat` of Apache, as typed.
    Text(String),
    /// A JSON object in each line.
    Json {
        /// Names of columns, each with the member that its value is in; a dot leads into an object.
        columns: Vec<(String, String)>,
        /// The unit of durations.
        duration: LogUnit,
    },
}

/// The unit of the durations in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogUnit {
    /// Nanoseconds.
    Ns,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
    /// Seconds.
    #[default]
    S,
}

impl LogUnit {
    /// Returns its length in nanoseconds.
    pub const fn ns(self) -> f64 {
        match self {
            Self::Ns => 1.0,
            Self::Us => 1e3,
            Self::Ms => 1e6,
            Self::S => 1e9,
        }
    }
}

/// What the time of a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStamp {
    /// The start of the request.
    Start,
    /// Its end, from which its duration is subtracted where it is logged.
    End,
}

/// What became of the lines of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLines {
    /// Lines that are not empty.
    pub read: u64,
    /// Requests to replay.
    pub requests: u64,
    /// Lines that are not requests in this format, and are skipped.
    pub malformed: u64,
    /// The first of them, counted from 1; 0 if there are none.
    pub first_malformed: u64,
    /// Requests with other methods, which are skipped.
    pub other_methods: u64,
    /// Requests to other hosts, which are skipped.
    pub other_hosts: u64,
    /// Of the requests to replay, those whose lines name a host.
    pub with_host: u64,
    /// Requests that come too late in the log to be sorted, and are skipped.
    pub late: u64,
    /// Of the requests to replay, those whose time is logged in whole seconds.
    pub whole_seconds: u64,
}

/// How a log is replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Path of the log, as typed.
    pub file: String,
    /// How much faster than in the log time passes.
    pub speed: f64,
    /// Time from the first request to the last one, at this speed.
    pub span: Nanos,
    /// What became of its lines.
    pub lines: LogLines,
}

impl Replay {
    /// Returns the planned time of a request that came this long after the first one of the log.
    pub fn planned(&self, after: Nanos) -> Nanos {
        if self.speed == 1.0 {
            return after;
        }
        Nanos((after.0 as f64 / self.speed) as u64)
    }

    /// Returns how long after the first request of the log a planned time is.
    pub fn logged(&self, planned: Nanos) -> Nanos {
        Nanos((planned.0 as f64 * self.speed).ceil() as u64)
    }
}
