//! The interpreter: goes through the steps of a flow, whatever the driver.

use rand::RngExt as _;

use super::branches;
use super::draw::{Place, Purpose, generator};
use super::driver::{Driver, Until};
use super::operation::{self, Call, Record};
use super::source::Turn;
use super::user::User;
use super::worker::Worker;
use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::{Delay, Operation, Passes, Repeat, Step, StepKind};

/// What an iteration carries through its flow.
pub struct Course<'a, 'w, D: Driver> {
    /// The iteration's number.
    pub number: u64,
    /// Whether it is the first of its virtual user.
    pub fresh: bool,
    /// The iteration's own time and queue, until its first operation takes them.
    pub turn: Option<Turn>,
    /// The first operation of this branch, written down as planned when the branch began.
    pub planned: Option<Record<'a, 'w, D>>,
    /// The first failure of an operation, whether or not the flow went on after it.
    pub failure: Option<FailureKind>,
}

/// How some steps ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of them were gone through; what failed was meant to be gone on after.
    Through,
    /// A failure ended them.
    Broken,
}

/// Runs the steps, which are those of the group at `place`.
pub async fn run<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    steps: &'a [Step],
    place: Place,
    course: &mut Course<'a, 'w, D>,
) -> End {
    for (index, step) in steps.iter().enumerate() {
        let place = place.inside(index);
        if !is_due(worker, step, place, course) {
            continue;
        }
        let end = match &step.kind {
            StepKind::Operation(operation) => operate(worker, user, operation, place, course).await,
            StepKind::Think(delay) => {
                course.turn = None;
                pause(worker, delay, place, course.number).await;
                End::Through
            }
            StepKind::Set(_) => End::Through,
            // Groups recurse, and only they are boxed: a flow of operations is one future.
            StepKind::Flow(steps) => Box::pin(run(worker, user, steps, place, course)).await,
            StepKind::Repeat(group) => Box::pin(repeat(worker, user, group, place, course)).await,
            StepKind::Parallel(group) => {
                let until = if group.cancel_on_error { Until::FirstFailure } else { Until::All };
                let most = group.concurrency.map_or(usize::MAX, |n| n as usize);
                Box::pin(branches::run(worker, user, &group.branches, place, most, until, course)).await
            }
            StepKind::Race(group) => {
                let until = if group.must_succeed { Until::FirstSuccess } else { Until::First };
                Box::pin(branches::run(worker, user, &group.branches, place, usize::MAX, until, course)).await
            }
        };
        if end == End::Broken && !step.continue_on_error {
            return End::Broken;
        }
    }
    End::Through
}

/// Whether a step is run this time.
fn is_due<D: Driver>(worker: &Worker<'_, D>, step: &Step, place: Place, course: &Course<'_, '_, D>) -> bool {
    if step.once && !course.fresh {
        return false;
    }
    step.chance.is_none_or(|share| generator(worker.world.plan.seed, course.number, place, Purpose::Chance).random::<f64>() < share.0)
}

async fn operate<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    operation: &'a Operation,
    place: Place,
    course: &mut Course<'a, 'w, D>,
) -> End {
    let (intended, queue) = match course.turn.take() {
        Some(turn) => (turn.intended, turn.queue),
        None => (worker.driver.now(), Nanos::ZERO),
    };
    let planned = course.planned.take_if(|record| record.operation() == operation.id);
    let record = planned.unwrap_or_else(|| Record::new(worker, operation.id, intended));
    let call = Call { iteration: course.number, place, intended, queue };
    match operation::run(worker, user, operation, call, record).await {
        None => End::Through,
        Some(kind) => {
            course.failure.get_or_insert(kind);
            End::Broken
        }
    }
}

async fn pause<D: Driver>(worker: &Worker<'_, D>, delay: &Delay, place: Place, iteration: u64) {
    let pause = delay.sample(&mut generator(worker.world.plan.seed, iteration, place, Purpose::Length));
    let until = worker.driver.now() + pause;
    worker.driver.sleep_until(until).await;
}

async fn repeat<'a, 'w, D: Driver>(
    worker: &'a Worker<'w, D>,
    user: &mut User<D::Io>,
    group: &'a Repeat,
    place: Place,
    course: &mut Course<'a, 'w, D>,
) -> End {
    let (Passes::Times(times) | Passes::Until { max: times, .. } | Passes::Over { max: times, .. }) = group.passes;
    for pass in 0..times {
        if run(worker, user, &group.flow, place.pass(pass), course).await == End::Broken {
            return End::Broken;
        }
        worker.driver.breathe().await;
    }
    End::Through
}
