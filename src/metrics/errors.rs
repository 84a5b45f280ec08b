//! [`ErrorLog`]: distinct error messages, bounded in number and length.

use std::collections::{BTreeMap, btree_map};

use serde::{Deserialize, Serialize};

use super::{FailureKind, exact};
use crate::base::Nanos;

/// The maximum number of distinct messages; further ones are counted under [`OTHERS`].
const MAX_DISTINCT: usize = 50;
/// The maximum length of a message, in characters.
const MAX_LENGTH: usize = 300;
/// Stands for all messages that are not kept.
const OTHERS: &str = "(other messages)";

/// Returns a message in the length that is kept.
pub(super) fn shortened(message: &str) -> String {
    message.chars().take(MAX_LENGTH).collect()
}

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(with = "exact::ns")]
    pub first: Nanos,
    /// When it last occurred.
    #[serde(with = "exact::ns")]
    pub last: Nanos,
    /// The URL or the address concerned at its first occurrence.
    pub url: Option<String>,
}

/// The identity of a message. Its order decides which messages are kept: the shortest, because a
/// message with a number or a name in it is mostly longer than one that recurs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    length: usize,
    message: String,
    kind: FailureKind,
    operation: u32,
}

/// How often and when tries failed with a message, or with one of several.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Occurrences {
    count: u64,
    /// When it first occurred, the operation, and the URL or the address concerned.
    first: (Nanos, u32, Option<String>),
    last: Nanos,
}

impl Occurrences {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.last = self.last.max(other.last);
        if other.first < self.first {
            self.first = other.first;
        }
    }
}

/// Distinct error messages, bounded so that a target that fails in a million ways costs no memory.
///
/// The messages that are kept are the first of all in the order of [`Key`]. So whatever is dropped
/// from a part would also be dropped from the whole, and logs add up to the same in any order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Entry>", from = "Vec<Entry>")]
pub struct ErrorLog {
    kept: BTreeMap<Key, Occurrences>,
    /// The messages beyond [`MAX_DISTINCT`], by kind.
    others: BTreeMap<FailureKind, Occurrences>,
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
        let message = shortened(&message);
        let key = Key {
            length: message.len(),
            message,
            kind,
            operation,
        };
        let once = Occurrences {
            count: 1,
            first: (at, operation, url),
            last: at,
        };
        self.put(key, once);
    }

    fn put(&mut self, key: Key, occurrences: Occurrences) {
        match self.kept.entry(key) {
            btree_map::Entry::Occupied(known) => return known.into_mut().add(occurrences),
            btree_map::Entry::Vacant(new) => {
                new.insert(occurrences);
            }
        }
        if self.kept.len() > MAX_DISTINCT
            && let Some((key, dropped)) = self.kept.pop_last()
        {
            self.put_other(key.kind, dropped);
        }
    }

    fn put_other(&mut self, kind: FailureKind, occurrences: Occurrences) {
        match self.others.entry(kind) {
            btree_map::Entry::Occupied(known) => known.into_mut().add(occurrences),
            btree_map::Entry::Vacant(new) => {
                new.insert(occurrences);
            }
        }
    }

    /// Adds another log's messages.
    pub fn add(&mut self, other: &Self) {
        for (key, occurrences) in &other.kept {
            self.put(key.clone(), occurrences.clone());
        }
        for (kind, occurrences) in &other.others {
            self.put_other(*kind, occurrences.clone());
        }
    }

    /// Replaces every message and URL; those that become the same are counted together.
    pub(super) fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        let mapped = self.entries().map(|entry| Entry {
            message: if entry.message == OTHERS {
                entry.message
            } else {
                map(&entry.message)
            },
            url: entry.url.as_deref().map(map),
            ..entry
        });
        *self = mapped.collect::<Vec<Entry>>().into();
    }

    /// Returns the largest count of a message.
    pub(super) fn largest_count(&self) -> u64 {
        let all = self.kept.values().chain(self.others.values());
        all.map(|occurrences| occurrences.count).max().unwrap_or(0)
    }

    /// Returns the messages, and for each kind with more of them one entry for the rest.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let entry = |kind, message: &str, operation, occurrences: &Occurrences| {
            let (first, _, url) = occurrences.first.clone();
            Entry {
                kind,
                message: message.to_owned(),
                count: occurrences.count,
                operation,
                first,
                last: occurrences.last,
                url,
            }
        };
        let kept = self.kept.iter().map(move |(key, occurrences)| {
            entry(key.kind, &key.message, key.operation, occurrences)
        });
        let others = self
            .others
            .iter()
            .map(move |(kind, occurrences)| entry(*kind, OTHERS, occurrences.first.1, occurrences));
        kept.chain(others)
    }

    /// Returns the message of the last try that failed, among those that are kept.
    pub fn latest(&self) -> Option<Entry> {
        self.entries()
            .filter(|entry| entry.message != OTHERS)
            .max_by_key(|entry| (entry.last, entry.operation))
    }

    /// Returns the messages, the most frequent first.
    pub fn sorted(&self) -> Vec<Entry> {
        let mut sorted: Vec<Entry> = self.entries().collect();
        sorted.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| a.kind.cmp(&b.kind))
                .then_with(|| a.message.cmp(&b.message))
        });
        sorted
    }
}

impl From<ErrorLog> for Vec<Entry> {
    fn from(log: ErrorLog) -> Self {
        log.entries().collect()
    }
}

impl From<Vec<Entry>> for ErrorLog {
    fn from(entries: Vec<Entry>) -> Self {
        let mut log = Self::default();
        for entry in entries {
            let occurrences = Occurrences {
                count: entry.count,
                first: (entry.first, entry.operation, entry.url),
                last: entry.last,
            };
            if entry.message == OTHERS {
                log.put_other(entry.kind, occurrences);
            } else {
                let key = Key {
                    length: entry.message.len(),
                    message: entry.message,
                    kind: entry.kind,
                    operation: entry.operation,
                };
                log.put(key, occurrences);
            }
        }
        log
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
