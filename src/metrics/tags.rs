//! [`TagFigures`]: the figures of operations, split by a value of their responses.

use std::collections::BTreeMap;

use super::{Figures, Held, Sample};
use crate::base::Nanos;

/// The maximum number of values of one tag that have figures of their own.
const MAX_VALUES: usize = 100;

/// The value of a tag in one response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagValue {
    /// The value, truncated to a bounded length.
    Found(String),
    /// The response has no value.
    None,
    /// A value after the first hundred.
    Other,
}

impl TagValue {
    /// The maximum length of a value, in characters.
    pub const MAX_CHARS: usize = 100;

    /// Creates the value from the text found.
    pub fn found(text: &str) -> Self {
        Self::Found(text.chars().take(Self::MAX_CHARS).collect())
    }

    /// Returns the name that is shown.
    pub fn name(&self) -> &str {
        match self {
            Self::Found(text) => text,
            Self::None => "none",
            Self::Other => "other",
        }
    }
}

/// Figures by operation, by the index of the tag in it, and by value. Bounded, so that a tag with a
/// million values costs no more than one with a hundred.
#[derive(Clone, Debug, Default)]
pub struct TagFigures {
    tags: BTreeMap<(u32, usize), BTreeMap<TagValue, Figures>>,
}

impl TagFigures {
    /// Records an operation with the values of its tags and the outcomes of its checks.
    pub fn note(&mut self, sample: &Sample, values: Vec<TagValue>, held: Held, window_end: Nanos) {
        for (tag, value) in values.into_iter().enumerate() {
            let figures = self.figures(sample.operation, tag, value);
            figures.record(sample, window_end);
            figures.held.add(held);
        }
    }

    fn figures(&mut self, operation: u32, tag: usize, value: TagValue) -> &mut Figures {
        let values = self.tags.entry((operation, tag)).or_default();
        let is_new = matches!(value, TagValue::Found(_)) && !values.contains_key(&value);
        let is_full = || {
            values
                .keys()
                .filter(|value| matches!(value, TagValue::Found(_)))
                .count()
                >= MAX_VALUES
        };
        let value = if is_new && is_full() {
            TagValue::Other
        } else {
            value
        };
        values.entry(value).or_default()
    }

    /// Adds the figures of another recorder.
    pub fn add(&mut self, other: &Self) {
        for ((operation, tag), values) in &other.tags {
            for (value, figures) in values {
                self.figures(*operation, *tag, value.clone()).add(figures);
            }
        }
    }

    /// Iterates over the values of one tag of one operation, in order, with their figures.
    pub fn values(
        &self,
        operation: u32,
        tag: usize,
    ) -> impl Iterator<Item = (&TagValue, &Figures)> {
        self.tags.get(&(operation, tag)).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Outcome;

    #[test]
    fn a_hundred_values_have_figures_and_the_rest_share_some() {
        let sample = Sample {
            completed: Nanos(1),
            outcome: Outcome::Ok,
            status: 200,
            ..Sample::planned(3, Nanos::ZERO)
        };
        let mut seen = [TagFigures::default(), TagFigures::default()];
        for number in 0..150 {
            for (index, half) in seen.iter_mut().enumerate() {
                let value = if number == 0 {
                    TagValue::None
                } else {
                    TagValue::found(&format!("{}", number + index * 1000))
                };
                half.note(&sample, vec![value], Held::default(), Nanos::MAX);
            }
        }
        let [mut whole, other] = seen;
        whole.add(&other);
        let counts: Vec<(String, u64)> = whole
            .values(3, 0)
            .map(|(value, figures)| (value.name().to_owned(), figures.tally.ok))
            .collect();
        assert_eq!(
            (counts.len(), counts.iter().map(|(_, n)| n).sum::<u64>()),
            (102, 300),
            "none is lost"
        );
        assert!(
            counts.contains(&("none".into(), 2)) && counts.contains(&("other".into(), 198)),
            "{counts:?}"
        );
        assert_eq!(
            TagValue::found(&"é".repeat(1000)).name().chars().count(),
            TagValue::MAX_CHARS
        );
    }
}
