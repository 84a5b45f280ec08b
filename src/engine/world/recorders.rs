//! [`SharedRecorder`]: what samples are added up in, and how they are split there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::sample_log::SampleBuffer;
use crate::metrics::Recorder;

/// The most recorders. There is one for each core, so that neither a lock nor what it guards passes
/// from one core to another; of more threads than cores, some share one. Even if operations take no
/// time at all, a thread spends only a tenth of its time in a recorder.
pub(super) const MAX_RECORDERS: usize = 64;

/// The live counts of some threads.
#[derive(Default)]
pub(super) struct Gauges {
    pub(super) in_flight: AtomicI64,
    pub(super) active: AtomicI64,
}

/// A recorder that some threads write to, and that a
/// [`crate::engine::observe::collector::Collector`] swaps out now and then.
pub struct SharedRecorder(pub(super) Mutex<Box<Recorder>>);

impl SharedRecorder {
    /// Locks the recorder to fold a tape into it. A recorder poisoned by a panic is still valid for
    /// what it holds.
    pub fn lock(&self) -> MutexGuard<'_, Box<Recorder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the recorder if it is not in use.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Box<Recorder>>> {
        match self.0.try_lock() {
            Ok(recorder) => Some(recorder),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the recorder and leaves another in its place.
    pub fn swap(&self, other: &mut Box<Recorder>) {
        std::mem::swap(&mut *self.lock(), other);
    }
}

/// The sink for one thread's samples and counts.
#[derive(Clone, Copy)]
pub struct SampleSink<'w> {
    /// The recorder that adds up its samples.
    pub recorder: &'w SharedRecorder,
    /// What keeps them one by one, if anybody wants that.
    pub(super) samples: Option<&'w SampleBuffer>,
    pub(super) gauges: &'w Gauges,
}

impl SampleSink<'_> {
    /// Changes the number of operations in flight.
    pub fn flight(&self, by: i64) {
        self.gauges.in_flight.fetch_add(by, Ordering::Relaxed);
    }

    /// Changes the number of virtual users that run an iteration.
    pub fn activity(&self, by: i64) {
        self.gauges.active.fetch_add(by, Ordering::Relaxed);
    }
}
