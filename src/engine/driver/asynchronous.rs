//! The async driver: tasks on an event loop. Each worker thread has one tokio current-thread
//! runtime, with its own connections and its own timers.
//!
//! tokio's timer has a resolution of one millisecond and fires about that late; a timerfd per
//! worker is 30 µs late, and what loadgen paces and measures is often shorter than a millisecond.
//! On systems other than Linux, tokio's timer wakes the loop. Planned starts are met even more
//! precisely: the loop wakes a little early and spins, still polling its connections, until they
//! are due.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
#[cfg(not(target_os = "linux"))]
use std::pin::Pin;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper_util::rt::TokioIo;

use super::batch::Batch;
use super::blocking::spend_cpu;
use super::exact::{Lateness, SpinPermit};
use super::socket::Socket;
use super::timers::{Sleep, Timers};
use super::{BranchJob, Driver, Task, Until, joined};
use crate::base::{Clock, Nanos};
use crate::transport::counted::{ByteCounters, Counted};
use crate::transport::endpoint::Endpoint;
use crate::transport::task::suspend;

/// One worker's event loop, as its tasks see it.
pub(crate) struct Async {
    clock: Clock,
    /// The last reading of the clock, which timers compare against when polled.
    latest: Rc<Cell<Nanos>>,
    timers: Rc<Timers>,
    /// The timers of planned starts.
    starts: Rc<Timers>,
    /// The number of task polls so far.
    turns: Cell<u64>,
    /// The value of `turns` at the last [`Driver::yield_now`].
    breathed: Cell<u64>,
    batch: Batch,
}

impl Async {
    /// Creates the driver for the thread of a runtime made by [`runtime`].
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            latest: Rc::default(),
            timers: Rc::default(),
            starts: Rc::default(),
            turns: Cell::new(0),
            breathed: Cell::new(u64::MAX),
            batch: Batch::default(),
        }
    }

    /// Runs `root` to completion, firing this driver's timers in between.
    ///
    /// # Errors
    /// If the system cannot provide a timer.
    pub(crate) async fn run<F: Future>(&self, root: F) -> io::Result<F::Output> {
        let mut alarm = Alarm::new(self.clock)?;
        let mut approach = Approach {
            lateness: Lateness::UNKNOWN,
            turning: None,
        };
        let mut root = pin!(root);
        Ok(poll_fn(|cx| {
            if let Some(late) = alarm.clear(cx) {
                approach.lateness.learn(late);
            }
            let now = self.now();
            self.timers.fire(now);
            self.starts.fire(now);
            let turns = self.turns.get();
            let result = root.as_mut().poll(cx);
            if result.is_pending() {
                let idle = turns == self.turns.get();
                let early = approach.turn(self.clock, self.starts.next(), idle, cx);
                alarm.set([self.timers.bound(), early].into_iter().flatten().min(), cx);
            }
            result
        })
        .await)
    }

    /// Creates a timer that does not read the clock itself: the loop fires it and supplies the
    /// time.
    fn timer(&self, timers: &Rc<Timers>, at: Nanos) -> impl Future<Output = ()> + use<> {
        let latest = self.latest.clone();
        Sleep::new(timers.clone(), move || latest.get(), at)
    }

    /// Lets the tasks go on that wait for their siblings, once all others that are ready have been
    /// polled.
    pub(crate) fn release_batch(&self) {
        self.batch.release();
    }

    /// Returns whether tasks wait for their siblings.
    pub(crate) fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Notes that a task is being polled, which ends the turn of the previous one.
    pub(crate) fn turn(&self) {
        self.turns.set(self.turns.get().wrapping_add(1));
    }
}

/// Creates the runtime of a worker thread.
///
/// # Errors
/// If the system is out of file descriptors.
pub(crate) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    // Offloaded blocking calls get as many threads as there are concurrent calls: with a smaller
    // pool they would wait for each other, and that wait would be caused by loadgen.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1 << 16)
        .build()
}

impl Driver for Async {
    type Io = TokioIo<Counted<Socket>>;
    const TAKES_TURNS: bool = true;

    fn now(&self) -> Nanos {
        let now = self.clock.now();
        self.latest.set(now);
        now
    }

    fn sleep_until(&self, at: Nanos) -> impl Future<Output = ()> {
        self.timer(&self.timers, at)
    }

    fn sleep_until_precise(&self, at: Nanos) -> impl Future<Output = ()> {
        self.timer(&self.starts, at)
    }

    async fn connect(&self, to: &Endpoint, from: Option<IpAddr>) -> io::Result<Self::Io> {
        let passed = Arc::<ByteCounters>::default();
        Ok(TokioIo::new(Counted::with_counters(
            Socket::connect(to, from, passed.clone()).await?,
            passed,
        )))
    }

    fn background(&self, task: Task) -> Option<Task> {
        tokio::spawn(task);
        None
    }

    async fn cpu(&self, amount: Nanos, deadline: Nanos) {
        // This blocks the loop, as a computation in a task would.
        spend_cpu(amount, || self.clock.now() >= deadline);
    }

    async fn block(&self, length: Nanos, offload: bool) {
        if offload {
            let call =
                tokio::task::spawn_blocking(move || std::thread::sleep(length.as_duration()));
            // The call fails only if it panics, and sleeping does not.
            let _ = call.await;
        } else {
            std::thread::sleep(length.as_duration());
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Fn() -> (Nanos, bool)) -> T + Send + 'static,
    ) -> T {
        let caller = Arc::new(());
        let (clock, waits) = (self.clock, Arc::downgrade(&caller));
        let call = move || work(&|| (clock.now(), waits.strong_count() == 0));
        match tokio::task::spawn_blocking(call).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The run is over, and so is this future.
                Err(_) => std::future::pending().await,
            },
        }
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
        if self.breathed.replace(self.turns.get()) == self.turns.get() {
            suspend(Waker::wake_by_ref).await;
            self.breathed.set(self.turns.get());
        }
    }

    async fn wait_for_siblings(&self) {
        if self.batch.is_worth_waiting() {
            suspend(|waker| self.batch.add(waker)).await;
            self.breathed.set(self.turns.get());
        } else {
            self.yield_now().await;
        }
    }
}

/// The approach to the next planned start.
struct Approach {
    lateness: Lateness,
    /// The permit held while the loop spins, with the time of the last poll.
    turning: Option<(SpinPermit, Nanos)>,
}

impl Approach {
    /// Returns when the loop must be woken for the next start. If that is too close for a timer,
    /// makes the loop spin once more instead; `idle` says that no task was polled since the last
    /// turn.
    fn turn(
        &mut self,
        clock: Clock,
        next: Option<Nanos>,
        idle: bool,
        cx: &mut Context<'_>,
    ) -> Option<Nanos> {
        let Some(next) = next else {
            self.turning = None;
            return None;
        };
        let (now, early) = (clock.now(), self.lateness.before(next));
        if now < early {
            self.turning = None;
            return Some(early);
        }
        match &mut self.turning {
            Some((turning, last)) => {
                if idle {
                    turning.add(now - *last);
                }
                *last = now;
            }
            None => self.turning = SpinPermit::begin().map(|turning| (turning, now)),
        }
        if self.turning.is_none() {
            return Some(next);
        }
        cx.waker().wake_by_ref();
        None
    }
}

/// Wakes the loop at the next due time.
#[cfg(target_os = "linux")]
struct Alarm {
    fd: tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>,
    clock: Clock,
    set: Option<Nanos>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    fn new(clock: Clock) -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let fd = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        #[expect(
            deprecated,
            reason = "its successor needs `unsafe`; what it guards against, a descriptor that is not what it says, an OwnedFd is not"
        )]
        let fd = tokio::io::unix::AsyncFd::new(fd)?;
        Ok(Self {
            fd,
            clock,
            set: None,
        })
    }

    /// Clears an expired alarm and registers for the next one. Returns how long ago it expired, if
    /// it did.
    fn clear(&mut self, cx: &mut Context<'_>) -> Option<Nanos> {
        let mut late = None;
        while let Poll::Ready(Ok(mut ready)) = self.fd.poll_read_ready(cx) {
            let mut expirations = [0; 8];
            if rustix::io::read(self.fd.get_ref(), &mut expirations).is_ok() {
                late = self.set.take().map(|at| self.clock.now() - at);
            }
            ready.clear_ready();
        }
        late
    }

    fn set(&mut self, at: Option<Nanos>, _cx: &mut Context<'_>) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        // A later due time can wait: the alarm then fires early and is set again.
        let Some(at) = at.filter(|at| self.set.is_none_or(|set| *at < set)) else {
            return;
        };
        // Zero would disarm it.
        let left = (at - self.clock.now()).0.max(1);
        let value = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: (left / 1_000_000_000) as i64,
                tv_nsec: (left % 1_000_000_000) as i64,
            },
        };
        if timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::empty(), &value).is_ok() {
            self.set = Some(at);
        }
    }
}

/// Wakes the loop at the next due time.
#[cfg(not(target_os = "linux"))]
struct Alarm {
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    clock: Clock,
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same shape as on Linux, where it can fail"
    )]
    fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self { sleep: None, clock })
    }

    fn clear(&mut self, _cx: &mut Context<'_>) -> Option<Nanos> {
        None
    }

    fn set(&mut self, at: Option<Nanos>, cx: &mut Context<'_>) {
        self.sleep =
            at.map(|at| Box::pin(tokio::time::sleep((at - self.clock.now()).as_duration())));
        if let Some(sleep) = &mut self.sleep
            && sleep.as_mut().poll(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }
}
