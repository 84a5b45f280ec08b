//! [`IterationState`]: what an iteration carries through its flow.

use crate::base::Nanos;
use crate::engine::connection::user::BranchScope;
use crate::engine::driver::Driver;
use crate::engine::operation::record::Record;
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailedTry, FailureKind};
use crate::plan::Step;
use crate::result::{Exchange, ExchangeFailure, ExchangeOutcome};
use crate::value::{Scope, UserValues, Value, ValueError};

/// The state that an iteration carries through its flow.
pub(crate) struct IterationState<'a, 'w, D: Driver> {
    /// The iteration's number.
    pub number: u64,
    /// Whether it is the first of its virtual user.
    pub fresh: bool,
    /// The iteration's intended start and queue time, until its first operation takes them.
    pub scheduled: Option<ScheduledIteration>,
    /// The first operation of this branch, recorded as planned when the branch began. Boxed, so
    /// that it does not make every iteration larger.
    pub planned: Option<Box<Record<'a, 'w, D>>>,
    /// The failures of operations, whether or not the flow continued after them.
    pub failures: Failures,
    /// How long the innermost timed group has paused; `None` outside of all of them.
    pub think: Option<Nanos>,
    /// When the last step ended, if that was an operation.
    pub ended: Option<Nanos>,
    /// The values of the iteration.
    pub scope: Scope,
    /// The values that its virtual user keeps; few iterations have any.
    pub kept: Option<Box<UserValues>>,
    /// The operation run last, or the first one to come; a failure between operations is attributed
    /// to it.
    pub last_operation: u32,
}

/// The first failures of an iteration or a branch, and of the part of it in a timed group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    /// The first one.
    pub first: Option<FailureKind>,
    /// The first one since the innermost timed group began.
    pub in_group: Option<FailureKind>,
}

impl Failures {
    /// Notes a failure, after any others.
    pub(crate) fn note(&mut self, kind: FailureKind) {
        self.first.get_or_insert(kind);
        self.in_group.get_or_insert(kind);
    }
}

/// How a sequence of steps ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All steps were run; failures, if any, allowed the flow to continue.
    Through,
    /// A failure ended the sequence.
    Broken,
    /// A step ended the iteration, without a failure.
    Aborted,
}

impl<D: Driver> IterationState<'_, '_, D> {
    /// Fails the iteration because a value that a step needs is not available; the step is broken.
    pub(crate) fn fail(&mut self, worker: &Worker<'_, D>, step: &Step, error: &ValueError) -> End {
        let operation = step
            .first_operation()
            .map_or(self.last_operation, |operation| operation.id);
        let (message, at) = (error.to_string(), worker.driver.now());
        if let Some(log) = &worker.world.exchange_log {
            let begun = log.begin(worker.world.plan, operation, self.number, at);
            log.push(Exchange {
                step: step.name.clone(),
                outcome: ExchangeOutcome::Failed,
                failure: Some(ExchangeFailure {
                    kind: FailureKind::Data.name().into(),
                    message: message.clone(),
                }),
                ..begun
            });
        }
        worker.tape.error(FailedTry {
            kind: FailureKind::Data,
            message,
            operation,
            intended: at,
            at,
            url: None,
        });
        self.failures.note(FailureKind::Data);
        End::Broken
    }

    /// Merges the values that a branch has set, and those that its user keeps.
    pub(crate) fn merge(&mut self, branch: BranchScope) {
        self.scope.merge(&branch.scope);
        if let Some(kept) = branch.kept {
            self.kept.get_or_insert_default().merge(*kept);
        }
    }

    /// Sets a named value.
    pub(crate) fn set(&mut self, worker: &Worker<'_, D>, name: &str, value: Value) {
        if let Some(place) = worker.world.names.place(name) {
            self.scope.set(place, value);
        }
    }
}
