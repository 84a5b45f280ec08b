//! [`Window`]: one stretch of the time line, and how wide those of a run are.

use hdrhistogram::Histogram;

use super::buckets::Buckets;
use super::histogram::WINDOW_DIGITS;
use super::{FailureKind, StatusCounts};
use crate::base::Nanos;

/// The width of windows that suits a run: the widest of a list of round ones that still gives
/// twenty.
///
/// A run of unknown length begins with the narrowest; [`Windows`](super::Windows) widens as it goes.
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

/// The width nearest to `width` of which each of the lengths `asked` for is a multiple, so that
/// checks of windows of that length find windows that begin and end with theirs. It stays a divisor
/// while windows grow twice as wide, up to the lengths' greatest common divisor.
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

/// The greatest common divisor of some lengths; nothing where there are none.
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

/// One stretch of the time line. Everything but `ok_completions` counts operations by their
/// `intended`.
#[derive(Clone, Debug)]
pub struct Window {
    /// Operations planned.
    pub planned: u64,
    /// Of these, started.
    pub started: u64,
    /// Of these, completed well.
    pub ok: u64,
    /// Of these, completed badly.
    pub failed: u64,
    /// Operations and iterations refused by a full limit or queue.
    pub dropped: u64,
    /// Good completions that fall into this window.
    pub ok_completions: u64,
    /// Failed operations by kind.
    pub failures: [u64; FailureKind::COUNT],
    /// Responses by status.
    pub statuses: StatusCounts,
    /// Longest response time.
    pub max: Nanos,
    pub(super) sum: u128,
    pub(super) response: Buckets<WINDOW_DIGITS>,
    pub(super) lag: Buckets<WINDOW_DIGITS>,
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
        }
    }
}

impl Window {
    /// Adds what the same stretch of another time line holds.
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
    }

    /// Packs its histograms into spare room.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.response.pack(spare);
        self.lag.pack(spare);
    }

    /// Forgets what it holds and keeps the room.
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

    /// Completed operations that have times.
    pub fn timed(&self) -> u64 {
        self.ok + self.failed - self.failures[FailureKind::Data as usize]
    }

    /// Mean response time in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        let n = self.timed();
        (n > 0).then(|| self.sum as f64 / n as f64 / 1e6)
    }

    /// Response times of completed operations.
    pub fn response(&self) -> Histogram<u64> {
        self.response.histogram()
    }

    /// Lag of completed operations.
    pub fn lag(&self) -> Histogram<u64> {
        self.lag.histogram()
    }
}
