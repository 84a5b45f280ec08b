//! The server as its clients see it, over real sockets.

mod client;
mod http;
mod process;
mod routes;
mod timing;
mod websocket;

use std::net::SocketAddr;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{Bound, Options, ServeError, serve_until};
use crate::base::Share;

/// Default options.
pub(super) fn options() -> Options {
    Options {
        listen: ([127, 0, 0, 1], 0).into(),
        tcp: None,
        latency: None,
        fail: Share::ZERO,
        capacity: None,
        seed: 42,
        until_stdin_closes: false,
    }
}

/// A server on a thread of its own, until this value is dropped.
struct Server {
    address: SocketAddr,
    tcp: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Options) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (sender, bound) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            serve_until(
                &options,
                |bound| sender.send(bound).expect("the test waits"),
                async {
                    let _ = stopped.await;
                },
            )
        });
        let Bound { http: address, tcp } = bound.recv().expect("the server listens");
        Self {
            address,
            tcp,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            assert!(
                thread.join().is_ok_and(|result| result.is_ok()),
                "the server ends well"
            );
        }
    }
}
