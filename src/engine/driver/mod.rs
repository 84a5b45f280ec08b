//! Drivers: how the one interpreter runs. A driver says what time it is, waits, connects and
//! blocks; it knows nothing of flows, limits or figures.

pub mod asynchronous;
pub mod blocking;
mod cores;
pub mod exact;
mod joined;
pub mod simulated;
mod socket;
mod timers;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use hyper::rt::{Read, Write};

use crate::base::Nanos;
use crate::transport::counted::Metered;
use crate::transport::endpoint::Endpoint;
use crate::transport::http2::ConnectionTask as Task;

/// The I/O and the time of one mode, as one thread sees them.
///
/// Every wait is a future; dropping it is how it is cancelled. In the blocking drivers the futures
/// are polled by the very thread that then sleeps or reads in the kernel.
pub trait Driver: Sized {
    /// A connected byte stream.
    type Io: Read + Write + Metered + Unpin + Send + 'static;

    /// Whether many users take turns on one thread, so that what one has done need not be told
    /// before all had theirs.
    const TAKES_TURNS: bool;

    /// Time since the start line (of the warm-up, where there is one).
    fn now(&self) -> Nanos;

    /// Waits until a moment; ready at once where that has passed.
    fn sleep_until(&self, at: Nanos) -> impl Future<Output = ()>;

    /// Waits until a planned start, as exactly as the driver can: see [`exact`].
    fn sleep_until_precise(&self, at: Nanos) -> impl Future<Output = ()>;

    /// Forgets what was waited for on a connection, because the work that waited has ended. Where
    /// each wait is a task of its own there is nothing to forget.
    fn clear_interest(&self) {}

    /// Connects; over TCP with Nagle's delay off.
    fn connect(&self, to: &Endpoint) -> impl Future<Output = io::Result<Self::Io>>;

    /// Lets a task go on beside the others, until it ends; gives it back where there is nobody to
    /// poll it.
    fn background(&self, task: Task) -> Option<Task>;

    /// Uses `amount` of processor time of one core, or less where `deadline` comes first.
    fn cpu(&self, amount: Nanos, deadline: Nanos) -> impl Future<Output = ()>;

    /// Makes a blocking call of this length; `offload` hands it to a pool of threads where there is
    /// a loop to keep free.
    fn block(&self, length: Nanos, offload: bool) -> impl Future<Output = ()>;

    /// Runs a job's branches, no more than `most` at once, until `until`; the rest are dropped.
    /// Tells of each branch that ended by itself whether it ended well.
    ///
    /// `worker` is the calling thread's; where a driver uses other threads it makes one for each.
    ///
    /// # Errors
    /// When the system refuses a thread.
    fn gather<J: BranchJob<Self>>(
        &self,
        job: &J,
        worker: &J::Worker,
        users: &mut [J::User],
        most: usize,
        until: Until,
    ) -> impl Future<Output = io::Result<Vec<Option<bool>>>>;

    /// Lets siblings on the same thread go on, where there are any and the caller has not waited
    /// since it last asked.
    fn yield_now(&self) -> impl Future<Output = ()>;
}

/// A future that stays on its thread: one for each branch, never for each operation.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// When a group of branches is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When all are.
    All,
    /// When all are, or one has failed.
    FirstFailure,
    /// When one is.
    First,
    /// When one has ended well, or all have ended.
    FirstSuccess,
}

impl Until {
    /// Whether a branch that ended so ends the group.
    pub const fn met(self, ok: bool) -> bool {
        match self {
            Self::All => false,
            Self::FirstFailure => !ok,
            Self::First => true,
            Self::FirstSuccess => ok,
        }
    }
}

/// Branches that can run side by side.
pub trait BranchJob<D: Driver>: Sync {
    /// What belongs to one branch.
    type User: Send;
    /// What the branches on one thread share.
    type Worker;

    /// A worker for another thread.
    fn worker(&self, driver: D, thread: usize) -> Self::Worker;

    /// One branch; whether it ended well.
    fn run<'a>(
        &'a self,
        worker: &'a Self::Worker,
        parker: &'a mut Self::User,
        index: usize,
    ) -> Local<'a, bool>;
}

/// Runs `operation` until `deadline`: `None` where that comes first. Whatever reads or writes a
/// connection runs in here: with its end ends what it waited for.
///
/// The timer is polled first, because a blocking driver must know the deadline before it sleeps; on
/// a tie the operation wins.
pub async fn within<D: Driver, F: Future>(
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
