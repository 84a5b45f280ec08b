//! [`MeasureSet`]: the values of the figures that a scenario defines.

use serde::{Deserialize, Serialize};

use super::Track;
use super::by_number::ByNumber;
use crate::base::Nanos;

/// What was read from a response for a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasureSample {
    /// The number of the measure's name; see [`crate::plan::Measure::number`].
    pub number: u32,
    /// The value, in the integers that its unit is stored in; `None` if it could not be read.
    pub value: Option<u64>,
}

/// The values of one measure, in the integers that their unit is stored in; see
/// [`crate::plan::MeasureKind::stored_per_reported`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MeasureFigures {
    /// The values; a track stores integers, whatever they stand for.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub values: Track,
    /// Successful responses whose value could not be read.
    pub unread: u64,
}

impl MeasureFigures {
    fn record(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.values.record(Nanos(value)),
            None => self.unread += 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.values.add(&other.values);
        self.unread += other.unread;
    }
}

/// The measures of a set of operations, by the numbers of their names. Those without a response are
/// absent, so a set takes memory for what its operations measure and not for all that others do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MeasureSet(ByNumber<MeasureFigures>);

impl MeasureSet {
    /// Returns the figures of the measure with this number, if there are any.
    pub fn get(&self, number: u32) -> Option<&MeasureFigures> {
        self.0.get(number)
    }

    /// Records what was read from one response.
    pub(super) fn record(&mut self, samples: &[MeasureSample]) {
        for sample in samples {
            self.0.entry(sample.number).record(sample.value);
        }
    }

    /// Adds the measures of other operations.
    pub(super) fn add(&mut self, other: &Self) {
        for (number, theirs) in other.0.iter() {
            self.0.entry(number).add(theirs);
        }
    }

    /// Packs the histograms until they are needed again.
    pub(super) fn pack(&mut self) {
        self.0.values_mut().for_each(|own| own.values.pack());
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        for own in self.0.values_mut() {
            own.values.clear();
            own.unread = 0;
        }
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let counts = |own: &MeasureFigures| own.values.count().max(own.unread);
        self.0.values().map(counts).max().unwrap_or(0)
    }

    /// Returns whether its values agree with their histograms.
    pub(super) fn is_consistent(&self) -> bool {
        self.0.is_sorted() && self.0.values().all(|own| own.values.is_consistent())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Windows;
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    fn sample(number: u32, value: Option<u64>) -> MeasureSample {
        MeasureSample { number, value }
    }

    /// Records measure 5 with each of these values at its moment, and measure 2 as unread.
    fn line(values: &[(u64, u64)]) -> Windows {
        let mut windows = Windows::new(MS(100), Nanos::ZERO);
        for (at, value) in values {
            windows.measured(MS(*at), &[sample(5, Some(*value)), sample(2, None)]);
        }
        windows
    }

    fn seen(windows: &Windows) -> Vec<(i64, u64, u128, u64)> {
        let of = |(index, window): (i64, &super::super::window::Window)| {
            let own = window.measures.as_deref()?;
            assert!(own.get(3).is_none());
            let (values, unread) = (&own.get(5)?.values, own.get(2)?.unread);
            Some((index, values.count(), values.sum(), unread))
        };
        windows.iter().filter_map(of).collect()
    }

    #[test]
    fn time_lines_of_measures_add_up_and_survive_being_written() {
        let mut sum = line(&[(20, 7), (150, 9)]);
        sum.add(&line(&[(130, 30)]));
        assert_eq!(seen(&sum), [(0, 1, 7, 1), (1, 2, 39, 2)]);
        let text = serde_json::to_string(&sum).expect("text");
        let read: Windows = serde_json::from_str(&text).expect("a time line");
        assert_eq!(seen(&read), seen(&sum));
        assert!(read.is_consistent());
        sum.widen();
        assert_eq!(seen(&sum), [(0, 3, 46, 3)]);
        let damaged = text.replacen("[[2,", "[[5,", 1);
        assert_ne!(damaged, text);
        let damaged: Windows = serde_json::from_str(&damaged).expect("a time line");
        assert!(!damaged.is_consistent());
    }

    #[test]
    fn a_cleared_set_has_no_values() {
        let mut set = MeasureSet::default();
        set.record(&[sample(1, Some(3)), sample(1, None), sample(0, Some(8))]);
        assert_eq!(set.largest_count(), 1);
        set.clear();
        assert_eq!((set.largest_count(), set.is_consistent()), (0, true));
        set.record(&[sample(1, Some(4))]);
        let own = set.get(1).expect("measure 1");
        assert_eq!((own.values.sum(), own.unread), (4, 0));
    }
}
