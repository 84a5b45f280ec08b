//! [`FirstFailure`]: what failed first among branches that run side by side.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use super::iteration_state::{End, Failures};
use crate::engine::driver::Driver;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailedTry, FailureKind};

/// Says that nothing has failed.
const NONE: u8 = u8::MAX;

/// The first failure of several branches, as an index into [`FailureKind::ALL`].
pub(super) struct FirstFailure(AtomicU8);

impl FirstFailure {
    pub(super) const fn none() -> Self {
        Self(AtomicU8::new(NONE))
    }

    /// Notes a failure, unless there was one before.
    pub(super) fn note(&self, kind: FailureKind) {
        let order = Ordering::SeqCst;
        let _ = self.0.compare_exchange(NONE, kind as u8, order, order);
    }

    /// Returns the first failure, if any.
    pub(super) fn kind(&self) -> Option<FailureKind> {
        let index = self.0.load(Ordering::SeqCst);
        FailureKind::ALL.get(usize::from(index)).copied()
    }
}

/// Hands the first failure of a group to the surrounding state on drop, even if the group itself is
/// cancelled.
pub(super) struct HandsOn<'a> {
    /// The failure of the group.
    pub of: &'a FirstFailure,
    /// Where it goes.
    pub to: &'a mut Failures,
}

impl Drop for HandsOn<'_> {
    fn drop(&mut self) {
        if let Some(kind) = self.of.kind() {
            self.to.note(kind);
        }
    }
}

/// Records that a branch got no thread, which breaks the group of this operation.
pub(super) fn without_thread<D: Driver>(
    worker: &Worker<'_, D>,
    operation: u32,
    failures: &mut Failures,
    error: &io::Error,
) -> End {
    let at = worker.driver.now();
    worker.tape.error(FailedTry {
        kind: FailureKind::Other,
        message: format!("the system refused to create a thread for a branch: {error}"),
        operation,
        intended: at,
        at,
        url: None,
    });
    failures.note(FailureKind::Other);
    End::Broken
}
