//! [`Source`]: where iterations come from, one at a time, for the whole run.

mod paced;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) use super::arrival_queue::ArrivalQueue;
use futures_util::future::{Either, select};

use super::claimed_numbers::ClaimedNumbers;
use super::scheduled_iteration::ScheduledIteration;
use super::stop::Stop;
use crate::base::{CachePadded, Nanos};
use crate::engine::driver::Driver;
use crate::metrics::StartPace;
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::pacing::{Arrivals, Levels, LoggedTimes};
use crate::plan::{LoadModel, NumberedLoad, OnFull, Plan};

/// The level at which the first user is active: from which it rounds to 1.
const FIRST_ACTIVE: f64 = 0.5;

/// Who asks for iterations: one virtual user, or all of them in the sequential mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationTaker {
    /// All virtual users, one at a time, by iteration number.
    All,
    /// One virtual user.
    One {
        /// Its index among those of the whole load.
        user: u64,
        /// The number of measured iterations it has taken.
        taken: u64,
        /// The number of iterations of the warm-up it has taken.
        warmed: u64,
        /// When its next iteration is due by its pace, if it has one and has started an iteration.
        due: Option<Nanos>,
    },
}

impl IterationTaker {
    /// Returns whether it has not taken an iteration yet.
    const fn is_new(self) -> bool {
        matches!(
            self,
            Self::One {
                taken: 0,
                warmed: 0,
                ..
            }
        )
    }
}

/// Where the iterations of a load come from.
pub enum Source {
    /// Each virtual user's next iteration begins when its last one is complete.
    Closed(Box<Closed>),
    /// Iterations begin at planned times.
    Open(Box<ArrivalQueue>),
}

/// The closed model.
pub struct Closed {
    /// The number of users of the whole load, of which these may be a share.
    users: u64,
    /// The distance between two numbers.
    step: u64,
    iterations: Option<u64>,
    /// The number of the first iteration.
    first: u64,
    per_user: Option<u64>,
    total: Option<u64>,
    /// The time between the starts of two iterations of a user.
    pace: Option<Nanos>,
    /// The number of active users over time, if it changes.
    levels: Option<Levels>,
    /// Whether it begins later than the run.
    is_delayed: bool,
    /// Whether users may have to wait before they begin an iteration.
    is_uneven: bool,
    /// When its measured part begins; nothing starts before if it begins later than the run.
    epoch: Nanos,
    /// When it ends.
    end: Nanos,
    /// Whether all iterations have been taken.
    exhausted: AtomicBool,
    warm: AtomicU64,
    /// Whether the numbers may have gaps: rows are dealt by number, and none may be left out.
    has_gaps: bool,
    /// The number of the next measured iteration, shared by all threads.
    measured: CachePadded<AtomicU64>,
}

impl Source {
    /// Creates the source of one of a plan's loads; `logged` are the times of the log that the plan
    /// replays, if it does.
    pub fn new(own: &NumberedLoad<'_>, plan: &Plan, logged: Option<&LoggedTimes>) -> Self {
        let (load, first) = (own.load, own.first_number());
        let offset = |most: Option<u64>| most.map(|most| first.saturating_add(most));
        match load.model {
            LoadModel::Closed { .. } => Self::Closed(Box::new(Closed {
                users: u64::from(load.slots_of_whole()),
                step: u64::from(load.shard().count),
                iterations: offset(load.iterations),
                first,
                per_user: load.iterations_per_vu,
                total: offset(load.total_iterations()),
                pace: load.pace,
                levels: (!load.stages.is_empty()).then(|| Levels::new(&load.stages)),
                is_delayed: load.start_after > Nanos::ZERO,
                is_uneven: !load.stages.is_empty() || load.start_after > Nanos::ZERO,
                epoch: load.begin(),
                end: load.end(),
                exhausted: AtomicBool::new(false),
                warm: AtomicU64::new(0),
                has_gaps: plan.feeds.is_empty(),
                measured: CachePadded(AtomicU64::new(first + load.shard().nth(0))),
            })),
            LoadModel::Open {
                queue,
                on_full,
                max_in_flight,
                ..
            } => Self::Open(Box::new(ArrivalQueue::new(
                Arrivals::of_load(own, plan.seed, logged),
                (on_full == OnFull::Drop).then_some(queue as usize),
                max_in_flight,
            ))),
        }
    }

    /// Returns the time between the starts of two iterations of a user, if there is one.
    pub fn pace(&self) -> Option<Nanos> {
        match self {
            Self::Closed(closed) => closed.pace,
            Self::Open(_) => None,
        }
    }

    /// Returns whether nothing planned is ever due: an iteration begins when its user is free.
    pub fn begins_when_free(&self) -> bool {
        matches!(self, Self::Closed(closed) if closed.pace.is_none())
    }

    /// Returns from when on a user of a load with a pace may start its next iteration, or `None` if
    /// it has no iterations left.
    pub fn ready(&self, asker: IterationTaker, now: Nanos) -> Option<Nanos> {
        match self {
            Self::Closed(closed) => closed.ready(asker, now),
            Self::Open(_) => None,
        }
    }

    /// Returns when its next iteration is due, for the thread that does the work of all its users, of
    /// which the one whose turn it is became free at `freed`.
    pub fn due(&self, now: Nanos, freed: Nanos) -> Nanos {
        match self {
            Self::Closed(closed) => closed.due(now, freed),
            Self::Open(queue) => queue.due(now),
        }
    }

    /// Returns the next iteration, or `None` if there are no more.
    pub async fn next<D: Driver>(
        &self,
        driver: &D,
        stop: &Stop,
        asker: IterationTaker,
        claimed: &ClaimedNumbers,
    ) -> Option<ScheduledIteration> {
        match self {
            Self::Closed(closed) => {
                if closed.pace.is_some() {
                    return closed.paced(driver, stop, asker, claimed).await;
                }
                if closed.is_uneven {
                    closed.activity(driver, stop, asker).await?;
                }
                closed.next(driver.now(), stop, asker, claimed)
            }
            Self::Open(queue) => queue.next(driver, stop, asker.is_new()).await,
        }
    }
}

impl Closed {
    /// Returns when the next iteration is due, for a thread that does the work of all users, given
    /// when the one whose turn it is became free.
    fn due(&self, now: Nanos, freed: Nanos) -> Nanos {
        let ready = if self.is_delayed {
            freed.max(self.epoch)
        } else {
            freed
        };
        let Some(levels) = &self.levels else {
            return ready;
        };
        let since = now.max(ready) - self.epoch;
        match levels.reaches(FIRST_ACTIVE, since) {
            Some(at) if at > since => self.epoch + at,
            _ => ready,
        }
    }

    /// Waits until the load has begun and the asker is active; returns `None` if that will not
    /// happen again.
    ///
    /// The first user is active when the level rounds to 1, the second when it rounds to 2, and so
    /// on. In the sequential mode, the work of all is done while the first is active.
    async fn activity<D: Driver>(
        &self,
        driver: &D,
        stop: &Stop,
        asker: IterationTaker,
    ) -> Option<()> {
        if self.is_delayed && driver.now() < self.epoch {
            let epoch = driver.sleep_until(self.epoch);
            self.wait_for(self.epoch, epoch, stop).await?;
        }
        let Some(levels) = &self.levels else {
            return Some(());
        };
        let wanted = match asker {
            IterationTaker::All => FIRST_ACTIVE,
            IterationTaker::One { user, .. } => user as f64 + FIRST_ACTIVE,
        };
        loop {
            let now = driver.now();
            // The warm-up uses the level at which the stages begin.
            let since = now - self.epoch;
            let at = levels.reaches(wanted, since)?;
            if at <= since {
                return Some(());
            }
            let at = self.epoch + at;
            self.wait_for(at, driver.sleep_until(at), stop).await?;
        }
    }

    /// Waits until a moment, which `sleep` waits for; returns `None` if the load or the run ends
    /// before.
    async fn wait_for(
        &self,
        at: Nanos,
        sleep: impl Future<Output = ()>,
        stop: &Stop,
    ) -> Option<()> {
        if at >= stop.end() {
            return None;
        }
        match select(pin!(sleep), pin!(stop.interruption(Some(&self.exhausted)))).await {
            Either::Left(_) => Some(()),
            Either::Right(_) => None,
        }
    }

    fn next(
        &self,
        now: Nanos,
        stop: &Stop,
        asker: IterationTaker,
        claimed: &ClaimedNumbers,
    ) -> Option<ScheduledIteration> {
        if now >= stop.end().min(self.end) {
            return None;
        }
        let number = if now < self.epoch {
            // Each user has numbers of its own: what is left of its warm-up when measuring begins does
            // not depend on others.
            WARMUP_NUMBERS
                + self.first
                + match asker {
                    IterationTaker::All => self.warm.fetch_add(1, Ordering::Relaxed),
                    IterationTaker::One { user, warmed, .. } => warmed * self.users + user,
                }
        } else {
            match asker {
                IterationTaker::All => self.count(self.total, stop, claimed)?,
                IterationTaker::One { taken, .. }
                    if self.per_user.is_some_and(|most| taken >= most) =>
                {
                    return None;
                }
                // With a bound for each user, the numbers are those that all users in turn would
                // get.
                IterationTaker::One { user, taken, .. }
                    if self.iterations.is_none() && self.per_user.is_some() =>
                {
                    self.first + taken * self.users + user
                }
                IterationTaker::One { .. } => self.count(self.iterations, stop, claimed)?,
            }
        };
        Some(ScheduledIteration {
            number,
            intended: now,
            queue: Nanos::ZERO,
            begun: now,
            pace: StartPace::Free,
        })
    }

    fn count(&self, most: Option<u64>, stop: &Stop, claimed: &ClaimedNumbers) -> Option<u64> {
        if most.is_none() && self.has_gaps {
            return Some(claimed.take(&self.measured, self.step));
        }
        let number = self.measured.fetch_add(self.step, Ordering::Relaxed);
        if most.is_none_or(|most| number < most) {
            return Some(number);
        }
        // Users waiting to become active again have nothing left to wait for.
        stop.exhaust(&self.exhausted);
        None
    }
}
