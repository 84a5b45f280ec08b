//! [`GroupRecord`]: what is recorded of a timed group, whatever happens to it.

use super::iteration_state::IterationState;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailureKind, GroupSample, Outcome};

/// Records a timed group on drop: if it has not ended, as unfinished at the end of the drain, and as
/// cancelled before that.
pub(super) struct GroupRecord<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    sample: GroupSample,
    /// The pauses and the first failure of the group around it, so far.
    outer: (Option<Nanos>, Option<FailureKind>),
}

impl<'a, 'w, D: Driver> GroupRecord<'a, 'w, D> {
    /// Begins the record of a group whose steps are about to run.
    pub(super) fn begin(
        worker: &'a Worker<'w, D>,
        group: u32,
        state: &mut IterationState<'_, '_, D>,
    ) -> Self {
        // The first operation of an iteration has the iteration's time.
        let scheduled = state.scheduled.as_ref();
        let intended = scheduled.map_or_else(|| worker.driver.now(), |own| own.intended);
        let think = state.think.replace(Nanos::ZERO);
        Self {
            worker,
            sample: GroupSample {
                group,
                intended,
                completed: intended,
                think: Nanos::ZERO,
                outcome: Outcome::Unfinished,
            },
            outer: (think, state.failures.in_group.take()),
        }
    }

    /// Ends the record, after the steps of the group.
    pub(super) fn end(mut self, state: &mut IterationState<'_, '_, D>) {
        let (think, failure) = self.outer;
        let own = state.think.take().unwrap_or(Nanos::ZERO);
        state.think = think.map(|before| before + own);
        let failed = state.failures.in_group;
        state.failures.in_group = failure.or(failed);
        self.sample.think = own;
        self.sample.completed = state.ended.unwrap_or_else(|| self.worker.driver.now());
        self.sample.outcome = failed.map_or(Outcome::Ok, Outcome::Failed);
    }
}

impl<D: Driver> Drop for GroupRecord<'_, '_, D> {
    fn drop(&mut self) {
        if self.sample.outcome == Outcome::Unfinished && !self.worker.world.stop.is_over() {
            self.sample.outcome = Outcome::Cancelled;
        }
        self.worker.tape.group(self.sample);
    }
}
