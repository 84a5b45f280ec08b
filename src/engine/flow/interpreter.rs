//! The interpreter: runs the steps of a flow, on any driver.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;

use super::iteration_state::{End, IterationState};
use super::timed_group::GroupRecord;
use super::values::{drawn_way, holds, is_due, items, set};
use super::{branches, crawl, transaction};
use crate::base::Nanos;
use crate::engine::connection::user::User;
use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::driver::{Driver, Until, within};
use crate::engine::operation::record::Record;
use crate::engine::operation::{self, Call};
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::world::worker::Worker;
use crate::metrics::StartPace;
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::plan::profile::Occupies;
use crate::plan::{
    Delay, Operation, Passes, Repeat, Step, StepKind, TimedFlow, TransactionSteps, Websocket,
};
use crate::result::StoppedBy;

/// How long a peer may take to answer the close of a WebSocket.
const GOODBYE: Nanos = Nanos::from_secs(1);

/// Runs the steps of the group at `position`.
pub(crate) async fn run<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    steps: &'a [Step],
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    for (index, step) in steps.iter().enumerate() {
        let position = position.inside(index);
        let end = match is_due(worker, step, position, state) {
            // Boxed, so that users without a WebSocket do not pay for it.
            Ok(true) if user.socket.is_some() && leaves_socket(step) => {
                Box::pin(attending(worker, user, step, position, state)).await
            }
            Ok(true) if step.once => {
                Box::pin(take_and_keep(worker, user, step, position, state)).await
            }
            // Pinned in place, like the futures below: awaiting by value would copy its state of
            // several kilobytes.
            Ok(true) => pin!(take(worker, user, step, position, state)).await,
            Ok(false) => continue,
            Err(error) => state.fail(worker, step, &error),
        };
        match end {
            End::Through => {}
            End::Broken if step.continue_on_error => {}
            End::Broken | End::Aborted => return end,
        }
    }
    End::Through
}

/// Returns whether a step takes time without using the WebSocket that is open around it.
fn leaves_socket(step: &Step) -> bool {
    match &step.kind {
        StepKind::Operation(operation) => !operation.action.profile().uses_open_socket,
        StepKind::Think(_)
        | StepKind::Parallel(_)
        | StepKind::Race(_)
        | StepKind::Crawl(_)
        | StepKind::Websocket(_) => true,
        // The steps inside are examined one by one.
        StepKind::Flow(_)
        | StepKind::Timed(_)
        | StepKind::Transaction(_)
        | StepKind::Choose(_)
        | StepKind::Repeat(_)
        | StepKind::Set(_)
        | StepKind::AbortIteration(_)
        | StepKind::StopRun(_) => false,
    }
}

/// Runs a step that does not use the open WebSocket, while receiving its messages and answering its
/// pings. A thread that can block on only one thing does that during a step that only waits, and
/// before and after any other.
async fn attending<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    step: &'a Step,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let Some(mut socket) = user.socket.take() else {
        return take_and_keep(worker, user, step, position, state).await;
    };
    let driver = &worker.driver;
    let only_waits = match &step.kind {
        StepKind::Think(_) => true,
        StepKind::Operation(operation) => {
            let profile = operation.action.profile();
            profile.is_mock && profile.occupies == Occupies::Nothing
        }
        _ => false,
    };
    let end = if D::TAKES_TURNS || only_waits {
        let mut step = pin!(take_and_keep(worker, user, step, position, state));
        let mut background = pin!(socket.receive_in_background());
        let mut attended = false;
        // The step is polled first: a blocking driver must know its deadlines before it reads.
        poll_fn(|cx| {
            let end = step.as_mut().poll(cx);
            if end.is_pending() && !attended {
                attended = background.as_mut().poll(cx).is_ready();
            }
            end
        })
        .await
    } else {
        socket.receive_arrived().await;
        // Nothing waits any more for the read that was tried.
        driver.clear_interest();
        let end = take_and_keep(worker, user, step, position, state).await;
        socket.receive_arrived().await;
        end
    };
    driver.clear_interest();
    user.socket = Some(socket);
    end
}

/// Runs a step; if it has `once`, lets the virtual user keep the values that it sets and captures.
async fn take_and_keep<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    step: &'a Step,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    // A branch of the scope records what was set.
    let before = step.once.then(|| {
        let branch = state.scope.branch();
        std::mem::replace(&mut state.scope, branch)
    });
    let end = pin!(take(worker, user, step, position, state)).await;
    if let Some(before) = before {
        let branch = std::mem::replace(&mut state.scope, before);
        state.scope.merge(&branch);
        branch.keep(state.kept.get_or_insert_default());
    }
    end
}

/// Runs one step.
async fn take<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    step: &'a Step,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    state.ended = None;
    match &step.kind {
        StepKind::Operation(operation) => {
            pin!(operate(worker, user, operation, position, state)).await
        }
        StepKind::Think(delay) => {
            state.scheduled = None;
            pause(worker, delay, position, state).await;
            End::Through
        }
        StepKind::Set(values) => set(worker, values, position, state)
            .unwrap_or_else(|error| state.fail(worker, step, &error)),
        StepKind::AbortIteration(condition) | StepKind::StopRun(condition) => {
            match holds(worker, condition, position, state) {
                Ok(true) => end_early(worker, step, state.number),
                Ok(false) => End::Through,
                Err(error) => state.fail(worker, step, &error),
            }
        }
        // Only groups are boxed, because they recurse: a flow of operations is one future.
        StepKind::Flow(steps) => Box::pin(run(worker, user, steps, position, state)).await,
        StepKind::Timed(group) => Box::pin(timed(worker, user, group, None, position, state)).await,
        StepKind::Transaction(group) => {
            let parts = group.in_transaction();
            Box::pin(timed(worker, user, group, parts, position, state)).await
        }
        StepKind::Websocket(group) => {
            Box::pin(websocket(worker, user, group, position, state)).await
        }
        StepKind::Crawl(group) => Box::pin(crawl::run(worker, user, group, position, state)).await,
        StepKind::Choose(group) => {
            let way = drawn_way(worker, group, position, state.number);
            let steps = &group.ways[way..=way];
            Box::pin(run(worker, user, steps, position.inside(way), state)).await
        }
        StepKind::Repeat(group) => {
            Box::pin(repeat(worker, user, step, group, position, state)).await
        }
        StepKind::Parallel(group) => {
            let until = if group.cancel_on_error {
                Until::FirstFailure
            } else {
                Until::All
            };
            let most = group.concurrency.map_or(usize::MAX, |n| n as usize);
            Box::pin(branches::run(
                worker,
                user,
                &group.branches,
                position,
                most,
                until,
                state,
            ))
            .await
        }
        StepKind::Race(group) => {
            let until = if group.must_succeed {
                Until::FirstSuccess
            } else {
                Until::First
            };
            let (steps, most) = (&group.branches, usize::MAX);
            Box::pin(branches::run(
                worker, user, steps, position, most, until, state,
            ))
            .await
        }
    }
}

/// Ends the iteration with this number, or the run, as a step says; a warm-up runs to its end.
fn end_early<D: Driver>(worker: &Worker<'_, D>, step: &Step, iteration: u64) -> End {
    if matches!(step.kind, StepKind::AbortIteration(_)) {
        return End::Aborted;
    }
    let stop = &worker.world.stop;
    if iteration < WARMUP_NUMBERS && stop.early().is_none() {
        stop.finish(worker.driver.now(), StoppedBy::Condition);
    }
    End::Through
}

pub(super) async fn operate<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    operation: &'a Operation,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let scheduled = state.scheduled.take().unwrap_or_else(|| {
        let now = worker.driver.now();
        ScheduledIteration {
            number: state.number,
            intended: now,
            queue: Nanos::ZERO,
            begun: now,
            pace: StartPace::Free,
        }
    });
    let call = Call {
        scheduled,
        position,
    };
    state.last_operation = operation.id;
    let (failure, ended) = {
        // Created and dropped in place: a record is too large to be moved for every operation.
        let (mut planned, mut own) = (None, None);
        let record = match state
            .planned
            .take_if(|record| record.operation() == operation.id)
        {
            Some(record) => &mut **planned.insert(record),
            None => own.insert(Record::new(worker, operation.id, scheduled.intended)),
        };
        pin!(operation::run(
            worker,
            user,
            operation,
            &call,
            &mut state.scope,
            record
        ))
        .await
    };
    state.ended = ended;
    match failure {
        None => End::Through,
        Some(kind) => {
            state.failures.note(kind);
            End::Broken
        }
    }
}

async fn pause<D: Driver>(
    worker: &Worker<'_, D>,
    delay: &Delay,
    position: Position,
    state: &mut IterationState<'_, '_, D>,
) {
    let pause = delay.sample(&mut generator(
        worker.world.plan.seed,
        state.number,
        position,
        Purpose::Length,
    ));
    let begun = worker.driver.now();
    worker.driver.sleep_until(begun + pause).await;
    if let Some(think) = &mut state.think {
        *think += worker.driver.now() - begun;
    }
}

/// Runs the steps of a group that is measured as a whole; `parts` are those of a transaction.
async fn timed<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    group: &'a TimedFlow,
    parts: Option<TransactionSteps<'a>>,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let record = GroupRecord::begin(worker, group.group, state);
    let end = match parts {
        None => run(worker, user, &group.flow, position, state).await,
        Some(parts) => transaction::run(worker, user, parts, position, state).await,
    };
    record.end(state);
    end
}

/// Opens a WebSocket, runs the steps that may use it, and closes it.
async fn websocket<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    group: &'a Websocket,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    // The WebSocket of a surrounding group is restored afterwards.
    let outer = user.socket.take();
    let mut end = operate(worker, user, &group.handshake, position, state).await;
    if end == End::Through {
        end = run(worker, user, &group.flow, position, state).await;
    }
    if let Some(mut socket) = user.socket.take() {
        let pushes = Cell::new(0);
        let patience = worker.driver.now() + GOODBYE;
        // A peer that does not answer the close in time is disconnected.
        let _ = within(&worker.driver, patience, socket.close(&pushes)).await;
        worker
            .tape
            .pushes(group.handshake.id, worker.driver.now(), pushes.get());
    }
    user.socket = outer;
    end
}

async fn repeat<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    step: &'a Step,
    group: &'a Repeat,
    position: Position,
    state: &mut IterationState<'a, 'w, D>,
) -> End {
    let mut items = match items(worker, group, position, state) {
        Ok(items) => items.into_iter(),
        Err(error) => return state.fail(worker, step, &error),
    };
    let (Passes::Times(most) | Passes::Until { max: most, .. } | Passes::Over { max: most, .. }) =
        group.passes;
    for pass in 0..most {
        if let Passes::Over { name, .. } = &group.passes {
            let Some(item) = items.next() else { break };
            state.set(worker, name, item);
        }
        let position = position.pass(pass);
        let end = run(worker, user, &group.flow, position, state).await;
        if end != End::Through {
            return end;
        }
        if let Passes::Until { condition, .. } = &group.passes {
            match holds(worker, condition, position, state) {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => return state.fail(worker, step, &error),
            }
        }
        worker.driver.yield_now().await;
    }
    End::Through
}
