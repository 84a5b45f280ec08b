//! Every wait of every mode ends with the first of its timeouts, whatever the peer fails to do: it
//! does not accept, does not answer, stops in the middle, stops reading, or does not close.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use loadgen::engine::{ResolvedTarget, run_mode};
use loadgen::plan::Mode;
use loadgen::result::ModeRun;
use loadgen::scenario::{Overrides, Source, compile};
use loadgen::transport::endpoint::Endpoint;

use crate::exchange_peers::open_with;
use crate::support::{folder, job};

const MODES: [Mode; 3] = [Mode::Sequential, Mode::Threaded, Mode::Async];
/// The timeout that expires first, in milliseconds.
const TIMEOUT_MS: f64 = 150.0;
/// The maximum delay after the timeout, in milliseconds.
const MAX_DELAY_MS: f64 = 20.0;
/// The number of attempts; one that is at most [`MAX_DELAY_MS`] late is enough. A busy machine is
/// late now and then, but a missing timeout is late every time.
const ATTEMPTS: usize = 5;

/// A peer that fails to do something.
struct Peer {
    address: SocketAddr,
    /// Keeps the listener open without accepting.
    _held: (Option<TcpListener>, Vec<TcpStream>),
}

impl Peer {
    /// Accepts no connection: its queue is full, and connecting gets no answer.
    fn full() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        rustix::net::listen(&listener, 0).expect("a shorter queue");
        let address = listener.local_addr().expect("a bound socket");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let queued = std::iter::from_fn(connect).collect();
        Self {
            address,
            _held: (Some(listener), queued),
        }
    }

    /// Neither reads nor writes; the kernel accepts connections on its behalf.
    fn absent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        Self {
            address,
            _held: (Some(listener), Vec::new()),
        }
    }

    /// Runs `act` on each connection, and then keeps it open in silence.
    fn after(act: fn(&mut TcpStream)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                act(&mut stream);
                held.push(stream);
            }
        });
        Self {
            address,
            _held: (None, Vec::new()),
        }
    }
}

/// Reads a request without a body and starts a response.
fn partial_response(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        request.push(byte[0]);
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
}

/// Opens a WebSocket.
fn opened(stream: &mut TcpStream) {
    open_with(stream, b"");
}

/// Accepts HTTP/2 by sending an empty SETTINGS frame.
fn http2(stream: &mut TcpStream) {
    let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0");
}

/// One iteration of a flow against a peer, in a mode.
fn run(folder: &Path, mode: Mode, url: &str, target: &str, flow: &str, peer: &Peer) -> ModeRun {
    let url = url.replace("PEER", &peer.address.to_string());
    let text = format!(
        "{{name: t, workers: 1, targets: {{t: {{url: '{url}', {target}}}}}, mix: [{{name: m, flow: [{flow}]}}], load: {{iterations: 1}}}}"
    );
    let path = folder.join(format!("{mode}.yaml"));
    fs::write(&path, text).expect("written");
    let source = Source::read(&path).expect("readable");
    let compiled = compile(
        &source,
        &Overrides {
            seed: Some(7),
            http_client: Some(crate::HTTP_CLIENT),
            ..Overrides::default()
        },
        &|_| None,
    );
    let plan = compiled
        .unwrap_or_else(|problems| panic!("{}", problems.render(&source, false)))
        .plan;
    let reach = ResolvedTarget {
        is_http2: target.contains("http2"),
        ..Endpoint::Tcp(peer.address).into()
    };
    let mut job = job(&plan, mode, vec![Some(reach)]);
    job.environment.folder = folder.into();
    run_mode(&job, &|| None, &|_| {}).expect("the run succeeds")
}

/// Runs it in each mode, repeatedly if it ends too late.
fn soon(what: &str, run: impl Fn(Mode) -> f64 + Sync) {
    thread::scope(|scope| {
        for mode in MODES {
            let run = &run;
            scope.spawn(move || {
                let late: Vec<f64> = (0..ATTEMPTS)
                    .map(|_| run(mode))
                    .inspect(|late| {
                        assert!(
                            *late >= -0.001,
                            "{what}, {mode}: {late} ms relative to the timeout"
                        )
                    })
                    .take_while(|late| *late > MAX_DELAY_MS)
                    .collect();
                assert!(late.len() < ATTEMPTS, "{what}, {mode}: late by {late:?} ms");
            });
        }
    });
}

/// A flow against a peer in which one operation ends with this kind of timeout.
fn ends(peer: &Peer, url: &str, target: &str, flow: &str, kind: &str) {
    let folder = folder();
    File::create(folder.path().join("large.bin"))
        .and_then(|file| file.set_len(64 << 20))
        .expect("written");
    let what = format!("{url}, {target}, {}", &flow[..flow.len().min(80)]);
    soon(&what, |mode| {
        let run = run(folder.path(), mode, url, target, flow, peer);
        assert_eq!(
            run.failures.get(kind),
            Some(&1),
            "{what}, {mode}: {:?} {:?}",
            run.failures,
            run.errors
        );
        run.times.response_ms.expect("an operation").max - TIMEOUT_MS
    });
}

const CONNECT: &str = "timeout: {connect: 150ms, total: 5s}";
const FIRST_BYTE: &str = "timeout: {first_byte: 150ms, total: 5s}";
const TOTAL: &str = "timeout: 150ms";

#[test]
fn a_connection_that_is_never_accepted() {
    let peer = Peer::full();
    for (timeout, kind) in [(CONNECT, "timeout_connect"), (TOTAL, "timeout_total")] {
        ends(&peer, "http://PEER", timeout, "{get: /}", kind);
        ends(
            &peer,
            "ws://PEER",
            timeout,
            "{websocket: /, flow: [{send: hi}]}",
            kind,
        );
        ends(
            &peer,
            "tcp://PEER",
            timeout,
            "{tcp: {send: hi, receive: line}}",
            kind,
        );
    }
}

#[test]
fn a_connection_that_stays_silent() {
    let peer = Peer::absent();
    for (timeout, kind) in [(CONNECT, "timeout_connect"), (TOTAL, "timeout_total")] {
        ends(
            &peer,
            "https://PEER",
            &format!("tls: {{insecure: true}}, {timeout}"),
            "{get: /}",
            kind,
        );
        ends(
            &peer,
            "http://PEER",
            &format!("http: {{protocol: http2}}, {timeout}"),
            "{get: /}",
            kind,
        );
    }
    for (timeout, kind) in [(FIRST_BYTE, "timeout_first_byte"), (TOTAL, "timeout_total")] {
        ends(&peer, "http://PEER", timeout, "{get: /}", kind);
        ends(
            &peer,
            "ws://PEER",
            timeout,
            "{websocket: /, flow: [{send: hi}]}",
            kind,
        );
        ends(
            &peer,
            "tcp://PEER",
            timeout,
            "{tcp: {send: hi, receive: line}}",
            kind,
        );
    }
}

#[test]
fn a_response_that_never_starts_or_never_ends() {
    let half = Peer::after(partial_response);
    ends(&half, "http://PEER", TOTAL, "{get: /}", "timeout_total");
    let agreed = Peer::after(http2);
    for (timeout, kind) in [(FIRST_BYTE, "timeout_first_byte"), (TOTAL, "timeout_total")] {
        ends(
            &agreed,
            "http://PEER",
            &format!("http: {{protocol: http2}}, {timeout}"),
            "{get: /}",
            kind,
        );
    }
    let open = Peer::after(opened);
    ends(
        &open,
        "ws://PEER",
        "timeout: 5s",
        &format!("{{websocket: /, flow: [{{send: hi, receive: {{contains: hi}}, {TOTAL}}}]}}"),
        "timeout_total",
    );
}

#[test]
fn a_request_that_is_never_read() {
    let (absent, open, agreed) = (Peer::absent(), Peer::after(opened), Peer::after(http2));
    ends(
        &absent,
        "http://PEER",
        TOTAL,
        "{post: /, body_file: large.bin}",
        "timeout_total",
    );
    ends(
        &agreed,
        "http://PEER",
        &format!("http: {{protocol: http2}}, {TOTAL}"),
        "{post: /, body_file: large.bin}",
        "timeout_total",
    );
    // More than the socket buffers hold, in pieces that a scenario may contain.
    let text = "x".repeat(500_000);
    let often = |step: String| format!("{{repeat: {{times: 100, flow: [{step}]}}}}");
    ends(
        &absent,
        "tcp://PEER",
        TOTAL,
        &often(format!("{{tcp: {{send: {text}}}}}")),
        "timeout_total",
    );
    let sends = often(format!("{{send: {text}, {TOTAL}}}"));
    ends(
        &open,
        "ws://PEER",
        "timeout: 5s",
        &format!("{{websocket: /, flow: [{sends}]}}"),
        "timeout_total",
    );
}

#[test]
fn a_close_frame_that_is_never_answered() {
    let (peer, folder) = (Peer::after(opened), folder());
    soon("a closing handshake", |mode| {
        // The next step shows when it ended.
        let flow = "{websocket: /, flow: [{send: hi}]}, {sleep: 1ms}";
        let run = run(folder.path(), mode, "ws://PEER", "timeout: 5s", flow, &peer);
        assert_eq!(
            (run.counts.ok, run.iterations.counts.ok),
            (3, 1),
            "{mode}: {:?}",
            run.errors
        );
        run.iterations.duration_ms.expect("an iteration").max - 1_001.0
    });
}
