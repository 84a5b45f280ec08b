//! [`Seat`]: a thread that waits in the kernel for one thing at a time, and can be called off from outside.
//!
//! What a thread waits for is a property of the thread, so it stands in a thread-local: connections can
//! move between threads, and find the seat of the one that polls them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use rustix::event::PollFlags;

use super::super::exact::{Lateness, Turning};
use super::stream::Socket;
use crate::base::{Clock, Nanos};

/// The outside view of a waiting thread: what wakes it, and what calls it off.
#[derive(Debug)]
pub struct Seat {
    thread: Thread,
    woken: AtomicBool,
    cancelled: AtomicBool,
    /// The socket that the thread may be blocked on. The seat must not keep it: dropping its stream closes it.
    socket: Mutex<Weak<Socket>>,
    /// Seats of the branches that this thread waits for: called off with it.
    children: Mutex<Vec<Arc<Seat>>>,
}

impl Seat {
    /// Calls the thread off: it is woken out of a sleep, and out of a blocking read by shutting the socket
    /// down; then the operation under way is dropped.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner).clone();
        children.iter().for_each(|child| child.cancel());
        if let Some(socket) = self.socket.lock().unwrap_or_else(PoisonError::into_inner).upgrade() {
            socket.shut_down();
        }
        self.wake_up();
    }

    fn wake_up(&self) {
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        self.wake_up();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_up();
    }
}

thread_local! {
    static SEAT: RefCell<Option<Arc<Seat>>> = const { RefCell::new(None) };
    /// The nearest moment named in this pass.
    static NEAREST: Cell<Nanos> = const { Cell::new(Nanos::MAX) };
    /// Whether that moment is to be met exactly.
    static EXACTLY: Cell<bool> = const { Cell::new(false) };
    /// How late this thread is woken.
    static LATENESS: Cell<Lateness> = const { Cell::new(Lateness::UNKNOWN) };
    /// Somebody wants to read.
    static WANTED: Cell<bool> = const { Cell::new(false) };
    /// Somebody wants to write to this socket, and it has no room.
    static FULL: RefCell<Option<Arc<Socket>>> = const { RefCell::new(None) };
    /// One blocking read is granted, until this moment.
    static GRANTED: Cell<Option<Nanos>> = const { Cell::new(None) };
}

fn seat() -> Arc<Seat> {
    Arc::new(Seat {
        thread: std::thread::current(),
        woken: AtomicBool::new(false),
        cancelled: AtomicBool::new(false),
        socket: Mutex::new(Weak::new()),
        children: Mutex::default(),
    })
}

/// The seat of a thread that waits for branches, as those see it.
pub struct Family(Option<Arc<Seat>>);

impl Family {
    /// Of the calling thread.
    pub fn of_this_thread() -> Self {
        Self(SEAT.with_borrow(Clone::clone))
    }

    /// From now on `child` is called off with its parent; at once, where that is.
    pub fn adopt(&self, child: &Arc<Seat>) {
        if let Some(parent) = &self.0 {
            parent.children.lock().unwrap_or_else(PoisonError::into_inner).push(child.clone());
            if parent.is_cancelled() {
                child.cancel();
            }
        }
    }

    /// `child` is done.
    pub fn release(&self, child: &Arc<Seat>) {
        if let Some(parent) = &self.0 {
            parent.children.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !Arc::ptr_eq(known, child));
        }
    }
}

/// A second seat on a thread that is in the middle of a pass: its own state is put aside until this is
/// dropped.
pub struct Nested {
    seat: Arc<Seat>,
    outer: Option<Arc<Seat>>,
    nearest: Nanos,
    exactly: bool,
    wanted: bool,
    full: Option<Arc<Socket>>,
    granted: Option<Nanos>,
}

impl Nested {
    /// Puts the thread's own seat aside.
    pub fn sit_down() -> Self {
        let seat = seat();
        let outer = SEAT.replace(Some(seat.clone()));
        let (full, granted) = (FULL.take(), GRANTED.take());
        Self { seat, outer, nearest: NEAREST.get(), exactly: EXACTLY.get(), wanted: WANTED.get(), full, granted }
    }

    /// The second seat.
    pub const fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        SEAT.set(self.outer.take());
        NEAREST.set(self.nearest);
        EXACTLY.set(self.exactly);
        WANTED.set(self.wanted);
        FULL.set(self.full.take());
        GRANTED.set(self.granted);
    }
}

/// Gives the calling thread a seat.
pub fn sit_down() -> Arc<Seat> {
    // Without this the kernel may end a sleep 50 µs late in order to save wake-ups.
    #[cfg(target_os = "linux")]
    if let Some(one) = std::num::NonZeroU64::new(1) {
        // Where it is refused, sleeps are merely less exact.
        let _ = rustix::thread::set_current_timer_slack(Some(one));
    }
    let seat = seat();
    SEAT.set(Some(seat.clone()));
    seat
}

/// Whether this thread has been called off.
pub fn cancelled() -> bool {
    SEAT.with_borrow(|seat| seat.as_ref().is_some_and(|s| s.is_cancelled()))
}

/// Names a moment that this pass waits for, and whether it is to be met exactly.
pub fn wait_until(at: Nanos, exactly: bool) {
    if at < NEAREST.get() {
        NEAREST.set(at);
        EXACTLY.set(exactly);
    }
}

/// The nearest moment that this pass waits for.
pub fn nearest() -> Nanos {
    NEAREST.get()
}

/// Says that this pass waits for something to read.
pub fn want_read() {
    WANTED.set(true);
}

/// Says that this pass waits for room in a socket.
pub fn want_write(socket: &Arc<Socket>) {
    FULL.set(Some(socket.clone()));
}

/// Takes the grant of one blocking read: the moment until which it may block.
pub fn take_grant() -> Option<Nanos> {
    GRANTED.take()
}

/// Says which socket the thread is going to block on, so that it can be called off.
pub fn occupy(socket: &Arc<Socket>) {
    SEAT.with_borrow(|seat| {
        if let Some(seat) = seat {
            let mut current = seat.socket.lock().unwrap_or_else(PoisonError::into_inner);
            if !std::ptr::eq(current.as_ptr(), Arc::as_ptr(socket)) {
                *current = Arc::downgrade(socket);
            }
        }
    });
}

/// Runs `operation` on this thread, blocking; `None` where the seat was called off first.
pub fn block_on<F: Future>(seat: &Arc<Seat>, clock: Clock, operation: F) -> Option<F::Output> {
    let waker = Waker::from(seat.clone());
    let mut cx = Context::from_waker(&waker);
    let mut operation = pin!(operation);
    loop {
        if seat.is_cancelled() {
            return None;
        }
        NEAREST.set(Nanos::MAX);
        EXACTLY.set(false);
        WANTED.set(false);
        seat.woken.store(false, Ordering::SeqCst);
        let result = operation.as_mut().poll(&mut cx);
        GRANTED.set(None);
        let full = FULL.take();
        if let Poll::Ready(value) = result {
            return Some(value);
        }
        if seat.woken.load(Ordering::SeqCst) {
            continue;
        }
        if let Some(socket) = full {
            let flags = if WANTED.get() { PollFlags::IN | PollFlags::OUT } else { PollFlags::OUT };
            if socket.wait(clock, flags, NEAREST.get()).contains(PollFlags::IN) {
                GRANTED.set(Some(NEAREST.get()));
            }
            continue;
        }
        if WANTED.get() {
            GRANTED.set(Some(NEAREST.get()));
            continue;
        }
        if EXACTLY.get() {
            meet(seat, clock, NEAREST.get());
        } else {
            park_until(seat, clock, NEAREST.get());
        }
    }
}

/// Sleeps until a moment, or until somebody wakes the seat.
fn park_until(seat: &Seat, clock: Clock, until: Nanos) {
    while !seat.woken.load(Ordering::SeqCst) {
        if until == Nanos::MAX {
            std::thread::park();
            continue;
        }
        let left = until - clock.now();
        if left == Nanos::ZERO {
            return;
        }
        std::thread::park_timeout(left.as_duration());
    }
}

/// Sleeps until shortly before a moment and turns until it comes, or until somebody wakes the seat.
fn meet(seat: &Seat, clock: Clock, at: Nanos) {
    let mut lateness = LATENESS.get();
    let early = lateness.before(at);
    if clock.now() < early {
        park_until(seat, clock, early);
        let now = clock.now();
        if now >= early {
            lateness.learn(now - early);
            LATENESS.set(lateness);
        }
    }
    let Some(turning) = Turning::begin() else { return park_until(seat, clock, at) };
    let begun = clock.now();
    let mut now = begun;
    while now < at && !seat.woken.load(Ordering::SeqCst) {
        std::hint::spin_loop();
        now = clock.now();
    }
    turning.add(now - begun);
}
