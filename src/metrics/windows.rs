//! [`Windows`]: the time line, in windows of equal width, bounded in number and size.

use std::borrow::Cow;
use std::collections::VecDeque;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::batches::is_doubled;
use super::histogram;
use super::window::Window;
use super::window_steps::{MAX_STEPS, WindowSteps};
use super::{
    Example, GroupSample, MeasureSample, MeasureSet, Outcome, Sample, StreamSample, WindowGroups,
    WindowStreams, exact,
};
use crate::base::Nanos;

/// The maximum number of windows; beyond it, each becomes twice as wide.
pub(crate) const MAX_WINDOWS: usize = 600;

/// The capacity kept for each packed histogram of a window, in bytes: that of a busy service.
const ROOM: usize = 1024;

/// The number of steps of each window with a capacity of their own from the beginning.
const ROOMY_STEPS: usize = 8;

/// The number of windows whose histograms stay open in a time line that others are added to; older
/// ones are packed until a late sample is added.
const OPEN: usize = 3;

/// The maximum number of windows that a cleared time line keeps for reuse.
const MAX_IDLE: usize = 32;

/// The time line of a run, or of a part of it. Window 0 begins at the epoch; the warm-up has
/// negative indices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Windows {
    #[serde(with = "exact::ns")]
    width: Nanos,
    #[serde(with = "exact::ns")]
    epoch: Nanos,
    /// The bits of an operation's id that say to which of the steps of a window it belongs: all of
    /// them, or none.
    #[serde(default)]
    step_bits: u32,
    /// The index of the first window.
    first: i64,
    windows: VecDeque<Window>,
    /// Empty windows for reuse, with their capacity.
    #[serde(skip)]
    idle: Vec<Window>,
    /// The start of the window that was looked up last, and its index: the next instant mostly
    /// falls there too.
    #[serde(skip)]
    found: Option<(u64, usize)>,
    /// Spare capacity for packed histograms.
    #[serde(skip)]
    spare: Vec<Vec<u8>>,
}

impl Windows {
    /// Creates an empty time line.
    pub fn new(width: Nanos, epoch: Nanos) -> Self {
        Self {
            width,
            epoch,
            step_bits: 0,
            first: 0,
            windows: VecDeque::new(),
            idle: Vec::new(),
            found: None,
            spare: Vec::new(),
        }
    }

    /// Also keeps the operations of each step apart, if the plan does not have too many of them:
    /// [`MAX_STEPS`].
    #[must_use]
    pub fn by_step(self, operations: usize) -> Self {
        let step_bits = if operations <= MAX_STEPS { u32::MAX } else { 0 };
        Self { step_bits, ..self }
    }

    /// Returns whether the operations of each step are kept apart.
    pub const fn is_by_step(&self) -> bool {
        self.step_bits > 0
    }

    /// Reserves capacity for a whole run with this number of operations, so that memory does not
    /// grow with its length.
    #[must_use]
    pub fn roomy(self, operations: usize) -> Self {
        // Written to, because the system backs only written pages with memory.
        let room = || {
            let mut bytes = std::hint::black_box(vec![1; ROOM]);
            bytes.clear();
            bytes
        };
        let spare = (0..2 * MAX_WINDOWS).map(|_| room()).collect();
        let mut windows = VecDeque::from(vec![Window::default(); MAX_WINDOWS]);
        windows.clear();
        let steps = if self.is_by_step() { operations } else { 1 };
        let idle = || Window {
            steps: WindowSteps::roomy(steps.min(ROOMY_STEPS)),
            ..Window::default()
        };
        Self {
            windows,
            idle: (0..MAX_WINDOWS).map(|_| idle()).collect(),
            spare,
            ..self
        }
    }

    /// Clears the time line, to record later samples in windows as wide as those of `other`.
    pub fn clear(&mut self, other: &Self) {
        self.width = other.width;
        self.found = None;
        for mut window in self
            .windows
            .drain(..)
            .take(MAX_IDLE.saturating_sub(self.idle.len()))
        {
            window.clear();
            self.idle.push(window);
        }
    }

    /// Returns the width of every window.
    pub const fn width(&self) -> Nanos {
        self.width
    }

    /// Iterates over all windows with their indices, from the earliest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &Window)> {
        self.windows
            .iter()
            .enumerate()
            .map(|(place, window)| (self.first + place as i64, window))
    }

    fn index(&self, at: Nanos) -> i64 {
        // 63 bits of nanoseconds are 292 years, far beyond any instant of a run's clock.
        (at.0 as i64)
            .wrapping_sub(self.epoch.0 as i64)
            .div_euclid(self.width.0 as i64)
    }

    /// Returns the window of this instant, creating it if necessary; widens all windows until it
    /// fits.
    fn at(&mut self, instant: Nanos) -> &mut Window {
        let place = match self.found {
            Some((start, place)) if instant.0.wrapping_sub(start) < self.width.0 => place,
            _ => self.find(instant),
        };
        &mut self.windows[place]
    }

    #[cold]
    fn find(&mut self, instant: Nanos) -> usize {
        let mut index = self.index(instant);
        if self.windows.is_empty() {
            self.first = index;
        }
        loop {
            let first = self.first.min(index);
            let last = (self.first + self.windows.len() as i64 - 1).max(index);
            if usize::try_from(last - first).is_ok_and(|n| n < MAX_WINDOWS) {
                break;
            }
            self.widen();
            index = self.index(instant);
        }
        while index < self.first {
            self.windows.push_front(self.idle.pop().unwrap_or_default());
            self.first -= 1;
        }
        while index >= self.first + self.windows.len() as i64 {
            self.windows.push_back(self.idle.pop().unwrap_or_default());
        }
        let place = (index - self.first) as usize;
        let start = self
            .epoch
            .0
            .wrapping_add_signed(index * self.width.0 as i64);
        self.found = Some((start, place));
        place
    }

    fn pack(&mut self) {
        let old = self.windows.len().saturating_sub(OPEN);
        self.windows
            .iter_mut()
            .take(old)
            .for_each(|window| window.pack(&mut self.spare));
    }

    /// Doubles the width of every window. Window 0 still begins at the epoch.
    pub fn widen(&mut self) {
        self.width = Nanos(self.width.0.saturating_mul(2));
        self.found = None;
        let old = std::mem::replace(&mut self.windows, VecDeque::with_capacity(MAX_WINDOWS));
        let old_first = self.first;
        self.first = old_first.div_euclid(2);
        for (index, mut window) in (old_first..).zip(old) {
            let place = (index.div_euclid(2) - self.first) as usize;
            if place == self.windows.len() {
                self.windows.push_back(window);
            } else {
                let wide = &mut self.windows[place];
                wide.add(&window);
                // Packed at once: hundreds of open histograms would be an unexpected peak of
                // memory.
                wide.pack(&mut self.spare);
                window.recycle(&mut self.spare);
            }
        }
    }

    /// Records one operation.
    pub fn record(&mut self, sample: &Sample) {
        let step = sample.operation & self.step_bits;
        let window = self.at(sample.intended);
        let own = window.steps.entry(step);
        own.count(sample.outcome);
        if sample.outcome.is_timed() {
            own.time(sample.response());
            window.lag.record(sample.lag().0);
        }
        if matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_)) {
            window.statuses.count(sample.status);
        }
        if sample.outcome == Outcome::Ok {
            self.at(sample.completed).steps.entry(step).ok_completions += 1;
        }
    }

    /// Records one pass through a timed group in a time line whose operations are such passes. They
    /// have no lag of their own.
    pub fn record_whole(&mut self, sample: &GroupSample) {
        let own = self.at(sample.intended).steps.entry(0);
        own.count(sample.outcome);
        if sample.outcome.is_timed() {
            own.time(sample.response());
        }
        if sample.outcome == Outcome::Ok {
            self.at(sample.completed).steps.entry(0).ok_completions += 1;
        }
    }

    /// Records the stream of an operation, which is recorded besides.
    pub fn stream(&mut self, sample: &Sample, stream: &StreamSample) {
        if !sample.outcome.is_timed() {
            return;
        }
        self.streams_at(sample.intended).record(sample, stream);
        if sample.outcome == Outcome::Ok
            && let Some(units) = stream.units
        {
            self.streams_at(sample.completed).units += units;
        }
    }

    /// Records what was read from the response to an operation planned at `intended`.
    pub fn measured(&mut self, intended: Nanos, samples: &[MeasureSample]) {
        let window = self.at(intended);
        window.measures.get_or_insert_default().record(samples);
    }

    /// Records one pass through a timed group, whose operations are recorded besides.
    pub fn group(&mut self, sample: &GroupSample) {
        self.groups_at(sample.intended).record(sample);
        if sample.outcome == Outcome::Ok {
            self.groups_at(sample.completed).complete(sample.group);
        }
    }

    fn groups_at(&mut self, instant: Nanos) -> &mut WindowGroups {
        self.at(instant).groups.get_or_insert_default()
    }

    fn streams_at(&mut self, instant: Nanos) -> &mut WindowStreams {
        self.at(instant).streams.get_or_insert_default()
    }

    /// Offers an operation, which is recorded besides, as an example.
    pub fn example(&mut self, example: &Example) {
        let window = self.at(example.intended);
        window.examples.get_or_insert_default().offer(example);
    }

    /// Replaces every text that came from a server or from the scenario.
    pub(super) fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        let examples = self
            .windows
            .iter_mut()
            .filter_map(|own| own.examples.as_mut());
        examples.for_each(|own| own.map_texts(map));
    }

    /// Records an iteration refused at this moment.
    pub fn refuse(&mut self, at: Nanos) {
        self.at(at).refused += 1;
    }

    /// Adds another time line of the same run; the narrower one is widened first. Afterwards it has
    /// every window from the epoch on.
    pub fn add(&mut self, other: &Self) {
        let Some(last) = other.windows.len().checked_sub(1) else {
            if !self.windows.is_empty() {
                self.at(self.epoch);
            }
            return;
        };
        let mut other = Cow::Borrowed(other);
        while self.width < other.width {
            self.widen();
        }
        // Making room for either end may widen the windows, and then the other time line must
        // follow.
        for end in [other.first.min(0), other.first + last as i64] {
            let start = i128::from(self.epoch.0) + i128::from(end) * i128::from(other.width.0);
            self.at(Nanos(u64::try_from(start.max(0)).unwrap_or(u64::MAX)));
        }
        while other.width < self.width {
            other.to_mut().widen();
        }
        for (index, window) in (other.first..).zip(&other.windows) {
            let place = (index - self.first) as usize;
            if let Some(mine) = self.windows.get_mut(place) {
                mine.add(window);
            }
        }
        self.pack();
    }

    /// Returns whether the figures of its steps, streams, measures and groups agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        let mut steps = self.windows.iter().map(|own| &own.steps);
        let streams = self.windows.iter().filter_map(|own| own.streams.as_deref());
        let measures = self
            .windows
            .iter()
            .filter_map(|own| own.measures.as_deref());
        let groups = self.windows.iter().filter_map(|own| own.groups.as_deref());
        steps.all(WindowSteps::is_consistent)
            && streams.into_iter().all(WindowStreams::is_consistent)
            && measures.into_iter().all(MeasureSet::is_consistent)
            && groups.into_iter().all(WindowGroups::is_consistent)
    }

    /// Returns whether this is a time line of the same run as `other`, which is empty.
    pub(super) fn fit(&self, other: &Self) -> bool {
        // The furthest that an instant can be from the epoch.
        let bound = i64::MAX / self.width.0.max(1) as i64;
        self.epoch == other.epoch
            && self.step_bits == other.step_bits
            && is_doubled(self.width, other.width)
            && self.windows.len() <= MAX_WINDOWS
            && (-bound..bound - MAX_WINDOWS as i64).contains(&self.first)
    }

    /// Returns the response times and lag of the last windows that had completions, up to `count`
    /// of them, merged, for a progress line.
    pub fn recent(&self, count: usize) -> (Histogram<u64>, Histogram<u64>) {
        let (mut response, mut lag) = (histogram::window(), histogram::window());
        for window in self
            .windows
            .iter()
            .rev()
            .filter(|w| w.timed() > 0)
            .take(count)
        {
            histogram::add(&mut response, &window.whole().response());
            histogram::add(&mut lag, &window.lag());
        }
        (response, lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FailureKind;
    use crate::metrics::window::{aligned, width_for};
    use proptest::prelude::*;

    const EPOCH: Nanos = Nanos::from_secs(1);

    fn sample(intended: Nanos, response: Nanos) -> Sample {
        Sample {
            completed: intended + response,
            outcome: Outcome::Ok,
            ..Sample::planned(0, intended)
        }
    }

    /// Returns the observable content of a time line.
    fn seen(windows: &Windows) -> Vec<(i64, u64, u64, Histogram<u64>)> {
        windows
            .iter()
            .map(|(i, w)| (i, w.whole()))
            .filter(|(_, w)| w.planned + w.ok_completions > 0)
            .map(|(i, w)| (i, w.planned, w.ok_completions, w.response()))
            .collect()
    }

    #[test]
    fn a_width_that_gives_at_least_twenty() {
        assert_eq!(width_for(Some(Nanos::from_secs(600))), Nanos::from_secs(1));
        assert_eq!(width_for(Some(Nanos::from_secs(20))), Nanos::from_secs(1));
        assert_eq!(
            width_for(Some(Nanos::from_secs(2))),
            Nanos::from_millis(100)
        );
        assert_eq!(width_for(None), Nanos::from_millis(10));
    }

    #[test]
    fn operations_belong_to_their_intended_window_and_throughput_to_the_completion() {
        let mut windows = Windows::new(Nanos::from_millis(100), EPOCH);
        windows.record(&sample(
            EPOCH + Nanos::from_millis(50),
            Nanos::from_millis(120),
        ));
        windows.record(&sample(
            EPOCH - Nanos::from_millis(1),
            Nanos::from_millis(2),
        ));
        let shape: Vec<_> = seen(&windows)
            .into_iter()
            .map(|(i, planned, done, _)| (i, planned, done))
            .collect();
        assert_eq!(shape, [(-1, 1, 0), (0, 1, 1), (1, 0, 1)]);
    }

    #[test]
    fn what_could_not_be_made_counts_as_failed_and_shortens_no_time() {
        let mut windows = Windows::new(Nanos::from_millis(100), EPOCH);
        windows.record(&sample(EPOCH, Nanos::from_millis(10)));
        windows.record(&Sample {
            outcome: Outcome::Failed(FailureKind::Data),
            ..sample(EPOCH, Nanos::from_secs(3))
        });
        let (_, own) = windows.iter().next().expect("one");
        let window = own.whole();
        assert_eq!(
            (window.ok, window.failed, window.timed(), window.mean_ms()),
            (1, 1, 1, Some(10.0))
        );
        assert_eq!(
            (window.max, window.response().len(), own.lag().len()),
            (Nanos::from_millis(10), 1, 1)
        );
        let mut unsent = Windows::new(Nanos::from_millis(100), EPOCH);
        unsent.record(&Sample {
            outcome: Outcome::Failed(FailureKind::Data),
            ..sample(EPOCH, Nanos(1))
        });
        assert!(
            unsent
                .iter()
                .all(|(_, own)| own.whole().mean_ms().is_none())
                && unsent.recent(2).0.is_empty()
        );
    }

    #[test]
    fn windows_that_are_asked_for_can_be_cut_however_often_they_widened() {
        let ms = Nanos::from_millis;
        for (width, asked, expected) in [
            (1000, &[][..], ms(1000)),
            (1000, &[10_000], ms(625)),
            (1000, &[1000, 5000], ms(1000)),
            (50, &[200, 300], ms(50)),
            (10, &[100], Nanos(6_250_000)),
        ] {
            let aligned = aligned(ms(width), asked.iter().map(|length| ms(*length)));
            assert_eq!(aligned, expected, "{width} {asked:?}");
            for length in asked {
                let widened = (0..)
                    .map(|times| aligned.0 << times)
                    .take_while(|width| *width <= ms(100).0);
                assert!(
                    widened
                        .into_iter()
                        .all(|width| ms(*length).0.is_multiple_of(width)),
                    "{width} {asked:?}"
                );
            }
        }
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let mut windows = Windows::new(Nanos::from_millis(10), EPOCH);
        for second in 0..3600 {
            windows.record(&sample(
                EPOCH + Nanos::from_secs(second),
                Nanos::from_millis(1),
            ));
        }
        assert!(windows.iter().count() <= MAX_WINDOWS);
        assert_eq!(
            windows.iter().map(|(_, w)| w.whole().planned).sum::<u64>(),
            3600
        );
        assert_eq!(windows.width(), Nanos::from_millis(10 * 1024));
    }

    proptest! {
        // Each case moves megabytes of histograms in a debug build.
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn adding_equals_recording_everything_in_one(
            a in prop::collection::vec((0u64..20_000, 1u64..3_000), 0..40),
            b in prop::collection::vec((0u64..20_000, 1u64..3_000), 0..40),
        ) {
            let fill = |values: &[(u64, u64)]| {
                let mut windows = Windows::new(Nanos::from_millis(10), EPOCH);
                for (at, took) in values {
                    windows.record(&sample(Nanos::from_millis(*at), Nanos::from_millis(*took)));
                }
                windows
            };
            let mut sum = fill(&a);
            sum.add(&fill(&b));
            let mut one = fill(&[a, b].concat());
            // The two may have widened at different moments; their content must agree at one width.
            while sum.width() < one.width() { sum.widen(); }
            while one.width() < sum.width() { one.widen(); }
            prop_assert_eq!(seen(&sum), seen(&one));
        }
    }
}
