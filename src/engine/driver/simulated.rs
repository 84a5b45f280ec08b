//! The simulated driver: the same interpreter over a clock that jumps to the next moment at which
//! something can happen. It has no overhead, so its duration is the ideal of a plan. It supports
//! mock operations only.

use std::cell::Cell;
use std::future::{Future, pending};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::cores::Cores;
use super::timers::{Sleep, Timers};
use super::{BranchJob, Driver, Task, Until, joined};
use crate::base::Nanos;
use crate::transport::counted::{ByteCounters, Metered};
use crate::transport::endpoint::Endpoint;

/// Virtual time, as all tasks of a run see it.
pub(crate) struct Simulated {
    now: Rc<Cell<Nanos>>,
    timers: Rc<Timers>,
    cores: Rc<Cores>,
    budget: Budget,
    /// The number of iterations started.
    begun: Cell<u64>,
    /// The number of iterations started at this moment.
    begun_now: Cell<u64>,
}

/// How many iterations may start: a plan whose iterations take no time would never end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The total.
    pub total: u64,
    /// The number at one moment.
    pub at_once: u64,
}

/// Why virtual time stopped before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// The total budget of iterations is exhausted.
    Budget,
    /// The budget of iterations at one moment is exhausted.
    Standstill,
    /// No further event can happen.
    Nothing,
}

impl Simulated {
    /// Creates a machine with this many cores, for at most this many iterations.
    pub(crate) fn new(cores: u32, budget: Budget) -> Self {
        let now = Rc::new(Cell::new(Nanos::ZERO));
        let (cores, timers) = (Rc::new(Cores::new(cores, now.clone())), Rc::default());
        Self {
            now,
            timers,
            cores,
            budget,
            begun: Cell::new(0),
            begun_now: Cell::new(0),
        }
    }

    /// Runs `root` to completion or until `last()`, without waiting in real time; returns
    /// `Ok(None)` if `last()` comes first.
    ///
    /// # Errors
    /// If no further event can happen, or the budget is exhausted.
    pub(crate) fn run<F: Future>(
        &self,
        root: F,
        last: impl Fn() -> Nanos,
    ) -> Result<Option<F::Output>, Stuck> {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut root = pin!(root);
        loop {
            woken.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(value) = root.as_mut().poll(&mut cx) {
                return Ok(Some(value));
            }
            if self.begun.get() >= self.budget.total {
                return Err(Stuck::Budget);
            }
            if self.begun_now.get() >= self.budget.at_once {
                return Err(Stuck::Standstill);
            }
            if woken.0.load(Ordering::Relaxed) {
                continue;
            }
            let next = [self.timers.next(), self.cores.next()]
                .into_iter()
                .flatten()
                .min()
                .ok_or(Stuck::Nothing)?;
            if next > last() {
                self.now.set(last());
                return Ok(None);
            }
            self.now.set(next);
            self.begun_now.set(0);
            self.cores.fire();
            self.timers.fire(next);
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Driver for Simulated {
    type Io = NoNetwork;
    const TAKES_TURNS: bool = true;

    fn now(&self) -> Nanos {
        self.now.get()
    }

    fn sleep_until(&self, at: Nanos) -> impl Future<Output = ()> {
        let now = self.now.clone();
        Sleep::new(self.timers.clone(), move || now.get(), at)
    }

    fn sleep_until_precise(&self, at: Nanos) -> impl Future<Output = ()> {
        self.sleep_until(at)
    }

    fn background(&self, task: Task) -> Option<Task> {
        Some(task)
    }

    /// Never called: plans with real work are refused in virtual time.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Fn() -> (Nanos, bool)) -> T + Send + 'static,
    ) -> T {
        work(&|| (self.now(), false))
    }

    async fn connect(&self, _to: &Endpoint, _from: Option<IpAddr>) -> io::Result<NoNetwork> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "there is no network in virtual time",
        ))
    }

    async fn cpu(&self, amount: Nanos, _deadline: Nanos) {
        self.cores.spend(amount).await;
    }

    async fn block(&self, length: Nanos, _offload: bool) {
        self.sleep_until(self.now() + length).await;
    }

    async fn gather<J: BranchJob<Self>>(
        &self,
        job: &J,
        worker: &J::Worker,
        users: &mut [J::User],
        most: usize,
        until: Until,
    ) -> io::Result<Vec<Option<bool>>> {
        Ok(joined::gather(job, worker, users, most, until).await)
    }

    async fn yield_now(&self) {
        self.begun.set(self.begun.get() + 1);
        self.begun_now.set(self.begun_now.get() + 1);
        if self.begun.get() >= self.budget.total || self.begun_now.get() >= self.budget.at_once {
            pending::<()>().await;
        }
    }
}

/// A stream that cannot exist.
#[derive(Debug)]
pub(crate) enum NoNetwork {}

impl Metered for NoNetwork {
    fn byte_counters(&self) -> Arc<ByteCounters> {
        match *self {}
    }
}

impl Read for NoNetwork {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl Write for NoNetwork {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts iterations of this length for a second, and returns their number.
    fn iterations(length: Nanos, budget: Budget) -> Result<u64, Stuck> {
        let driver = Simulated::new(1, budget);
        let begun = Cell::new(0);
        let root = async {
            loop {
                driver.yield_now().await;
                begun.set(begun.get() + 1);
                driver.sleep_until(driver.now() + length).await;
            }
        };
        driver
            .run(root, || Nanos::from_secs(1))
            .map(|ended: Option<()>| {
                assert_eq!(ended, None);
                begun.get()
            })
    }

    #[test]
    fn a_moment_that_never_ends_is_told_from_a_plan_that_is_long() {
        let budget = Budget {
            total: 10_000,
            at_once: 100,
        };
        assert_eq!(iterations(Nanos::from_millis(1), budget), Ok(1001));
        assert_eq!(iterations(Nanos::ZERO, budget), Err(Stuck::Standstill));
        assert_eq!(
            iterations(Nanos::from_micros(1), budget),
            Err(Stuck::Budget)
        );
        assert_eq!(
            iterations(
                Nanos::ZERO,
                Budget {
                    at_once: u64::MAX,
                    ..budget
                }
            ),
            Err(Stuck::Budget)
        );
    }
}
