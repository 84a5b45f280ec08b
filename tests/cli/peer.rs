//! A scripted server on a raw socket: it sends exactly the bytes that a test specifies, and closes
//! the connection the way it specifies.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// Starts a server on its own event loop, for async libraries: it runs `serve` for each connection,
/// in a task, until the test ends.
pub(crate) fn serve_on_event_loop<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream));
            }
        });
    });
    address
}

/// What a peer does after its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Listen,
    /// Closes the connection in an orderly way.
    Close,
    /// Resets it.
    Reset,
}

/// The peer's end of a connection.
pub(crate) struct Line {
    stream: TcpStream,
    /// The number of requests served before this one.
    pub served: usize,
    /// The request asks for the connection to be closed.
    pub said_close: bool,
    /// The head of the request, in lower case.
    pub head: Vec<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Line {
    /// Writes; returns false if the other end has closed the connection, which is legitimate.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a successful response with this body.
    pub(crate) fn answer(&mut self, body: &str) -> Then {
        self.say(good(body));
        Then::Listen
    }

    /// Sends the bytes one by one, with a pause after each, until the other end closes the
    /// connection.
    pub(crate) fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if !self.say([*byte]) {
                return;
            }
            thread::sleep(pause);
        }
    }

    /// Waits until the other end closes the connection.
    pub(crate) fn wait_for_close(&mut self) {
        let mut rest = [0; 1024];
        while self.stream.read(&mut rest).is_ok_and(|n| n > 0) {}
    }

    /// Reads the next request to the end of its body; returns its method and path, or `None` if
    /// none arrives.
    fn hear(&mut self) -> Option<String> {
        let mut reader = BufReader::new(&self.stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_lowercase());
        }
        let length = lines
            .iter()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |n| n.trim().parse().expect("a number"));
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.body = body;
        self.said_close = lines.iter().any(|line| line == "connection: close");
        let mut words = lines.first()?.split(' ');
        let request = format!("{} {}", words.next()?.to_uppercase(), words.next()?);
        self.head = lines;
        Some(request)
    }
}

/// Returns a successful response with this body.
pub(crate) fn good(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A server with a script.
pub(crate) struct Peer {
    pub address: SocketAddr,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Peer {
    /// Handles each request, `METHOD PATH`, with the script, and each connection on its own thread.
    pub(crate) fn start(script: impl Fn(&mut Line, &str) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (script, open, most) = (
            Arc::new(script),
            Arc::<AtomicUsize>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let (counted, peak) = (open.clone(), most.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, script, open) = (
                    stream.expect("a connection"),
                    script.clone(),
                    counted.clone(),
                );
                peak.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &*script);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            open,
            most,
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the peak number of open connections since the last call.
    pub(crate) fn most_open(&self) -> usize {
        self.most.swap(0, Ordering::SeqCst)
    }

    /// The number of open connections.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, script: &(impl Fn(&mut Line, &str) -> Then + ?Sized)) {
    stream.set_nodelay(true).expect("an open socket");
    let mut line = Line {
        stream,
        served: 0,
        said_close: false,
        head: Vec::new(),
        body: Vec::new(),
    };
    while let Some(request) = line.hear() {
        match script(&mut line, &request) {
            Then::Listen => line.served += 1,
            Then::Close => return,
            Then::Reset => {
                // Earlier bytes have to arrive first, because a reset discards them.
                thread::sleep(Duration::from_millis(20));
                set_socket_linger(&line.stream, Some(Duration::ZERO)).expect("an open socket");
                return;
            }
        }
    }
}

/// Returns a port that accepts only the first connection, that of the preflight.
pub(crate) fn accepts_only_preflight() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || listener.accept().map(|_| ()));
    address
}
