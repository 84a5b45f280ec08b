//! [`Worker`]: the one loop that runs iterations, whatever the driver.

use hyper::rt::{Read, Write};

use super::draw::Place;
use super::driver::Driver;
use super::flow::{self, Course};
use super::limit::{Full, enter};
use super::source::{Asker, Source, Turn};
use super::tape::Tape;
use super::world::World;
use crate::base::Nanos;
use crate::metrics::{FailureKind, IterationSample, Outcome};
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::transport::http::Connection;

/// A virtual user, or a slot of the open model: what it keeps from one iteration to the next.
pub struct User<Io: Read + Write + Unpin + Send + 'static> {
    index: u64,
    /// Measured iterations that it has taken.
    taken: u64,
    /// Whether it has not finished an iteration yet.
    fresh: bool,
    /// Its connection to each target, while nobody uses it.
    pub connections: Vec<Option<Connection<Io>>>,
    /// What its branches keep: each needs connections of its own.
    branches: Vec<Self>,
}

impl<Io: Read + Write + Unpin + Send + 'static> User<Io> {
    /// A user with nothing yet.
    pub fn new(index: usize, targets: usize) -> Self {
        Self { index: index as u64, taken: 0, fresh: true, connections: (0..targets).map(|_| None).collect(), branches: Vec::new() }
    }

    /// So many branches of it.
    pub fn branches(&mut self, count: usize) -> &mut [Self] {
        while self.branches.len() < count {
            self.branches.push(Self::new(self.index as usize, self.connections.len()));
        }
        &mut self.branches[..count]
    }

    /// All users of a world.
    pub fn all(world: &World<'_>) -> Vec<Self> {
        (0..world.plan.load.model.slots() as usize).map(|index| Self::new(index, world.plan.targets.len())).collect()
    }
}

/// One thread of a run: what its virtual users share.
pub struct Worker<'w, D> {
    /// What all threads share.
    pub world: &'w World<'w>,
    /// This thread's I/O and time.
    pub driver: D,
    /// This thread's samples.
    pub tape: Tape<'w>,
}

impl<'w, D: Driver> Worker<'w, D> {
    /// For the thread with this index.
    pub fn new(world: &'w World<'w>, driver: D, thread: usize) -> Self {
        Self { world, driver, tape: Tape::new(world, world.shard(thread)) }
    }

    /// Runs iterations until there are no more: each for the one user given, or in turn for all of them.
    pub async fn run(&self, users: &mut [User<D::Io>]) {
        loop {
            self.driver.breathe().await;
            let asker = match users {
                [user] => Asker::One { user: user.index, taken: user.taken },
                _ => Asker::All,
            };
            let Some(turn) = self.world.source.next(&self.driver, &self.world.stop, asker).await else { return };
            self.refuse();
            let measured = turn.number < WARMUP_NUMBERS;
            let place = if measured { turn.number } else { turn.number - WARMUP_NUMBERS } % users.len() as u64;
            let user = &mut users[place as usize];
            user.taken += u64::from(measured);
            self.iterate(user, turn).await;
        }
    }

    /// Writes down the arrivals that a full queue has refused.
    fn refuse(&self) {
        let Source::Open(desk) = &self.world.source else { return };
        for arrival in desk.refused() {
            let mix = self.world.choice.of(arrival.number) as u32;
            self.tape.iteration(IterationSample { mix, intended: arrival.at, completed: arrival.at, outcome: Outcome::Dropped });
        }
    }

    /// Runs one iteration and writes it down.
    async fn iterate(&self, user: &mut User<D::Io>, turn: Turn) {
        let mix = self.world.choice.of(turn.number);
        let mut record = IterationRecord::new(self, mix, turn.intended);
        let mut turn = turn;
        let mut permit = None;
        if let limit @ Some(_) = self.world.mix_limits[mix].as_ref() {
            record.sample.outcome = Outcome::Skipped;
            let asked = self.driver.now();
            match enter([limit, None, None], &self.driver).await {
                Ok((entered, free)) => {
                    turn.queue += free - asked;
                    permit = Some(entered);
                }
                Err(Full) => {
                    record.sample.outcome = Outcome::Dropped;
                    return;
                }
            }
        }
        record.sample.outcome = Outcome::Unfinished;
        let fresh = std::mem::replace(&mut user.fresh, false);
        let mut course = Course { number: turn.number, fresh, turn: Some(turn), planned: None, failure: None };
        flow::run(self, user, &self.world.plan.mix[mix].flow, Place::default().inside(mix), &mut course).await;
        drop(permit);
        record.end(course.failure);
    }
}

/// Writes an iteration down when it is dropped: unfinished, where it was not ended before.
struct IterationRecord<'a, 'w, D: Driver> {
    worker: &'a Worker<'w, D>,
    sample: IterationSample,
}

impl<'a, 'w, D: Driver> IterationRecord<'a, 'w, D> {
    fn new(worker: &'a Worker<'w, D>, mix: usize, intended: Nanos) -> Self {
        worker.tape.shard().activity(1);
        let sample = IterationSample { mix: mix as u32, intended, completed: intended, outcome: Outcome::Unfinished };
        Self { worker, sample }
    }

    fn end(&mut self, failure: Option<FailureKind>) {
        self.sample.completed = self.worker.driver.now();
        self.sample.outcome = failure.map_or(Outcome::Ok, Outcome::Failed);
    }
}

impl<D: Driver> Drop for IterationRecord<'_, '_, D> {
    fn drop(&mut self) {
        self.worker.tape.shard().activity(-1);
        self.worker.tape.iteration(self.sample);
    }
}
