//! Floor 3: the built-in target, a mock HTTP server that stands in for the service under load.
//!
//! It answers with known delays, sizes, statuses and failures, so that what loadgen measures can be
//! held against a known answer. It always runs as a process of its own ([`Child`]), because its
//! work must not be in the generator's figures. Beside it stands [`Live`], which serves a page
//! while a run goes on. The room knows nothing of scenarios, engines, results or the command line.
//!
//! One event loop on one thread serves everything: the state needs no lock, and `/freeze` can show
//! what a blocked loop does. A request goes through these files:
//!
//! ```text
//! listener (accept, body) → faults (latency, share of failures, capacity) → route (table) → handlers → reply
//!                                                                        └ websocket (where one is asked for)
//! ```
//!
//! Beside it `tcp` sends back what comes to a port of its own.
//!
//! Waiting is done with tokio's timers. They tick in whole milliseconds and round up: no answer
//! comes earlier than asked, and one may come up to about 1 ms later. That is fine for a mock
//! service, whose delays stand for a network and a database.

mod call;
mod child;
mod faults;
mod handlers;
mod listener;
mod live;
mod paced;
mod reply;
mod route;
mod started;
mod state;
mod stop;
mod tcp;
#[cfg(test)]
mod tests;
mod websocket;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitStatus;
use std::rc::Rc;

use futures_util::future::{Either, select};
use thiserror::Error;

pub use child::Child;
pub use live::Live;
pub use started::{Groups, Started};

use crate::base::{Rate, Share};
use crate::plan::Delay;

/// What the line on standard output begins with that says where the server listens; [`Bound`]
/// follows.
///
/// [`Child`] waits for it, so whoever runs [`serve`] for a `Child` has to print it.
pub const ANNOUNCEMENT: &str = "loadgen serve: listening on http://";

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it sends back what comes over TCP, if anywhere; port 0 takes a free one.
    pub tcp: Option<SocketAddr>,
    /// Every answer comes later by a draw from this.
    pub latency: Option<Delay>,
    /// This share of the requests, drawn at random, is answered with 500.
    pub fail: Share,
    /// Requests are served one after another at this rate, whatever the number of connections.
    pub capacity: Option<Rate>,
    /// The seed of every draw.
    pub seed: u64,
    /// Ends when standard input is closed, which it is when the process at its other end dies.
    pub until_stdin_closes: bool,
}

/// Where a server listens. Displayed as URLs, the first one without its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// The TCP echo.
    pub tcp: Option<SocketAddr>,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, tcp } = self;
        write!(f, "{http}")?;
        tcp.map_or(Ok(()), |tcp| write!(f, "{ECHO}{tcp}"))
    }
}

/// What stands between the two addresses of a [`Bound`].
const ECHO: &str = " and tcp://";

/// Why the server, or the process that it is to run in, did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address can't be listened on.
    #[error(
        "can't listen on {address}: {source}; choose another address, or port 0 for any free port"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A server that never serves.
    #[error("a capacity of zero serves nothing; write a rate such as `100/s`")]
    NoCapacity,
    /// The event loop, a signal handler or a thread could not be made.
    #[error("can't set up the server: {0}")]
    Setup(io::Error),
    /// The program of the child process can't be run.
    #[error("can't start the built-in target `{}`: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The child process ended without saying where it listens.
    #[error(
        "the built-in target ended before it listened ({status}); its own words are on standard error"
    )]
    Ended {
        /// How it ended.
        status: ExitStatus,
    },
    /// The first line of the child process is not the expected one.
    #[error(
        "the built-in target said {line:?} and not where it listens; is the program a loadgen?"
    )]
    Garbled {
        /// What it printed, as far as it is worth showing.
        line: String,
    },
    /// The child process runs and says nothing.
    #[error(
        "the built-in target has not said where it listens within {seconds} s; is the machine overloaded?"
    )]
    Silent {
        /// How long was waited.
        seconds: u64,
    },
}

/// Serves until SIGINT or SIGTERM, or until standard input closes if the options say so; blocks.
///
/// `ready` is called once, with the addresses that were bound. The soft limit of open files is
/// raised to the hard one first, where there is such a thing. Requests in flight at the end are
/// dropped: what loads this server has drained before it stops it.
///
/// # Errors
/// When the address can't be listened on, or the system refuses an event loop or a signal handler.
pub fn serve(options: &Options, ready: impl FnOnce(Bound)) -> Result<(), ServeError> {
    raise_file_limit();
    let stop = stop::Sources::new(options.until_stdin_closes).map_err(ServeError::Setup)?;
    serve_until(options, ready, stop.any())
}

/// Serves until `stop` is ready.
fn serve_until(
    options: &Options,
    ready: impl FnOnce(Bound),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    if options.capacity.is_some_and(|rate| rate.events == 0) {
        return Err(ServeError::NoCapacity);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Setup)?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let bind = |address| {
            let bound =
                listener::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener)));
            bound.map_err(|source| ServeError::Listen { address, source })
        };
        let (http, listener) = bind(options.listen)?;
        let echo = options.tcp.map(bind).transpose()?;
        let state = Rc::new(state::State::new(options));
        let tcp = echo.map(|(address, listener)| {
            tokio::task::spawn_local(tcp::accept(listener, Rc::clone(&state)));
            address
        });
        ready(Bound { http, tcp });
        match select(pin!(stop), pin!(listener::accept(&listener, &state))).await {
            Either::Left(((), _)) => Ok(()),
            Either::Right((never, _)) => match never {},
        }
    })
}

/// Raises the soft limit of open files to the hard one, so that many connections fit.
///
/// A refusal is no error: the server then serves as many connections as it may.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            && soft < hard
        {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
}
