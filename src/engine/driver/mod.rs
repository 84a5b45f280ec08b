//! Drivers: how the one interpreter runs. A driver tells the time, waits, connects and blocks; it
//! knows nothing of flows, limits or figures.

pub(crate) mod asynchronous;
mod batch;
pub(crate) mod blocking;
mod bound;
mod cores;
pub(crate) mod exact;
mod joined;
pub(crate) mod simulated;
mod socket;
mod timers;

use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::Poll;

use hyper::rt::{Read, Write};

use crate::base::Nanos;
use crate::transport::counted::Metered;
use crate::transport::endpoint::Endpoint;
use crate::transport::http2::ConnectionTask as Task;

/// The I/O and the time of one mode, as one thread sees them.
///
/// Every wait is a future, and dropping it cancels it. In the blocking drivers the futures are
/// polled by the same thread that then sleeps or reads in the kernel.
pub trait Driver: Sized {
    /// A connected byte stream.
    type Io: Read + Write + Metered + Unpin + Send + 'static;

    /// Whether many users take turns on one thread, so that what one has done need not be published
    /// before all have had their turn.
    const TAKES_TURNS: bool;

    /// Returns the time since the start line (that of the warm-up, if any).
    fn now(&self) -> Nanos;

    /// Waits until a moment; ready at once if it has passed.
    fn sleep_until(&self, at: Nanos) -> impl Future<Output = ()>;

    /// Waits until a planned start, as precisely as the driver can; see [`exact`].
    fn sleep_until_precise(&self, at: Nanos) -> impl Future<Output = ()>;

    /// Clears the interest in a connection, because the work that waited has ended. Drivers in
    /// which each wait is a task of its own have nothing to clear.
    fn clear_interest(&self) {}

    /// Connects, from one of this machine's addresses if it is given; for TCP, with Nagle's algorithm
    /// disabled.
    fn connect(
        &self,
        to: &Endpoint,
        from: Option<IpAddr>,
    ) -> impl Future<Output = io::Result<Self::Io>>;

    /// Runs a task in the background until it ends; returns it if the driver has nothing to poll it
    /// with.
    fn background(&self, task: Task) -> Option<Task>;

    /// Uses `amount` of CPU time on one core, or less if `deadline` comes first.
    fn cpu(&self, amount: Nanos, deadline: Nanos) -> impl Future<Output = ()>;

    /// Makes a blocking call of this length; `offload` hands it to a thread pool if there is an
    /// event loop to keep free.
    fn block(&self, length: Nanos, offload: bool) -> impl Future<Output = ()>;

    /// Makes a call that does real work; hands it to the same thread pool if there is an event loop to
    /// keep free. The call is given a function that returns the time, and whether nobody waits for it
    /// any more.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Fn() -> (Nanos, bool)) -> T + Send + 'static,
    ) -> impl Future<Output = T>;

    /// Runs a job's branches, no more than `most` at once, until `until`; the rest are dropped.
    /// Returns for each branch that ended by itself whether it succeeded.
    ///
    /// `worker` belongs to the calling thread; a driver that uses other threads makes one for each.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    fn gather<J: BranchJob<Self>>(
        &self,
        job: &J,
        worker: &J::Worker,
        users: &mut [J::User],
        most: usize,
        until: Until,
    ) -> impl Future<Output = io::Result<Vec<Option<bool>>>>;

    /// Yields to siblings on the same thread, if any, unless the caller has waited since it last
    /// yielded.
    fn yield_now(&self) -> impl Future<Output = ()>;

    /// Yields like [`Self::yield_now`], and may wait until all siblings that are ready have run, so
    /// that those which are about to do the same do it one right after the other.
    fn wait_for_siblings(&self) -> impl Future<Output = ()> {
        self.yield_now()
    }
}

/// A future that stays on its thread: one for each branch, never for each operation.
pub(crate) type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// When a group of branches ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When all branches have ended.
    All,
    /// When all branches have ended, or one has failed.
    FirstFailure,
    /// When one branch has ended.
    First,
    /// When one branch has succeeded, or all have ended.
    FirstSuccess,
}

impl Until {
    /// Returns whether a branch with this result ends the group.
    pub const fn met(self, ok: bool) -> bool {
        match self {
            Self::All => false,
            Self::FirstFailure => !ok,
            Self::First => true,
            Self::FirstSuccess => ok,
        }
    }
}

/// Branches that can run concurrently.
pub trait BranchJob<D: Driver>: Sync {
    /// The state that belongs to one branch.
    type User: Send;
    /// The state that the branches on one thread share.
    type Worker;

    /// Creates a worker for another thread.
    fn worker(&self, driver: D, thread: usize) -> Self::Worker;

    /// Runs one branch; returns whether it succeeded.
    fn run<'a>(
        &'a self,
        worker: &'a Self::Worker,
        parker: &'a mut Self::User,
        index: usize,
    ) -> Local<'a, bool>;
}

/// Runs `operation` until `deadline`; returns `None` if that comes first. All reads and writes of a
/// connection happen in here, so that what they wait for is cleared when they end.
///
/// The timer is polled first, because a blocking driver must know the deadline before it sleeps; on
/// a tie the operation wins.
pub(crate) async fn within<D: Driver, F: Future>(
    driver: &D,
    deadline: Nanos,
    operation: F,
) -> Option<F::Output> {
    let mut timer = pin!(driver.sleep_until(deadline));
    let mut operation = pin!(operation);
    let ended = poll_fn(|cx| {
        let late = timer.as_mut().poll(cx).is_ready();
        match operation.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if late => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    driver.clear_interest();
    ended
}
