//! One worker of the async mode: the tasks of its virtual users, on an event loop.

use std::cell::OnceCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;

use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::engine::driver::asynchronous::{self, Async};
use crate::engine::error::RunError;
use crate::engine::flow::iteration;
use crate::engine::flow::lane::Lane;
use crate::engine::flow::user_steps::tear_down_rest;
use crate::engine::schedule::start::StartLine;
use crate::engine::world::World;
use crate::engine::world::worker::Worker;

/// Runs the iterations of these users on the calling thread, from the start on.
///
/// # Errors
/// If the system cannot provide what an event loop needs.
pub(super) fn run(
    world: &World<'_>,
    start: &StartLine,
    thread: usize,
    mut users: Vec<User<<Async as Driver>::Io>>,
) -> Result<(), RunError> {
    let runtime = asynchronous::runtime()
        .inspect_err(|_| start.call_off())
        .map_err(RunError::Runtime)?;
    let over = Arc::new(AtomicWaker::new());
    let waker = over.clone();
    world.stop.when_over(move || waker.wake());
    // Set before any task is polled.
    let worker = OnceCell::new();
    // Creating the tasks of a hundred thousand users takes a while, which must not be in their
    // figures.
    let mut tasks: FuturesUnordered<_> =
        users.iter_mut().map(|user| seated(&worker, user)).collect();
    let Some(clock) = start.arrive() else {
        return Ok(());
    };
    let worker = worker.get_or_init(|| Worker::new(world, Async::new(clock), thread));
    let mut watch = pin!(world.streams.is_any().then(|| worker.watch_reading()));
    let all = poll_fn(|cx| {
        over.register(cx.waker());
        if world.stop.is_over() {
            return Poll::Ready(());
        }
        // Tasks that wait for their siblings go on within the same poll, without waking the loop for
        // that, but only once: those that never wait for anything else must not keep it from its
        // timers and connections.
        if run_ready(&mut tasks, &mut Context::from_waker(Waker::noop())) {
            return Poll::Ready(());
        }
        worker.driver.release_batch();
        if run_ready(&mut tasks, cx) {
            return Poll::Ready(());
        }
        if worker.driver.has_batch() {
            cx.waker().wake_by_ref();
        }
        if let Some(watch) = watch.as_mut().as_pin_mut() {
            // It never ends.
            let _ = watch.poll(cx);
        }
        worker.tape.rest();
        Poll::Pending
    });
    // tokio's cooperative budget would pause a loop that has work to do; this loop yields by
    // itself.
    let run = || runtime.block_on(tokio::task::coop::unconstrained(worker.driver.run(all)));
    let mut result = catch_unwind(AssertUnwindSafe(run));
    drop(tasks);
    if matches!(result, Ok(Ok(()))) && world.has_teardowns_left() {
        let mut tasks: FuturesUnordered<_> = users
            .iter_mut()
            .map(|user| Box::pin(tear_down_rest(worker, std::slice::from_mut(user))))
            .collect();
        let waker = over.clone();
        world.stop.when_abandoned(move || waker.wake());
        let all = poll_fn(|cx| {
            over.register(cx.waker());
            if run_ready(&mut tasks, cx) || world.stop.is_abandoned() {
                return Poll::Ready(());
            }
            worker.tape.rest();
            Poll::Pending
        });
        let run = || runtime.block_on(tokio::task::coop::unconstrained(worker.driver.run(all)));
        result = catch_unwind(AssertUnwindSafe(run));
    }
    // Needed after a panic too: dropping the runtime would wait for its offloaded blocking calls.
    runtime.shutdown_background();
    let result = result.unwrap_or_else(|panic| resume_unwind(panic));
    // The other threads need not continue: without this one it is not the planned run.
    result
        .inspect_err(|_| world.stop.give_up())
        .map_err(RunError::Runtime)
}

/// Polls all tasks that are ready; returns whether all have ended.
fn run_ready<F: Future>(tasks: &mut FuturesUnordered<F>, cx: &mut Context<'_>) -> bool {
    while let Poll::Ready(next) = tasks.poll_next_unpin(cx) {
        if next.is_none() {
            return true;
        }
    }
    false
}

/// Runs a user's iterations and notifies the worker's driver of every poll. The worker is set
/// before the first poll.
async fn seated<'w>(worker: &OnceCell<Worker<'w, Async>>, user: &mut User<<Async as Driver>::Io>) {
    let worker = worker.get().expect("no task is polled before the start");
    let mut run = pin!(async { iteration::run(worker, &mut [Lane::of_one(user)]).await });
    poll_fn(|cx| {
        worker.driver.turn();
        run.as_mut().poll(cx)
    })
    .await;
}
