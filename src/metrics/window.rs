//! [`Window`]: one interval of the time line, and the width of such windows.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::histogram::WINDOW_DIGITS;
use super::{
    Examples, FailureKind, MeasureSet, Outcome, StatusCounts, WindowGroups, WindowStreams, exact,
};
use crate::base::Nanos;

/// Returns the window width for a run: the widest of a list of round widths that still gives twenty
/// windows.
///
/// A run of unknown length begins with the narrowest; [`Windows`](super::Windows) widens them as
/// needed.
pub(crate) fn width_for(duration: Option<Nanos>) -> Nanos {
    const WIDTHS: [u64; 7] = [1000, 500, 200, 100, 50, 20, 10];
    let narrowest = Nanos::from_millis(10);
    duration.map_or(narrowest, |d| {
        WIDTHS
            .into_iter()
            .map(Nanos::from_millis)
            .find(|w| d.0 / w.0 >= 20)
            .unwrap_or(narrowest)
    })
}

/// Returns the width nearest to `width` that divides all the lengths `asked` for, so that checks of
/// windows of those lengths find boundaries that match theirs. It remains a divisor as windows
/// double in width, up to the lengths' greatest common divisor.
pub(crate) fn aligned(width: Nanos, asked: impl Iterator<Item = Nanos>) -> Nanos {
    let Some(common) = common(asked) else {
        return width;
    };
    let mut aligned = common;
    while aligned > width && aligned.0.is_multiple_of(2) {
        aligned = Nanos(aligned.0 / 2);
    }
    aligned
}

/// Returns the greatest common divisor of these lengths; `None` if there are none.
pub(crate) fn common(lengths: impl Iterator<Item = Nanos>) -> Option<Nanos> {
    let divisor = |mut a: u64, mut b: u64| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    lengths
        .map(|length| length.0)
        .filter(|length| *length > 0)
        .reduce(divisor)
        .map(Nanos)
}

/// One interval of the time line. Everything but `ok_completions` counts operations by their
/// `intended`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Window {
    /// Operations planned.
    pub planned: u64,
    /// Of these, started.
    pub started: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Operations and iterations refused by a full limit or queue.
    pub dropped: u64,
    /// Successful completions that fall into this window.
    pub ok_completions: u64,
    /// Failed operations by kind.
    #[serde(with = "exact::by_kind")]
    pub failures: [u64; FailureKind::COUNT],
    /// Responses by status.
    pub statuses: StatusCounts,
    /// The longest response time.
    #[serde(with = "exact::ns")]
    pub max: Nanos,
    #[serde(with = "exact::text")]
    pub(super) sum: u128,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    pub(super) response: Buckets<WINDOW_DIGITS>,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    pub(super) lag: Buckets<WINDOW_DIGITS>,
    /// Its streams, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Box<WindowStreams>>,
    /// Its measures, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Box<MeasureSet>>,
    /// Its timed groups, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Box<WindowGroups>>,
    /// Its slowest operations, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Box<Examples>>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            planned: 0,
            started: 0,
            ok: 0,
            failed: 0,
            dropped: 0,
            ok_completions: 0,
            failures: [0; FailureKind::COUNT],
            statuses: StatusCounts::default(),
            max: Nanos::ZERO,
            sum: 0,
            response: Buckets::default(),
            lag: Buckets::default(),
            streams: None,
            measures: None,
            groups: None,
            examples: None,
        }
    }
}

impl Window {
    /// Counts an operation that was planned in this interval.
    pub(super) fn count(&mut self, outcome: Outcome) {
        self.planned += 1;
        match outcome {
            Outcome::Skipped => {}
            Outcome::Dropped => self.dropped += 1,
            Outcome::Cancelled | Outcome::Unfinished => self.started += 1,
            Outcome::Ok => {
                self.started += 1;
                self.ok += 1;
            }
            Outcome::Failed(kind) => {
                self.started += 1;
                self.failed += 1;
                self.failures[kind as usize] += 1;
            }
        }
    }

    /// Records the response time of an operation.
    pub(super) fn time(&mut self, response: Nanos) {
        self.max = self.max.max(response);
        self.sum += u128::from(response.0);
        self.response.record(response.0);
    }

    /// Adds the same interval of another time line.
    pub(super) fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.ok += other.ok;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.ok_completions += other.ok_completions;
        for (a, b) in self.failures.iter_mut().zip(other.failures) {
            *a += b;
        }
        self.statuses.add(&other.statuses);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.response.add(&other.response);
        self.lag.add(&other.lag);
        if let Some(theirs) = &other.streams {
            self.streams.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.measures {
            self.measures.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.groups {
            self.groups.get_or_insert_default().add(theirs);
        }
        if let Some(theirs) = &other.examples {
            self.examples.get_or_insert_default().add(theirs);
        }
    }

    /// Packs its histograms into spare capacity.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.response.pack(spare);
        self.lag.pack(spare);
        if let Some(streams) = &mut self.streams {
            streams.pack();
        }
        if let Some(measures) = &mut self.measures {
            measures.pack();
        }
        if let Some(groups) = &mut self.groups {
            groups.pack();
        }
    }

    /// Clears the window and keeps the capacity.
    pub(super) fn clear(&mut self) {
        let Self {
            statuses,
            response,
            lag,
            ..
        } = self;
        statuses.clear();
        response.clear();
        lag.clear();
        let (statuses, response, lag) = (
            std::mem::take(statuses),
            std::mem::take(response),
            std::mem::take(lag),
        );
        *self = Self {
            statuses,
            response,
            lag,
            ..Self::default()
        };
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let counts = [
            self.planned,
            self.started,
            self.ok,
            self.failed,
            self.dropped,
            self.ok_completions,
        ];
        let of_statuses = self.statuses.iter().map(|(_, n)| n);
        let of_streams = self.streams.iter().map(|streams| streams.largest_count());
        let of_measures = self.measures.iter().map(|own| own.largest_count());
        let of_groups = self.groups.iter().map(|own| own.largest_count());
        counts
            .into_iter()
            .chain(of_streams)
            .chain(of_measures)
            .chain(of_groups)
            .chain(self.failures)
            .chain(of_statuses)
            .max()
            .unwrap_or(0)
    }

    /// Returns the number of completed operations that have times.
    pub fn timed(&self) -> u64 {
        self.ok + self.failed - self.failures[FailureKind::Data as usize]
    }

    /// Returns the mean response time in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        let n = self.timed();
        (n > 0).then(|| self.sum as f64 / n as f64 / 1e6)
    }

    /// Returns the response times of completed operations.
    pub fn response(&self) -> Histogram<u64> {
        self.response.histogram()
    }

    /// Returns the lag of completed operations.
    pub fn lag(&self) -> Histogram<u64> {
        self.lag.histogram()
    }
}
