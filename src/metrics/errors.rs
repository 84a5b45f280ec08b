//! [`ErrorLog`]: distinct error messages, bounded in number and length.

use super::FailureKind;
use crate::base::Nanos;

/// The maximum number of distinct messages; further ones are counted under [`OTHERS`].
const MAX_DISTINCT: usize = 50;
/// The maximum length of a message, in characters.
const MAX_LENGTH: usize = 300;
/// Stands for all messages after the first fifty.
const OTHERS: &str = "(other messages)";

/// A failed try and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTry {
    /// The failure kind.
    pub kind: FailureKind,
    /// The message of the system or the peer.
    pub message: String,
    /// The operation.
    pub operation: u32,
    /// When the operation was planned.
    pub intended: Nanos,
    /// When the try failed.
    pub at: Nanos,
    /// The URL or the address concerned, if any.
    pub url: Option<String>,
}

/// A message with its number and its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The failure kind.
    pub kind: FailureKind,
    /// The message of the system or the peer.
    pub message: String,
    /// The number of occurrences.
    pub count: u64,
    /// The operation that failed; the first one if several are counted together.
    pub operation: u32,
    /// When it first occurred.
    pub first: Nanos,
    /// When it last occurred.
    pub last: Nanos,
    /// The URL or the address concerned at its first occurrence.
    pub url: Option<String>,
}

/// Distinct error messages, bounded so that a target that fails in a million ways costs no memory.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog {
    entries: Vec<Entry>,
}

impl ErrorLog {
    /// Counts a failed try.
    pub fn note(&mut self, failed: FailedTry) {
        let FailedTry {
            kind,
            message,
            operation,
            at,
            url,
            ..
        } = failed;
        let message: String = message.chars().take(MAX_LENGTH).collect();
        self.put(Entry {
            kind,
            message,
            count: 1,
            operation,
            first: at,
            last: at,
            url,
        });
    }

    fn put(&mut self, mut entry: Entry) {
        let is_same = |e: &Entry| {
            e.kind == entry.kind
                && e.message == entry.message
                && (e.operation == entry.operation || e.message == OTHERS)
        };
        if let Some(known) = self.entries.iter_mut().find(|e| is_same(e)) {
            known.count += entry.count;
            known.last = known.last.max(entry.last);
            if entry.first < known.first {
                (known.first, known.operation, known.url) =
                    (entry.first, entry.operation, entry.url);
            }
            return;
        }
        let distinct = self.entries.iter().filter(|e| e.message != OTHERS).count();
        if distinct >= MAX_DISTINCT && entry.message != OTHERS {
            entry.message = OTHERS.into();
            self.put(entry);
        } else {
            self.entries.push(entry);
        }
    }

    /// Adds another log's messages.
    pub fn add(&mut self, other: &Self) {
        for entry in &other.entries {
            self.put(entry.clone());
        }
    }

    /// Returns the most recent of the messages that are kept.
    pub fn latest(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// Returns the messages, the most frequent first.
    pub fn sorted(&self) -> Vec<Entry> {
        let mut sorted = self.entries.clone();
        sorted.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.kind.cmp(&b.kind))
                .then_with(|| a.message.cmp(&b.message))
        });
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: FailureKind, message: &str, operation: u32, at: u64) -> FailedTry {
        let (intended, at) = (Nanos::ZERO, Nanos(at));
        FailedTry {
            kind,
            message: message.into(),
            operation,
            intended,
            at,
            url: Some(format!("http://a/{}", at.0)),
        }
    }

    #[test]
    fn tells_apart_by_operation_and_keeps_the_first_moment_and_its_url() {
        let (mut log, mut other) = (ErrorLog::default(), ErrorLog::default());
        for (operation, at) in [(1, 20), (2, 30), (1, 40)] {
            log.note(failed(FailureKind::Refused, "refused", operation, at));
        }
        other.note(failed(FailureKind::Refused, "refused", 1, 10));
        log.add(&other);
        let [of_1, of_2] = &log.sorted()[..] else {
            panic!("two")
        };
        assert_eq!(
            (of_1.operation, of_1.count, of_1.first.0, of_1.last.0),
            (1, 3, 10, 40)
        );
        assert_eq!(of_1.url.as_deref(), Some("http://a/10"));
        assert_eq!(
            (of_2.operation, of_2.count, of_2.first.0, of_2.last.0),
            (2, 1, 30, 30)
        );
    }

    #[test]
    fn keeps_fifty_and_counts_the_rest() {
        let mut log = ErrorLog::default();
        for i in 0..1000 {
            log.note(failed(
                FailureKind::Other,
                &format!("message {i}"),
                i % 7,
                u64::from(i),
            ));
            log.note(failed(FailureKind::Reset, "the same", 1, u64::from(i)));
        }
        let sorted = log.sorted();
        assert!(sorted.len() <= MAX_DISTINCT + 2);
        assert_eq!(
            (sorted[0].message.as_str(), sorted[0].count),
            ("the same", 1000)
        );
        assert_eq!(
            sorted.iter().map(|e| e.count).sum::<u64>(),
            2000,
            "every one is counted somewhere"
        );
    }
}
