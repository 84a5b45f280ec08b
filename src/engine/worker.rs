//! [`Worker`]: one thread's part in a run.

use super::driver::Driver;
use super::tape::Tape;
use super::world::World;

/// One thread of a run: what its virtual users share.
pub struct Worker<'w, D> {
    /// What all threads share.
    pub world: &'w World<'w>,
    /// This thread's I/O and time.
    pub driver: D,
    /// This thread's samples.
    pub tape: Tape<'w>,
}

impl<'w, D: Driver> Worker<'w, D> {
    /// For the thread with this index.
    pub fn new(world: &'w World<'w>, driver: D, thread: usize) -> Self {
        Self { world, driver, tape: Tape::new(world, world.shard(thread)) }
    }
}
