//! A transaction: statements over one connection, which a commit or a rollback ends.

use super::interpreter;
use super::iteration_state::{End, IterationState};
use crate::engine::connection::user::User;
use crate::engine::draw::Position;
use crate::engine::driver::Driver;
use crate::engine::world::worker::Worker;
use crate::plan::{Step, TransactionSteps};

/// Runs the parts of a transaction: what begins it, the steps inside, what commits it and what rolls
/// it back. It is broken if it was not committed.
pub(super) async fn run<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    (begin, inside, commit, rollback): TransactionSteps<'a>,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    // The steps inside draw the same as they would outside of a transaction.
    let edge = |number: usize| position.inside(inside.len() + number);
    let mut end = statement(worker, user, begin, edge(0), state).await;
    if end == End::Through {
        end = interpreter::run(worker, user, inside, position, state).await;
        if end == End::Through {
            end = statement(worker, user, commit, edge(1), state).await;
        } else if user.transaction.is_some() {
            // Without a connection there is nothing to roll back: the server does that by itself.
            statement(worker, user, rollback, edge(2), state).await;
        }
    }
    // Closes its connection, if neither a commit nor a rollback has given it back.
    user.transaction = None;
    end
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
