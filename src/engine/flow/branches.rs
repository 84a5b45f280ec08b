//! [`Branches`]: the branches of a `parallel` or a `race`, as a job for a driver.

use std::sync::atomic::{AtomicU8, Ordering};

use super::first_failure::{FirstFailure, HandsOn, without_thread};
use super::interpreter;
use super::iteration_state::{End, Failures, IterationState};
use crate::engine::connection::user::{BranchScope, User};
use crate::engine::draw::Position;
use crate::engine::driver::{BranchJob, Driver, Local, Until};
use crate::engine::operation::record::Record;
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::World;
use crate::engine::world::worker::Worker;
use crate::plan::Step;
use crate::value::Scope;

/// The state of a branch that has not started.
const WAITING: u8 = 0;
/// The state of a branch that has started.
const BEGUN: u8 = 1;

/// The branches of one group in one iteration.
pub(crate) struct Branches<'b> {
    world: &'b World<'b>,
    steps: &'b [Step],
    position: Position,
    number: u64,
    fresh: bool,
    /// The schedule of the iteration, which the first operation of the first branch takes.
    scheduled: Option<ScheduledIteration>,
    begun: Vec<AtomicU8>,
    failure: FirstFailure,
    /// The values that each branch starts with.
    scope: Scope,
    /// The operation closest to the group.
    last_operation: u32,
}

impl<'b> Branches<'b> {
    /// Creates the branches of the group at `position`.
    fn new<D: Driver>(
        world: &'b World<'b>,
        steps: &'b [Step],
        position: Position,
        state: &mut IterationState<'_, '_, D>,
    ) -> Self {
        // The branches plan their own first operations.
        let first = steps
            .iter()
            .find_map(Step::first_operation)
            .map(|operation| operation.id);
        if let Some(planned) = state
            .planned
            .take_if(|record| Some(record.operation()) == first)
        {
            planned.forget();
        }
        Self {
            world,
            steps,
            position,
            number: state.number,
            fresh: state.fresh,
            scheduled: state.scheduled.take(),
            begun: steps.iter().map(|_| AtomicU8::new(WAITING)).collect(),
            failure: FirstFailure::none(),
            scope: state.scope.branch(),
            last_operation: state.last_operation,
        }
    }
}

/// Runs a group. It is broken if the deciding branches are: the winner of a race, any branch of a
/// `parallel`. A failed operation fails the iteration either way.
pub(crate) async fn run<'b, D: Driver>(
    worker: &Worker<'b, D>,
    user: &mut User<D::Io>,
    steps: &'b [Step],
    position: Position,
    most: usize,
    until: Until,
    state: &mut IterationState<'_, '_, D>,
) -> End {
    let job = &Branches::new(worker.world, steps, position, state);
    let failed = HandsOn {
        of: &job.failure,
        to: &mut state.failures,
    };
    let never_begun = NeverBegun { worker, job };
    let gathered = worker
        .driver
        .gather(job, worker, user.branches(job.steps.len()), most, until)
        .await;
    drop((never_begun, failed));
    // Branches dropped midway may have left a WebSocket or a transaction open.
    user.branches(job.steps.len())
        .iter_mut()
        .for_each(User::hang_up);
    if let Ok(ended) = &gathered {
        // Merged in the order written, so that the order in which the branches ended does not
        // matter.
        for (branch, _) in user
            .branches(ended.len())
            .iter_mut()
            .zip(ended)
            .filter(|(_, ended)| ended.is_some())
        {
            if let Some(scope) = branch.branch_scope.take() {
                state.merge(scope);
            }
        }
    }
    match (gathered, until) {
        (Err(error), _) => {
            let operation = job
                .steps
                .iter()
                .find_map(Step::first_operation)
                .map_or(0, |operation| operation.id);
            without_thread(worker, operation, &mut state.failures, &error)
        }
        (Ok(ended), Until::First | Until::FirstSuccess) if ended.contains(&Some(true)) => {
            End::Through
        }
        (Ok(ended), Until::All | Until::FirstFailure) if !ended.contains(&Some(false)) => {
            End::Through
        }
        (Ok(_), _) => End::Broken,
    }
}

/// A branch that has started. A cancelled branch reports its failure too: what failed before the
/// cancellation has failed.
struct Branch<'a, 'b, 'w, D: Driver> {
    state: IterationState<'b, 'w, D>,
    failure: &'a FirstFailure,
}

impl<D: Driver> Drop for Branch<'_, '_, '_, D> {
    fn drop(&mut self) {
        if let Some(kind) = self.state.failures.first {
            self.failure.note(kind);
        }
    }
}

/// Records on drop the first operations of branches that never started, because their group ended
/// first.
struct NeverBegun<'a, 'b, D: Driver> {
    worker: &'a Worker<'b, D>,
    job: &'a Branches<'b>,
}

impl<D: Driver> Drop for NeverBegun<'_, '_, D> {
    fn drop(&mut self) {
        for (step, begun) in self.job.steps.iter().zip(&self.job.begun) {
            if begun.load(Ordering::SeqCst) == WAITING
                && let Some(operation) = step.first_operation()
            {
                // Dropped at once, and so recorded as skipped.
                Record::new(self.worker, operation.id, self.worker.driver.now());
            }
        }
    }
}

impl<'b, D: Driver> BranchJob<D> for Branches<'b> {
    type User = User<D::Io>;
    type Worker = Worker<'b, D>;

    fn worker(&self, driver: D, thread: usize) -> Worker<'b, D> {
        Worker::new(self.world, driver, thread)
    }

    fn run<'a>(
        &'a self,
        worker: &'a Worker<'b, D>,
        user: &'a mut User<D::Io>,
        index: usize,
    ) -> Local<'a, bool> {
        Box::pin(async move {
            self.begun[index].store(BEGUN, Ordering::SeqCst);
            let step = &self.steps[index..=index];
            let planned = step[0]
                .first_operation()
                .map(|operation| Box::new(Record::new(worker, operation.id, worker.driver.now())));
            let scheduled = self.scheduled.filter(|_| index == 0);
            let (scope, last_operation) = (
                self.scope.clone(),
                step[0]
                    .first_operation()
                    .map_or(self.last_operation, |operation| operation.id),
            );
            let (number, fresh) = (self.number, self.fresh);
            let state = IterationState {
                number,
                fresh,
                scheduled,
                planned,
                failures: Failures::default(),
                think: None,
                ended: None,
                scope,
                kept: None,
                last_operation,
            };
            let mut branch = Branch {
                state,
                failure: &self.failure,
            };
            let end = interpreter::run(
                worker,
                user,
                step,
                self.position.inside(index),
                &mut branch.state,
            )
            .await;
            if let Some(planned) = branch.state.planned.take() {
                planned.forget();
            }
            let (scope, kept) = (
                std::mem::take(&mut branch.state.scope),
                branch.state.kept.take(),
            );
            user.branch_scope = Some(BranchScope { scope, kept });
            end == End::Through
        })
    }
}
