//! [`ClaimedNumbers`]: numbers of iterations that a thread has claimed from a counter of all threads.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most numbers that are claimed at once.
const MAX_BLOCK: u64 = 64;
/// A block is at most this part of the numbers that the thread has used. What it has left over at the
/// end of the run is a gap in the numbers of all threads, and gaps must not change in what proportion
/// they choose entries of the mix.
const PART: u64 = 64;

/// The numbers that a thread has claimed and not used yet. If each iteration claimed its own, all
/// cores would write the same cache line at each iteration.
#[derive(Debug, Default)]
pub struct ClaimedNumbers {
    next: Cell<u64>,
    left: Cell<u64>,
    /// The number of numbers used so far.
    used: Cell<u64>,
}

impl ClaimedNumbers {
    /// Takes a number; claims a block of them from `counter`, which advances by `step`, if none is
    /// left.
    pub(super) fn take(&self, counter: &AtomicU64, step: u64) -> u64 {
        let used = self.used.get();
        if self.left.get() == 0 {
            let block = (used / PART).clamp(1, MAX_BLOCK);
            self.next
                .set(counter.fetch_add(block * step, Ordering::Relaxed));
            self.left.set(block);
        }
        let number = self.next.get();
        self.next.set(number + step);
        self.left.set(self.left.get() - 1);
        self.used.set(used + 1);
        number
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn threads_use_each_number_once_and_leave_few_gaps() {
        let counter = AtomicU64::new(3);
        let threads: [ClaimedNumbers; 16] = Default::default();
        let mut seen = HashSet::new();
        // Some are faster than others.
        for (thread, numbers) in threads.iter().enumerate() {
            for _ in 0..1000 * (thread + 1) {
                assert!(seen.insert(numbers.take(&counter, 2)));
            }
        }
        let taken = seen.len() as u64;
        let counted = (counter.load(Ordering::Relaxed) - 3) / 2;
        assert!(seen.iter().all(|number| number % 2 == 1 && *number >= 3));
        assert!(counted - taken <= taken / PART, "{counted} {taken}");
    }

    #[test]
    fn a_thread_alone_counts_without_gaps() {
        let (counter, alone) = (AtomicU64::new(0), ClaimedNumbers::default());
        assert!((0..100_000).all(|number| alone.take(&counter, 1) == number));
    }

    #[test]
    fn hardly_any_iteration_writes_what_all_threads_write() {
        /// Counts the writes by the values that it had.
        fn writes(taken: u64) -> usize {
            let (counter, numbers) = (AtomicU64::new(0), ClaimedNumbers::default());
            let after = (0..taken).map(|_| {
                numbers.take(&counter, 1);
                counter.load(Ordering::Relaxed)
            });
            after.collect::<HashSet<_>>().len()
        }
        let (first, second) = (writes(10_000), writes(20_000));
        assert!(second - first <= 10_000 / MAX_BLOCK as usize + 1);
    }
}
