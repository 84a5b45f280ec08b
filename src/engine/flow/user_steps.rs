//! The setup and the teardown of virtual users: steps of a mix entry that a user runs before its
//! first iteration of the entry, and when it stops.
//!
//! A setup belongs to the iteration before which it runs: its first operation is the one that was
//! planned, with the lag and the queue time of the iteration, and the time of the iteration begins
//! when it has ended. A teardown belongs to no iteration, and has a time of its own.

use std::pin::pin;
use std::sync::atomic::Ordering;

use super::interpreter;
use super::iteration_state::{End, Failures, IterationState};
use crate::base::Nanos;
use crate::engine::connection::user::User;
use crate::engine::draw::Position;
use crate::engine::driver::{Driver, within};
use crate::engine::world::worker::Worker;
use crate::plan::{MixEntry, Step};

/// How long the teardown of a user may take.
pub(crate) const TEARDOWN_TIMEOUT: Nanos = Nanos::from_secs(5);

/// The places of both in a mix entry, beside those of the steps of its flow, so that they draw
/// something else.
const SETUP: usize = usize::MAX;
const TEARDOWN: usize = usize::MAX - 1;

/// Notes that a user begins an iteration of an entry; returns whether it has to run its setup first.
pub(super) fn begins<Io>(user: &mut User<Io>, mix: usize, entry: &MixEntry, number: u64) -> bool
where
    Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    if entry.setup.is_empty() && entry.teardown.is_empty() {
        return false;
    }
    user.last = number;
    if user.begun.contains(&mix) {
        return false;
    }
    user.begun.push(mix);
    !entry.setup.is_empty()
}

/// Runs the setup of a user for the entry whose first iteration it begins. The user keeps what it
/// sets and captures, even if it fails.
pub(super) async fn set_up<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    mix: usize,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let steps = &worker.world.plan.mix[mix].setup;
    // A branch of the scope records what is set.
    let branch = state.scope.branch();
    let before = std::mem::replace(&mut state.scope, branch);
    let position = Position::default().inside(mix).inside(SETUP);
    let end = pin!(interpreter::run(worker, user, steps, position, state)).await;
    let branch = std::mem::replace(&mut state.scope, before);
    state.scope.merge(&branch);
    // At once: the teardown needs it even if the end of the run cuts this iteration.
    branch.keep(user.kept.get_or_insert_default());
    end
}

/// Runs the teardowns of a user that stops, until a moment at the latest.
pub(super) async fn tear_down<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    latest: Nanos,
) {
    user.is_leaving = true;
    while !user.begun.is_empty() {
        let mix = user.begun.remove(0);
        let steps = &worker.world.plan.mix[mix].teardown;
        if steps.is_empty() {
            continue;
        }
        let deadline = latest.min(worker.driver.now() + TEARDOWN_TIMEOUT);
        let run = Box::pin(leave(worker, user, mix, steps));
        if within(&worker.driver, deadline, run).await.is_none() {
            worker.world.cut_teardowns.fetch_add(1, Ordering::Relaxed);
            // What was cut may be in the middle of an exchange.
            user.hang_up();
        }
        user.end_iteration();
    }
}

async fn leave<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    mix: usize,
    steps: &[Step],
) {
    let mut scope = worker.world.names.start().clone();
    if let Some(kept) = &user.kept {
        scope.begin(kept);
    }
    let last_operation = steps.iter().find_map(Step::first_operation);
    let mut state = IterationState {
        number: user.last,
        // A step with `once` in it is run.
        fresh: true,
        scheduled: None,
        planned: None,
        failures: Failures::default(),
        think: None,
        ended: None,
        scope,
        kept: None,
        last_operation: last_operation.map_or(0, |operation| operation.id),
    };
    let position = Position::default().inside(mix).inside(TEARDOWN);
    interpreter::run(worker, user, steps, position, &mut state).await;
}

/// Runs the teardowns that are left of these users, one after another, when the load is over: those
/// of users whose iterations were cut. All together have the time of one.
pub(crate) async fn tear_down_rest<D: Driver>(worker: &Worker<'_, D>, users: &mut [User<D::Io>]) {
    let latest = worker.driver.now() + TEARDOWN_TIMEOUT;
    for user in users {
        tear_down(worker, user, latest).await;
    }
}
