//! Runs one mode of a plan from its setup to its figures.

mod around;
pub mod child;
mod event_loop;
pub(crate) mod launch;
pub(crate) mod lifecycle;
mod lookups;
mod passes;
pub mod process;
mod processes;
mod run_folder;
mod tokens;

use std::path::Path;
use std::thread;

pub use self::around::{run_setup, run_teardown};
use self::launch::{Driven, SIMULATED_BUDGET, drive};
use self::lifecycle::Lifecycle;
pub use self::passes::run_passes;
use super::error::RunError;
use super::job::{Environment, Job};
use super::observe::collector::Collector;
use super::observe::event::Event;
use super::observe::gather::{Frame, gather};
use super::observe::observer::say_exchanges;
use super::schedule::stop::Signal;
use super::world::World;
use super::world::sample_log::SampleLog;
use crate::assembly::{Measurements, Observations, assemble};
use crate::base::Nanos;
use crate::plan::{LoadModel, Mode, NumberedLoad, Plan};
use crate::result::{ModeRun, StoppedBy};
use crate::value::Scope;

/// The number of iterations that `ideal_s` may simulate: about a second's worth. A longer plan has
/// no ideal.
const IDEAL_BUDGET: u64 = 1_000_000;

/// Runs one mode and returns its figures; see [`measure_mode`].
///
/// # Errors
/// As [`measure_mode`].
pub fn run_mode(
    job: &Job,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<ModeRun, RunError> {
    measure_mode(job, signal, say).map(|measured| assemble(&job.plan, &measured))
}

/// Runs one mode, including its setup and teardown. Polls `signal` frequently for a request to end
/// the run; reports progress through `say`.
///
/// # Errors
/// If the machine or the plan does not let the run begin. A failed request is not an error but
/// data. Nor is a panic after the start: what was measured by then is returned, stopped by
/// [`StoppedBy::Panic`].
pub fn measure_mode(
    job: &Job,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<Measurements<'static>, RunError> {
    let lifecycle = Lifecycle {
        plan: &job.plan,
        environment: &job.environment,
        mode: job.mode,
        cores: cores(),
        say,
    };
    let mut scope = None;
    let result = lifecycle
        .setup(signal, &mut scope)
        .and_then(|()| measure(job, scope.clone(), signal, say));
    // Runs in any case: what the setup has begun must be cleaned up.
    let failed = result
        .as_ref()
        .map_or(true, |run| run.stopped_early == Some(StoppedBy::Panic));
    if let Some(trouble) = lifecycle.teardown(signal, failed || signal().is_some(), scope) {
        say(Event::Warning(trouble));
    }
    result
}

/// Runs one mode, whose iterations start with the values that its setup ended with.
fn measure(
    job: &Job,
    start: Option<Scope>,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<Measurements<'static>, RunError> {
    let Job {
        plan, mode, round, ..
    } = job;
    let (mode, round) = (*mode, *round);
    if mode == Mode::Processes && !job.environment.is_member {
        return processes::measure(job, start.as_ref(), signal, say);
    }
    let mut world = World::new(plan, &job.environment, cores(), start)?;
    if let Some(path) = &job.environment.samples {
        let log = SampleLog::open(job, path, world.recorders().count(), world.new_recorder());
        world.samples = Some(log.map_err(RunError::Samples)?);
    }
    let workers = launch::threads(&world, mode);
    let frame = |end: Nanos| Frame {
        mode,
        round,
        workers: workers as u32,
        end,
    };
    if mode == Mode::Simulated {
        if let Some(samples) = &world.samples {
            samples.begin(None);
        }
        let end = launch::simulated(&world, cores() as u32, SIMULATED_BUDGET)?;
        say_exchanges(&world, say);
        launch::say_cut_teardowns(&world, say);
        let recorder = Collector::new(&world).finish();
        let seen = Observations::default();
        return Ok(gather(&world, recorder, &frame(end), seen));
    }
    let Driven {
        seen,
        recorder,
        end,
    } = drive(&world, mode, workers, signal, say)?;
    Ok(gather(&world, recorder, &frame(end), seen))
}

/// Returns the wall time of a plan in virtual time, in seconds: its duration without any overhead.
/// Returns `None` if the plan needs a network, its setup fails, or it is too long to be simulated.
pub fn ideal(plan: &Plan, folder: &Path) -> Option<f64> {
    if !plan.is_mock() || is_beyond(plan, IDEAL_BUDGET) {
        return None;
    }
    let environment = Environment {
        folder: folder.to_owned(),
        ..Environment::default()
    };
    let mut start = None;
    Lifecycle {
        plan,
        environment: &environment,
        mode: Mode::Simulated,
        cores: cores(),
        say: &|_| {},
    }
    .setup(&|| None, &mut start)
    .ok()?;
    let world = World::new(plan, &environment, 1, start).ok()?;
    let end = launch::simulated(&world, cores() as u32, IDEAL_BUDGET).ok()?;
    let frame = Frame {
        mode: Mode::Simulated,
        round: 1,
        workers: 1,
        end,
    };
    let recorder = Collector::new(&world).finish();
    let measured = gather(&world, recorder, &frame, Observations::default());
    Some(measured.wall(plan).as_secs_f64())
}

/// Returns whether a plan is known to have more iterations than this.
fn is_beyond(plan: &Plan, most: u64) -> bool {
    let planned = plan.loads().filter_map(|NumberedLoad { load, .. }| {
        let arrivals = match load.model {
            LoadModel::Open { rate, .. } if load.stages.is_empty() => load
                .duration
                .map(|duration| rate.per_second_f64() * duration.as_secs_f64()),
            _ => None,
        };
        let counted = load.total_iterations().map(|total| total as f64);
        // Whichever comes first.
        arrivals.into_iter().chain(counted).reduce(f64::min)
    });
    planned.sum::<f64>() > most as f64
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::{Clock, Nanos};
    use crate::engine::compiled::choice::Choice;
    use crate::scenario::fixture::plan;

    fn driven(
        world: &World<'_>,
        mode: Mode,
        signal: &(dyn Fn() -> Option<Signal> + Sync),
        say: &(dyn Fn(Event) + Sync),
    ) -> ModeRun {
        let workers = launch::threads(world, mode);
        let Driven {
            seen,
            recorder,
            end,
        } = drive(world, mode, workers, signal, say).expect("it began");
        let frame = Frame {
            mode,
            round: 1,
            workers: workers as u32,
            end,
        };
        assemble(world.plan, &gather(world, recorder, &frame, seen))
    }

    /// How long a run would take if a panic did not end it.
    const LONG: Nanos = Nanos::from_secs(60);

    #[test]
    fn a_worker_s_panic_ends_the_run_at_once_with_what_was_measured() {
        let text = |asleep: &str| {
            format!(
                "{{name: t, workers: 2, seed: 3, mix: [
                    {{name: good, weight: 9, flow: [{{sleep: 1ms}}, {{sleep: 60s, when: \"{asleep}\"}}]}},
                    {{name: bad, weight: 1, flow: [{{sleep: 1ms}}]}}],
                  load: {{vus: 4, iterations: 1000, graceful_stop: 60s}}}}"
            )
        };
        let choice = Choice::new(&plan(&text("false")));
        let bad = (0..)
            .find(|number| choice.mix_of(*number) == 1)
            .expect("one in ten");
        assert!(bad > 3, "{bad}");
        for mode in Mode::REAL {
            let clock = Clock::new();
            // The three iterations before it sleep, on both event loops, one of which panics; in
            // sequential mode none must come before it.
            let asleep = if mode == Mode::Sequential {
                "false".into()
            } else {
                format!("seq() in [{}, {}, {bad}]", bad - 2, bad - 1)
            };
            let plan = plan(&text(&asleep));
            let mut world = World::new(&plan, &Environment::default(), 2, None).expect("a world");
            // No plan makes a world that lacks one of its entries, so looking it up panics.
            world.entries.truncate(1);
            let run = driven(&world, mode, &|| None, &|_| {});
            assert!(clock.now() < LONG, "{mode}");
            assert_eq!(run.stopped_by, StoppedBy::Panic, "{mode}");
            assert!(
                run.counts.ok > 0 && run.counts.hold() && run.iterations.counts.hold(),
                "{mode}: {:?}",
                run.counts
            );
        }
    }

    #[test]
    fn the_observer_s_panic_ends_the_run_at_once_with_what_was_measured() {
        let plan = plan(
            "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 4, duration: 60s}}",
        );
        for mode in Mode::REAL {
            let clock = Clock::new();
            let world = World::new(&plan, &Environment::default(), 2, None).expect("a world");
            let said = AtomicUsize::new(0);
            let say = |_| assert!(said.fetch_add(1, Ordering::SeqCst) < 2, "on purpose");
            let run = driven(&world, mode, &|| None, &say);
            assert!(clock.now() < LONG, "{mode}");
            assert_eq!(run.stopped_by, StoppedBy::Panic, "{mode}");
            assert!(
                run.counts.ok > 0 && run.counts.hold(),
                "{mode}: {:?}",
                run.counts
            );
        }
    }

    #[test]
    fn the_observer_waits_for_threads_that_can_t_be_called_off() {
        let plan = plan(
            "{name: t, workers: 2, mix: [{name: m, flow: [{block: 1500ms}]}], load: {vus: 2, duration: 10ms, graceful_stop: 10ms}}",
        );
        // Returns the number of its turns, and how long the run was.
        let watched = |mode| {
            let world = World::new(&plan, &Environment::default(), 2, None).expect("a world");
            // It is called in every turn.
            let turns = AtomicUsize::new(0);
            let signal = || {
                turns.fetch_add(1, Ordering::SeqCst);
                None
            };
            let run = driven(&world, mode, &signal, &|_| {});
            (turns.into_inner(), run.wall_s)
        };
        for mode in Mode::REAL {
            // One turn every 20 ms, for one and a half seconds or, sequentially, three. A machine
            // that stands still for so long has fewer, now and then.
            let mut seen = Vec::new();
            let has_waited = (0..3).any(|_| {
                seen.push(watched(mode));
                seen.last()
                    .is_some_and(|(turns, wall_s)| (2..=300).contains(turns) && *wall_s >= 1.4)
            });
            assert!(has_waited, "{mode}: {seen:?}");
        }
    }

    #[test]
    fn a_plan_that_is_too_long_for_virtual_time_has_no_ideal() {
        for (load, has) in [
            ("{rate: 1000/s, duration: 10s}", true),
            ("{rate: 1000/s, duration: 2000s}", false),
            ("{rate: 1000/s, duration: 2000s, iterations: 50}", true),
            ("{vus: 2, iterations: 100}", true),
            ("{vus: 2, iterations: 2000000}", false),
        ] {
            let plan = plan(&format!(
                "{{name: t, mix: [{{name: m, flow: [{{sleep: 1ms}}]}}], load: {load}}}"
            ));
            let clock = Clock::new();
            assert_eq!(ideal(&plan, Path::new(".")).is_some(), has, "{load}");
            assert!(
                has || clock.now() < Nanos::from_secs(1),
                "{load}: not tried"
            );
        }
    }

    #[test]
    fn the_memory_of_figures_is_the_same_in_every_mode() {
        let plan = plan(
            "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms}, {sleep: 2ms}]}], load: {vus: 8, duration: 300ms}}",
        );
        let held = Mode::REAL.map(|mode| {
            let world = World::new(&plan, &Environment::default(), 4, None).expect("a world");
            let Driven { recorder, .. } = drive(
                &world,
                mode,
                launch::threads(&world, mode),
                &|| None,
                &|_| {},
            )
            .expect("it began");
            let each: Vec<usize> = world
                .recorders()
                .map(|recorder| recorder.lock().held_by_steps())
                .collect();
            assert!(
                recorder.steps().iter().all(|step| step.tally.ok > 0),
                "{mode}"
            );
            (each, recorder.held_by_steps())
        });
        assert!(held[0] == held[1] && held[1] == held[2], "{held:?}");
    }
}
