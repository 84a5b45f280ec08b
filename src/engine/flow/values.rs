//! Values computed by the steps of a flow: conditions, values and lists.

use rand::RngExt as _;

use super::iteration_state::{End, IterationState};
use crate::engine::draw::{Position, Purpose, generator};
use crate::engine::driver::Driver;
use crate::engine::world::worker::Worker;
use crate::plan::{Choose, Passes, Repeat, Step};
use crate::value::{Value, ValueError};

/// Returns whether a step is run this time.
pub(crate) fn is_due<D: Driver>(
    worker: &Worker<'_, D>,
    step: &Step,
    position: Position,
    state: &IterationState<'_, '_, D>,
) -> Result<bool, ValueError> {
    if step.once && !state.fresh {
        return Ok(false);
    }
    let seed = worker.world.plan.seed;
    if step.chance.is_some_and(|share| {
        generator(seed, state.number, position, Purpose::Chance).random::<f64>() >= share.0
    }) {
        return Ok(false);
    }
    step.when.as_ref().map_or(Ok(true), |condition| {
        holds(worker, condition, position, state)
    })
}

/// Draws which way of a choice is taken this time.
pub(crate) fn drawn_way<D: Driver>(
    worker: &Worker<'_, D>,
    choose: &Choose,
    position: Position,
    iteration: u64,
) -> usize {
    let seed = worker.world.plan.seed;
    choose.at(generator(seed, iteration, position, Purpose::Way).random())
}

/// Returns whether a condition holds.
pub(crate) fn holds<D: Driver>(
    worker: &Worker<'_, D>,
    condition: &str,
    position: Position,
    state: &IterationState<'_, '_, D>,
) -> Result<bool, ValueError> {
    let facts = worker.facts(state.number, position, Purpose::Condition);
    worker
        .world
        .expressions
        .get(condition)?
        .holds(&state.scope, &facts)
}

/// Sets names to the values of expressions, in order: each may use the ones before it.
pub(crate) fn set<D: Driver>(
    worker: &Worker<'_, D>,
    values: &[(String, String)],
    position: Position,
    state: &mut IterationState<'_, '_, D>,
) -> Result<End, ValueError> {
    let facts = worker.facts(state.number, position, Purpose::Value);
    for (name, value) in values {
        let value = worker
            .world
            .expressions
            .get(value)?
            .eval(&state.scope, &facts)?;
        state.set(worker, name, value);
    }
    Ok(End::Through)
}

/// Returns the items of the list that a loop iterates over; none for other loops.
pub(crate) fn items<D: Driver>(
    worker: &Worker<'_, D>,
    group: &Repeat,
    position: Position,
    state: &IterationState<'_, '_, D>,
) -> Result<Vec<Value>, ValueError> {
    let Passes::Over { list, .. } = &group.passes else {
        return Ok(Vec::new());
    };
    let facts = worker.facts(state.number, position, Purpose::Value);
    worker
        .world
        .expressions
        .get(list)?
        .items(&state.scope, &facts)
}
