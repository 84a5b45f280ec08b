//! [`WindowStreams`]: the streams of one interval of the time line.

use serde::{Deserialize, Serialize};

use super::{Outcome, Sample, StreamSample, Track};

/// The streams of one interval of the time line. Everything but `units` counts streams by their
/// `intended`, as the window does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WindowStreams {
    /// Streams that completed, however they ended.
    pub completed: u64,
    /// Of these, the successful ones.
    pub good: u64,
    /// Units of the successful streams whose completion falls into this window.
    pub units: u64,
    /// From intended to the first counted event.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub first: Track,
    /// The times between counted events.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub gap: Track,
    /// The time per unit of each successful stream.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub unit: Track,
}

impl WindowStreams {
    /// Records the stream of an operation that was intended in the window.
    pub(super) fn record(&mut self, sample: &Sample, stream: &StreamSample) {
        self.completed += 1;
        if let Some(first) = stream.first {
            self.first.record(first - sample.intended);
        }
        self.gap.add(&stream.gaps);
        if sample.outcome == Outcome::Ok {
            self.good += 1;
            if let Some(time) = stream.time_per_unit() {
                self.unit.record(time);
            }
        }
    }

    /// Adds the same interval of another time line.
    pub(super) fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.good += other.good;
        self.units += other.units;
        self.first.add(&other.first);
        self.gap.add(&other.gap);
        self.unit.add(&other.unit);
    }

    /// Packs its histograms.
    pub(super) fn pack(&mut self) {
        for track in [&mut self.first, &mut self.gap, &mut self.unit] {
            track.pack();
        }
    }

    /// Returns whether its figures agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        let Self {
            completed, good, ..
        } = self;
        good <= completed
            && self.first.count() <= *completed
            && self.unit.count() <= *good
            && [&self.first, &self.gap, &self.unit]
                .into_iter()
                .all(Track::is_consistent)
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        self.completed.max(self.units).max(self.gap.count())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Windows;
    use super::*;
    use crate::base::Nanos;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    /// Records streams of two events and four units, each at this time and of this length.
    fn line(streams: &[(u64, u64)]) -> Windows {
        let mut windows = Windows::new(MS(100), Nanos::ZERO);
        for (at, took) in streams {
            let sample = Sample {
                completed: MS(at + took),
                outcome: Outcome::Ok,
                ..Sample::planned(0, MS(*at))
            };
            let mut stream = StreamSample::default();
            stream.count(MS(at + 10));
            stream.count(MS(at + took));
            stream.units = Some(4);
            windows.stream(&sample, &stream);
        }
        windows
    }

    fn seen(windows: &Windows) -> Vec<(i64, u64, u64, u64, u64)> {
        let of = |(index, window): (i64, &super::super::window::Window)| {
            let own = window.streams.as_deref()?;
            let counts = [own.first.count(), own.gap.max().0];
            Some((index, own.completed, own.units, counts[0], counts[1]))
        };
        windows.iter().filter_map(of).collect()
    }

    #[test]
    fn streams_belong_to_their_intended_window_and_units_to_the_completion() {
        let windows = line(&[(20, 40), (50, 260)]);
        assert_eq!(seen(&windows), [(0, 2, 4, 2, 250_000_000), (3, 0, 4, 0, 0)]);
        assert!(windows.is_consistent());
    }

    #[test]
    fn time_lines_add_up_and_survive_being_written() {
        let mut sum = line(&[(20, 40)]);
        sum.add(&line(&[(50, 260)]));
        assert_eq!(seen(&sum), seen(&line(&[(20, 40), (50, 260)])));
        let text = serde_json::to_string(&sum).expect("text");
        let read: Windows = serde_json::from_str(&text).expect("a time line");
        assert_eq!(seen(&read), seen(&sum));
        sum.widen();
        let wide = [(0, 2, 4, 2, 250_000_000), (1, 0, 4, 0, 0)];
        assert_eq!(seen(&sum), wide);
        let damaged = text.replacen("\"good\":2", "\"good\":3", 1);
        assert_ne!(damaged, text);
        let damaged: Windows = serde_json::from_str(&damaged).expect("a time line");
        assert!(!damaged.is_consistent());
    }
}
