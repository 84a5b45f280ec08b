//! [`StreamFigures`]: counts and times of answers that come in pieces.

use serde::{Deserialize, Serialize};

use super::{Outcome, Sample, Track};
use crate::base::Nanos;

/// What was read of one answer that comes in pieces. Instants are on the run's clock.
#[derive(Clone, Debug, Default)]
pub struct StreamSample {
    /// When the first counted event was read.
    pub first: Option<Nanos>,
    /// When the last one was read.
    pub last: Option<Nanos>,
    /// The number of counted events.
    pub events: u64,
    /// The number of events that are not counted.
    pub other_events: u64,
    /// How many units there were; `None` if the server should have told and did not.
    pub units: Option<u64>,
    /// Whether the server should tell how many there are; otherwise units are events.
    pub has_units: bool,
    /// The times between counted events.
    pub gaps: Track,
    /// Whether the client hung up because the scenario asks for no more.
    pub hung_up: bool,
}

impl StreamSample {
    /// Counts an event that was read at this moment.
    pub fn count(&mut self, now: Nanos) {
        match self.last {
            Some(last) => self.gaps.record(now - last),
            None => self.first = Some(now),
        }
        self.last = Some(now);
        self.events += 1;
    }

    /// Returns (last − first) ÷ (units − 1). One event has no such time, however many units it has.
    pub fn time_per_unit(&self) -> Option<Nanos> {
        let (first, last) = self.first.zip(self.last)?;
        let units = self.units.filter(|units| *units > 1)?;
        (self.events > 1).then(|| Nanos((last - first).0 / (units - 1)))
    }

    /// Returns units ÷ (last − started), in millionths of a unit per second.
    fn rate(&self, started: Nanos) -> Option<Nanos> {
        let units = self.units.filter(|units| *units > 0)?;
        let lasted = (self.last? - started).0;
        let rate = (u128::from(units) * 1_000_000_000_000_000).checked_div(u128::from(lasted))?;
        u64::try_from(rate).ok().map(Nanos)
    }
}

/// The figures of the streams of one step, or the sum of several.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StreamFigures {
    /// Streams that completed, however they ended.
    pub completed: u64,
    /// Of these, the successful ones: they met all their limits.
    pub good: u64,
    /// Of these, those that the client ended because the scenario asks for no more.
    pub hung_up: u64,
    /// Whether servers should tell how many units there are; otherwise units are events.
    pub has_units: bool,
    /// Counted events.
    pub events: u64,
    /// Other events.
    pub other_events: u64,
    /// Units.
    pub units: u64,
    /// Successful streams whose server should have reported its units and did not.
    pub without_units: u64,
    /// Units of successful streams that completed inside the measured window.
    pub units_in_window: u64,
    /// From intended to the first counted event.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub first: Track,
    /// From started to the first counted event.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub first_service: Track,
    /// The times between counted events.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub gap: Track,
    /// The time per unit of each successful stream.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub unit: Track,
    /// The units per second of each successful stream, in millionths.
    #[serde(default, skip_serializing_if = "Track::is_empty")]
    pub rate: Track,
}

impl StreamFigures {
    /// Records the stream of a completed operation. The units of a successful completion before
    /// `window_end` count as throughput.
    pub(super) fn record(&mut self, sample: &Sample, stream: &StreamSample, window_end: Nanos) {
        if !sample.outcome.is_timed() {
            return;
        }
        self.completed += 1;
        self.has_units |= stream.has_units;
        self.events += stream.events;
        self.other_events += stream.other_events;
        self.hung_up += u64::from(stream.hung_up);
        self.units += stream.units.unwrap_or(0);
        if let Some(first) = stream.first {
            self.first.record(first - sample.intended);
            self.first_service.record(first - sample.started);
        }
        self.gap.add(&stream.gaps);
        if sample.outcome != Outcome::Ok {
            return;
        }
        self.good += 1;
        self.without_units += u64::from(stream.units.is_none());
        if sample.completed < window_end {
            self.units_in_window += stream.units.unwrap_or(0);
        }
        let times = [
            (&mut self.unit, stream.time_per_unit()),
            (&mut self.rate, stream.rate(sample.started)),
        ];
        for (track, time) in times {
            if let Some(time) = time {
                track.record(time);
            }
        }
    }

    /// Adds the figures of other streams.
    pub(super) fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.has_units |= other.has_units;
        self.good += other.good;
        self.hung_up += other.hung_up;
        self.events += other.events;
        self.other_events += other.other_events;
        self.units += other.units;
        self.without_units += other.without_units;
        self.units_in_window += other.units_in_window;
        self.first.add(&other.first);
        self.first_service.add(&other.first_service);
        self.gap.add(&other.gap);
        self.unit.add(&other.unit);
        self.rate.add(&other.rate);
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.tracks().into_iter().for_each(Track::clear);
        self.has_units = false;
        let Self {
            completed,
            good,
            hung_up,
            events,
            other_events,
            units,
            without_units,
            units_in_window,
            ..
        } = self;
        for count in [
            completed,
            good,
            hung_up,
            events,
            other_events,
            units,
            without_units,
            units_in_window,
        ] {
            *count = 0;
        }
    }

    pub(super) const fn tracks(&mut self) -> [&mut Track; 5] {
        let Self {
            first,
            first_service,
            gap,
            unit,
            rate,
            ..
        } = self;
        [first, first_service, gap, unit, rate]
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let counts = [self.completed, self.events, self.other_events, self.units];
        let of_tracks = [&self.first, &self.gap, &self.unit, &self.rate].map(Track::count);
        counts.into_iter().chain(of_tracks).max().unwrap_or(0)
    }

    /// Returns whether its times agree with their histograms and its counts with each other.
    pub(super) fn is_consistent(&self) -> bool {
        let Self {
            first,
            first_service,
            gap,
            unit,
            rate,
            ..
        } = self;
        [first, first_service, gap, unit, rate]
            .into_iter()
            .all(Track::is_consistent)
            && first.count() == first_service.count()
            && first.count() <= self.completed
            && self.good <= self.completed
            && gap.count().checked_add(first.count()) == Some(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FailureKind;

    /// Creates the sample of an operation that waited 50 ms and was completed after 400 ms.
    fn sample(outcome: Outcome) -> Sample {
        Sample {
            started: Nanos::from_millis(50),
            completed: Nanos::from_millis(400),
            outcome,
            ..Sample::planned(0, Nanos::ZERO)
        }
    }

    /// Creates a stream whose first event was read at 150 ms, and 20 more every 10 ms.
    fn stream(units: Option<u64>) -> StreamSample {
        let mut stream = StreamSample {
            units,
            other_events: 2,
            ..StreamSample::default()
        };
        (0..=20).for_each(|n| stream.count(Nanos::from_millis(150 + 10 * n)));
        stream
    }

    #[test]
    fn a_wait_is_in_the_first_event_since_it_was_intended_and_not_since_it_started() {
        let mut figures = StreamFigures::default();
        figures.record(&sample(Outcome::Ok), &stream(Some(41)), Nanos::MAX);
        let only = |track: &Track| (track.count(), track.mean_ms(), track.max());
        let ms = |n| Nanos::from_millis(n);
        assert_eq!(only(&figures.first), (1, Some(150.0), ms(150)));
        assert_eq!(only(&figures.first_service), (1, Some(100.0), ms(100)));
        assert_eq!(only(&figures.gap), (20, Some(10.0), ms(10)));
        // 200 ms for the 40 units after the first.
        assert_eq!(only(&figures.unit), (1, Some(5.0), ms(5)));
        // 41 units in 300 ms.
        assert_eq!(figures.rate.max(), Nanos(136_666_666));
        assert_eq!((figures.events, figures.other_events), (21, 2));
        assert_eq!((figures.units, figures.units_in_window), (41, 41));
        assert!(figures.is_consistent());
    }

    #[test]
    fn only_good_streams_have_units_that_count() {
        let mut figures = StreamFigures::default();
        let failed = Outcome::Failed(FailureKind::Check);
        figures.record(&sample(failed), &stream(Some(41)), Nanos::MAX);
        figures.record(&sample(Outcome::Ok), &stream(None), Nanos::MAX);
        figures.record(
            &sample(Outcome::Ok),
            &stream(Some(1)),
            Nanos::from_millis(400),
        );
        for outcome in [
            Outcome::Cancelled,
            Outcome::Unfinished,
            Outcome::Failed(FailureKind::Data),
        ] {
            figures.record(&sample(outcome), &stream(Some(1)), Nanos::MAX);
        }
        assert_eq!((figures.completed, figures.good), (3, 2));
        assert_eq!((figures.units, figures.units_in_window), (42, 0));
        assert_eq!(figures.without_units, 1);
        assert_eq!((figures.first.count(), figures.unit.count()), (3, 0));
        assert!(figures.is_consistent());
        let mut twice = figures.clone();
        twice.add(&figures);
        assert_eq!((twice.events, twice.gap.count()), (126, 120));
        twice.clear();
        assert_eq!((twice.completed, twice.gap.count()), (0, 0));
    }

    #[test]
    fn one_event_has_no_time_per_unit() {
        let mut stream = StreamSample {
            units: Some(50),
            ..StreamSample::default()
        };
        assert_eq!(
            (stream.time_per_unit(), stream.rate(Nanos::ZERO)),
            (None, None)
        );
        stream.count(Nanos::from_millis(500));
        assert_eq!(stream.time_per_unit(), None);
        assert_eq!(stream.rate(Nanos::ZERO), Some(Nanos(100_000_000)));
    }
}
