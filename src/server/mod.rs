//! Floor 3: the built-in target, a mock HTTP server that stands in for the service under load.
//!
//! Its delays, sizes, statuses and failures are known, so that loadgen's measurements can be
//! compared with known answers. It always runs in a separate process ([`Child`]), because its work
//! must not be part of the load generator's figures. [`Live`] serves a page during a run. This
//! module knows nothing of scenarios, engines, results or the command line.
//!
//! One event loop on one thread serves everything: the state needs no lock, and `/freeze` can show
//! the effect of a blocked loop. A request passes through these files:
//!
//! ```text
//! listener (accept, body) → faults (latency, share of failures, capacity) → route (table) → handlers → reply
//!                                                                        └ websocket (where one is asked for)
//! ```
//!
//! A connection that begins with the preface of HTTP/2 goes to `grpc`, which has the service
//! `loadgen.Echo`. In addition, `tcp` echoes what arrives on a port of its own.
//!
//! Delays use tokio's timers, which tick in whole milliseconds and round up: no response comes too
//! early, and one may be up to about 1 ms late. That is fine for a mock service, whose delays stand
//! for a network and a database.

mod bound;
mod call;
mod child;
mod error;
mod faults;
mod grpc;
mod handlers;
mod listener;
mod live;
mod options;
mod paced;
mod reply;
mod room;
mod route;
mod scrapes;
mod scripted;
mod started;
mod state;
pub(crate) mod stop;
mod tcp;
#[cfg(test)]
mod tests;
mod websocket;

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

pub use bound::{ANNOUNCEMENT, Bound};
pub use child::Child;
pub use error::ServeError;
pub use live::Live;
pub use options::Options;
pub use started::{Groups, Started};

/// Serves until SIGINT or SIGTERM, or until standard input closes if the options say so; blocks.
///
/// `ready` is called once, with the bound addresses. Before that, the soft limit of open files is
/// raised to the hard one, on systems that have them. Requests in flight at the end are dropped: a
/// load generator drains before it stops this server.
///
/// # Errors
/// If the address cannot be bound, or the system refuses an event loop or a signal handler.
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

/// Raises the soft limit of open files to the hard one, to allow for many connections.
///
/// A refusal is not an error: the server then serves as many connections as it can.
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
