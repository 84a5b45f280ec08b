//! [`Examples`]: the operations that stand for a part of a run, because no other one of it took
//! longer.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::errors::shortened;
use super::{FailureKind, exact};
use crate::base::Nanos;

/// The identity of an operation in the trace that its requests belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TraceIdentity {
    /// The trace id; never zero.
    #[serde(with = "exact::text")]
    pub id: u128,
    /// Whether the services are asked to record it.
    pub is_sampled: bool,
}

/// A completed operation that is kept with what identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The operation.
    pub operation: u32,
    /// When it was planned.
    #[serde(with = "exact::ns")]
    pub intended: Nanos,
    /// completed − intended.
    #[serde(with = "exact::ns")]
    pub response: Nanos,
    /// The status of the last response, or 0 if there was none.
    pub status: u16,
    /// Why it failed, if it did: the kind, and the message of the system or the peer.
    pub failure: Option<(FailureKind, String)>,
    /// The URL or the address of its first request, if any.
    pub url: Option<String>,
    /// Its trace, if it has one.
    pub trace: Option<TraceIdentity>,
}

impl Example {
    /// Returns whether it comes before another one. Of equally slow ones the earliest does, so that
    /// it does not matter in which order they are seen.
    fn precedes(&self, other: &Self) -> bool {
        let rank = |own: &Self| {
            (
                own.response,
                Reverse((own.intended, own.operation, own.trace)),
            )
        };
        rank(self) > rank(other)
    }

    /// Replaces its URL and its message.
    fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        let message = self.failure.as_mut().map(|(_, message)| message);
        for text in message.into_iter().chain(&mut self.url) {
            *text = map(text);
        }
    }
}

/// What an example may be the slowest of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// All operations.
    All,
    /// Those that failed.
    Failed,
    /// Those whose traces are recorded.
    Sampled,
}

impl Among {
    /// The number of them.
    pub const COUNT: usize = 3;

    /// Returns those that an operation belongs to.
    pub fn of(has_failed: bool, is_sampled: bool) -> impl Iterator<Item = Self> {
        let failed = has_failed.then_some(Self::Failed);
        let sampled = is_sampled.then_some(Self::Sampled);
        [Some(Self::All), failed, sampled].into_iter().flatten()
    }
}

/// The slowest operations of a part of a run: of all, of those that failed, and of those whose traces
/// are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    slowest: [Option<Box<Example>>; Among::COUNT],
}

impl Examples {
    /// Keeps an operation wherever it is slower than the one that is kept.
    pub fn offer(&mut self, example: &Example) {
        let is_sampled = example.trace.is_some_and(|trace| trace.is_sampled);
        for among in Among::of(example.failure.is_some(), is_sampled) {
            let kept = &mut self.slowest[among as usize];
            if kept.as_ref().is_none_or(|kept| example.precedes(kept)) {
                let mut own = example.clone();
                if let Some((_, message)) = &mut own.failure {
                    *message = shortened(message);
                }
                *kept = Some(Box::new(own));
            }
        }
    }

    /// Adds the examples of another part.
    pub fn add(&mut self, other: &Self) {
        other.iter().for_each(|example| self.offer(example));
    }

    /// Returns the examples; one that is the slowest in several respects comes several times.
    pub fn iter(&self) -> impl Iterator<Item = &Example> {
        self.slowest.iter().flatten().map(Box::as_ref)
    }

    /// Replaces every URL and message.
    pub(super) fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        let kept = self.slowest.iter_mut().flatten();
        kept.for_each(|example| example.map_texts(map));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example(response: u64, intended: u64, has_failed: bool, is_sampled: bool) -> Example {
        Example {
            operation: 0,
            intended: Nanos(intended),
            response: Nanos(response),
            status: 200,
            failure: has_failed.then(|| (FailureKind::Status, "m".repeat(400))),
            url: Some(format!("http://shop.test/{response}")),
            trace: Some(TraceIdentity { id: 7, is_sampled }),
        }
    }

    #[test]
    fn the_slowest_of_all_of_failures_and_of_traces_are_kept() {
        let mut kept = Examples::default();
        for (response, has_failed, is_sampled) in [
            (5, false, false),
            (9, false, false),
            (4, true, false),
            (3, true, true),
            (2, false, true),
        ] {
            kept.offer(&example(response, response, has_failed, is_sampled));
        }
        let times: Vec<u64> = kept.iter().map(|own| own.response.0).collect();
        assert_eq!(times, [9, 4, 3]);
        let lengths: Vec<Option<usize>> = kept
            .iter()
            .map(|own| own.failure.as_ref().map(|(_, message)| message.len()))
            .collect();
        assert_eq!(
            lengths,
            [None, Some(300), Some(300)],
            "messages are bounded"
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut kept = Examples::default();
        kept.offer(&Example {
            trace: Some(TraceIdentity {
                id: u128::MAX,
                is_sampled: true,
            }),
            ..example(u64::MAX, 1, true, true)
        });
        let text = serde_json::to_string(&kept).expect("plain data");
        assert_eq!(serde_json::from_str::<Examples>(&text).expect("JSON"), kept);
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(
            all in prop::collection::vec((1u64..20, 0u64..20, any::<bool>(), any::<bool>()), 1..40),
            cut in 0usize..40,
        ) {
            let all: Vec<Example> = all.into_iter().map(|(r, i, f, s)| example(r, i, f, s)).collect();
            let of = |some: &[Example]| {
                let mut kept = Examples::default();
                some.iter().for_each(|own| kept.offer(own));
                kept
            };
            let whole = of(&all);
            let (a, b) = all.split_at(cut.min(all.len()));
            let (a, b) = (of(a), of(b));
            let sum = |first: &Examples, then: &Examples| {
                let mut sum = first.clone();
                sum.add(then);
                sum
            };
            // Equally slow ones of one moment may differ in what says nothing of their order.
            let seen = |kept: &Examples| kept.iter().map(|own| (own.response, own.intended)).collect::<Vec<_>>();
            prop_assert_eq!(seen(&sum(&a, &b)), seen(&whole));
            prop_assert_eq!(seen(&sum(&b, &a)), seen(&whole));
        }
    }
}
