//! [`Series`]: the samples of one figure, bounded in number.

use crate::base::Nanos;

/// The most points that are kept; beyond that, two neighbours become one.
const MAX_POINTS: usize = 2048;

/// A value at a time of day, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: u64,
    /// When the sample before it was taken, from which on an increase counts.
    pub(super) since: u64,
    pub(super) value: f64,
    /// The lowest and the highest of the samples that it stands for.
    pub(super) min: f64,
    pub(super) max: f64,
    /// How many samples it stands for.
    pub(super) samples: u32,
}

/// What a source says of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    /// Its value.
    Is(f64),
    /// Nothing: it does not have the figure.
    Missing,
    /// Nothing yet: an increase takes two samples.
    Unknown,
    /// Nothing: a counter has become smaller, because its source was restarted.
    Reset,
}

impl Sample {
    /// Returns the sample of a figure that a source may not have.
    pub(super) fn of(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Is)
    }
}

/// The samples of one figure.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    points: Vec<Point>,
    /// How many samples each new point stands for.
    per_point: u32,
    /// When the source was last asked.
    asked: Option<u64>,
    /// How often the source did not have the figure.
    pub(super) missing: u64,
    /// How often a counter had become smaller.
    pub(super) resets: u64,
}

impl Series {
    /// Adds a sample.
    pub(super) fn add(&mut self, at: u64, sample: Sample) {
        let since = self.asked.replace(at).unwrap_or(at);
        let value = match sample {
            Sample::Is(value) if value.is_finite() => value,
            Sample::Is(_) | Sample::Missing => {
                self.missing += 1;
                return;
            }
            Sample::Reset => {
                self.resets += 1;
                return;
            }
            Sample::Unknown => return,
        };
        let own = Point {
            at,
            since,
            value,
            min: value,
            max: value,
            samples: 1,
        };
        match self.points.last_mut() {
            Some(last) if last.samples < self.per_point => *last = last.with(own),
            _ => self.points.push(own),
        }
        if self.points.len() >= MAX_POINTS {
            let halved = self.points.chunks(2).map(|pair| match pair {
                [first, second] => first.with(*second),
                single => single[0],
            });
            self.points = halved.collect();
            self.per_point = self.per_point.max(1) * 2;
        }
    }

    /// Returns the points between two times of day.
    pub(super) fn between(&self, from: u64, until: u64) -> impl Iterator<Item = &Point> {
        self.points
            .iter()
            .filter(move |point| (from..=until).contains(&point.at))
    }

    /// Returns what the increases per second add up to between two times of day, in their unit times
    /// seconds. What no sample covers counts like the rest; `None` if that is more than half.
    pub(super) fn total(&self, from: u64, until: u64) -> Option<f64> {
        let (mut sum, mut covered) = (0.0, Nanos::ZERO);
        for point in &self.points {
            let own = Nanos(point.at.min(until).saturating_sub(point.since.max(from)));
            sum += point.value * own.as_secs_f64();
            covered += own;
        }
        let whole = Nanos(until.saturating_sub(from));
        (covered > Nanos::ZERO && covered.0 >= whole.0 / 2)
            .then(|| sum * whole.as_secs_f64() / covered.as_secs_f64())
    }
}

impl Point {
    /// Returns one point for two, at the moment of the first.
    fn with(self, other: Self) -> Self {
        let samples = self.samples + other.samples;
        let sum = self.value * f64::from(self.samples) + other.value * f64::from(other.samples);
        Self {
            at: self.at,
            since: self.since,
            value: sum / f64::from(samples),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            samples,
        }
    }
}

/// A counter, whose increase per second is sampled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter(Option<(Nanos, f64)>);

impl Counter {
    /// Returns the increase per second since the last sample.
    pub(super) fn increase(&mut self, now: Nanos, value: f64) -> Sample {
        let before = self.0.replace((now, value));
        match before {
            Some((at, last)) if now > at => {
                if value < last {
                    return Sample::Reset;
                }
                Sample::Is((value - last) / (now - at).as_secs_f64())
            }
            _ => Sample::Unknown,
        }
    }

    /// Does the same for a figure that a source may not have; the next increase is then unknown.
    pub(super) fn of(&mut self, now: Nanos, value: Option<f64>) -> Sample {
        match value {
            Some(value) => self.increase(now, value),
            None => {
                self.0 = None;
                Sample::Missing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_samples_keep_their_mean_and_their_extremes() {
        let mut series = Series::default();
        for second in 0..100_000_u64 {
            series.add(second, Sample::Is(second as f64));
        }
        series.add(1, Sample::Is(f64::NAN));
        assert_eq!(series.missing, 1);
        let points: Vec<&Point> = series.between(0, u64::MAX).collect();
        assert!(
            (MAX_POINTS / 2..MAX_POINTS).contains(&points.len()),
            "{}",
            points.len()
        );
        let samples: u32 = points.iter().map(|point| point.samples).sum();
        assert_eq!(samples, 100_000);
        let sum: f64 = points.iter().map(|p| p.value * f64::from(p.samples)).sum();
        assert!((sum / 100_000.0 - 49_999.5).abs() < 1e-6);
        assert_eq!(points[0].min, 0.0);
        assert_eq!(points[points.len() - 1].max, 99_999.0);
        assert!(series.between(10, 20).count() <= 1);
    }

    #[test]
    fn what_increases_adds_up_between_two_times_of_day() {
        let second = 1_000_000_000;
        let mut series = Series::default();
        assert_eq!(series.total(0, second), None);
        // Three per second until 2 s, then five; the first look is not an increase.
        for (at, sample) in [
            (0, Sample::Unknown),
            (2, Sample::Is(3.0)),
            (4, Sample::Is(5.0)),
        ] {
            series.add(at * second, sample);
        }
        for (from, until, total) in [
            (0, 4, Some(16.0)),
            (1, 3, Some(8.0)),
            (3, 4, Some(5.0)),
            // What follows the last sample counts like the rest, unless that is most of it.
            (2, 5, Some(15.0)),
            (3, 9, None),
            (5, 9, None),
        ] {
            let found = series.total(from * second, until * second);
            assert_eq!(found, total, "{from} to {until}");
        }
        // Nothing is known of an increase over a gap.
        series.add(6 * second, Sample::Missing);
        series.add(7 * second, Sample::Unknown);
        series.add(8 * second, Sample::Is(7.0));
        assert_eq!(series.total(7 * second, 8 * second), Some(7.0));
        assert_eq!(series.total(4 * second, 8 * second), None);
    }

    #[test]
    fn a_counter_gives_its_increase_per_second_and_sees_a_reset() {
        let mut counter = Counter::default();
        let at = Nanos::from_secs;
        assert_eq!(counter.increase(at(1), 100.0), Sample::Unknown);
        assert_eq!(counter.increase(at(3), 150.0), Sample::Is(25.0));
        assert_eq!(counter.increase(at(4), 10.0), Sample::Reset);
        assert_eq!(counter.increase(at(5), 10.0), Sample::Is(0.0));
    }
}
