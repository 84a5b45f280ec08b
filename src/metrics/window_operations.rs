//! [`WindowOperations`]: the operations of a step, or of all, in one interval of the time line.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::histogram::WINDOW_DIGITS;
use super::{FailureKind, Outcome, exact};
use crate::base::Nanos;

/// Failed operations by kind. Most windows have none, and hundreds of windows for each of many steps
/// take less memory without.
type Failures = Option<Box<[u64; FailureKind::COUNT]>>;

/// Operations in one interval of the time line. Everything but `ok_completions` counts operations by
/// their `intended`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WindowOperations {
    /// Operations planned.
    pub planned: u64,
    /// Of these, started.
    pub started: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Operations refused by a full limit or queue.
    pub dropped: u64,
    /// Successful completions that fall into this window.
    pub ok_completions: u64,
    #[serde(
        default,
        serialize_with = "exact::by_kind::serialize_any",
        deserialize_with = "exact::by_kind::deserialize_any",
        skip_serializing_if = "Option::is_none"
    )]
    failures: Failures,
    /// The longest response time.
    #[serde(with = "exact::ns")]
    pub max: Nanos,
    #[serde(with = "exact::text")]
    sum: u128,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    response: Buckets<WINDOW_DIGITS>,
}

impl WindowOperations {
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
                self.failures.get_or_insert_default()[kind as usize] += 1;
            }
        }
    }

    /// Records the response time of an operation.
    pub(super) fn time(&mut self, response: Nanos) {
        self.max = self.max.max(response);
        self.sum += u128::from(response.0);
        self.response.record(response.0);
    }

    /// Adds the operations of other steps, or the same interval of another time line.
    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.ok += other.ok;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.ok_completions += other.ok_completions;
        if let Some(theirs) = &other.failures {
            let own = self.failures.get_or_insert_default();
            own.iter_mut().zip(**theirs).for_each(|(a, b)| *a += b);
        }
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.response.add(&other.response);
    }

    /// Packs its histogram into spare capacity.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.response.pack(spare);
    }

    /// Returns the capacity of its packed histogram.
    pub(super) fn recycle(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.response.recycle(spare);
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.response.clear();
        if let Some(failures) = &mut self.failures {
            failures.fill(0);
        }
        let (response, failures) = (std::mem::take(&mut self.response), self.failures.take());
        *self = Self {
            response,
            failures,
            ..Self::default()
        };
    }

    /// Returns whether nothing was planned or completed in the interval.
    pub(super) const fn is_empty(&self) -> bool {
        self.planned == 0 && self.ok_completions == 0
    }

    /// Returns whether its figures agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        let of_kinds: u128 = self.failures().into_iter().map(u128::from).sum();
        let ended = u128::from(self.ok) + u128::from(self.failed);
        let timed = ended.checked_sub(u128::from(self.failures()[FailureKind::Data as usize]));
        ended <= u128::from(self.started)
            && u128::from(self.started) + u128::from(self.dropped) <= u128::from(self.planned)
            && of_kinds == u128::from(self.failed)
            && timed == Some(u128::from(self.response.total()))
            && self.sum <= u128::from(self.response.total()) * u128::from(self.max.0)
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
        counts.into_iter().chain(self.failures()).max().unwrap_or(0)
    }

    /// Returns the failed operations by kind.
    pub fn failures(&self) -> [u64; FailureKind::COUNT] {
        self.failures.as_deref().copied().unwrap_or_default()
    }

    /// Returns the number of completed operations that have times.
    pub fn timed(&self) -> u64 {
        self.ok + self.failed - self.failures()[FailureKind::Data as usize]
    }

    /// Returns the mean response time in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        let n = self.timed();
        (n > 0).then(|| self.sum as f64 / n as f64 / 1e6)
    }

    /// Returns the response times.
    pub fn response(&self) -> Histogram<u64> {
        self.response.histogram()
    }

    /// Returns the response times, of one significant digit.
    pub fn coarse(&self) -> Histogram<u64> {
        self.response.coarse()
    }

    /// Returns the response times at these percentiles, of 0 to 100 and in ascending order, as the
    /// histogram has them; `None` without times.
    pub fn percentiles<const N: usize>(&self, wanted: [f64; N]) -> Option<[Nanos; N]> {
        let values = self.response.percentiles(wanted)?;
        Some(values.map(|value| Nanos(value).min(self.max)))
    }
}
