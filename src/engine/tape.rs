//! [`Tape`]: the samples that a thread has not yet handed over.
//!
//! A thread writes samples to its own tape and folds a full one into a recorder, so the recorder's lock is
//! taken once for many samples, and a histogram's pages are touched in one go.

use std::cell::RefCell;

use super::world::{Shard, World};
use crate::base::Nanos;
use crate::metrics::{FailedTry, IterationSample, Outcome, Sample, TagValue};

/// A tape of so many samples is full: few enough that they are still in the nearest cache when they are folded.
const FULL: usize = 16;
/// A tape is handed over at least so often while samples come, so that progress can be seen.
const PATIENCE: Nanos = Nanos::from_millis(50);
/// After an operation as long as this a hand-over costs nothing that matters, and comes as soon as the thread has time.
const LONG: Nanos = Nanos::from_millis(5);

/// The outcomes of the checks of one operation.
struct Checked {
    operation: u32,
    intended: Nanos,
    passed: Vec<bool>,
}

#[derive(Default)]
struct Pending {
    operations: Vec<Sample>,
    iterations: Vec<IterationSample>,
    errors: Vec<FailedTry>,
    checked: Vec<Checked>,
    tagged: Vec<(Sample, Vec<TagValue>)>,
    pushed: Vec<(u32, Nanos, u64)>,
    handed_over: Nanos,
    /// There is a long operation on it.
    long: bool,
}

/// One thread's samples on their way to a recorder.
pub struct Tape<'w> {
    world: &'w World<'w>,
    shard: Shard<'w>,
    /// Nobody else on this thread has anything to write after a long operation.
    alone: bool,
    pending: RefCell<Pending>,
}

impl<'w> Tape<'w> {
    /// An empty tape that goes to `shard`; `alone`: of a thread that waits as soon as it has written. Others say when they do:
    /// [`Self::rest`].
    pub fn new(world: &'w World<'w>, shard: Shard<'w>, alone: bool) -> Self {
        Self { world, shard, alone, pending: RefCell::default() }
    }

    /// The shard that this tape goes to.
    pub const fn shard(&self) -> Shard<'w> {
        self.shard
    }

    /// Writes an operation down.
    pub fn operation(&self, sample: Sample) {
        let pending = &mut *self.pending.borrow_mut();
        pending.operations.push(sample);
        let completed = matches!(sample.outcome, Outcome::Ok | Outcome::Failed(_));
        pending.long |= completed && sample.service() >= LONG;
        let due = completed && sample.completed - pending.handed_over >= PATIENCE;
        if due || (pending.long && self.alone) || pending.operations.len() >= FULL {
            self.hand_over(pending);
            pending.handed_over = sample.completed;
        }
    }

    /// The thread has nothing else to do now.
    pub fn rest(&self) {
        let pending = &mut *self.pending.borrow_mut();
        if pending.long {
            self.hand_over(pending);
        }
    }

    /// Writes down how the checks of an operation went. It goes over with the operation.
    pub fn checks(&self, operation: u32, intended: Nanos, passed: Vec<bool>) {
        self.pending.borrow_mut().checked.push(Checked { operation, intended, passed });
    }

    /// Writes down the values of an operation's tags. They go over with the operation.
    pub fn tags(&self, sample: Sample, values: Vec<TagValue>) {
        self.pending.borrow_mut().tagged.push((sample, values));
    }

    /// Writes down messages that a server has pushed over what an operation has opened. They go over with the next
    /// operation or iteration.
    pub fn pushes(&self, operation: u32, now: Nanos, count: u64) {
        if count > 0 {
            self.pending.borrow_mut().pushed.push((operation, now, count));
        }
    }

    /// Writes an iteration down. It goes over with the operations.
    pub fn iteration(&self, sample: IterationSample) {
        let pending = &mut *self.pending.borrow_mut();
        pending.iterations.push(sample);
        if pending.iterations.len() >= FULL {
            self.hand_over(pending);
        }
    }

    /// Writes down a failed try.
    pub fn error(&self, failed: FailedTry) {
        self.pending.borrow_mut().errors.push(failed);
    }

    fn hand_over(&self, pending: &mut Pending) {
        if pending.operations.is_empty() && pending.iterations.is_empty() && pending.pushed.is_empty() {
            return;
        }
        pending.long = false;
        let window_end = self.world.stop.end();
        let mut recorder = self.shard.recorder();
        for sample in &pending.operations {
            recorder.operation(sample, window_end);
        }
        pending.operations.clear();
        for sample in &pending.iterations {
            recorder.iteration(sample);
        }
        pending.iterations.clear();
        for error in pending.errors.drain(..) {
            recorder.error(error);
        }
        for checked in pending.checked.drain(..) {
            recorder.checks(checked.operation, checked.intended, &checked.passed);
        }
        for (operation, at, count) in pending.pushed.drain(..) {
            recorder.pushes(operation, at, count);
        }
        for (sample, values) in pending.tagged.drain(..) {
            recorder.tags(&sample, values, window_end);
        }
    }
}

impl Drop for Tape<'_> {
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut *self.pending.borrow_mut());
        self.hand_over(&mut pending);
    }
}
