//! Floor 4: record. A reverse proxy that keeps what passes through it, for `loadgen record`.
//!
//! It forwards every request to one target, and changes only what would lead a browser away from it
//! (`rewrite`). Bodies are copied as they pass (`tee`), up to a limit, onto a `tape`. `upstream` connects to the target, over
//! TLS if its URL says so. The connections of clients are plain HTTP/1.1: nothing is intercepted.
//!
//! This module knows neither scenarios nor the command line; who calls it has looked up the target, and
//! made sure that it may be used.

mod error;
mod proxy;
mod rewrite;
mod tape;
mod tee;
mod upstream;

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::net::TcpListener;

pub(crate) use self::error::RecordError;
use self::proxy::Proxy;
pub(crate) use self::upstream::Upstream;
use crate::import::Recording;
use crate::server::stop;

/// Forwards requests and keeps them until SIGINT or SIGTERM, or until some time has passed; blocks.
///
/// `ready` is called once, with the address that clients are to use.
///
/// # Errors
/// If the address can't be listened on, or the system refuses an event loop or a signal handler.
pub(crate) fn record(
    upstream: Upstream,
    listen: SocketAddr,
    time: Option<Duration>,
    ready: impl FnOnce(SocketAddr),
) -> Result<Recording, RecordError> {
    let stop = stop::Sources::new(false).map_err(RecordError::Setup)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RecordError::Setup)?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let refused = |source| RecordError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let proxy = Rc::new(Proxy::new(upstream, address));
        ready(address);
        let end = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let (stop, end) = (pin!(stop.any()), pin!(end));
        let accept = pin!(proxy::accept(&listener, &proxy));
        match select(select(stop, end), accept).await {
            Either::Left(_) => Ok(proxy.recording()),
            Either::Right((never, _)) => match never {},
        }
    })
}
