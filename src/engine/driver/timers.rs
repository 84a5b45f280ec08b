//! [`Timers`]: due times with the wakers that wait for them, for drivers that keep their own time.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::base::Nanos;

/// The number of stale due times that the heap may hold, in addition to one per slot.
const STALE: usize = 64;

/// Due times in order. Equal times are woken in the order in which they were requested.
///
/// Nearly every due time is a timeout that is cancelled long before it expires, and its slot goes
/// to the next one, which is later. So a slot's heap entry stays when the slot is reused, and is
/// corrected when it reaches the top: most due times never enter the heap at all.
#[derive(Debug, Default)]
pub(super) struct Timers(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    heap: BinaryHeap<Reverse<Due>>,
    slots: Vec<Slot>,
    /// The free slots.
    free: Vec<u32>,
    /// The number of due times requested so far.
    asked: u64,
}

/// A due time, ordered by time, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Nanos,
    /// Unique among all due times.
    number: u64,
    slot: u32,
}

/// A slot for one due time at a time.
#[derive(Debug, Default)]
struct Slot {
    /// The due time requested.
    wanted: Option<Due>,
    /// The waker of this due time or of the last one, which is nearly always the same: to clone it
    /// and to drop it is to count references atomically.
    waker: Option<Waker>,
    /// The slot's valid heap entry, no later than the requested time; its other entries are stale.
    standing: Option<Due>,
}

impl Slot {
    /// Sets the waker; returns the last one unless it wakes the same task.
    fn set_waker(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.waker {
            Some(last) if last.will_wake(waker) => None,
            _ => self.waker.replace(waker.clone()),
        }
    }
}

impl State {
    /// Requests a due time; returns it, and a waker that is not needed any more.
    fn add(&mut self, at: Nanos, waker: &Waker) -> (Due, Option<Waker>) {
        self.asked += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let due = Due {
            at,
            number: self.asked,
            slot: place,
        };
        let slot = &mut self.slots[place as usize];
        slot.wanted = Some(due);
        let useless = slot.set_waker(waker);
        // Its own number is the highest, so the time alone decides.
        if slot.standing.is_none_or(|standing| standing.at > at) {
            slot.standing = Some(due);
            self.heap.push(Reverse(due));
        }
        (due, useless)
    }

    /// Removes a due time, cancelled or expired; returns its slot if it was still requested.
    fn take(&mut self, due: Due) -> Option<&mut Slot> {
        let slot = &mut self.slots[due.slot as usize];
        slot.wanted.take_if(|wanted| wanted.number == due.number)?;
        self.free.push(due.slot);
        Some(slot)
    }

    fn sweep(&mut self) {
        if self.heap.len() > 2 * self.slots.len() + STALE {
            let slots = &self.slots;
            self.heap
                .retain(|Reverse(due)| slots[due.slot as usize].standing == Some(*due));
        }
    }

    /// Returns the earliest requested due time no later than `until`; it is then at the top of the
    /// heap.
    fn first(&mut self, until: Nanos) -> Option<Due> {
        loop {
            let Reverse(top) = *self.heap.peek().filter(|Reverse(top)| top.at <= until)?;
            let slot = &mut self.slots[top.slot as usize];
            let wanted = slot.wanted;
            if slot.standing == Some(top) {
                if wanted == Some(top) {
                    return wanted;
                }
                slot.standing = wanted;
                self.heap.pop();
                self.heap.extend(wanted.map(Reverse));
            } else {
                self.heap.pop();
            }
        }
    }
}

impl Timers {
    /// Returns the earliest due time.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.0.borrow_mut().first(Nanos::MAX).map(|due| due.at)
    }

    /// Returns a lower bound of the earliest due time, without correcting the heap.
    pub(super) fn bound(&self) -> Option<Nanos> {
        self.0.borrow().heap.peek().map(|Reverse(top)| top.at)
    }

    /// Wakes everything that is due at `now`; returns whether anything was.
    pub(super) fn fire(&self, now: Nanos) -> bool {
        let mut any = false;
        loop {
            // The borrow must end before a waker runs, because the waker may request a timer.
            let Some(waker) = self.pop(now) else {
                return any;
            };
            waker.wake();
            any = true;
        }
    }

    fn pop(&self, now: Nanos) -> Option<Waker> {
        let mut state = self.0.borrow_mut();
        let due = state.first(now)?;
        state.heap.pop();
        state.slots[due.slot as usize].standing = None;
        // Its task is done with this due time, so the slot does not keep the waker.
        state.take(due)?.waker.take()
    }
}

/// Waits for a moment; reads `now` at every poll. Dropping it removes its timer, or virtual time
/// would jump to moments that nobody waits for any more.
pub(super) struct Sleep<F> {
    timers: Rc<Timers>,
    now: F,
    at: Nanos,
    due: Option<Due>,
}

impl<F: Fn() -> Nanos + Unpin> Sleep<F> {
    /// Waits until `now()` reaches `at`.
    pub(super) const fn new(timers: Rc<Timers>, now: F, at: Nanos) -> Self {
        Self {
            timers,
            now,
            at,
            due: None,
        }
    }
}

impl<F> Sleep<F> {
    fn forget(&mut self) {
        if let Some(due) = self.due.take() {
            let mut state = self.timers.0.borrow_mut();
            state.take(due);
            state.sweep();
        }
    }
}

impl<F: Fn() -> Nanos + Unpin> Future for Sleep<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if (self.now)() >= self.at {
            self.forget();
            return Poll::Ready(());
        }
        let mut state = self.timers.0.borrow_mut();
        let slot = (self.due).and_then(|due| {
            let slot = &mut state.slots[due.slot as usize];
            let wanted = slot.wanted.as_ref();
            (wanted.is_some_and(|wanted| wanted.number == due.number)).then_some(slot)
        });
        let (due, useless) = match slot {
            Some(slot) => (None, slot.set_waker(cx.waker())),
            None => {
                let (due, useless) = state.add(self.at, cx.waker());
                (Some(due), useless)
            }
        };
        drop(state);
        self.due = due.or(self.due);
        // It may be the last reference to its task, whose drop may cancel another timer.
        drop(useless);
        Poll::Pending
    }
}

impl<F> Drop for Sleep<F> {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    /// Records when it was woken.
    struct Rung(AtomicU64, Arc<AtomicU64>);

    impl Wake for Rung {
        fn wake(self: Arc<Self>) {
            self.0
                .store(self.1.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        Ask(u64),
        GiveUp(usize),
        Fire(u64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => (0..50u64).prop_map(Act::Ask),
            3 => any::<usize>().prop_map(Act::GiveUp),
            1 => (0..50u64).prop_map(Act::Fire),
        ];
        prop::collection::vec(act, 0..400)
    }

    proptest! {
        #[test]
        fn rings_in_order_and_never_for_what_was_given_up(acts in acts()) {
            let timers = Rc::new(Timers::default());
            let order = Arc::new(AtomicU64::new(0));
            let mut waiting = BTreeMap::new();
            for (number, act) in acts.into_iter().enumerate() {
                match act {
                    Act::Ask(at) => {
                        let rung = Arc::new(Rung(AtomicU64::new(0), order.clone()));
                        let mut sleep = Sleep::new(timers.clone(), || Nanos::ZERO, Nanos(at + 1));
                        let waker = Waker::from(rung.clone());
                        prop_assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
                        waiting.insert((at + 1, number), (sleep, rung));
                    }
                    Act::GiveUp(which) if !waiting.is_empty() => {
                        let key = *waiting.keys().nth(which % waiting.len()).expect("a timer");
                        let (sleep, rung) = waiting.remove(&key).expect("a timer");
                        drop(sleep);
                        prop_assert_eq!(rung.0.load(Ordering::SeqCst), 0);
                    }
                    Act::GiveUp(_) => {}
                    Act::Fire(now) => {
                        let later = waiting.split_off(&(now + 1, 0));
                        let due = std::mem::replace(&mut waiting, later);
                        let before = order.load(Ordering::SeqCst);
                        prop_assert_eq!(timers.fire(Nanos(now)), !due.is_empty());
                        let rung: Vec<u64> = due.values().map(|(_, rung)| rung.0.load(Ordering::SeqCst)).collect();
                        prop_assert_eq!(rung, (before + 1..=before + due.len() as u64).collect::<Vec<_>>());
                    }
                }
                let first = waiting.keys().next().map(|(at, _)| Nanos(*at));
                prop_assert!(first.is_none() || timers.bound() <= first);
                prop_assert_eq!(timers.next(), first);
                let state = timers.0.borrow();
                prop_assert_eq!(state.slots.len() - state.free.len(), waiting.len());
            }
        }
    }

    #[test]
    fn what_is_given_up_takes_no_room() {
        let timers = Rc::new(Timers::default());
        for at in 1..100_000 {
            let mut sleep = Sleep::new(timers.clone(), || Nanos::ZERO, Nanos(at));
            assert!(
                Pin::new(&mut sleep)
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
        let state = timers.0.borrow();
        assert!(
            state.heap.len() == 1 && state.slots.len() == 1,
            "{} and {}",
            state.heap.len(),
            state.slots.len()
        );
        drop(state);
        // In reverse order, each is earlier than the heap's entry.
        for at in (1..100_000).rev() {
            let mut sleep = Sleep::new(timers.clone(), || Nanos::ZERO, Nanos(at));
            assert!(
                Pin::new(&mut sleep)
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
        let state = timers.0.borrow();
        assert!(
            state.heap.len() <= 2 + STALE && state.slots.len() == 1,
            "{} and {}",
            state.heap.len(),
            state.slots.len()
        );
    }
}
