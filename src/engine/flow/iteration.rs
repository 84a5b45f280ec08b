//! The only iteration loop: takes iterations and runs them, on any driver.

use std::pin::pin;

use super::interpreter;
use super::iteration_state::{End, Failures, IterationState};
use super::lane::Lane;
use super::turns::Turns;
use super::user_steps;
use crate::base::Nanos;
use crate::engine::compiled::feed::{Exhausted, RowTaker};
use crate::engine::connection::user::User;
use crate::engine::driver::Driver;
use crate::engine::schedule::limit::{Full, enter};
use crate::engine::schedule::scheduled_iteration::ScheduledIteration;
use crate::engine::schedule::source::Source;
use crate::engine::world::Ended;
use crate::engine::world::worker::Worker;
use crate::metrics::{FailureKind, IterationSample, Outcome};
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::plan::NUMBERS_PER_LOAD;
use crate::value::Scope;

/// Runs iterations until there are none left: for the one user given, or for all users of all loads
/// in turn. Users that stop run their teardowns.
pub(crate) async fn run<D: Driver>(worker: &Worker<'_, D>, lanes: &mut [Lane<'_, D::Io>]) {
    let world = worker.world;
    let mut turns = Turns::new(lanes);
    // Only where nothing planned is ever due: iterations of the closed model begin when they do.
    let is_closed = world.sources.iter().all(Source::begins_when_free);
    loop {
        if is_closed {
            worker.driver.wait_for_siblings().await;
        } else {
            worker.driver.yield_now().await;
        }
        let place = turns.next(lanes, &world.sources, &worker.driver);
        let lane = &mut lanes[place];
        let source = &world.sources[lane.load];
        let (asker, known) = lane.asker(source, || worker.driver.now());
        let Some(scheduled) = source
            .next(&worker.driver, &world.stop, asker, &worker.claimed)
            .await
        else {
            if turns.are_left_without(place) {
                if worker.world.plan.has_user_teardown() {
                    Box::pin(leave(worker, lane)).await;
                }
                continue;
            }
            break;
        };
        refuse(worker, source);
        let measured = scheduled.number < WARMUP_NUMBERS;
        let slot = known.unwrap_or_else(|| {
            // The numbers of a warm-up are those of the run, far above them.
            let number = scheduled.number % WARMUP_NUMBERS % NUMBERS_PER_LOAD;
            (number % lane.users.len() as u64) as usize
        });
        let user = &mut lane.users[slot];
        if let Some(pace) = source.pace() {
            user.due = Some(scheduled.intended + pace);
        }
        let taken = if measured {
            &mut user.taken
        } else {
            &mut user.warmed
        };
        *taken += 1;
        if pin!(iterate(worker, user, scheduled)).await.is_err() {
            break;
        }
        turns.end(place, &worker.driver);
    }
    // Here, because a loop of its own would be one more future that each wake-up goes through.
    if world.plan.has_user_teardown() {
        for lane in lanes {
            Box::pin(leave(worker, lane)).await;
        }
    }
}

/// Runs the teardowns of the users of a lane that has ended.
async fn leave<D: Driver>(worker: &Worker<'_, D>, lane: &mut Lane<'_, D::Io>) {
    for user in &mut *lane.users {
        user_steps::tear_down(worker, user, Nanos::MAX).await;
    }
}

/// Records the arrivals that a full queue has refused.
fn refuse<D: Driver>(worker: &Worker<'_, D>, source: &Source) {
    let Source::Open(queue) = source else {
        return;
    };
    for arrival in queue.refused() {
        let sample = worker.world.not_run(arrival, Outcome::Dropped);
        worker.tape.iteration(sample);
    }
}

/// Returns the values that an iteration starts with: its rows, and what its user keeps.
fn scope<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    mix: usize,
    number: u64,
) -> Result<Scope, Exhausted> {
    let taker = RowTaker {
        index: user.index,
        load: user.load,
        taken: &mut user.rows,
    };
    let mut scope = worker
        .world
        .scope(mix, number, taker)
        .inspect_err(|Exhausted| worker.world.run_dry(worker.driver.now()))?;
    if let Some(kept) = &user.kept {
        scope.begin(kept);
    }
    Ok(scope)
}

/// Runs and records one iteration; an iteration without a row is not even planned.
async fn iterate<D: Driver>(
    worker: &Worker<'_, D>,
    user: &mut User<D::Io>,
    scheduled: ScheduledIteration,
) -> Result<(), Exhausted> {
    let mix = worker.world.choice.mix_of(scheduled.number);
    let scope = scope(worker, user, mix, scheduled.number)?;
    let mut record = IterationRecord::new(worker, mix, &scheduled);
    let mut scheduled = scheduled;
    let mut permit = None;
    let common = &worker.world.entries[mix];
    if let limit @ Some(_) = common.limit.as_ref() {
        record.sample.outcome = Outcome::Skipped;
        let asked = worker.driver.now();
        match enter([limit], &worker.driver, asked).await {
            Ok((entered, at)) => {
                worker.wait_if_over(false).await;
                scheduled.queue += at.free - asked;
                scheduled.begun = at.now;
                permit = Some(entered);
            }
            Err(Full) => {
                record.sample.outcome = Outcome::Dropped;
                return Ok(());
            }
        }
    }
    record.sample.outcome = Outcome::Unfinished;
    let fresh = std::mem::replace(&mut user.fresh, false);
    let entry = &worker.world.plan.mix[mix];
    let flow = &entry.flow;
    let number = scheduled.number;
    let mut state = IterationState {
        number,
        fresh,
        scheduled: Some(scheduled),
        planned: None,
        failures: Failures::default(),
        think: None,
        ended: None,
        scope,
        kept: None,
        last_operation: common.first_operation,
    };
    let mut end = End::Through;
    if user_steps::begins(user, mix, entry, number) {
        end = Box::pin(user_steps::set_up(worker, user, mix, &mut state)).await;
        // The time of an iteration is that of its flow. In the warm-up it stays where it is.
        if state.scheduled.is_none() && number < WARMUP_NUMBERS {
            record.sample.intended = worker.driver.now();
        }
    }
    if end == End::Through {
        end = pin!(interpreter::run(
            worker,
            user,
            flow,
            common.position,
            &mut state
        ))
        .await;
    }
    worker.world.ended.get_or_init(|| Ended {
        through: end == End::Through,
        scope: state.scope,
    });
    drop(permit);
    if let Some(kept) = state.kept {
        user.kept.get_or_insert_default().merge(*kept);
    }
    user.end_iteration();
    record.end(
        state.ended.unwrap_or_else(|| worker.driver.now()),
        state.failures.first,
    );
    Ok(())
}

/// Records an iteration on drop, as unfinished unless it has ended.
struct IterationRecord<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    sample: IterationSample,
}

impl<'a, 'w, D: Driver> IterationRecord<'a, 'w, D> {
    fn new(worker: &'a Worker<'w, D>, mix: usize, scheduled: &ScheduledIteration) -> Self {
        worker.tape.sink().activity(1);
        let sample = IterationSample {
            mix: mix as u32,
            intended: scheduled.intended,
            completed: scheduled.intended,
            outcome: Outcome::Unfinished,
            pace: scheduled.pace,
        };
        Self { worker, sample }
    }

    fn end(&mut self, now: Nanos, failure: Option<FailureKind>) {
        self.sample.completed = now;
        self.sample.outcome = failure.map_or(Outcome::Ok, Outcome::Failed);
    }
}

impl<D: Driver> Drop for IterationRecord<'_, '_, D> {
    fn drop(&mut self) {
        self.worker.tape.sink().activity(-1);
        self.worker.tape.iteration(self.sample);
    }
}
