//! [`Desk`]: where idle slots of the open model pull the next arrival. There is no dispatcher.
//!
//! One idle slot, the leader, waits for the next arrival's time; when it goes to work, the slot that fell
//! idle last takes its place. So few slots, and few connections, do the work where few are enough.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::{Either, select};

use super::Turn;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::stop::Stop;
use crate::pacing::Arrivals;

struct State {
    arrivals: Arrivals,
    led: bool,
    idle: Vec<(u64, Waker)>,
    tickets: u64,
}

/// Where idle slots pull the next arrival.
pub struct Desk {
    state: Mutex<State>,
}

impl Desk {
    /// A desk for these arrivals.
    pub fn new(arrivals: Arrivals) -> Self {
        Self { state: Mutex::new(State { arrivals, led: false, idle: Vec::new(), tickets: 0 }) }
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
        let lead = Lead { desk: self, ticket: None, leading: false };
        let _leading = lead.await;
        if stop.is_interrupted() {
            return None;
        }
        let arrival = self.state().arrivals.next()?;
        if driver.now() < arrival.at {
            let sleep = pin!(driver.sleep_until(arrival.at));
            if let Either::Right(_) = select(sleep, pin!(stop.interruption())).await {
                return None;
            }
        }
        Some(Turn { number: arrival.number, intended: arrival.at, queue: idle_since - arrival.at })
    }

    /// How many arrivals before `end` nobody has pulled.
    pub fn left_before(&self, end: Nanos) -> u64 {
        self.state().arrivals.clone().take_while(|a| a.at < end).count() as u64
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
