//! [`Sequence`]: the requests of a log in the order of their starts.
//!
//! Servers write lines at the ends of requests and from several processes, so that lines are a little
//! out of order. They pass through three bounded stages: lines are sorted by their time; those of one
//! second are spread in it, if the log does not say more; and requests are sorted by their starts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::stamp::Stamp;

/// The number of lines among which one is sorted.
const WINDOW: usize = 100_000;
/// The maximum number of requests in a second whose parts the log does not say.
const MAX_PER_SECOND: usize = 1 << 20;
const SECOND: i64 = 1_000_000_000;

/// A line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrived {
    /// Its time, in nanoseconds since 1970.
    pub ns: i64,
    /// Its number, from 0: equal times keep the order of the log.
    pub order: u64,
    /// Whether parts of a second are unknown.
    pub is_whole_second: bool,
    /// How long before its time the request started, in nanoseconds.
    pub took_ns: u64,
    /// The first byte of the line.
    pub at: u64,
    /// Its length in bytes.
    pub length: u32,
}

impl Arrived {
    /// Creates it from a line with this time.
    pub(super) fn new(stamp: Stamp, order: u64, took_ns: u64, at: u64, length: u32) -> Self {
        Self {
            ns: stamp.ns,
            order,
            is_whole_second: stamp.is_whole_second,
            took_ns,
            at,
            length,
        }
    }
}

/// A request in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its start, in nanoseconds since 1970.
    pub start_ns: i64,
    /// The first byte of its line.
    pub at: u64,
    /// The length of the line in bytes.
    pub length: u32,
}

/// More requests in one second than can be spread in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Puts the lines of a log into the order of the starts of their requests.
pub(super) struct Sequence<F> {
    seed: u64,
    window: usize,
    by_time: BinaryHeap<Reverse<Arrived>>,
    /// The time of the last line that left the first stage.
    last_ns: Option<i64>,
    /// Lines of one second, whose parts are unknown.
    second: Vec<Arrived>,
    by_start: BinaryHeap<Reverse<(i64, u64, u64, u32)>>,
    /// The last start that left the last stage.
    last_start_ns: i64,
    /// Lines that came too late to be sorted.
    pub late: u64,
    /// Takes the requests in order.
    pub out: F,
}

impl<F: FnMut(Placed)> Sequence<F> {
    /// Creates a sequence that gives the requests to `out`.
    pub(super) fn new(seed: u64, out: F) -> Self {
        Self::with_window(seed, WINDOW, out)
    }

    fn with_window(seed: u64, window: usize, out: F) -> Self {
        Self {
            seed,
            window,
            by_time: BinaryHeap::new(),
            last_ns: None,
            second: Vec::new(),
            by_start: BinaryHeap::new(),
            last_start_ns: i64::MIN,
            late: 0,
            out,
        }
    }

    /// Adds the next line of the log.
    ///
    /// # Errors
    /// If a second has too many.
    pub(super) fn push(&mut self, line: Arrived) -> Result<(), TooMany> {
        if self.last_ns.is_some_and(|last| line.ns < last) {
            self.late += 1;
            return Ok(());
        }
        self.by_time.push(Reverse(line));
        if self.by_time.len() > self.window {
            self.leave_first()?;
        }
        Ok(())
    }

    /// Lets all requests leave that have not; returns how many lines came too late.
    ///
    /// # Errors
    /// If a second has too many.
    pub(super) fn finish(mut self) -> Result<u64, TooMany> {
        while !self.by_time.is_empty() {
            self.leave_first()?;
        }
        self.spread();
        while !self.by_start.is_empty() {
            self.leave_last();
        }
        Ok(self.late)
    }

    fn leave_first(&mut self) -> Result<(), TooMany> {
        let Some(Reverse(line)) = self.by_time.pop() else {
            return Ok(());
        };
        self.last_ns = Some(line.ns);
        if self.second.first().is_some_and(|first| first.ns != line.ns) {
            self.spread();
        }
        if !line.is_whole_second {
            self.start(line, line.ns);
        } else if self.second.len() == MAX_PER_SECOND {
            return Err(TooMany);
        } else {
            self.second.push(line);
        }
        Ok(())
    }

    /// Spreads the lines of a second evenly at random in it, in their order.
    fn spread(&mut self) {
        let lines = std::mem::take(&mut self.second);
        let Some(first) = lines.first() else { return };
        let seed = (first.ns / SECOND) as u64;
        // The golden ratio, as SplitMix64 uses it.
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.seed;
        let mut draws = Pcg64Mcg::seed_from_u64(seed);
        let mut parts: Vec<i64> = lines
            .iter()
            .map(|_| draws.random_range(0..SECOND))
            .collect();
        parts.sort_unstable();
        for (line, part) in lines.into_iter().zip(parts) {
            self.start(line, line.ns.saturating_add(part));
        }
    }

    fn start(&mut self, line: Arrived, at_ns: i64) {
        let start = at_ns.saturating_sub_unsigned(line.took_ns);
        let entry = (start, line.order, line.at, line.length);
        self.by_start.push(Reverse(entry));
        if self.by_start.len() > self.window {
            self.leave_last();
        }
    }

    fn leave_last(&mut self) {
        if let Some(Reverse((start, _, at, length))) = self.by_start.pop() {
            // One that took longer than the window is starts with those that are there.
            self.last_start_ns = self.last_start_ns.max(start);
            (self.out)(Placed {
                start_ns: self.last_start_ns,
                at,
                length,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(order: u64, ns: i64, is_whole_second: bool, took_ns: u64) -> Arrived {
        let stamp = Stamp {
            ns,
            is_whole_second,
        };
        Arrived::new(stamp, order, took_ns, order, 1)
    }

    /// Returns the starts and the lines in order, and how many came too late.
    fn placed(window: usize, lines: &[Arrived]) -> (Vec<(i64, u64)>, u64) {
        let mut all = Vec::new();
        let mut sequence = Sequence::with_window(7, window, |placed: Placed| {
            all.push((placed.start_ns, placed.at))
        });
        for line in lines {
            sequence.push(*line).expect("few");
        }
        let late = sequence.finish().expect("few");
        (all, late)
    }

    #[test]
    fn lines_within_the_window_are_sorted_and_others_counted() {
        let lines: Vec<Arrived> = [30, 10, 20, 50, 40, 5]
            .iter()
            .zip(0..)
            .map(|(ns, order)| line(order, *ns, false, 0))
            .collect();
        let (all, late) = placed(2, &lines);
        assert_eq!(all, [(10, 1), (20, 2), (30, 0), (40, 4), (50, 3)]);
        assert_eq!(late, 1, "the last one");
        assert_eq!(placed(100, &lines).1, 0);
    }

    #[test]
    fn a_request_starts_its_duration_before_its_end() {
        let lines = [
            line(0, 100, false, 0),
            line(1, 110, false, 60),
            line(2, 120, false, 1),
        ];
        assert_eq!(placed(10, &lines).0, [(50, 1), (100, 0), (119, 2)]);
        // One that is longer than the window reaches back is not lost.
        assert_eq!(placed(1, &lines).0.len(), 3);
    }

    #[test]
    fn requests_of_one_second_are_spread_in_it_in_their_order() {
        let lines: Vec<Arrived> = (0..4000)
            .map(|order| line(order, (order as i64 / 1000) * SECOND, true, 0))
            .collect();
        let (all, _) = placed(WINDOW, &lines);
        let orders: Vec<u64> = all.iter().map(|(_, order)| *order).collect();
        assert_eq!(orders, (0..4000).collect::<Vec<u64>>());
        assert!(all.is_sorted());
        for (start, order) in &all {
            assert_eq!(*start / SECOND, *order as i64 / 1000);
        }
        // Evenly: 100 of 1,000 in each tenth, with a standard deviation of 9.5.
        for tenth in 0..40 {
            let within = |(start, _): &&(i64, u64)| start / (SECOND / 10) == tenth;
            let count = all.iter().filter(within).count();
            assert!((60..140).contains(&count), "{tenth}: {count}");
        }
        assert_eq!(placed(WINDOW, &lines), placed(WINDOW, &lines));
    }

    #[test]
    fn a_second_has_no_more_requests_than_can_be_spread() {
        let mut sequence = Sequence::new(1, |_| {});
        let refused = (0..2 * MAX_PER_SECOND as u64)
            .find(|order| sequence.push(line(*order, 0, true, 0)).is_err());
        assert!(refused.is_some());
    }

    proptest! {
        #[test]
        fn starts_never_go_back_and_no_line_is_lost(
            lines in prop::collection::vec((0_i64..5, 0_i64..SECOND, any::<bool>(), 0_u64..3_000_000_000), 0..60),
            window in 1_usize..20,
        ) {
            let lines: Vec<Arrived> = lines
                .iter()
                .zip(0..)
                .map(|((second, part, whole, took), order)| {
                    let part = if *whole { 0 } else { *part };
                    line(order, second * SECOND + part, *whole, *took)
                })
                .collect();
            let (all, late) = placed(window, &lines);
            prop_assert_eq!(all.len() as u64 + late, lines.len() as u64);
            prop_assert!(all.is_sorted_by_key(|(start, _)| *start));
        }
    }
}
