//! Runs one mode of a plan from its setup to its figures.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use super::assemble::{Frame, assemble, wall_s};
use super::collector::Collector;
use super::event::Event;
use super::launch;
use super::observer::{self, Seen};
use super::setup::Around;
use super::start::StartLine;
use super::world::World;
use super::{Ground, Job, RunError, Signal};
use crate::base::Nanos;
use crate::metrics::Recorder;
use crate::plan::{Mode, Plan};
use crate::result::ModeRun;
use crate::value::Scope;

/// Iterations that `ideal_s` may simulate: about a second's worth. A longer plan has no ideal.
const IDEAL_BUDGET: u64 = 1_000_000;
/// Iterations that a run in the simulated mode may have.
pub const SIMULATED_BUDGET: u64 = 1_000_000_000;

/// Runs one mode, with its setup before and its teardown after it. `signal` is asked often whether the run is to
/// end; `say` is told how it goes.
///
/// # Errors
/// When the machine or the plan won't let it begin. A failed request is no error: it is data.
pub fn run_mode(job: &Job, signal: &(dyn Fn() -> Option<Signal> + Sync), say: &(dyn Fn(Event) + Sync)) -> Result<ModeRun, RunError> {
    let around = Around { plan: &job.plan, ground: &job.ground, mode: job.mode, cores: cores() };
    let mut scope = None;
    let result = around.setup(signal, &mut scope).and_then(|()| measure(job, scope.clone(), signal, say));
    // However it went: what the setup has begun is to be put right again.
    if let Some(trouble) = around.teardown(signal, result.is_err() || signal().is_some(), scope) {
        say(Event::Warning(trouble));
    }
    result
}

/// Runs one mode, whose iterations begin with what its setup has ended with.
fn measure(
    job: &Job,
    start: Option<Scope>,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<ModeRun, RunError> {
    let Job { plan, mode, round, .. } = job;
    let (mode, round) = (*mode, *round);
    let world = World::new(plan, &job.ground, cores(), start)?;
    let workers = launch::threads(&world, mode);
    let frame = |end: Nanos| Frame { mode, round, workers: workers as u32, end };
    if mode == Mode::Simulated {
        let end = launch::simulated(&world, cores() as u32, SIMULATED_BUDGET)?;
        return Ok(assemble(&world, &Collector::new(&world).finish(), &frame(end), &Seen::default()));
    }
    let Driven { seen, recorder, end } = drive(&world, mode, workers, signal, say)?;
    Ok(assemble(&world, &recorder, &frame(end), &seen))
}

/// What came of driving a world.
pub struct Driven {
    /// What the observer has seen.
    pub seen: Seen,
    /// All that was recorded.
    pub recorder: Recorder,
    /// When the last worker was done.
    pub end: Nanos,
}

/// Drives a world on real threads, with an observer beside them.
///
/// # Errors
/// When the system refuses a thread, a runtime or a timer.
pub fn drive(
    world: &World<'_>,
    mode: Mode,
    workers: usize,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<Driven, RunError> {
    let start = StartLine::new(workers + 1);
    let (done, watched) = mpsc::channel();
    thread::scope(|scope| {
        let start = &start;
        let observer = scope.spawn(move || {
            let mut collector = Collector::new(world);
            let clock = start.arrive()?;
            let seen = observer::watch(world, &mut collector, mode, clock, &watched, signal, say);
            Some((seen, clock.now(), collector))
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
        let (seen, end, collector) = observed.ok_or(RunError::Panicked)?;
        Ok(Driven { seen, recorder: collector.finish(), end })
    })
}

/// The wall time of a plan in virtual time, in seconds: what it would take with no overhead at all. Nothing
/// where the plan needs a network, its setup fails, or it is too long to be tried.
pub fn ideal(plan: &Plan, folder: &Path) -> Option<f64> {
    if !plan.is_mock() {
        return None;
    }
    let ground = Ground { folder: folder.to_owned(), ..Ground::default() };
    let mut start = None;
    Around { plan, ground: &ground, mode: Mode::Simulated, cores: cores() }.setup(&|| None, &mut start).ok()?;
    let world = World::new(plan, &ground, 1, start).ok()?;
    let end = launch::simulated(&world, cores() as u32, IDEAL_BUDGET).ok()?;
    Some(wall_s(&world, &Collector::new(&world).finish(), end))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::scenario::{Overrides, Source, compile};

    fn plan(text: &str) -> Plan {
        compile(&Source::inline("test.yaml", text), &Overrides::default(), &|_| None).map(|compiled| compiled.plan).expect("a plan")
    }

    fn driven(world: &World<'_>, mode: Mode, signal: &(dyn Fn() -> Option<Signal> + Sync), say: &(dyn Fn(Event) + Sync)) -> ModeRun {
        let workers = launch::threads(world, mode);
        let Driven { seen, recorder, end } = drive(world, mode, workers, signal, say).expect("it began");
        assemble(world, &recorder, &Frame { mode, round: 1, workers: workers as u32, end }, &seen)
    }

    #[test]
    fn the_observer_waits_for_threads_that_can_t_be_called_off() {
        let plan =
            plan("{name: t, workers: 2, mix: [{name: m, flow: [{block: 1500ms}]}], load: {vus: 2, duration: 10ms, graceful_stop: 10ms}}");
        for mode in Mode::REAL {
            let world = World::new(&plan, &Ground::default(), 2, None).expect("a world");
            // It is asked in every turn.
            let turns = AtomicUsize::new(0);
            let signal = || {
                turns.fetch_add(1, Ordering::SeqCst);
                None
            };
            let run = driven(&world, mode, &signal, &|_| {});
            let turns = turns.into_inner();
            // One every 20 ms, in one and a half seconds or, one after the other, in three.
            assert!((2..=300).contains(&turns), "{mode}: {turns} turns");
            assert!(run.wall_s >= 1.4, "{mode}: {}", run.wall_s);
        }
    }

    #[test]
    fn the_memory_of_figures_is_the_same_in_every_mode() {
        let plan = plan("{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms}, {sleep: 2ms}]}], load: {vus: 8, duration: 300ms}}");
        let held = Mode::REAL.map(|mode| {
            let world = World::new(&plan, &Ground::default(), 4, None).expect("a world");
            let Driven { recorder, .. } = drive(&world, mode, launch::threads(&world, mode), &|| None, &|_| {}).expect("it began");
            let each: Vec<usize> = world.recorders().map(|recorder| recorder.lock().held_by_steps()).collect();
            assert!(recorder.steps().iter().all(|step| step.tally.ok > 0), "{mode}");
            (each, recorder.held_by_steps())
        });
        assert!(held[0] == held[1] && held[1] == held[2], "{held:?}");
    }
}
