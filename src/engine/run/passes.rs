//! [`run_passes`]: runs each mix entry of a plan once, for people who debug a scenario.

use super::launch::drive;
use super::lifecycle::Lifecycle;
use super::run_folder;
use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::engine::observe::event::Event;
use crate::engine::schedule::stop::Signal;
use crate::engine::world::World;
use crate::plan::{Mode, Plan};
use crate::value::Scope;

/// Runs the setup, one iteration of each mix entry in order, and the teardown, in async mode on one
/// thread. Every feed gives `row`, counted from 0, or else its first one. Reports every exchange
/// through `say`, if the environment asks for them.
///
/// # Errors
/// If the machine or the plan does not let it begin, the setup fails, or a signal ends it. A failed
/// operation of a mix entry is not an error.
pub fn run_passes(
    plan: &Plan,
    environment: &Environment,
    row: Option<u64>,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<(), RunError> {
    let mut environment = environment.clone();
    let _folder = run_folder::provide(plan, &mut environment)?;
    let environment = &environment;
    let lifecycle = Lifecycle {
        plan,
        environment,
        mode: Mode::Async,
        cores: 1,
        say,
    };
    let mut scope = None;
    let pass = |entry: usize, start: Option<Scope>| {
        let plan = plan.once_through(&[entry], None);
        // Each pass is the first iteration of its plan.
        let environment = Environment {
            run_number: entry as u64,
            ..environment.clone()
        };
        let mut world = World::new(&plan, &environment, 1, start)?;
        if let Some(row) = row {
            world.fix_row(row);
        }
        drive(&world, Mode::Async, 1, signal, say)?;
        match () {
            () if world.stop.is_broken() => Err(RunError::Panicked),
            () if signal().is_some() => Err(RunError::Interrupted),
            () => Ok(()),
        }
    };
    let result = lifecycle
        .setup(signal, &mut scope)
        .and_then(|()| (0..plan.mix.len()).try_for_each(|entry| pass(entry, scope.clone())));
    if let Some(trouble) = lifecycle.teardown(signal, result.is_err(), scope) {
        say(Event::Warning(trouble));
    }
    result
}
