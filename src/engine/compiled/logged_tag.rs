//! [`LoggedTag`]: the tag of requests that are replayed from a log, with what the log says of them.

use crate::base::Nanos;
use crate::metrics::{LoggedSample, TagSample, TagValue};
use crate::plan::{LOG_ROW, Operation, Source, Tag};
use crate::value::{Names, Scope};

/// The tag of requests that are replayed from a log: the pattern of the path.
pub(super) struct LoggedTag {
    /// Its index among the tags of its operation.
    index: usize,
    /// The index of the row in the scope.
    row: usize,
}

impl LoggedTag {
    /// Finds the tag of an operation, if it has one.
    pub(super) fn new(operation: &Operation, names: &Names) -> Option<Self> {
        let is_logged = |tag: &Tag| tag.source == Source::LoggedPath;
        Some(Self {
            index: operation.tags.iter().position(is_logged)?,
            row: names.place(LOG_ROW)?,
        })
    }

    /// Returns its value in an iteration that has a row.
    pub(super) fn of(&self, scope: &Scope) -> Option<TagSample> {
        let row = scope.peek(self.row)?;
        let cell = |column: &str| row.get_attr(column).ok().filter(|v| !v.is_undefined());
        let status = cell("status").and_then(|status| u16::try_from(status).ok());
        let duration = cell("duration_ms").and_then(|ms| f64::try_from(ms).ok());
        Some(TagSample {
            logged: Some(LoggedSample {
                status: status.unwrap_or(0),
                duration: duration.map(|ms| Nanos::from_secs_f64(ms / 1e3)),
            }),
            ..TagSample::new(self.index, TagValue::found(cell("pattern")?.as_str()?))
        })
    }
}
