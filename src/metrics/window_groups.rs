//! [`WindowGroups`]: the timed groups of one interval of the time line.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::buckets::Buckets;
use super::by_number::ByNumber;
use super::histogram::WINDOW_DIGITS;
use super::{GroupSample, Outcome, exact};
use crate::base::Nanos;

/// The passes through one timed group in one interval of the time line. Everything but
/// `ok_completions` counts passes by their `intended`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WindowGroup {
    /// Passes that began.
    pub planned: u64,
    /// Of these, succeeded.
    pub ok: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Successful completions that fall into this window.
    pub ok_completions: u64,
    /// Passes that have times.
    pub timed: u64,
    /// The longest response time.
    #[serde(with = "exact::ns")]
    pub max: Nanos,
    #[serde(with = "exact::text")]
    sum: u128,
    #[serde(with = "exact::text")]
    think: u128,
    #[serde(default, skip_serializing_if = "Buckets::is_empty")]
    response: Buckets<WINDOW_DIGITS>,
}

impl WindowGroup {
    fn record(&mut self, sample: &GroupSample) {
        self.planned += 1;
        match sample.outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Dropped | Outcome::Skipped | Outcome::Cancelled | Outcome::Unfinished => {}
        }
        if sample.outcome.is_timed() {
            let response = sample.response();
            self.timed += 1;
            self.max = self.max.max(response);
            self.sum += u128::from(response.0);
            self.think += u128::from(sample.think.0);
            self.response.record(response.0);
        }
    }

    /// Adds the passes of other groups, or the same interval of another time line.
    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.ok += other.ok;
        self.failed += other.failed;
        self.ok_completions += other.ok_completions;
        self.timed += other.timed;
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.think += other.think;
        self.response.add(&other.response);
    }

    /// Returns the mean of a sum over the passes that have times, in milliseconds.
    fn mean_ms(&self, sum: u128) -> Option<f64> {
        (self.timed > 0).then(|| sum as f64 / self.timed as f64 / 1e6)
    }

    /// Returns the mean response time in milliseconds.
    pub fn mean_response_ms(&self) -> Option<f64> {
        self.mean_ms(self.sum)
    }

    /// Returns the mean of the pauses of each pass in milliseconds.
    pub fn mean_think_ms(&self) -> Option<f64> {
        self.mean_ms(self.think)
    }

    /// Returns the response times.
    pub fn response(&self) -> Histogram<u64> {
        self.response.histogram()
    }

    fn is_consistent(&self) -> bool {
        self.ok <= self.planned
            && self.failed <= self.planned - self.ok
            && (self.ok..=self.ok.saturating_add(self.failed)).contains(&self.timed)
            && self.response().len() == self.timed
            && self.sum <= u128::from(self.timed) * u128::from(self.max.0)
    }
}

/// The timed groups of one interval of the time line, by their numbers. Groups without a pass in it
/// are absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WindowGroups(ByNumber<WindowGroup>);

impl WindowGroups {
    /// Returns the passes through the group with this number, if there are any.
    pub fn get(&self, number: u32) -> Option<&WindowGroup> {
        self.0.get(number)
    }

    /// Records a pass that was intended in the window.
    pub(super) fn record(&mut self, sample: &GroupSample) {
        self.0.entry(sample.group).record(sample);
    }

    /// Counts a successful pass that completed in the window.
    pub(super) fn complete(&mut self, group: u32) {
        self.0.entry(group).ok_completions += 1;
    }

    /// Adds the same interval of another time line.
    pub(super) fn add(&mut self, other: &Self) {
        for (number, theirs) in other.0.iter() {
            self.0.entry(number).add(theirs);
        }
    }

    /// Packs its histograms.
    pub(super) fn pack(&mut self) {
        for own in self.0.values_mut() {
            own.response.pack(&mut Vec::new());
        }
    }

    /// Returns whether its figures agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        self.0.is_sorted() && self.0.values().all(WindowGroup::is_consistent)
    }

    /// Returns the largest of all counts.
    pub(super) fn largest_count(&self) -> u64 {
        let counts = |own: &WindowGroup| own.planned.max(own.ok_completions);
        self.0.values().map(counts).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FailureKind, Windows};
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    fn pass(group: u32, [at, took, think]: [u64; 3], outcome: Outcome) -> GroupSample {
        GroupSample {
            group,
            intended: MS(at),
            completed: MS(at + took),
            think: MS(think),
            outcome,
        }
    }

    fn line(passes: &[GroupSample]) -> Windows {
        let mut windows = Windows::new(MS(100), Nanos::ZERO);
        passes.iter().for_each(|sample| windows.group(sample));
        windows
    }

    /// Returns, of group 3 in each window: planned, ok, failed and completions, and the means of the
    /// response time and the pauses.
    fn seen(windows: &Windows) -> Vec<(i64, [u64; 4], [Option<f64>; 2])> {
        let of = |(index, window): (i64, &super::super::window::Window)| {
            let own = window.groups.as_deref()?.get(3)?;
            let counts = [own.planned, own.ok, own.failed, own.ok_completions];
            Some((index, counts, [own.mean_response_ms(), own.mean_think_ms()]))
        };
        windows.iter().filter_map(of).collect()
    }

    fn passes() -> [GroupSample; 5] {
        [
            pass(3, [90, 60, 20], Outcome::Ok),
            pass(3, [10, 30, 0], Outcome::Failed(FailureKind::Status)),
            pass(3, [20, 30, 0], Outcome::Failed(FailureKind::Data)),
            pass(3, [120, 0, 0], Outcome::Unfinished),
            pass(1, [20, 10, 0], Outcome::Ok),
        ]
    }

    #[test]
    fn a_pass_belongs_to_the_window_in_which_it_was_intended() {
        let line = line(&passes());
        assert_eq!(
            seen(&line),
            [
                (0, [3, 1, 2, 0], [Some(35.0), Some(10.0)]),
                (1, [1, 0, 0, 1], [None, None])
            ]
        );
        assert!(line.is_consistent());
        // Also in a time line of its own.
        let mut whole = Windows::new(MS(100), Nanos::ZERO);
        whole.record_whole(&passes()[0]);
        let counts: Vec<_> = whole
            .iter()
            .map(|(index, own)| (index, own.whole()))
            .map(|(index, own)| (index, own.ok, own.ok_completions, own.mean_ms()))
            .collect();
        assert_eq!(counts, [(0, 1, 0, Some(40.0)), (1, 0, 1, None)]);
        assert!(whole.iter().all(|(_, own)| own.lag().is_empty()));
    }

    #[test]
    fn time_lines_of_groups_add_up_and_survive_being_written() {
        let [first, rest @ ..] = passes();
        let mut sum = line(&[first]);
        sum.add(&line(&rest));
        assert_eq!(seen(&sum), seen(&line(&passes())));
        let text = serde_json::to_string(&sum).expect("text");
        let read: Windows = serde_json::from_str(&text).expect("a time line");
        assert_eq!(seen(&read), seen(&sum));
        sum.widen();
        assert_eq!(seen(&sum), [(0, [4, 1, 2, 1], [Some(35.0), Some(10.0)])]);
        let damaged = text.replacen("\"timed\":2", "\"timed\":1", 1);
        assert_ne!(damaged, text);
        let damaged: Windows = serde_json::from_str(&damaged).expect("a time line");
        assert!(!damaged.is_consistent());
    }
}
