//! [`Faults`]: the latency, failures and capacity that the server was started with.
//!
//! Knows nothing of HTTP: it is told when a request arrives and says when and how to answer it.

use std::cell::{Cell, RefCell};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::options::Options;
use crate::base::{Nanos, Rate, Share};
use crate::plan::Delay;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The moment of the server's clock at which it is handled.
    pub(super) at: Nanos,
    /// Whether it is answered with 500.
    pub(super) fails: bool,
}

/// Determines the fate of each request, in the order of arrival.
pub(super) struct Faults {
    latency: Option<Delay>,
    fail: Share,
    capacity: Option<Queue>,
    random: RefCell<Pcg64Mcg>,
}

impl Faults {
    /// Creates the faults that the options specify.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            latency: options.latency,
            fail: options.fail,
            capacity: options.capacity.map(Queue::new),
            random: RefCell::new(Pcg64Mcg::seed_from_u64(options.seed)),
        }
    }

    /// Returns the fate of a request that arrives at `now`: it waits in the queue, then for the
    /// latency.
    pub(super) fn next(&self, now: Nanos) -> Verdict {
        let turn = self.capacity.as_ref().map_or(now, |queue| queue.next(now));
        let mut random = self.random.borrow_mut();
        let latency = self
            .latency
            .map_or(Nanos::ZERO, |delay| delay.sample(&mut *random));
        let fails = self.fail.0 > 0.0 && random.random::<f64>() < self.fail.0;
        Verdict {
            at: turn + latency,
            fails,
        }
    }
}

/// A single server with a queue: `done = max(arrival, done before) + 1/rate`.
///
/// The queue is unbounded; the clients' connections bound it. A client that hangs up keeps its
/// place, like a request that a real service has started to process.
struct Queue {
    rate: Rate,
    /// When the queue was last empty.
    since: Cell<Nanos>,
    /// The number of requests served, or to be served, since then. The times are computed from it,
    /// because adding up a rounded period would drift.
    taken: Cell<u64>,
}

impl Queue {
    const fn new(rate: Rate) -> Self {
        Self {
            rate,
            since: Cell::new(Nanos::ZERO),
            taken: Cell::new(0),
        }
    }

    /// Returns when a request that arrives at `now` has been served.
    fn next(&self, now: Nanos) -> Nanos {
        if now >= self.since.get() + self.rate.time_of(self.taken.get()) {
            self.since.set(now);
            self.taken.set(0);
        }
        self.taken.set(self.taken.get() + 1);
        self.since.get() + self.rate.time_of(self.taken.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::tests::options;

    #[test]
    fn a_capacity_is_a_single_server_with_a_line() {
        let faults = Faults::new(&Options {
            capacity: Some(Rate::per_second(3)),
            ..options()
        });
        let at = |ms| faults.next(Nanos::from_millis(ms)).at;
        // Three at once, then one that arrives while the queue is not empty.
        assert_eq!(at(1000), Nanos(1_333_333_333));
        assert_eq!(at(1000), Nanos(1_666_666_666));
        assert_eq!(at(1000), Nanos(2_000_000_000));
        assert_eq!(at(1900), Nanos(2_333_333_333));
        // And one that arrives at an empty queue.
        assert_eq!(at(5000), Nanos(5_333_333_333));
    }

    #[test]
    fn draws_depend_on_the_seed_alone() {
        let given = Options {
            latency: Some(Delay::Uniform {
                from: Nanos::from_millis(1),
                to: Nanos::from_millis(9),
            }),
            fail: Share(0.25),
            ..options()
        };
        let draws = |options: &Options| -> Vec<Verdict> {
            let faults = Faults::new(options);
            (0..4000)
                .map(|_| faults.next(Nanos::from_secs(1)))
                .collect()
        };
        let first = draws(&given);
        assert_eq!(first, draws(&given));
        assert_ne!(
            first,
            draws(&Options {
                seed: given.seed + 1,
                ..given
            })
        );
        let failed = first.iter().filter(|v| v.fails).count();
        assert!((900..1100).contains(&failed), "{failed} of 4000 at 25 %");
        assert!(
            first
                .iter()
                .all(|v| (1001..1009).contains(&(v.at.0 / 1_000_000)))
        );
    }
}
