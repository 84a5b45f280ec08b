//! [`Parker`]: a thread that waits in the kernel for one thing at a time, and can be cancelled from
//! outside.
//!
//! What a thread waits for is a property of the thread, so it is kept in thread-local storage:
//! connections can move between threads, and find the parker of the thread that polls them.

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

/// A waiting thread as other threads see it, to wake or cancel it.
#[derive(Debug)]
pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
    cancelled: AtomicBool,
    /// The socket that the thread blocks on or is about to: only during that time does it belong to
    /// the thread and may be shut down.
    socket: Mutex<Option<Arc<Socket>>>,
    /// The parkers of the branches that this thread waits for, cancelled with it.
    children: Mutex<Vec<Arc<Parker>>>,
}

impl Parker {
    /// Cancels the thread and those of its branches: wakes it from a sleep, or from a blocking call
    /// by shutting the socket down. The operation in progress is then dropped.
    pub(crate) fn cancel(&self) {
        self.mark_cancelled();
        self.interrupt();
    }

    /// Lets the thread and those of its branches do nothing more, without waking them yet. Where
    /// several are cancelled, all are marked before the first is woken: the permits that it releases
    /// would otherwise wake the next one to start something.
    pub(crate) fn mark_cancelled(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.children()
            .iter()
            .for_each(|child| child.mark_cancelled());
    }

    fn interrupt(&self) {
        self.children().iter().for_each(|child| child.interrupt());
        // The lock is held throughout: once the thread has left the socket, another may own it.
        if let Some(socket) = &*self.socket.lock().unwrap_or_else(PoisonError::into_inner) {
            socket.shut_down();
        }
        self.wake_up();
    }

    fn children(&self) -> Vec<Arc<Self>> {
        self.children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
    /// The nearest deadline registered in this pass.
    static NEAREST: Cell<Nanos> = const { Cell::new(Nanos::MAX) };
    /// Whether that deadline is to be met precisely.
    static EXACTLY: Cell<bool> = const { Cell::new(false) };
    /// How late this thread's wake-ups are.
    static LATENESS: Cell<Lateness> = const { Cell::new(Lateness::UNKNOWN) };
    /// What this pass waits for on a socket.
    static INTEREST: RefCell<Option<Interest>> = const { RefCell::new(None) };
    /// What the previous pass waited for, granted to this one.
    static GRANT: RefCell<Option<Grant>> = const { RefCell::new(None) };
}

/// What a pass waits for on a socket. A thread does one thing at a time, so there is at most one
/// interest: that in the socket it used last.
#[derive(Debug)]
struct Interest {
    socket: Arc<Socket>,
    flags: PollFlags,
}

/// Permission for the next pass to do what the previous one waited for, valid only for that socket
/// and that pass.
#[derive(Debug)]
struct Grant {
    socket: Arc<Socket>,
    flags: PollFlags,
    /// The deadline of a blocking read.
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

/// The parker of a thread that waits for branches, as the branches see it.
pub(super) struct CancelTree(Option<Arc<Parker>>);

impl CancelTree {
    /// Creates the tree of the calling thread.
    pub(super) fn of_this_thread() -> Self {
        Self(PARKER.with_borrow(Clone::clone))
    }

    /// Cancels `child` whenever its parent is cancelled; at once if it already is.
    pub(super) fn adopt(&self, child: &Arc<Parker>) {
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

    /// Removes `child`, which has finished.
    pub(super) fn release(&self, child: &Arc<Parker>) {
        if let Some(parent) = &self.0 {
            parent
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|known| !Arc::ptr_eq(known, child));
        }
    }
}

/// A second parker on a thread that is in the middle of a pass: the outer state is saved until this
/// is dropped.
pub(super) struct Reentrant {
    parker: Arc<Parker>,
    outer: Option<Arc<Parker>>,
    nearest: Nanos,
    exactly: bool,
    interest: Option<Interest>,
    grant: Option<Grant>,
}

impl Reentrant {
    /// Saves the thread's own parker and registers a second one.
    pub(super) fn register() -> Self {
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

    /// Returns the second parker.
    pub(super) const fn parker(&self) -> &Arc<Parker> {
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

/// Registers a parker for the calling thread.
pub(crate) fn register() -> Arc<Parker> {
    // Otherwise the kernel may extend a sleep by 50 µs to save wake-ups.
    #[cfg(target_os = "linux")]
    if let Some(one) = std::num::NonZeroU64::new(1) {
        // If this fails, sleeps are merely less precise.
        let _ = rustix::thread::set_current_timer_slack(Some(one));
    }
    let parker = new_parker();
    PARKER.set(Some(parker.clone()));
    parker
}

/// Returns whether this thread has been cancelled.
pub(super) fn cancelled() -> bool {
    PARKER.with_borrow(|parker| parker.as_ref().is_some_and(|s| s.is_cancelled()))
}

/// Registers a deadline that this pass waits for, and whether it is to be met precisely.
pub(super) fn wait_until(at: Nanos, exactly: bool) {
    if at < NEAREST.get() {
        NEAREST.set(at);
        EXACTLY.set(exactly);
    }
}

/// Registers that this pass waits for a socket to become readable.
pub(super) fn want_read(socket: &Arc<Socket>) {
    want(socket, PollFlags::IN);
}

/// Registers that this pass waits for a socket to become writable.
pub(super) fn want_write(socket: &Arc<Socket>) {
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

/// Clears what this pass waits for on a socket: the work that registered it has ended, and the
/// thread's next step must not wait for it.
pub(super) fn clear_interest() {
    INTEREST.take();
    GRANT.take();
}

/// Takes the grant of one blocking read from this socket; returns the deadline of the read.
pub(super) fn take_read(socket: &Arc<Socket>) -> Option<Nanos> {
    take_grant(socket, PollFlags::IN)
}

/// Takes the grant to continue with this socket, which is ready for the awaited operation or has
/// failed.
pub(super) fn take_ready(socket: &Arc<Socket>) -> bool {
    take_grant(socket, PollFlags::all()).is_some()
}

fn take_grant(socket: &Arc<Socket>, flags: PollFlags) -> Option<Nanos> {
    let is_granted =
        |grant: &mut Grant| Arc::ptr_eq(&grant.socket, socket) && grant.flags.intersects(flags);
    GRANT.with_borrow_mut(|grant| grant.take_if(is_granted).map(|grant| grant.until))
}

/// Makes a call that may block on a socket and that cancelling the thread interrupts. Returns
/// `None` without calling if the thread is already cancelled.
pub(super) fn blocking<T>(socket: &Arc<Socket>, call: impl FnOnce() -> T) -> Option<T> {
    PARKER.with_borrow(|parker| {
        let Some(parker) = parker else {
            return Some(call());
        };
        parker.set_socket(Some(socket.clone()));
        // Checked after the socket is registered: any later cancellation interrupts the call.
        let result = (!parker.is_cancelled()).then(call);
        parker.set_socket(None);
        result
    })
}

/// Runs `operation` on this thread, blocking; returns `None` if the parker is cancelled first.
pub(crate) fn block_on<F: Future>(
    parker: &Arc<Parker>,
    clock: Clock,
    operation: F,
) -> Option<F::Output> {
    let waker = Waker::from(parker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut operation = pin!(operation);
    loop {
        // Cleared before the cancel flag is read: a cancellation in between leaves the thread
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
            // The read itself does the waiting, in one system call rather than two.
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

/// Sleeps until a moment, or until the parker is woken.
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

/// Sleeps until shortly before a moment and then spins until it comes, or until the parker is
/// woken.
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
