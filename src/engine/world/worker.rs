//! [`Worker`]: one thread's part in a run.

use std::sync::Arc;

use super::World;
use super::tape::Tape;
use crate::base::Nanos;
use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::driver::Driver;
use crate::engine::schedule::claimed_numbers::ClaimedNumbers;
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::value::Facts;

/// The time between two looks at how late streams are read.
const READING_INTERVAL: Nanos = Nanos::from_millis(2);

/// The state of one thread of a run, shared by its virtual users.
pub struct Worker<'w, D> {
    /// The state shared by all threads.
    pub world: &'w World<'w>,
    /// This thread's I/O and time.
    pub driver: D,
    /// This thread's samples.
    pub tape: Tape<'w>,
    /// Its index.
    pub thread: usize,
    /// The iterations that it has claimed.
    pub claimed: ClaimedNumbers,
}

impl<'w, D: Driver> Worker<'w, D> {
    /// Creates the worker of the thread with this index.
    pub fn new(world: &'w World<'w>, driver: D, thread: usize) -> Self {
        Self {
            world,
            driver,
            tape: Tape::new(world, world.sink(thread), !D::TAKES_TURNS),
            thread,
            claimed: ClaimedNumbers::default(),
        }
    }

    /// Never returns once the run is over, unless the teardown of a user waits. When threads are cancelled one after another, the permits
    /// of the first ones wake those that wait for them, which must not start anything any more.
    pub(crate) async fn wait_if_over(&self, is_leaving: bool) {
        if !is_leaving && self.world.stop.is_over() {
            std::future::pending().await
        }
    }

    /// Looks again and again at how late this thread wakes up, and records that while streams are
    /// open: how long bytes lay in a socket is unknown, but how late what reads them gets its turn is
    /// not. Never returns.
    pub(crate) async fn watch_reading(&self) {
        let mut due = self.driver.now() + READING_INTERVAL;
        loop {
            self.driver.sleep_until(due).await;
            let now = self.driver.now();
            let is_any_open = self.world.streams.is_any_open();
            // Every look that was missed counts: a long stall is not one late look, but many.
            while due <= now {
                if is_any_open {
                    self.tape.reading(due, now - due);
                }
                due += READING_INTERVAL;
            }
        }
    }

    /// Returns the time of day, in milliseconds since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.world.unix_ms + self.driver.now().0 / 1_000_000
    }

    /// Returns the facts that functions called at this place of an iteration depend on.
    pub fn facts(&self, iteration: u64, position: Position, purpose: Purpose) -> Arc<Facts> {
        // The numbers of a warm-up are far above those of the run, and are kept as they are.
        let seq = if iteration < WARMUP_NUMBERS {
            iteration + 1
        } else {
            iteration
        };
        Arc::new(Facts::new(
            generator(self.world.plan.seed, iteration, position, purpose),
            seq,
            self.unix_ms(),
        ))
    }
}
