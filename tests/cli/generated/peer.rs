//! [`Peer`]: the scripted server of generated scenarios, with its own log of requests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};

use super::connection;
use super::script::{Manner, step_of};

/// The maximum wait for a finished run's connections to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that takes longer than this is never established.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(5);
/// The source address of the connection after which no more are accepted.
const STOP_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 250);
/// The stack size of a connection's thread.
const STACK_SIZE: usize = 128 * 1024;

/// A request as the peer saw it. Both instants lie within the client's measurement: `read` is taken
/// after the last byte was read, `answered` before the first byte of the response is written.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The target.
    pub manner: Manner,
    /// The number of its connection among those of the target.
    pub connection: u64,
    pub path: String,
    /// The header `x-try`: different for every attempt.
    pub id: Option<String>,
    /// The header `x-seq`: the number of the iteration.
    pub seq: Option<String>,
    /// The header `x-echo`: the token of an earlier response.
    pub echo: Option<String>,
    pub cookie: Option<String>,
    /// The number of the cookie that the response sets.
    pub set_cookie: Option<u64>,
    /// The size of the request in bytes.
    pub bytes: u64,
    pub read: Instant,
    pub answered: Option<Instant>,
    /// The status of the response, or 0.
    pub status: u16,
    /// The size of the response in bytes.
    pub answer_bytes: u64,
}

impl Request {
    /// Returns the step that sent it.
    pub(super) fn step(&self) -> &str {
        step_of(&self.path)
    }
}

/// The state that all connections of a target share.
pub(super) struct Shared {
    pub manner: Manner,
    listener: TcpListener,
    log: Mutex<Vec<Request>>,
    stopped: AtomicBool,
    /// Whether connections are no longer accepted.
    closed: AtomicBool,
    accepted: AtomicU64,
    open: AtomicUsize,
    pub cookies: AtomicU64,
}

impl Shared {
    pub(super) fn log(&self) -> MutexGuard<'_, Vec<Request>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops listening. Connections established by then are still accepted, because their clients
    /// know of them.
    pub(super) fn stop(&self) {
        if !self.stopped.swap(true, Ordering::SeqCst) {
            // This connection is queued after all earlier ones.
            let last = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
            bind(&last, &SocketAddr::from((STOP_SOURCE, 0))).expect("a free port");
            connect(&last, &self.listener.local_addr().expect("a bound socket"))
                .expect("it listens");
        }
        let begun = Instant::now();
        while !self.closed.load(Ordering::SeqCst) && begun.elapsed() < CLOSE_TIMEOUT {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// A target.
pub(super) enum Peer {
    /// A listening server.
    Listening(Arc<Shared>),
    /// A port without a listener; the socket reserves the port.
    Gone(OwnedFd),
    /// A listener that accepts no connection; the streams keep its queue full.
    Deaf(OwnedFd, Vec<TcpStream>),
}

/// The requests and connections that a target has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub log: Vec<Request>,
    pub accepted: u64,
    /// Connections that were still open some seconds after the run.
    pub left_open: usize,
}

impl Peer {
    /// Starts a target with this behaviour.
    pub(super) fn start(manner: Manner) -> Self {
        match manner {
            Manner::Steady | Manner::Fickle | Manner::Leaving => Self::listening(manner),
            Manner::Gone => Self::Gone(bound()),
            Manner::Deaf => {
                let socket = bound();
                listen(&socket, 0).expect("a bound socket");
                let address = address_of(&socket);
                let queued = std::iter::from_fn(|| {
                    TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok()
                })
                .collect();
                Self::Deaf(socket, queued)
            }
        }
    }

    fn listening(manner: Manner) -> Self {
        let shared = Arc::new(Shared {
            manner,
            listener: on_its_own_port(),
            log: Mutex::default(),
            stopped: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            cookies: AtomicU64::new(0),
        });
        let accepting = shared.clone();
        thread::spawn(move || accept(&accepting));
        Self::Listening(shared)
    }

    /// Returns its address.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Listening(shared) => shared.listener.local_addr().expect("a bound socket"),
            Self::Gone(socket) | Self::Deaf(socket, _) => address_of(socket),
        }
    }

    /// Stops it after a run, and returns what it has seen.
    pub(super) fn finish(self) -> Seen {
        let shared = match self {
            Self::Listening(shared) => shared,
            Self::Gone(_) => return Seen::default(),
            Self::Deaf(_, queued) => {
                drop(queued);
                return Seen::default();
            }
        };
        shared.stop();
        let begun = Instant::now();
        while shared.open.load(Ordering::SeqCst) > 0 && begun.elapsed() < CLOSE_TIMEOUT {
            thread::sleep(Duration::from_micros(200));
        }
        let log = std::mem::take(&mut *shared.log());
        let (accepted, left_open) = (
            shared.accepted.load(Ordering::SeqCst),
            shared.open.load(Ordering::SeqCst),
        );
        Seen {
            log,
            accepted,
            left_open,
        }
    }
}

/// Serves each connection on its own thread, until it is stopped and no connection is left.
fn accept(shared: &Arc<Shared>) {
    while let Ok((stream, from)) = shared.listener.accept() {
        if from.ip() == STOP_SOURCE {
            break;
        }
        shared.open.fetch_add(1, Ordering::SeqCst);
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let own = shared.clone();
        let serve = move || {
            connection::serve(&own, stream, number);
            own.open.fetch_sub(1, Ordering::SeqCst);
        };
        thread::Builder::new()
            .stack_size(STACK_SIZE)
            .spawn(serve)
            .expect("a thread");
    }
    // The port stays bound, so that no other process gets it.
    let _ = rustix::net::shutdown(&shared.listener, rustix::net::Shutdown::Both);
    shared.closed.store(true, Ordering::SeqCst);
}

/// Creates a listener whose port stays reserved when it stops listening; a port chosen by the
/// kernel would be released.
fn on_its_own_port() -> TcpListener {
    loop {
        let chosen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        // Another process may have bound it in the meantime.
        if let Ok(listener) = TcpListener::bind(chosen) {
            return listener;
        }
    }
}

fn bound() -> OwnedFd {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    fd
}

fn address_of(socket: &OwnedFd) -> SocketAddr {
    getsockname(socket)
        .expect("a bound socket")
        .try_into()
        .expect("an address of IP")
}
