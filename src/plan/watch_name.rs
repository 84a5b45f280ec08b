//! [`WatchName`], [`WatchStatistic`]: the name of a figure of what is watched, as metrics have it.

use std::fmt;

use super::inline_name::InlineName;

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

/// A statistic of what is watched: of all its samples during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchStatistic {
    /// The mean; its name may be left out.
    Mean,
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

impl WatchStatistic {
    pub(super) const ALL: [(&str, Self); 3] =
        [("mean", Self::Mean), ("min", Self::Min), ("max", Self::Max)];
}

/// Parses what follows `watch.`: a source, its figure and perhaps a statistic.
///
/// # Errors
/// The remedy, if it is something else.
pub(super) fn of_watch(rest: &str) -> Result<(WatchName, WatchStatistic), String> {
    const REMEDY: &str = "write the name of a source and of its figure, as in `watch.app.cpu`, or with a statistic, as in `watch.app.rss.max`; statistics are `mean` (unless one is given), `min` and `max`";
    let named = WatchStatistic::ALL.iter().find_map(|(word, statistic)| {
        let name = rest.strip_suffix(word)?.strip_suffix('.')?;
        Some((WatchName::new(name)?, *statistic))
    });
    named
        .or_else(|| Some((WatchName::new(rest)?, WatchStatistic::Mean)))
        .ok_or_else(|| REMEDY.to_owned())
}
