//! [`TagFigures`]: the figures of operations, split by a value of their responses.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Figures, Held, LoggedSample, MeasureSample, Sample, StreamSample};
use crate::base::Nanos;

/// The maximum number of values of one tag that have figures of their own.
const MAX_VALUES: usize = 100;

/// The value of a tag in one response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagValue {
    /// The value, truncated to a bounded length.
    Found(String),
    /// The response has no value.
    None,
    /// One of the values whose figures are not kept separately.
    Other,
}

impl TagValue {
    /// The maximum length of a value, in characters.
    pub const MAX_CHARS: usize = 100;

    /// Creates the value from the text found.
    pub fn found(text: &str) -> Self {
        Self::Found(text.chars().take(Self::MAX_CHARS).collect())
    }

    const fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }

    /// Returns the position of a value among those of a tag, of which the first have figures of
    /// their own: values that were asked for, then the shortest.
    fn rank(&self, is_asked: impl Fn(&String) -> bool) -> (bool, usize, &str) {
        let asked = matches!(self, Self::Found(text) if is_asked(text));
        (!asked, self.name().len(), self.name())
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

/// The value of a tag of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct TagSample {
    /// The index of the tag in its operation.
    pub tag: usize,
    /// Its value.
    pub value: TagValue,
    /// What the replayed log says of the request, if the tag is the pattern of its path.
    pub logged: Option<LoggedSample>,
}

impl TagSample {
    /// Creates the value of a tag that is not of a log.
    pub const fn new(tag: usize, value: TagValue) -> Self {
        Self {
            tag,
            value,
            logged: None,
        }
    }
}

/// The figures of one tag of one operation, by its values.
type Values = BTreeMap<TagValue, Figures>;

/// Figures by operation, by the index of the tag in it, and by value. Bounded, so that a tag with a
/// million values costs no more than one with a hundred.
///
/// The values with figures of their own are the first of all in the order of [`TagValue::rank`]. So
/// whatever shares figures in a part would also do so in the whole, and figures add up to the same
/// in any order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TagFigures {
    #[serde(serialize_with = "as_list", deserialize_with = "from_list")]
    tags: BTreeMap<(u32, usize), Values>,
    /// The values that have figures of their own before all others.
    asked: Vec<(u32, usize, String)>,
}

impl TagFigures {
    /// Prefers these values, each of a tag of an operation.
    #[must_use]
    pub fn preferring(self, asked: Vec<(u32, usize, String)>) -> Self {
        Self { asked, ..self }
    }

    /// Records an operation with the values of its tags, the outcomes of its checks, its stream if it
    /// has one, and its measures.
    pub fn note(
        &mut self,
        sample: &Sample,
        values: Vec<TagSample>,
        held: Held,
        stream: Option<&StreamSample>,
        measured: &[MeasureSample],
        window_end: Nanos,
    ) {
        for TagSample { tag, value, logged } in values {
            let figures = self.figures(sample.operation, tag, value);
            figures.record(sample, window_end);
            if let Some(logged) = logged {
                figures.record_logged(&logged);
            }
            figures.held.add(held);
            if let Some(stream) = stream {
                figures.record_stream(sample, stream, window_end);
            }
            figures.record_measures(measured);
        }
    }

    fn figures(&mut self, operation: u32, tag: usize, value: TagValue) -> &mut Figures {
        let Self { tags, asked } = self;
        let values = tags.entry((operation, tag)).or_default();
        let is_asked = |text: &String| asked.contains(&(operation, tag, text.clone()));
        let found = || values.keys().filter(|known| known.is_found());
        let mut value = value;
        if value.is_found() && !values.contains_key(&value) && found().count() >= MAX_VALUES {
            let last = found().max_by(|a, b| a.rank(is_asked).cmp(&b.rank(is_asked)));
            if let Some(last) = last.filter(|last| value.rank(is_asked) < last.rank(is_asked)) {
                let last = last.clone();
                let figures = values.remove(&last).unwrap_or_default();
                values.entry(TagValue::Other).or_default().add(&figures);
            } else {
                value = TagValue::Other;
            }
        }
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

    /// Replaces every value; figures of values that become the same are added up.
    pub(super) fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        for (_, _, value) in &mut self.asked {
            *value = map(value);
        }
        for ((operation, tag), values) in std::mem::take(&mut self.tags) {
            for (value, figures) in values {
                let value = match value {
                    TagValue::Found(text) => TagValue::Found(map(&text)),
                    value => value,
                };
                self.figures(operation, tag, value).add(&figures);
            }
        }
    }

    /// Returns whether the same values are preferred.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.asked == other.asked
    }

    /// Iterates over the figures of all values.
    pub(super) fn figures_of_all(&self) -> impl Iterator<Item = &Figures> {
        self.tags.values().flat_map(BTreeMap::values)
    }

    /// Clears the figures.
    pub(super) fn clear(&mut self) {
        self.tags.clear();
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

/// Writes the figures of tags as a list, because keys of JSON are text.
fn as_list<S: Serializer>(tags: &BTreeMap<(u32, usize), Values>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(tags.iter().flat_map(|((operation, tag), values)| {
        values
            .iter()
            .map(move |(value, figures)| (operation, tag, value, figures))
    }))
}

/// Reads the list that [`as_list`] wrote.
fn from_list<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<(u32, usize), Values>, D::Error> {
    let mut tags = BTreeMap::<_, Values>::new();
    for (operation, tag, value, figures) in
        Vec::<(u32, usize, TagValue, Figures)>::deserialize(from)?
    {
        let values = tags.entry((operation, tag)).or_default();
        values.entry(value).or_default().add(&figures);
    }
    Ok(tags)
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
                let values = vec![TagSample::new(0, value)];
                half.note(&sample, values, Held::default(), None, &[], Nanos::MAX);
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
