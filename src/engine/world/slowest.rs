//! [`Slowest`]: how long an operation must take to become an example.
//!
//! Every operation is compared with what the run has seen, and only one that is slower than all
//! others of its step or of its window pays for more. Of n operations in random order, those are
//! ln n. The threads share what they compare with, because each of them alone would have to see
//! many operations before few are slower. It is mostly read, so no cache line passes between cores.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::assembly::{stages, window_width};
use crate::base::Nanos;
use crate::metrics::{Among, Stages};
use crate::plan::Plan;

/// The number of windows that are known at a time: operations of as many may end side by side.
const RECENT: usize = 64;
/// The bits of a window that hold its longest time; the rest hold what tells it from others.
const TIME_BITS: u32 = 48;
const MAX_TIME: u64 = (1 << TIME_BITS) - 1;

/// The longest response times so far, by step and by window.
pub struct Slowest {
    epoch: Nanos,
    stages: Stages,
    /// The width of a window at the beginning.
    narrow: u64,
    /// The width of a window now, as a multiple of that.
    widened: AtomicU64,
    boards: [Board; Among::COUNT],
}

/// The longest response times of operations of one sort.
struct Board {
    /// By operation id.
    steps: Vec<AtomicU64>,
    windows: [AtomicU64; RECENT],
}

impl Slowest {
    /// Creates it for a run of which nothing is known.
    pub(super) fn new(plan: &Plan) -> Self {
        let steps = plan.operations().count();
        Self {
            epoch: plan.load.warmup,
            stages: stages(&plan.load),
            narrow: window_width(plan).0,
            widened: AtomicU64::new(1),
            boards: array::from_fn(|_| Board {
                steps: (0..steps).map(|_| AtomicU64::new(0)).collect(),
                windows: array::from_fn(|_| AtomicU64::new(0)),
            }),
        }
    }

    /// Notes how wide windows have become, so that fewer operations are the slowest of theirs.
    pub(crate) fn widen(&self, width: Nanos) {
        self.widened
            .store((width.0 / self.narrow).max(1), Ordering::Relaxed);
    }

    /// Returns whether an operation is measured, and slower than all others of its step or of its
    /// window among those of its sort that are known.
    #[inline]
    pub(crate) fn is_beaten(
        &self,
        operation: u32,
        intended: Nanos,
        response: Nanos,
        among: Among,
    ) -> bool {
        let board = &self.boards[among as usize];
        let longest = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let (place, mark) = self.window(intended);
        let window = longest(&board.windows[place]);
        let is_slower = response.0 > longest(&board.steps[operation as usize])
            || window & !MAX_TIME != mark
            || response.0 > window & MAX_TIME;
        is_slower && self.measures(intended)
    }

    /// Notes an operation that has become an example of its sort.
    pub(crate) fn raise(&self, operation: u32, intended: Nanos, response: Nanos, among: Among) {
        let board = &self.boards[among as usize];
        board.steps[operation as usize].fetch_max(response.0, Ordering::Relaxed);
        let (place, mark) = self.window(intended);
        let own = mark | response.0.min(MAX_TIME);
        // One that another thread notes meanwhile may be lost. Then more operations become examples
        // than needed.
        let window = &board.windows[place];
        let known = window.load(Ordering::Relaxed);
        if known & !MAX_TIME != mark || known < own {
            window.store(own, Ordering::Relaxed);
        }
    }

    #[cold]
    fn measures(&self, at: Nanos) -> bool {
        at >= self.epoch && self.stages.measures(at)
    }

    /// Returns the place of the window of this moment, and the mark that it has there: its beginning
    /// in narrow windows. A time noted with this mark before windows became wider is that of an
    /// operation of the wide one, too.
    #[inline]
    fn window(&self, at: Nanos) -> (usize, u64) {
        let widened = self.widened.load(Ordering::Relaxed);
        let index = at.0.wrapping_sub(self.epoch.0) / (self.narrow * widened);
        (index as usize % RECENT, (index * widened) << TIME_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fixture;

    fn plan(load: &str) -> Plan {
        fixture::plan(&format!(
            "{{name: t, mix: [{{name: m, flow: [{{sleep: 1ms}}, {{sleep: 2ms}}]}}], load: {load}}}"
        ))
    }

    /// Offers an operation; returns whether it became an example.
    fn offer(slowest: &Slowest, operation: u32, at_ms: u64, response: u64) -> bool {
        let (at, response) = (Nanos::from_millis(at_ms), Nanos(response));
        let is_beaten = slowest.is_beaten(operation, at, response, Among::All);
        if is_beaten {
            slowest.raise(operation, at, response, Among::All);
        }
        is_beaten
    }

    #[test]
    fn an_operation_must_be_slower_than_all_others_of_its_step_or_of_its_window() {
        // Windows of a second.
        let plan = plan("{vus: 1, duration: 100s, warmup: 2s}");
        let slowest = Slowest::new(&plan);
        assert!(!offer(&slowest, 0, 1_999, 50), "a warm-up is not measured");
        assert!(offer(&slowest, 0, 2_000, 5));
        assert!(!offer(&slowest, 0, 2_999, 5), "not slower");
        assert!(!offer(&slowest, 0, 2_500, 4));
        assert!(offer(&slowest, 1, 2_500, 3), "the first of its step");
        assert!(!offer(&slowest, 1, 2_600, 2));
        assert!(offer(&slowest, 1, 3_000, 1), "the first of its window");
        assert!(offer(&slowest, 0, 2_600, 6), "late, of a window before");
        assert!(!offer(&slowest, 1, 3_001, 1));
        assert!(offer(&slowest, 0, 3_001, 2));
        let among = Among::Failed;
        assert!(slowest.is_beaten(0, Nanos::from_secs(2), Nanos(1), among));
    }

    #[test]
    fn windows_become_wider_with_those_of_the_run() {
        let plan = plan("{vus: 1, duration: 100s}");
        let slowest = Slowest::new(&plan);
        assert!(offer(&slowest, 0, 4_000, 9) && offer(&slowest, 0, 5_000, 8));
        slowest.widen(Nanos::from_secs(4));
        assert!(offer(&slowest, 0, 5_500, 8), "the first of a wide window");
        assert!(!offer(&slowest, 0, 7_999, 8), "4 to 8 s has one");
        assert!(offer(&slowest, 0, 9_000, 7));
        assert!(!offer(&slowest, 0, 11_000, 7) && offer(&slowest, 0, 12_000, 7));
    }

    #[test]
    fn what_is_planned_in_a_stage_that_is_not_measured_is_no_example() {
        let plan =
            plan("{stages: [{duration: 10s, vus: 1, measure: false}, {duration: 10s, vus: 1}]}");
        let slowest = Slowest::new(&plan);
        assert!(!offer(&slowest, 0, 9_999, 50));
        assert!(offer(&slowest, 0, 10_000, 1));
    }
}
