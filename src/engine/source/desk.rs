//! [`Desk`]: where idle slots of the open model pull the next arrival. There is no dispatcher.
//!
//! One idle slot, the leader, waits for the next arrival's time; when it goes to work, the slot that fell
//! idle last takes its place. So few slots, and few connections, do the work where few are enough.

use std::collections::VecDeque;
use std::future::Future;
use std::iter::Peekable;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::{Either, select};

use super::Turn;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::stop::Stop;
use crate::pacing::{Arrival, Arrivals};

struct State {
    arrivals: Peekable<Arrivals>,
    /// Arrivals that came while every slot was busy, where the queue is bounded.
    queue: VecDeque<Arrival>,
    /// Arrivals that found the queue full, and that nobody has written down yet.
    refused: Vec<Arrival>,
    /// Slots that are at the desk: as long as there is one, an arrival is met.
    free: usize,
    led: bool,
    idle: Vec<(u64, Waker)>,
    tickets: u64,
}

/// Where idle slots pull the next arrival.
pub struct Desk {
    state: Mutex<State>,
    /// How many arrivals may wait for a slot, where one more is refused.
    room: Option<usize>,
}

impl State {
    /// Brings the queue up to a moment at which no slot had been free: it has only grown since the last.
    fn fill(&mut self, room: Option<usize>, until: Nanos) {
        let Some(room) = room else { return };
        while let Some(arrival) = self.arrivals.next_if(|arrival| arrival.at < until) {
            if self.queue.len() < room {
                self.queue.push_back(arrival);
            } else {
                self.refused.push(arrival);
            }
        }
    }
}

/// Counts a slot as free for as long as it is at the desk.
struct AtDesk<'a>(&'a Desk);

impl Drop for AtDesk<'_> {
    fn drop(&mut self) {
        self.0.state().free -= 1;
    }
}

impl Desk {
    /// A desk for these arrivals. Those that find no slot wait, and where there is only so much `room` one
    /// more is refused.
    pub fn new(arrivals: Arrivals, room: Option<usize>) -> Self {
        let state = State {
            arrivals: arrivals.peekable(),
            queue: VecDeque::new(),
            refused: Vec::new(),
            free: 0,
            led: false,
            idle: Vec::new(),
            tickets: 0,
        };
        Self { state: Mutex::new(state), room }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next arrival, when its time has come.
    ///
    /// An arrival that came while every slot was busy has waited for a slot: from its time to the moment at
    /// which this slot fell idle is its queue. What comes on top of that is the generator's own lateness.
    pub async fn next<D: Driver>(&self, driver: &D, stop: &Stop) -> Option<Turn> {
        let idle_since = driver.now();
        let _at_desk = self.sit_down(idle_since);
        let _leading = Lead { desk: self, ticket: None, leading: false }.await;
        if stop.early().is_some() {
            return None;
        }
        let arrival = {
            let mut state = self.state();
            state.queue.pop_front().or_else(|| state.arrivals.next())?
        };
        let mut begun = driver.now();
        if begun < arrival.at {
            let sleep = pin!(driver.be_there_at(arrival.at));
            if let Either::Right(_) = select(sleep, pin!(stop.interruption())).await {
                return None;
            }
            begun = driver.now();
        }
        Some(Turn { number: arrival.number, intended: arrival.at, queue: idle_since - arrival.at, begun })
    }

    fn sit_down(&self, now: Nanos) -> AtDesk<'_> {
        let mut state = self.state();
        if state.free == 0 {
            state.fill(self.room, now);
        }
        state.free += 1;
        AtDesk(self)
    }

    /// Takes the arrivals that were refused since the last call.
    pub fn refused(&self) -> Vec<Arrival> {
        if self.room.is_none() {
            return Vec::new();
        }
        std::mem::take(&mut self.state().refused)
    }

    /// Ends the day at `end`: `unmet` is told of every arrival before it that nobody has met; those that were
    /// refused last are returned.
    pub fn close(&self, end: Nanos, mut unmet: impl FnMut(Arrival)) -> Vec<Arrival> {
        let mut state = self.state();
        if state.free == 0 {
            state.fill(self.room, end);
        }
        state.arrivals.clone().take_while(|arrival| arrival.at < end).chain(state.queue.iter().copied()).for_each(&mut unmet);
        std::mem::take(&mut state.refused)
    }
}

/// Waits until this slot may lead; the value keeps the lead until it is dropped.
struct Lead<'a> {
    desk: &'a Desk,
    ticket: Option<u64>,
    leading: bool,
}

/// Keeps the lead; dropping it hands it on.
struct Leading<'a>(&'a Desk);

impl<'a> Future for Lead<'a> {
    type Output = Leading<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Leading<'a>> {
        let desk = self.desk;
        let mut state = desk.state();
        if !state.led {
            state.led = true;
            if let Some(ticket) = self.ticket {
                state.idle.retain(|(known, _)| *known != ticket);
            }
            self.leading = true;
            return Poll::Ready(Leading(desk));
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

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let (Some(ticket), false) = (self.ticket, self.leading) else { return };
        let mut state = self.desk.state();
        let waiting = state.idle.len();
        state.idle.retain(|(known, _)| *known != ticket);
        // It had been called to lead and can't: the call goes to the next.
        if state.idle.len() == waiting && !state.led {
            hand_on(state);
        }
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.led = false;
        hand_on(state);
    }
}

fn hand_on(mut state: MutexGuard<'_, State>) {
    let next = state.idle.pop();
    // The waker may poll the one it wakes at once, and that takes this lock.
    drop(state);
    if let Some((_, waker)) = next {
        waker.wake();
    }
}
