//! Branches side by side on threads: one thread each, the first on the caller's own.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::seat::{self, Seat, block_on};
use crate::base::Clock;
use crate::engine::driver::{Driver, Job, Until};

/// Stack of a branch's thread.
const STACK: usize = 512 * 1024;

/// What the threads of one group share.
struct Group<'g, S> {
    seats: Vec<Mutex<Option<&'g mut S>>>,
    next: AtomicUsize,
    ended: Vec<Mutex<Option<bool>>>,
    over: AtomicBool,
    at_work: Mutex<Vec<Arc<Seat>>>,
}

impl<S> Group<'_, S> {
    /// Ends the group, and tells whether it was not over before: whoever is at work is called off,
    /// but for the one who ended it.
    fn end(&self, winner: Option<&Arc<Seat>>) -> bool {
        if self.over.swap(true, Ordering::SeqCst) {
            return false;
        }
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work
            .iter()
            .filter(|seat| winner.is_none_or(|winner| !Arc::ptr_eq(winner, seat)))
            .for_each(|seat| seat.cancel());
        true
    }

    /// Takes down how a branch has ended, and whether that goes into the group's own end: what ends
    /// after the group comes too late.
    fn take(&self, index: usize, ok: bool, until: Until, seat: &Arc<Seat>) {
        let counts = if until.met(ok) {
            self.end(Some(seat))
        } else {
            !self.over.load(Ordering::SeqCst)
        };
        if counts {
            *self.ended[index]
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(ok);
        }
    }
}

/// Ends the group where the thread that has it panics: the others would go on for what nobody will
/// see.
struct EndOnPanic<'a, 'g, S>(&'a Group<'g, S>);

impl<S> Drop for EndOnPanic<'_, '_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(None);
        }
    }
}

/// Runs the branches of a job on as many threads as may run at once; returns when all have ended.
///
/// # Errors
/// When the system refuses a thread; the branches that were begun are called off.
pub fn on_threads<D: Driver + Copy + Send, J: Job<D>>(
    driver: D,
    clock: Clock,
    job: &J,
    bench: &J::Bench,
    seats: &mut [J::Seat],
    most: usize,
    until: Until,
) -> io::Result<Vec<Option<bool>>> {
    let threads = seats.len().min(most);
    let group = Group {
        ended: seats.iter().map(|_| Mutex::new(None)).collect(),
        seats: seats
            .iter_mut()
            .map(|seat| Mutex::new(Some(seat)))
            .collect(),
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        at_work: Mutex::default(),
    };
    let family = seat::Family::of_this_thread();
    let refused = thread::scope(|scope| {
        for index in 1..threads {
            let (group, family) = (&group, &family);
            let work = move || {
                let seat = seat::sit_down();
                let bench = job.bench(driver, index);
                work(clock, job, &bench, group, &seat, family, until);
            };
            if let Err(error) = thread::Builder::new()
                .name(format!("branch-{index}"))
                .stack_size(STACK)
                .spawn_scoped(scope, work)
            {
                group.end(None);
                return Err(error);
            }
        }
        let own = seat::Nested::sit_down();
        work(clock, job, bench, &group, own.seat(), &family, until);
        Ok(())
    });
    refused?;
    Ok(group
        .ended
        .into_iter()
        .map(|ended| ended.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}

/// One thread's part: takes branches as long as there are any.
fn work<D: Driver, J: Job<D>>(
    clock: Clock,
    job: &J,
    bench: &J::Bench,
    group: &Group<'_, J::Seat>,
    seat: &Arc<Seat>,
    family: &seat::Family,
    until: Until,
) {
    let _guard = EndOnPanic(group);
    family.adopt(seat);
    group
        .at_work
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seat.clone());
    while !group.over.load(Ordering::SeqCst) {
        let index = group.next.fetch_add(1, Ordering::SeqCst);
        let Some(place) = group.seats.get(index) else {
            break;
        };
        let Some(own) = place.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            break;
        };
        let Some(ok) = block_on(seat, clock, job.run(bench, own, index)) else {
            break;
        };
        group.take(index, ok, until, seat);
    }
    family.release(seat);
}
