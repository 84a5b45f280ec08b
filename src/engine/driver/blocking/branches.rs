//! Concurrent branches on threads: one thread per branch, the first on the caller's own.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::parker::{self, Parker, block_on};
use crate::base::Clock;
use crate::engine::driver::{BranchJob, Driver, Until};

/// The stack size of a branch's thread.
const STACK: usize = 512 * 1024;

/// The state that the threads of a group share.
struct Group<'g, S> {
    users: Vec<Mutex<Option<&'g mut S>>>,
    next: AtomicUsize,
    ended: Vec<Mutex<Option<bool>>>,
    over: AtomicBool,
    at_work: Mutex<Vec<Arc<Parker>>>,
}

impl<S> Group<'_, S> {
    /// Ends the group and returns whether it had not ended before. Cancels all active threads
    /// except the winner's.
    fn end(&self, winner: Option<&Arc<Parker>>) -> bool {
        if self.over.swap(true, Ordering::SeqCst) {
            return false;
        }
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let losers = || {
            let is_loser =
                |parker: &&Arc<Parker>| winner.is_none_or(|winner| !Arc::ptr_eq(winner, parker));
            at_work.iter().filter(is_loser)
        };
        losers().for_each(|parker| parker.mark_cancelled());
        losers().for_each(|parker| parker.cancel());
        true
    }

    /// Records how a branch ended, if that counts toward the group's result: a branch that ends
    /// after its group does not.
    fn take(&self, index: usize, ok: bool, until: Until, parker: &Arc<Parker>) {
        let counts = if until.met(ok) {
            self.end(Some(parker))
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

/// Ends the group if this thread panics: the other branches would run for a result that nobody
/// uses.
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
/// If the system cannot start a thread; the branches already started are cancelled.
pub(super) fn on_threads<D: Driver + Copy + Send, J: BranchJob<D>>(
    driver: D,
    clock: Clock,
    job: &J,
    worker: &J::Worker,
    users: &mut [J::User],
    most: usize,
    until: Until,
) -> io::Result<Vec<Option<bool>>> {
    let threads = users.len().min(most);
    let group = Group {
        ended: users.iter().map(|_| Mutex::new(None)).collect(),
        users: users
            .iter_mut()
            .map(|parker| Mutex::new(Some(parker)))
            .collect(),
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        at_work: Mutex::default(),
    };
    let tree = parker::CancelTree::of_this_thread();
    let refused = thread::scope(|scope| {
        for index in 1..threads {
            let (group, tree) = (&group, &tree);
            let work = move || {
                let parker = parker::register();
                let worker = job.worker(driver, index);
                work(clock, job, &worker, group, &parker, tree, until);
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
        let own = parker::Reentrant::register();
        work(clock, job, worker, &group, own.parker(), &tree, until);
        Ok(())
    });
    refused?;
    Ok(group
        .ended
        .into_iter()
        .map(|ended| ended.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}

/// Runs branches on one thread until none are left.
fn work<D: Driver, J: BranchJob<D>>(
    clock: Clock,
    job: &J,
    worker: &J::Worker,
    group: &Group<'_, J::User>,
    parker: &Arc<Parker>,
    tree: &parker::CancelTree,
    until: Until,
) {
    let _guard = EndOnPanic(group);
    tree.adopt(parker);
    group
        .at_work
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(parker.clone());
    while !group.over.load(Ordering::SeqCst) {
        let index = group.next.fetch_add(1, Ordering::SeqCst);
        let Some(place) = group.users.get(index) else {
            break;
        };
        let Some(own) = place.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            break;
        };
        let Some(ok) = block_on(parker, clock, job.run(worker, own, index)) else {
            break;
        };
        group.take(index, ok, until, parker);
    }
    tree.release(parker);
}
