//! A server that records what it is sent.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::peer::good;

/// A server that answers every request with 200, and records what it receives.
pub(crate) struct Recorder<T> {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<T>>>,
}

impl<T: Send + 'static> Recorder<T> {
    /// Starts it. `read` reads one request of a connection, or returns `None` at its end; the client
    /// sends nothing more before the response.
    pub(crate) fn start(read: fn(&TcpStream) -> Option<T>) -> Self {
        Self::with_body(read, "")
    }

    /// Starts one whose responses have this body.
    pub(crate) fn with_body(read: fn(&TcpStream) -> Option<T>, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let heard: Arc<Mutex<Vec<T>>> = Arc::default();
        let into = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = into.clone();
                thread::spawn(move || {
                    while let Some(request) = read(&stream) {
                        into.lock().expect("no panic").push(request);
                        if (&stream).write_all(good(body).as_ref()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, heard }
    }

    /// Returns what it received since the last call.
    pub(crate) fn heard(&self) -> Vec<T> {
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }
}
