//! [`WatchName`], [`WatchStatistic`]: the name of a figure of what is watched, as metrics have it.

use std::fmt;

use super::inline_name::InlineName;
use super::unit::Unit;

/// The name of a figure of what is watched, such as `app.cpu`, kept in place so that metrics stay
/// cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WatchName(InlineName<{ Self::MAX }>);

impl WatchName {
    /// The most bytes of a name, that of its source included.
    pub const MAX: usize = 119;

    /// Creates a name of ASCII characters without blanks and operators of checks, with a dot in it;
    /// returns `None` for other texts.
    pub fn new(text: &str) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:()".contains(&byte);
        let (source, own) = text.split_once('.')?;
        if source.is_empty() || own.is_empty() || !text.bytes().all(is_part) {
            return None;
        }
        InlineName::new(text).map(Self)
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the unit of the figure if it is one that loadgen itself samples; what metrics of others
    /// are is known where they are named.
    pub fn usual_unit(&self) -> Unit {
        match self.as_str().split_once('.') {
            Some((_, "cpu" | "throttled")) => Unit::Share,
            Some((_, "rss" | "memory")) => Unit::Bytes,
            _ => Unit::Number,
        }
    }
}

impl fmt::Debug for WatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for WatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A statistic of what is watched during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchStatistic {
    /// The mean; its name may be left out.
    Mean,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// What an increase per second adds up to.
    Total,
    /// The same by completed operation.
    PerRequest,
}

impl WatchStatistic {
    pub(super) const ALL: [(&str, Self); 5] = [
        ("mean", Self::Mean),
        ("min", Self::Min),
        ("max", Self::Max),
        ("total", Self::Total),
        ("per_request", Self::PerRequest),
    ];

    /// Returns whether only what is an increase per second has it.
    pub const fn is_of_increases(self) -> bool {
        matches!(self, Self::Total | Self::PerRequest)
    }

    /// Returns the unit of this statistic of a figure in the given one: processors times seconds are
    /// time, and what happens per second adds up to a number.
    pub const fn unit(self, figure: Unit) -> Unit {
        match (self, figure) {
            (Self::Mean | Self::Min | Self::Max, own) => own,
            (Self::Total | Self::PerRequest, Unit::Share) => Unit::Millis,
            (Self::Total | Self::PerRequest, _) => Unit::Number,
        }
    }
}

/// Parses what follows `watch.`: a source, its figure and perhaps a statistic.
///
/// # Errors
/// The remedy, if it is something else.
pub(super) fn of_watch(rest: &str) -> Result<(WatchName, WatchStatistic), String> {
    const REMEDY: &str = "write the name of a source and of its figure, as in `watch.app.cpu`, or with a statistic, as in `watch.app.rss.max`; statistics are `mean` (unless one is given), `min`, `max`, `total` and `per_request`";
    let named = WatchStatistic::ALL.iter().find_map(|(word, statistic)| {
        let name = rest.strip_suffix(word)?.strip_suffix('.')?;
        Some((WatchName::new(name)?, *statistic))
    });
    named
        .or_else(|| Some((WatchName::new(rest)?, WatchStatistic::Mean)))
        .ok_or_else(|| REMEDY.to_owned())
}
