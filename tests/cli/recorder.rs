//! A server that records what it is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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

/// A request of HTTP/1.1 as it was received.
pub(crate) struct Received {
    /// The request line, without its end.
    pub line: String,
    /// With names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reads one request, with a `content-length` if it has a body; returns `None` at the end of the
/// connection.
pub(crate) fn received(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut next = || {
        let mut line = String::new();
        let count = reader.read_line(&mut line).ok()?;
        (count > 0).then_some(line)
    };
    let line = next()?.trim_end().to_owned();
    let mut headers = Vec::new();
    loop {
        let header = next()?;
        if header == "\r\n" {
            break;
        }
        let (name, value) = header.split_once(':').expect("a header");
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        line,
        headers,
        body,
    })
}
