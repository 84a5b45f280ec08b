//! [`ArrivalQueue`]: where idle slots of the open model take the next arrival. There is no
//! dispatcher.
//!
//! One idle slot, the leader, waits until the next arrival is due; when it starts to work, the slot
//! that became idle last takes its place. So few slots, and few connections, do the work if few are
//! enough.

use std::collections::VecDeque;
use std::future::Future;
use std::iter::{Flatten, Peekable};
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec::IntoIter;

use futures_util::future::{Either, select};

use super::scheduled_iteration::ScheduledIteration;
use super::stop::Stop;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::metrics::StartPace;
use crate::pacing::{Arrival, Arrivals};

struct State {
    arrivals: Peekable<Arrivals>,
    /// Arrivals that were due while every slot was busy, if the queue is bounded.
    queue: VecDeque<Arrival>,
    /// Arrivals that found the queue full and have not been recorded yet.
    refused: Vec<Refused>,
    /// Arrivals that a slot had taken when it was cancelled before they were due.
    returned: Vec<Arrival>,
    /// The number of slots at the queue: as long as there is one, arrivals do not wait.
    free: usize,
    /// The number of slots that have been at the queue: at the start they come one after another.
    seen: u32,
    /// Whether an arrival was due while every slot was busy.
    has_made_wait: bool,
    led: bool,
    idle: Vec<(u64, Waker)>,
    tickets: u64,
}

/// The queue where idle slots take the next arrival.
pub struct ArrivalQueue {
    state: Mutex<State>,
    /// The number of arrivals that may wait for a slot if further ones are refused.
    room: Option<usize>,
    /// The number of slots.
    slots: u32,
}

impl State {
    /// Advances the queue to a moment up to which no slot was free, so that it has only grown since
    /// the last call.
    fn fill(&mut self, room: Option<usize>, until: Nanos) {
        let Some(room) = room else { return };
        while self.queue.len() < room {
            let Some(arrival) = self.arrivals.next_if(|arrival| arrival.at < until) else {
                return;
            };
            self.queue.push_back(arrival);
        }
        if self
            .arrivals
            .peek()
            .is_some_and(|arrival| arrival.at < until)
        {
            self.refused.push(Refused {
                arrivals: self.arrivals.clone(),
                until,
            });
            while self
                .arrivals
                .next_if(|arrival| arrival.at < until)
                .is_some()
            {}
        }
    }
}

/// Arrivals that found the queue full: the next ones of a schedule, up to a moment. Only their
/// generator is kept, because there may be millions while all slots are busy for long.
pub struct Refused {
    arrivals: Peekable<Arrivals>,
    until: Nanos,
}

impl Iterator for Refused {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.arrivals.next_if(|arrival| arrival.at < self.until)
    }
}

/// Counts a slot as free while it is at the queue.
struct FreeSlot<'a>(&'a ArrivalQueue);

impl Drop for FreeSlot<'_> {
    fn drop(&mut self) {
        self.0.state().free -= 1;
    }
}

/// An arrival that a slot has taken. If the slot is cancelled before the arrival is due, it is
/// returned: it was planned all the same.
struct TakenArrival<'a> {
    queue: &'a ArrivalQueue,
    arrival: Arrival,
    met: bool,
}

impl TakenArrival<'_> {
    fn mark_met(mut self) {
        self.met = true;
    }
}

impl Drop for TakenArrival<'_> {
    fn drop(&mut self) {
        if !self.met {
            self.queue.state().returned.push(self.arrival);
        }
    }
}

impl ArrivalQueue {
    /// Creates a queue for these arrivals. Those that find no free slot wait; with a limited
    /// `room`, those beyond it are refused.
    pub fn new(arrivals: Arrivals, room: Option<usize>, slots: u32) -> Self {
        let state = State {
            arrivals: arrivals.peekable(),
            queue: VecDeque::new(),
            refused: Vec::new(),
            returned: Vec::new(),
            free: 0,
            seen: 0,
            has_made_wait: false,
            led: false,
            idle: Vec::new(),
            tickets: 0,
        };
        Self {
            state: Mutex::new(state),
            room,
            slots,
        }
    }

    /// Returns whether an arrival was due while every slot was busy.
    pub fn has_made_wait(&self) -> bool {
        self.state().has_made_wait
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next arrival when it is due.
    ///
    /// An arrival that was due while every slot was busy has waited for a slot: its queue time is
    /// from its due time to the moment at which this slot became idle. Any further delay is the
    /// generator's own lateness. `is_new` says that the slot has not been at the queue yet.
    pub async fn next<D: Driver>(
        &self,
        driver: &D,
        stop: &Stop,
        is_new: bool,
    ) -> Option<ScheduledIteration> {
        let idle_since = driver.now();
        let _at_desk = self.sit_down(idle_since, is_new);
        let _leader = Leadership {
            queue: self,
            ticket: None,
            leading: false,
        }
        .await;
        if stop.early().is_some() {
            return None;
        }
        let taken = {
            let mut state = self.state();
            TakenArrival {
                queue: self,
                arrival: state.queue.pop_front().or_else(|| state.arrivals.next())?,
                met: false,
            }
        };
        let arrival = taken.arrival;
        let mut begun = driver.now();
        if begun < arrival.at {
            let sleep = pin!(driver.sleep_until_precise(arrival.at));
            if let Either::Right(_) = select(sleep, pin!(stop.interruption(None))).await {
                return None;
            }
            begun = driver.now();
        }
        taken.mark_met();
        Some(ScheduledIteration {
            number: arrival.number,
            intended: arrival.at,
            queue: idle_since - arrival.at,
            begun,
            pace: StartPace::Free,
        })
    }

    /// Returns when the next arrival is due, for a thread that has only one slot and other work;
    /// `now` if there are no more.
    pub fn due(&self, now: Nanos) -> Nanos {
        let mut state = self.state();
        if state.free == 0 {
            state.fill(self.room, now);
        }
        let State {
            queue, arrivals, ..
        } = &mut *state;
        let next = queue.front().or_else(|| arrivals.peek());
        next.map_or(now, |arrival| arrival.at)
    }

    fn sit_down(&self, now: Nanos, is_new: bool) -> FreeSlot<'_> {
        let mut state = self.state();
        if state.free == 0 {
            let is_due = |arrival: &Arrival| arrival.at < now;
            state.has_made_wait |= state.seen == self.slots
                && (!state.queue.is_empty() || state.arrivals.peek().is_some_and(is_due));
            state.fill(self.room, now);
        }
        state.seen += u32::from(is_new);
        state.free += 1;
        FreeSlot(self)
    }

    /// Takes the arrivals refused since the last call.
    pub fn refused(&self) -> Flatten<IntoIter<Refused>> {
        let refused = if self.room.is_none() {
            Vec::new()
        } else {
            std::mem::take(&mut self.state().refused)
        };
        refused.into_iter().flatten()
    }

    /// Takes the arrivals up to `end` refused since the last call, when no slot returns to the
    /// queue any more.
    pub fn refused_until(&self, end: Nanos) -> Flatten<IntoIter<Refused>> {
        let mut state = self.state();
        if state.free == 0 {
            state.fill(self.room, end);
        }
        std::mem::take(&mut state.refused).into_iter().flatten()
    }

    /// Returns the arrivals before `end` that no slot has run, once the refused ones have been
    /// taken.
    pub fn unmet(&self, end: Nanos) -> impl Iterator<Item = Arrival> {
        let state = self.state();
        let (returned, queue, rest) = (
            state.returned.clone(),
            state.queue.clone(),
            state.arrivals.clone(),
        );
        let came = returned
            .into_iter()
            .chain(queue)
            .filter(move |arrival| arrival.at < end);
        came.chain(rest.take_while(move |arrival| arrival.at < end))
    }
}

/// Waits until this slot may lead; the output keeps the lead until it is dropped.
struct Leadership<'a> {
    queue: &'a ArrivalQueue,
    ticket: Option<u64>,
    leading: bool,
}

/// Holds the lead; dropping it hands the lead on.
struct LeaderGuard<'a>(&'a ArrivalQueue);

impl<'a> Future for Leadership<'a> {
    type Output = LeaderGuard<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<LeaderGuard<'a>> {
        let queue = self.queue;
        let mut state = queue.state();
        if !state.led {
            state.led = true;
            if let Some(ticket) = self.ticket {
                state.idle.retain(|(known, _)| *known != ticket);
            }
            self.leading = true;
            return Poll::Ready(LeaderGuard(queue));
        }
        let ticket = *self.ticket.get_or_insert_with(|| {
            state.tickets += 1;
            state.tickets
        });
        match state.idle.iter_mut().find(|(known, _)| *known == ticket) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => state.idle.push((ticket, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Leadership<'_> {
    fn drop(&mut self) {
        let (Some(ticket), false) = (self.ticket, self.leading) else {
            return;
        };
        let mut state = self.queue.state();
        let waiting = state.idle.len();
        state.idle.retain(|(known, _)| *known != ticket);
        // It had been woken to lead and cannot, so the next one is woken.
        if state.idle.len() == waiting && !state.led {
            hand_on(state);
        }
    }
}

impl Drop for LeaderGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.led = false;
        hand_on(state);
    }
}

fn hand_on(mut state: MutexGuard<'_, State>) {
    let next = state.idle.pop();
    // The waker may poll its task at once, and that takes this lock.
    drop(state);
    if let Some((_, waker)) = next {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rate;
    use crate::engine::driver::simulated::{Budget, Simulated};
    use crate::pacing::Schedule;
    use crate::plan::{Shard, Spread};

    #[test]
    fn what_a_full_queue_refuses_takes_no_room_however_many_there_are() {
        let (rate, duration) = (Rate::per_second(1_000_000), Some(Nanos::from_secs(1)));
        let schedule = Schedule {
            spread: Spread::Constant,
            rate,
            stages: &[],
            seed: 1,
            warmup: Nanos::ZERO,
            duration,
            iterations: None,
            shard: Shard::WHOLE,
        };
        let queue = ArrivalQueue::new(Arrivals::new(&schedule), Some(3), 1);
        drop(queue.sit_down(Nanos::ZERO, true));
        drop(queue.sit_down(Nanos::from_millis(500), false));
        {
            let state = queue.state();
            assert_eq!(
                state
                    .queue
                    .iter()
                    .map(|arrival| arrival.number)
                    .collect::<Vec<_>>(),
                [0, 1, 2]
            );
            assert_eq!(
                state.refused.len(),
                1,
                "a stretch of the schedule, and not each of its arrivals"
            );
        }
        assert!(queue.has_made_wait(), "the only slot was busy");
        let first: Vec<u64> = queue.refused().map(|arrival| arrival.number).collect();
        assert!(
            first.iter().copied().eq(3..500_000),
            "{} were refused",
            first.len()
        );
        assert_eq!(queue.refused().count(), 0, "each is told once");
        let last = queue.refused_until(Nanos::from_secs(1));
        assert!(last.map(|arrival| arrival.number).eq(500_000..1_000_000));
        assert!(
            queue
                .unmet(Nanos::from_secs(1))
                .map(|arrival| arrival.number)
                .eq(0..3)
        );
    }

    #[test]
    fn an_arrival_that_a_slot_was_cut_off_from_was_planned_all_the_same() {
        let rate = Rate::per_second(100);
        let schedule = Schedule {
            spread: Spread::Constant,
            rate,
            stages: &[],
            seed: 1,
            warmup: Nanos::ZERO,
            duration: None,
            iterations: None,
            shard: Shard::WHOLE,
        };
        let queue = ArrivalQueue::new(Arrivals::new(&schedule), None, 2);
        let stop = Stop::new(Nanos::from_millis(25), Nanos::ZERO);
        let driver = Simulated::new(
            1,
            Budget {
                total: 1,
                at_once: 1,
            },
        );
        {
            let mut context = Context::from_waker(Waker::noop());
            let first = pin!(queue.next(&driver, &stop, true)).poll(&mut context);
            assert!(
                matches!(
                    first,
                    Poll::Ready(Some(ScheduledIteration { number: 0, .. }))
                ),
                "its time has come"
            );
            let mut second = pin!(queue.next(&driver, &stop, true));
            assert!(
                second.as_mut().poll(&mut context).is_pending(),
                "its time is to come"
            );
            assert_eq!(
                queue
                    .unmet(Nanos::from_millis(25))
                    .map(|arrival| arrival.number)
                    .collect::<Vec<_>>(),
                [2],
                "the second has it"
            );
        }
        assert_eq!(
            queue
                .unmet(Nanos::from_millis(25))
                .map(|arrival| arrival.number)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(!queue.has_made_wait(), "a slot was always free");
        assert_eq!(
            queue.unmet(Nanos::from_millis(10)).count(),
            0,
            "it was planned for later"
        );
    }
}
