//! [`ErrorLog`]: distinct error messages, bounded in number and length.

use super::FailureKind;

/// Distinct messages kept; what comes after is counted under [`OTHERS`].
const MAX_DISTINCT: usize = 50;
/// Characters of a message kept.
const MAX_LENGTH: usize = 300;
/// Stands for all messages past the first fifty.
const OTHERS: &str = "(other messages)";

/// A message with how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The failure kind.
    pub kind: FailureKind,
    /// What the system or the peer said.
    pub message: String,
    /// How often.
    pub count: u64,
    /// The first operation that saw it.
    pub operation: u32,
}

/// Distinct error messages. Bounded, so that a target which fails in a million ways costs no memory.
#[derive(Clone, Debug, Default)]
pub struct ErrorLog {
    entries: Vec<Entry>,
}

impl ErrorLog {
    /// Counts a message.
    pub fn note(&mut self, kind: FailureKind, message: &str, operation: u32) {
        let message: String = message.chars().take(MAX_LENGTH).collect();
        self.put(Entry { kind, message, count: 1, operation });
    }

    fn put(&mut self, mut entry: Entry) {
        if let Some(known) = self.entries.iter_mut().find(|e| e.kind == entry.kind && e.message == entry.message) {
            known.count += entry.count;
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

    /// The message that came last of all that are kept.
    pub fn latest(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// Most frequent first.
    pub fn sorted(&self) -> Vec<Entry> {
        let mut sorted = self.entries.clone();
        sorted.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.message.cmp(&b.message)));
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_fifty_and_counts_the_rest() {
        let mut log = ErrorLog::default();
        for i in 0..1000 {
            log.note(FailureKind::Other, &format!("message {i}"), 0);
            log.note(FailureKind::Reset, "the same", 1);
        }
        let sorted = log.sorted();
        assert!(sorted.len() <= MAX_DISTINCT + 2);
        assert_eq!((sorted[0].message.as_str(), sorted[0].count), ("the same", 1000));
        assert_eq!(sorted.iter().map(|e| e.count).sum::<u64>(), 2000, "every one is counted somewhere");
    }
}
