//! [`run_setup`], [`run_teardown`]: what runs once around a run that several processes share.

use super::lifecycle::Lifecycle;
use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::engine::observe::event::Event;
use crate::engine::schedule::stop::Signal;
use crate::plan::{Mode, Plan};

/// The names of values, each with its value.
type NamedValues = Vec<(String, serde_json::Value)>;

fn lifecycle<'a>(
    plan: &'a Plan,
    environment: &'a Environment,
    say: &'a (dyn Fn(Event) + Sync),
) -> Lifecycle<'a> {
    Lifecycle {
        plan,
        environment,
        mode: Mode::Async,
        cores: 1,
        say,
    }
}

/// Runs the setup of a plan; returns the values that it has set.
///
/// # Errors
/// If it fails, or a signal ends it.
pub fn run_setup(
    plan: &Plan,
    environment: &Environment,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<NamedValues, RunError> {
    let mut scope = None;
    lifecycle(plan, environment, say).setup(signal, &mut scope)?;
    let mut values = Vec::new();
    for (place, value) in scope.iter().flat_map(|scope| scope.values()) {
        let Some(name) = plan.names.get(place) else {
            continue;
        };
        // A value of an expression has a form in JSON, but for what only a program can make.
        let value = serde_json::to_value(value).unwrap_or_default();
        if name.value.as_ref() != Some(&value) {
            values.push((name.name.clone(), value));
        }
    }
    Ok(values)
}

/// Runs the teardown of a plan; returns a description of what went wrong, if anything.
pub fn run_teardown(
    plan: &Plan,
    environment: &Environment,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Option<String> {
    lifecycle(plan, environment, say).teardown(signal, signal().is_some(), None)
}
