//! Puts workers on threads: one function for each mode, which is all that the modes differ in here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{OnceLock, mpsc};
use std::thread;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::rt::{Read, Write};

use super::lookups::Lookups;
use super::{event_loop, tokens};
use crate::assembly::Observations;
use crate::base::Nanos;
use crate::engine::connection::pool::max_parts;
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::engine::driver::blocking::{Blocking, block_on, register};
use crate::engine::driver::simulated::{Budget, Simulated, Stuck};
use crate::engine::error::RunError;
use crate::engine::flow::iteration;
use crate::engine::flow::lane::Lane;
use crate::engine::flow::user_steps::{TEARDOWN_TIMEOUT, tear_down_rest};
use crate::engine::observe::collector::Collector;
use crate::engine::observe::event::Event;
use crate::engine::observe::observer;
use crate::engine::schedule::start::StartLine;
use crate::engine::schedule::stop::Signal;
use crate::engine::world::World;
use crate::engine::world::worker::Worker;
use crate::metrics::Recorder;
use crate::plan::{Load, LoadModel, Mode, Plan};
use crate::transport::counted::Metered;

/// The number of iterations per virtual user that may start at one virtual moment if the run is
/// bounded by time. Each user starts one at the beginning; many more mean that none takes any time,
/// and that the moment never ends.
const MAX_AT_ONCE: u64 = 100_000;

/// The number of iterations that a run in the simulated mode may have.
pub(crate) const SIMULATED_BUDGET: u64 = 1_000_000_000;

/// The stack size of a virtual user's thread. Only the pages it touches use memory; a debug build
/// touches more.
const STACK: usize = 512 * 1024;

/// Returns the maximum number of threads that a mode can run a plan's workers on.
pub(crate) fn max_threads(plan: &Plan, mode: Mode) -> usize {
    let slots = plan.slots() as usize;
    match mode {
        // Each process of the mode has one event loop.
        Mode::Sequential | Mode::Processes | Mode::Simulated => 1,
        Mode::Threaded => slots,
        // A worker without a virtual user would have nothing to do.
        Mode::Async => (plan.workers as usize).min(slots).max(1),
    }
}

/// Returns the number of threads that a mode runs its workers on.
pub(crate) fn threads(world: &World<'_>, mode: Mode) -> usize {
    let most = max_threads(world.plan, mode);
    // A worker without a connection would have nothing to do either.
    if mode == Mode::Async {
        let used = world.plan.targets_used().into_iter();
        let parts = max_parts(used.map(|target| world.connection_target(target)));
        most.min(parts).max(1)
    } else {
        most
    }
}

/// The outcome of driving a world.
pub(crate) struct Driven {
    /// What the observer saw.
    pub seen: Observations,
    /// Everything recorded.
    pub recorder: Recorder,
    /// When the last worker finished.
    pub end: Nanos,
}

/// Drives a world on real threads, together with an observer. If one of them panics, the others end
/// at once, and the world's stop records it.
///
/// # Errors
/// If the system cannot provide a thread, a runtime or a timer, or a thread panics before the
/// start.
pub(crate) fn drive(
    world: &World<'_>,
    mode: Mode,
    workers: usize,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<Driven, RunError> {
    let lookups = Lookups::start(world)?;
    let start = StartLine::new(workers + 1);
    let (done, watched) = mpsc::channel();
    // Not owned by the observer: its content must survive a panic of the observer.
    let mut collector = Collector::new(world);
    let refused = OnceLock::new();
    let observed = thread::scope(|scope| {
        // Until everything has ended.
        let _tokens = tokens::keep(scope, world, say)?;
        let (start, collector) = (&start, &mut collector);
        let refused = &refused;
        let observe = move || {
            let ready = || say(Event::Ready);
            let held = if world.is_member {
                start.wait_to_be_told(signal, &ready)
            } else {
                start.hold(world.start_at, signal)
            };
            if let Err(missed) = held {
                let _ = refused.set(missed);
                start.call_off();
            }
            let clock = start.arrive()?;
            if let Some(samples) = &world.samples {
                let zero = clock.wall_ahead();
                samples.begin(zero.and_then(|zero| u64::try_from(zero).ok()));
            }
            let seen = observer::watch(world, collector, mode, clock, &watched, signal, say);
            Some((seen, clock.now()))
        };
        let observer = scope.spawn(move || guarded(world, start, observe).flatten());
        let launched = match mode {
            Mode::Sequential | Mode::Simulated => {
                sequential(world, start);
                Ok(())
            }
            Mode::Threaded => threaded(world, start),
            Mode::Async | Mode::Processes => asynchronous(world, start, workers),
        };
        drop(done);
        let observed = observer.join().ok().flatten();
        observer::say_exchanges(world, say);
        say_cut_teardowns(world, say);
        launched.map(|()| observed)
    })?;
    if let Some(missed) = refused.into_inner() {
        return Err(missed.into());
    }
    // Without an observer, the run still has a moment at which it ended, if it began at all.
    let now = start.now().ok_or(RunError::Panicked)?;
    let (mut seen, end) = observed.unwrap_or_else(|| (Observations::default(), now));
    seen.lookups = lookups.figures(now, world.epoch());
    Ok(Driven {
        seen,
        recorder: collector.finish(),
        end,
    })
}

/// Reports teardowns of virtual users that were cut.
pub(crate) fn say_cut_teardowns(world: &World<'_>, say: &dyn Fn(Event)) {
    let cut = world.cut_teardowns.load(Ordering::Relaxed);
    if cut > 0 {
        let users = if cut == 1 { "user" } else { "users" };
        say(Event::Warning(format!(
            "the teardown of {cut} virtual {users} was abandoned after {TEARDOWN_TIMEOUT}; its remaining steps did not run"
        )));
    }
}

/// Runs the work of one of the run's threads. If it panics, returns `None` and ends the run at once
/// for all threads: the rest must not look like a complete run, and the others would measure for
/// nothing.
pub(crate) fn guarded<T>(
    world: &World<'_>,
    start: &StartLine,
    work: impl FnOnce() -> T,
) -> Option<T> {
    // A panic can leave only figures incomplete, and those are shown as the figures of a failed
    // run.
    let done = catch_unwind(AssertUnwindSafe(work));
    if done.is_err() {
        start.call_off();
        world.stop.break_off(start.now().unwrap_or_default());
    }
    done.ok()
}

/// Creates all virtual users or slots of a run, those of each load one after another, distributed
/// over parts with connections of their own.
fn users<Io>(
    world: &World<'_>,
    parts: usize,
    side_by_side: bool,
    slots: impl Fn(&Load) -> u32,
) -> Vec<Vec<User<Io>>>
where
    Io: Read + Write + Metered + Unpin + Send + 'static,
{
    let targets: Vec<_> = (0..world.plan.targets.len())
        .map(|target| world.connection_target(target))
        .collect();
    let numbers = world.plan.loads().enumerate().flat_map(|(place, own)| {
        let shard = own.load.shard();
        (0..slots(own.load)).map(move |index| (place, shard.nth(index.into())))
    });
    User::all(&targets, numbers, parts, side_by_side)
}

/// Returns the number of virtual users or slots of a load.
const fn all_slots(load: &Load) -> u32 {
    load.model.slots()
}

/// Returns the number of virtual users or slots of a load of which one at a time is run: one
/// iteration of the open model needs one slot.
const fn slots_in_turn(load: &Load) -> u32 {
    match load.model {
        LoadModel::Closed { vus } => vus,
        LoadModel::Open { .. } => 1,
    }
}

/// Runs one iteration after another on the calling thread.
pub(crate) fn sequential(world: &World<'_>, start: &StartLine) {
    let mut users = users(world, 1, false, slots_in_turn).remove(0);
    guarded(world, start, || {
        blocking(world, start, 0, false, &mut users)
    });
}

/// Runs one thread for each virtual user.
///
/// # Errors
/// If the system cannot start a thread.
pub(crate) fn threaded(world: &World<'_>, start: &StartLine) -> Result<(), RunError> {
    let users: Vec<User<_>> = users(world, 1, false, all_slots).remove(0);
    let wanted = users.len();
    thread::scope(|scope| {
        for (index, user) in users.into_iter().enumerate() {
            let work = move || {
                guarded(world, start, || {
                    blocking(world, start, index, true, &mut [user])
                })
            };
            let spawned = thread::Builder::new()
                .name(format!("vu-{index}"))
                .stack_size(STACK)
                .spawn_scoped(scope, work);
            if let Err(source) = spawned {
                start.call_off();
                return Err(RunError::Threads {
                    started: index,
                    wanted,
                    source,
                });
            }
        }
        Ok(())
    })
}

fn blocking(
    world: &World<'_>,
    start: &StartLine,
    thread: usize,
    threads: bool,
    users: &mut [User<<Blocking as Driver>::Io>],
) {
    let parker = register();
    let cancelled = parker.clone();
    world.stop.when_over(move || cancelled.cancel());
    let Some(clock) = start.arrive() else { return };
    let worker = Worker::new(world, Blocking::new(clock, threads), thread);
    // If cancelled, the operations in progress have been dropped, and have recorded themselves.
    let _ = block_on(
        &parker,
        clock,
        iteration::run(&worker, &mut Lane::all(users)),
    );
    if world.has_teardowns_left() {
        // What cancels iterations has cancelled the thread, so it gets a new start.
        let parker = register();
        let cancelled = parker.clone();
        world.stop.when_abandoned(move || cancelled.cancel());
        let _ = block_on(&parker, clock, tear_down_rest(&worker, users));
    }
}

/// Runs tasks on event loops, one loop per thread.
///
/// # Errors
/// If the system cannot provide a thread, a runtime or a timer.
pub(crate) fn asynchronous(
    world: &World<'_>,
    start: &StartLine,
    workers: usize,
) -> Result<(), RunError> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (index, users) in users(world, workers, true, all_slots)
            .into_iter()
            .enumerate()
        {
            let work =
                move || guarded(world, start, || event_loop::run(world, start, index, users));
            match thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn_scoped(scope, work)
            {
                Ok(thread) => threads.push(thread),
                Err(source) => {
                    start.call_off();
                    return Err(RunError::Threads {
                        started: index,
                        wanted: workers,
                        source,
                    });
                }
            }
        }
        // A thread that panicked has already stopped the others.
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok().flatten())
            .collect()
    })
}

/// Runs a world in virtual time, on a machine with `cores` cores, for at most `total` iterations;
/// returns the moment at which it ended.
///
/// # Errors
/// If the plan never ends.
pub(crate) fn simulated(world: &World<'_>, cores: u32, total: u64) -> Result<Nanos, RunError> {
    let mut users = users(world, 1, false, all_slots).remove(0);
    // The iterations that the plan counts may all take no time; those of a warm-up are not counted.
    let at_once = world
        .plan
        .total_iterations()
        .unwrap_or(0)
        .saturating_add(MAX_AT_ONCE * users.len() as u64);
    let budget = Budget { total, at_once };
    let worker = Worker::new(world, Simulated::new(cores, budget), 0);
    let mut tasks: FuturesUnordered<_> = users
        .iter_mut()
        .map(|user| Box::pin(async { iteration::run(&worker, &mut [Lane::of_one(user)]).await }))
        .collect();
    let all = async { while tasks.next().await.is_some() {} };
    let end = worker.driver.run(all, || world.stop.drain_end());
    match end {
        Ok(Some(())) => {}
        Ok(None) => world.stop.give_up(),
        Err(Stuck::Budget) => return Err(RunError::Budget(total)),
        Err(Stuck::Standstill) => return Err(RunError::Standstill(at_once)),
        Err(Stuck::Nothing) => return Err(RunError::Deadlock),
    }
    let now = worker.driver.now();
    drop(tasks);
    if world.has_teardowns_left() {
        let latest = now + TEARDOWN_TIMEOUT;
        let mut tasks: FuturesUnordered<_> = users
            .iter_mut()
            .map(|user| Box::pin(tear_down_rest(&worker, std::slice::from_mut(user))))
            .collect();
        let all = async { while tasks.next().await.is_some() {} };
        let _ = worker.driver.run(all, || latest);
    }
    Ok(now)
}
