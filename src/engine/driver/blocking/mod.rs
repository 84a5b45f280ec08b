//! What the sequential and the threaded driver share: futures polled by the same thread that then
//! sleeps or reads in the kernel. There is no event loop.
//!
//! `block_on` makes passes. Each pass polls the operation, which registers what it waits for (a
//! deadline, a wake-up, a read), and the thread then blocks on exactly that: it parks until the
//! nearest deadline, or the next poll is *granted* one blocking read. A request thus costs one
//! `sendmsg` and one `recvfrom`. If a socket's send buffer is full, the thread waits for room and
//! for an answer at the same time.
//!
//! The code that asks for a read may be done before the pass is: an HTTP library checks a
//! connection that it has just finished with for its end. A read that nobody waits for any more
//! would block the thread while the next request is due. So the interest in a socket ends with the
//! work that registered it ([`within`](super::within)), and a grant is valid only for that socket
//! and the next pass.

mod branches;
mod parker;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) use parker::{block_on, register};
pub(crate) use stream::Stream;

use super::{BranchJob, Driver, Task, Until};
use crate::base::{Clock, Nanos};
use crate::transport::endpoint::Endpoint;

/// The interval at which a CPU-bound operation checks the clock and whether it is cancelled.
const CPU_SLICE: Nanos = Nanos::from_millis(1);

/// The blocking driver, as one thread sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocking {
    clock: Clock,
    /// Whether branches get threads of their own: the only difference between sequential and
    /// threaded.
    threads: bool,
}

impl Blocking {
    /// Creates the driver for the calling thread, which must have called [`register`].
    pub(crate) const fn new(clock: Clock, threads: bool) -> Self {
        Self { clock, threads }
    }
}

impl Driver for Blocking {
    type Io = Stream;
    const TAKES_TURNS: bool = false;

    fn now(&self) -> Nanos {
        self.clock.now()
    }

    fn sleep_until(&self, at: Nanos) -> impl Future<Output = ()> {
        Moment {
            clock: self.clock,
            at,
            exactly: false,
        }
    }

    fn sleep_until_precise(&self, at: Nanos) -> impl Future<Output = ()> {
        Moment {
            clock: self.clock,
            at,
            exactly: true,
        }
    }

    fn clear_interest(&self) {
        parker::clear_interest();
    }

    async fn connect(&self, to: &Endpoint, from: Option<IpAddr>) -> io::Result<Stream> {
        Stream::connect(self.clock, to, from).await
    }

    fn background(&self, task: Task) -> Option<Task> {
        Some(task)
    }

    async fn cpu(&self, amount: Nanos, deadline: Nanos) {
        spend_cpu(amount, || {
            parker::cancelled() || self.clock.now() >= deadline
        });
    }

    async fn block(&self, length: Nanos, _offload: bool) {
        std::thread::sleep(length.as_duration());
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Fn() -> (Nanos, bool)) -> T + Send + 'static,
    ) -> T {
        let result = work(&|| (self.clock.now(), parker::cancelled()));
        if parker::cancelled() {
            // What waits for the result is dropped now.
            std::future::pending::<()>().await;
        }
        result
    }

    async fn gather<J: BranchJob<Self>>(
        &self,
        job: &J,
        worker: &J::Worker,
        users: &mut [J::User],
        most: usize,
        until: Until,
    ) -> io::Result<Vec<Option<bool>>> {
        if self.threads {
            return branches::on_threads(*self, self.clock, job, worker, users, most, until);
        }
        let mut ended = vec![None; users.len()];
        for (index, parker) in users.iter_mut().enumerate() {
            let ok = job.run(worker, parker, index).await;
            ended[index] = Some(ok);
            if until.met(ok) {
                break;
            }
        }
        Ok(ended)
    }

    async fn yield_now(&self) {}
}

/// Waits until a moment; registers it in every pass, so that the thread knows how long it may
/// sleep.
struct Moment {
    clock: Clock,
    at: Nanos,
    exactly: bool,
}

impl Future for Moment {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.at {
            return Poll::Ready(());
        }
        parker::wait_until(self.at, self.exactly);
        Poll::Pending
    }
}

/// Uses `amount` of this thread's CPU time, or less if `enough` returns `true` between two slices.
pub(crate) fn spend_cpu(amount: Nanos, enough: impl Fn() -> bool) {
    let used = thread_cpu_clock();
    while used() < amount && !enough() {
        let slice = (used() + CPU_SLICE).min(amount);
        while used() < slice {
            for _ in 0..64 {
                std::hint::spin_loop();
            }
        }
    }
}

/// Returns a clock of the CPU time that this thread has used since the call.
#[cfg(unix)]
fn thread_cpu_clock() -> impl Fn() -> Nanos {
    use rustix::time::{ClockId, clock_gettime};
    let now = || {
        let t = clock_gettime(ClockId::ThreadCPUTime);
        Nanos(
            u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000
                + u64::try_from(t.tv_nsec).unwrap_or(0),
        )
    };
    let start = now();
    move || now() - start
}

/// Returns a wall clock instead, because there is no per-thread CPU clock.
#[cfg(not(unix))]
fn thread_cpu_clock() -> impl Fn() -> Nanos {
    let clock = Clock::new();
    move || clock.now()
}
