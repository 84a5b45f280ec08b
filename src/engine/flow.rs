//! The interpreter: goes through the steps of a flow.

use super::draw::{Purpose, generator};
use super::driver::Driver;
use super::operation;
use super::source::Turn;
use super::worker::{User, Worker};
use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::{Step, StepKind};

/// Runs the steps; tells the first failure, where there was one.
pub async fn run<D: Driver>(worker: &Worker<'_, D>, user: &mut User<D::Io>, steps: &[Step], turn: Turn) -> Option<FailureKind> {
    let mut first_failure = None;
    // The first operation has the iteration's time; a later one is intended when it is reached.
    let mut first = Some(turn);
    for (index, step) in steps.iter().enumerate() {
        match &step.kind {
            StepKind::Think(delay) => {
                first = None;
                // Pauses draw apart from operations, whose ids may be the same numbers.
                let place = u64::MAX - index as u64;
                let pause = delay.sample(&mut generator(worker.world.plan.seed, turn.number, place, Purpose::Length));
                let until = worker.driver.now() + pause;
                worker.driver.sleep_until(until).await;
            }
            StepKind::Flow(_) | StepKind::Parallel(_) | StepKind::Race(_) | StepKind::Repeat(_) => todo!(),
            StepKind::Operation(operation) => {
                let (intended, queue) = match first.take() {
                    Some(turn) => (turn.intended, turn.queue),
                    None => (worker.driver.now(), Nanos::ZERO),
                };
                let failure = operation::run(worker, user, operation, turn.number, intended, queue).await;
                if let Some(kind) = failure {
                    first_failure.get_or_insert(kind);
                    if !step.continue_on_error {
                        break;
                    }
                }
            }
        }
    }
    first_failure
}
