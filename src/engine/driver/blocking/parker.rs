//! [`Parker`]: a thread that waits in the kernel for one thing at a time, and can be cancelled from outside.
//!
//! What a thread waits for is a property of the thread, so it stands in a thread-local: connections
//! can move between threads, and find the parker of the one that polls them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use rustix::event::PollFlags;

use super::super::exact::{Lateness, SpinPermit};
use super::socket::Socket;
use crate::base::{Clock, Nanos};

/// The outside view of a waiting thread: what wakes it, and what calls it off.
#[derive(Debug)]
pub struct Parker {
    thread: Thread,
    woken: AtomicBool,
    cancelled: AtomicBool,
    /// The socket that the thread is blocked on, or about to be: only then is it the thread's own,
    /// and may be shut down.
    socket: Mutex<Option<Arc<Socket>>>,
    /// Parkers of the branches that this thread waits for: cancelled with it.
    children: Mutex<Vec<Arc<Parker>>>,
}

impl Parker {
    /// Calls the thread off: it is woken out of a sleep, and out of a blocking call by shutting the
    /// socket down; then the operation under way is dropped.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let children = self
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        children.iter().for_each(|child| child.cancel());
        // Within the lock: once the thread has left the socket, that may be another's.
        if let Some(socket) = &*self.socket.lock().unwrap_or_else(PoisonError::into_inner) {
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

    fn set_socket(&self, socket: Option<Arc<Socket>>) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_up();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_up();
    }
}

thread_local! {
    static PARKER: RefCell<Option<Arc<Parker>>> = const { RefCell::new(None) };
    /// The nearest moment named in this pass.
    static NEAREST: Cell<Nanos> = const { Cell::new(Nanos::MAX) };
    /// Whether that moment is to be met exactly.
    static EXACTLY: Cell<bool> = const { Cell::new(false) };
    /// How late this thread is woken.
    static LATENESS: Cell<Lateness> = const { Cell::new(Lateness::UNKNOWN) };
    /// What this pass waits for on a socket.
    static INTEREST: RefCell<Option<Interest>> = const { RefCell::new(None) };
    /// What the pass before waited for, granted to this one.
    static GRANT: RefCell<Option<Grant>> = const { RefCell::new(None) };
}

/// What a pass waits for on a socket. A thread does one thing at a time, so there is one at most:
/// that of the socket it turned to last.
#[derive(Debug)]
struct Interest {
    socket: Arc<Socket>,
    flags: PollFlags,
}

/// Lets the next pass do what the one before waited for: on that socket and no other, and in that
/// pass and none after it.
#[derive(Debug)]
struct Grant {
    socket: Arc<Socket>,
    flags: PollFlags,
    /// How long a read may block.
    until: Nanos,
}

fn new_parker() -> Arc<Parker> {
    Arc::new(Parker {
        thread: std::thread::current(),
        woken: AtomicBool::new(false),
        cancelled: AtomicBool::new(false),
        socket: Mutex::default(),
        children: Mutex::default(),
    })
}

/// The parker of a thread that waits for branches, as those see it.
pub struct CancelTree(Option<Arc<Parker>>);

impl CancelTree {
    /// Of the calling thread.
    pub fn of_this_thread() -> Self {
        Self(PARKER.with_borrow(Clone::clone))
    }

    /// From now on `child` is cancelled with its parent; at once, where that is.
    pub fn adopt(&self, child: &Arc<Parker>) {
        if let Some(parent) = &self.0 {
            parent
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(child.clone());
            if parent.is_cancelled() {
                child.cancel();
            }
        }
    }

    /// `child` is done.
    pub fn release(&self, child: &Arc<Parker>) {
        if let Some(parent) = &self.0 {
            parent
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|known| !Arc::ptr_eq(known, child));
        }
    }
}

/// A second parker on a thread that is in the middle of a pass: its own state is put aside until this
/// is dropped.
pub struct Reentrant {
    parker: Arc<Parker>,
    outer: Option<Arc<Parker>>,
    nearest: Nanos,
    exactly: bool,
    interest: Option<Interest>,
    grant: Option<Grant>,
}

impl Reentrant {
    /// Puts the thread's own parker aside.
    pub fn register() -> Self {
        let parker = new_parker();
        let outer = PARKER.replace(Some(parker.clone()));
        let (interest, grant) = (INTEREST.take(), GRANT.take());
        Self {
            parker,
            outer,
            nearest: NEAREST.get(),
            exactly: EXACTLY.get(),
            interest,
            grant,
        }
    }

    /// The second parker.
    pub const fn parker(&self) -> &Arc<Parker> {
        &self.parker
    }
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        PARKER.set(self.outer.take());
        NEAREST.set(self.nearest);
        EXACTLY.set(self.exactly);
        INTEREST.set(self.interest.take());
        GRANT.set(self.grant.take());
    }
}

/// Gives the calling thread a parker.
pub fn register() -> Arc<Parker> {
    // Without this the kernel may end a sleep 50 µs late in order to save wake-ups.
    #[cfg(target_os = "linux")]
    if let Some(one) = std::num::NonZeroU64::new(1) {
        // Where it is refused, sleeps are merely less exact.
        let _ = rustix::thread::set_current_timer_slack(Some(one));
    }
    let parker = new_parker();
    PARKER.set(Some(parker.clone()));
    parker
}

/// Whether this thread has been cancelled.
pub fn cancelled() -> bool {
    PARKER.with_borrow(|parker| parker.as_ref().is_some_and(|s| s.is_cancelled()))
}

/// Names a moment that this pass waits for, and whether it is to be met exactly.
pub fn wait_until(at: Nanos, exactly: bool) {
    if at < NEAREST.get() {
        NEAREST.set(at);
        EXACTLY.set(exactly);
    }
}

/// Says that this pass waits for something to read from a socket.
pub fn want_read(socket: &Arc<Socket>) {
    want(socket, PollFlags::IN);
}

/// Says that this pass waits for room in a socket.
pub fn want_write(socket: &Arc<Socket>) {
    want(socket, PollFlags::OUT);
}

fn want(socket: &Arc<Socket>, flags: PollFlags) {
    INTEREST.with_borrow_mut(|interest| match interest {
        Some(known) if Arc::ptr_eq(&known.socket, socket) => known.flags |= flags,
        _ => {
            *interest = Some(Interest {
                socket: socket.clone(),
                flags,
            })
        }
    });
}

/// Forgets what this pass waits for on a socket: the work that asked for it has ended, and whatever
/// the thread does next must not wait for it.
pub fn clear_interest() {
    INTEREST.take();
    GRANT.take();
}

/// Takes the grant of one blocking read from this socket: the moment until which it may block.
pub fn take_read(socket: &Arc<Socket>) -> Option<Nanos> {
    take_grant(socket, PollFlags::IN)
}

/// Takes the grant to go on with this socket, which is ready for what it was waited for, or has
/// failed.
pub fn take_ready(socket: &Arc<Socket>) -> bool {
    take_grant(socket, PollFlags::all()).is_some()
}

fn take_grant(socket: &Arc<Socket>, flags: PollFlags) -> Option<Nanos> {
    let is_granted =
        |grant: &mut Grant| Arc::ptr_eq(&grant.socket, socket) && grant.flags.intersects(flags);
    GRANT.with_borrow_mut(|grant| grant.take_if(is_granted).map(|grant| grant.until))
}

/// Makes a call that may block on a socket, and that cancelling the thread ends; none is made where
/// it is cancelled already.
pub fn blocking<T>(socket: &Arc<Socket>, call: impl FnOnce() -> T) -> Option<T> {
    PARKER.with_borrow(|parker| {
        let Some(parker) = parker else {
            return Some(call());
        };
        parker.set_socket(Some(socket.clone()));
        // Looked at after the socket is known: whoever cancels from here on ends the call.
        let result = (!parker.is_cancelled()).then(call);
        parker.set_socket(None);
        result
    })
}

/// Runs `operation` on this thread, blocking; `None` where the parker was cancelled first.
pub fn block_on<F: Future>(parker: &Arc<Parker>, clock: Clock, operation: F) -> Option<F::Output> {
    let waker = Waker::from(parker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut operation = pin!(operation);
    loop {
        // Cleared before the other flag is read: a cancel that comes in between leaves the thread
        // woken.
        parker.woken.store(false, Ordering::SeqCst);
        if parker.is_cancelled() {
            clear_interest();
            return None;
        }
        NEAREST.set(Nanos::MAX);
        EXACTLY.set(false);
        let result = operation.as_mut().poll(&mut cx);
        GRANT.take();
        let interest = INTEREST.take();
        if let Poll::Ready(value) = result {
            return Some(value);
        }
        if parker.woken.load(Ordering::SeqCst) {
            continue;
        }
        let until = NEAREST.get();
        match interest {
            // The read itself does the waiting: one call and not two.
            Some(Interest {
                socket,
                flags: PollFlags::IN,
            }) => GRANT.set(Some(Grant {
                socket,
                flags: PollFlags::IN,
                until,
            })),
            Some(Interest { socket, flags }) => {
                let flags = blocking(&socket, || socket.wait(clock, flags, until, &cancelled))
                    .unwrap_or(PollFlags::empty());
                GRANT.set(Some(Grant {
                    socket,
                    flags,
                    until,
                }));
            }
            None if EXACTLY.get() => meet(parker, clock, until),
            None => park_until(parker, clock, until),
        }
    }
}

/// Sleeps until a moment, or until somebody wakes the parker.
fn park_until(parker: &Parker, clock: Clock, until: Nanos) {
    while !parker.woken.load(Ordering::SeqCst) {
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

/// Sleeps until shortly before a moment and turns until it comes, or until somebody wakes the parker.
fn meet(parker: &Parker, clock: Clock, at: Nanos) {
    let mut lateness = LATENESS.get();
    let early = lateness.before(at);
    if clock.now() < early {
        park_until(parker, clock, early);
        let now = clock.now();
        if now >= early {
            lateness.learn(now - early);
            LATENESS.set(lateness);
        }
    }
    let Some(turning) = SpinPermit::begin() else {
        return park_until(parker, clock, at);
    };
    let begun = clock.now();
    let mut now = begun;
    while now < at && !parker.woken.load(Ordering::SeqCst) {
        std::hint::spin_loop();
        now = clock.now();
    }
    turning.add(now - begun);
}
