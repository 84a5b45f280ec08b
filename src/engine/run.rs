//! Runs one mode of a plan from the start line to its figures.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::assemble::{Frame, assemble};
use super::event::Event;
use super::launch;
use super::observer::{self, Seen};
use super::start::StartLine;
use super::world::World;
use super::{Job, RunError, Signal};
use crate::base::Nanos;
use crate::plan::{Mode, Plan};
use crate::result::ModeRun;

/// Iterations that `ideal_s` may simulate: about a second's worth. A longer plan has no ideal.
const IDEAL_BUDGET: u64 = 1_000_000;
/// Iterations that a run in the simulated mode may have.
const SIMULATED_BUDGET: u64 = 1_000_000_000;

/// Runs one mode. `signal` is asked often whether the run is to end; `say` is told how it goes.
///
/// # Errors
/// When the machine or the plan won't let it begin. A failed request is no error: it is data.
pub fn run_mode(job: &Job, signal: &(dyn Fn() -> Option<Signal> + Sync), say: &(dyn Fn(Event) + Sync)) -> Result<ModeRun, RunError> {
    let Job { plan, mode, round, .. } = job;
    let (mode, round) = (*mode, *round);
    let workers = launch::threads(plan.load.model.slots(), plan.workers, mode);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let world = World::new(plan, job.addresses.clone(), cores, &job.folder, job.unix_ms)?;
    let frame = |end: Nanos| Frame { mode, round, workers: workers as u32, end };
    if mode == Mode::Simulated {
        let end = launch::simulated(&world, cores as u32, SIMULATED_BUDGET)?;
        return Ok(assemble(&world, &frame(end), &Seen::default()));
    }
    let start = StartLine::new(workers + 1);
    let (done, watched) = mpsc::channel();
    let (seen, end) = thread::scope(|scope| {
        let (world, start) = (&world, &start);
        let observer = scope.spawn(move || {
            let clock = start.arrive()?;
            let seen = observer::watch(world, clock, &watched, signal, say);
            Some((seen, clock.now()))
        });
        let launched = match mode {
            Mode::Sequential | Mode::Simulated => {
                launch::sequential(world, start);
                Ok(())
            }
            Mode::Threaded => launch::threaded(world, start),
            Mode::Async => launch::asynchronous(world, start, workers),
        };
        drop(done);
        let observed = observer.join().map_err(|_| RunError::Panicked)?;
        launched?;
        // It is there whenever the workers were launched.
        observed.ok_or(RunError::Panicked)
    })?;
    Ok(assemble(&world, &frame(end), &seen))
}

/// The wall time of a plan in virtual time, in seconds: what it would take with no overhead at all. Nothing
/// where the plan needs a network, or is too long to be tried.
pub fn ideal(plan: &Plan) -> Option<f64> {
    if !plan.is_mock() {
        return None;
    }
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let world = World::new(plan, Vec::new(), cores, Path::new(""), 0).ok()?;
    let end = launch::simulated(&world, cores as u32, IDEAL_BUDGET).ok()?;
    Some(assemble(&world, &Frame { mode: Mode::Simulated, round: 1, workers: 1, end }, &Seen::default()).wall_s)
}
