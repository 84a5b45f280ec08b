//! [`run_setup`], [`run_teardown`]: what runs once around a run that several processes share.

use serde_json::value::RawValue;

use super::lifecycle::Lifecycle;
use super::run_folder;
use crate::engine::error::RunError;
use crate::engine::job::{Environment, SetupValues};
use crate::engine::observe::event::Event;
use crate::engine::schedule::stop::Signal;
use crate::plan::{Mode, Plan};
use crate::value::{Scope, Value, to_json};

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
) -> Result<SetupValues, RunError> {
    let mut environment = environment.clone();
    let _folder = run_folder::provide(plan, &mut environment)?;
    let mut scope = None;
    lifecycle(plan, &environment, say).setup(signal, &mut scope)?;
    Ok(setup_values(plan, scope.as_ref()))
}

/// Returns the values that a setup has set, if there was one, for another process.
pub(super) fn setup_values(plan: &Plan, scope: Option<&Scope>) -> SetupValues {
    let changed = |(place, value): (usize, &Value)| {
        let name = plan.names.get(place)?;
        // Whatever an expression can make has a form in JSON.
        let text = to_json(value).ok()?;
        let before = name.value.as_ref().map(ToString::to_string);
        let set = RawValue::from_string(text).ok()?;
        (before.as_deref() != Some(set.get())).then(|| (name.name.clone(), set))
    };
    let values = scope.into_iter().flat_map(Scope::values);
    values.filter_map(changed).collect()
}

/// Runs the teardown of a plan; returns a description of what went wrong, if anything.
pub fn run_teardown(
    plan: &Plan,
    environment: &Environment,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Option<String> {
    let mut environment = environment.clone();
    match run_folder::provide(plan, &mut environment) {
        Ok(_folder) => {
            lifecycle(plan, &environment, say).teardown(signal, signal().is_some(), None)
        }
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::world::World;
    use crate::scenario::fixture;
    use crate::value::from_raw;

    #[test]
    fn values_of_a_setup_reach_another_process_as_they_were_spelled() {
        let text = "{name: t, vars: {kept: 7}, setup: [{set: {price: 1}}, {set: {list: 2}}],
            mix: [{name: m, flow: [{sleep: 1ms}]}], load: {iterations: 1}}";
        let plan = fixture::plan(text);
        let raw = |text: &str| RawValue::from_string(text.into()).expect("JSON");
        let received = SetupValues::from([
            ("price".into(), raw("1.50")),
            ("list".into(), raw("[1e2,{\"a\":12345678901234567890123}]")),
        ]);
        let environment = Environment {
            setup_values: received.clone(),
            ..Environment::default()
        };
        let world = World::new(&plan, &environment, 1, None).expect("a world");
        let sent = setup_values(&plan, Some(world.names.start()));
        let texts = |values: &SetupValues| -> Vec<(String, String)> {
            let names = values.keys().cloned();
            names
                .zip(values.values().map(ToString::to_string))
                .collect()
        };
        assert_eq!(
            texts(&sent),
            texts(&received),
            "what did not change is not sent"
        );
        let price = world.names.place("price").expect("a name");
        let printed = to_json(&world.names.start().get(price)).expect("JSON");
        assert_eq!(printed, "1.50");
        assert_eq!(
            to_json(&from_raw(&raw("null")).expect("JSON")).expect("JSON"),
            "null"
        );
    }
}
