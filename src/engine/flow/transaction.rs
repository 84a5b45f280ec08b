//! A transaction: statements over one connection, which a commit or a rollback ends.

use super::interpreter;
use super::iteration_state::{End, IterationState};
use super::timed_group::GroupRecord;
use crate::engine::connection::user::User;
use crate::engine::draw::Position;
use crate::engine::driver::Driver;
use crate::engine::world::worker::Worker;
use crate::plan::{Step, TimedFlow};

/// Runs a transaction. It is broken if it was not committed.
pub(super) async fn run<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    group: &'a TimedFlow,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let record = GroupRecord::begin(worker, group.group, state);
    let end = within(worker, user, group, position, state).await;
    // Closes its connection, if neither a commit nor a rollback has given it back.
    user.transaction = None;
    record.end(state);
    end
}

async fn within<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    group: &'a TimedFlow,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let Some((begin, inside, commit, rollback)) = group.in_transaction() else {
        return End::Through;
    };
    // The steps inside draw the same as they would outside of a transaction.
    let edge = |number: usize| position.inside(inside.len() + number);
    if statement(worker, user, begin, edge(0), state).await == End::Broken {
        return End::Broken;
    }
    if interpreter::run(worker, user, inside, position, state).await == End::Through {
        return statement(worker, user, commit, edge(1), state).await;
    }
    // Without a connection there is nothing to roll back: the server does that by itself.
    if user.transaction.is_some() {
        statement(worker, user, rollback, edge(2), state).await;
    }
    End::Broken
}

/// Runs a statement that begins or ends the transaction.
async fn statement<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    step: &'a Step,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    state.ended = None;
    match step.operation() {
        Some(operation) => interpreter::operate(worker, user, operation, position, state).await,
        None => End::Through,
    }
}
