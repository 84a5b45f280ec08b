//! Misbehaving servers over TCP and WebSocket: how and when each fault is counted, and that no
//! connection stays open.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tungstenite::handshake::derive_accept_key;

use crate::support::{MODES, count, folder, number, run, run_of, scenario};

/// What a peer does with a new connection.
type Script = fn(&mut TcpStream);

/// A server that follows a script on every connection, and counts the open ones.
struct Peer {
    port: u16,
    over: Arc<AtomicBool>,
    accepting: Option<thread::JoinHandle<()>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicI64,
    most_open: AtomicI64,
    connections: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Peer {
    fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let (over, counts) = (Arc::<AtomicBool>::default(), Arc::<Counts>::default());
        let (ended, seen) = (over.clone(), counts.clone());
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                seen.accepted.fetch_add(1, Ordering::SeqCst);
                let own = seen.clone();
                let connection = thread::spawn(move || {
                    let open = own.open.fetch_add(1, Ordering::SeqCst) + 1;
                    own.most_open.fetch_max(open, Ordering::SeqCst);
                    // A timeout well after the client has gone.
                    stream
                        .set_read_timeout(Some(Duration::from_secs(20)))
                        .expect("a timeout");
                    stream
                        .set_write_timeout(Some(Duration::from_secs(20)))
                        .expect("a timeout");
                    stream.set_nodelay(true).expect("no delay");
                    script(&mut stream);
                    // It stays open until the client closes it.
                    let mut rest = [0; 4096];
                    while matches!(stream.read(&mut rest), Ok(n) if n > 0) {}
                    own.open.fetch_sub(1, Ordering::SeqCst);
                });
                seen.connections.lock().expect("no panic").push(connection);
            }
        });
        Self {
            port,
            over,
            accepting: Some(accepting),
            counts,
        }
    }

    /// Waits until the client has closed every connection; returns their number, and the peak of
    /// open ones.
    fn end(mut self) -> (u64, i64) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.accepting
            .take()
            .expect("it runs")
            .join()
            .expect("no panic");
        let connections = std::mem::take(&mut *self.counts.connections.lock().expect("no panic"));
        connections
            .into_iter()
            .for_each(|connection| connection.join().expect("the script does not panic"));
        assert_eq!(self.counts.open.load(Ordering::SeqCst), 0);
        (
            self.counts.accepted.load(Ordering::SeqCst),
            self.counts.most_open.load(Ordering::SeqCst),
        )
    }
}

/// Reads up to the end of a line; returns `None` if the client has closed.
fn line(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\n") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(text).ok()
}

fn say(stream: &mut TcpStream, bytes: &[u8]) {
    // The client may have closed.
    let _ = stream.write_all(bytes);
}

/// Sends until the client stops reading.
fn endless(stream: &mut TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).is_ok() {}
}

/// Closes the sending side, and continues to read.
fn goodbye(stream: &TcpStream) {
    let _ = stream.shutdown(std::net::Shutdown::Write);
}

/// Ends a connection with a reset.
fn reset(stream: &mut TcpStream) {
    rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).expect("a socket");
    // Shutting down both directions would close in an orderly way, so the socket is replaced under
    // this descriptor instead.
    let nothing = TcpStream::connect(
        TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("bound"),
    )
    .ok();
    if let Some(nothing) = nothing {
        drop(std::mem::replace(stream, nothing));
    }
}

/// Reads a handshake and accepts it, with more bytes after the response.
pub(crate) fn open_with(stream: &mut TcpStream, more: &[u8]) -> bool {
    let mut key = String::new();
    loop {
        let Some(header) = line(stream) else {
            return false;
        };
        if let Some(value) = header
            .to_ascii_lowercase()
            .starts_with("sec-websocket-key:")
            .then(|| header[18..].trim())
        {
            key = value.to_owned();
        }
        if header == "\r\n" {
            break;
        }
    }
    let accept = derive_accept_key(key.as_bytes());
    let mut answer =
        format!("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n")
            .into_bytes();
    answer.extend(more);
    stream.write_all(&answer).is_ok()
}

/// Opens a WebSocket and reads one message, which is short and masked.
fn opened_and_asked(stream: &mut TcpStream) -> bool {
    open_with(stream, b"") && asked(stream)
}

fn asked(stream: &mut TcpStream) -> bool {
    let mut head = [0; 2];
    if stream.read_exact(&mut head).is_err() {
        return false;
    }
    let mut rest = vec![0; usize::from(head[1] & 0x7f) + 4];
    stream.read_exact(&mut rest).is_ok()
}

/// The same, and then stays silent.
fn opened_and_silent(stream: &mut TcpStream) {
    let _ = opened_and_asked(stream);
}

/// A short frame from a server.
fn frame(opcode: u8, text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, u8::try_from(text.len()).expect("short")];
    frame.extend(text);
    frame
}

/// A row of the table.
struct Row {
    name: &'static str,
    script: Script,
    /// The kinds that it may be counted as.
    kinds: &'static [&'static str],
    /// The step that fails.
    step: &'static str,
    /// The minimum time until then, in milliseconds.
    least: f64,
}

const fn row(
    name: &'static str,
    script: Script,
    step: &'static str,
    kinds: &'static [&'static str],
) -> Row {
    Row {
        name,
        script,
        kinds,
        step,
        least: 0.0,
    }
}

const fn late(
    name: &'static str,
    script: Script,
    step: &'static str,
    kinds: &'static [&'static str],
) -> Row {
    Row {
        name,
        script,
        kinds,
        step,
        least: 100.0,
    }
}

/// The iterations of each row in each mode.
const ITERATIONS: u64 = 3;

/// Runs a row's scenario in all modes.
fn follow(row: &Row, text: &str) {
    let (folder, peer) = (folder(), Peer::start(row.script));
    // Only rows that end at a timeout keep a short one: the machine is busy with the other rows.
    let text = if row.least > 0.0 {
        text.to_owned()
    } else {
        text.replace("100ms", "20s")
    };
    scenario(folder.path(), &text.replace("PORT", &peer.port.to_string()));
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--on-invalid",
            "warn",
        ],
    )
    .exits(0);
    let result = crate::support::result(&folder.path().join("out"));
    for mode in MODES {
        let what = format!("{} {mode}", row.name);
        let run = run_of(&result, mode);
        let step = run["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|step| step["name"] == row.step)
            .expect("the step");
        let failures = step["failures"].as_object().expect("kinds");
        let failed: u64 = failures
            .iter()
            .filter(|(kind, _)| row.kinds.contains(&kind.as_str()))
            .map(|(_, n)| n.as_u64().expect("a count"))
            .sum();
        assert_eq!(
            (failed, count(step, "failed")),
            (ITERATIONS, ITERATIONS),
            "{what}: {} {}",
            step["failures"],
            run["errors"]
        );
        assert_eq!(count(&run["iterations"], "failed"), ITERATIONS, "{what}");
        let took = &step["response_ms"];
        assert!(
            number(took, "min") >= row.least && number(took, "max") < row.least + 10_000.0,
            "{what}: {took}"
        );
        // Nothing that arrived is kept.
        assert!(
            count(&run["resources"], "peak_rss_bytes") < 200 << 20,
            "{what}: {}",
            run["resources"]
        );
    }
    let (accepted, most_open) = peer.end();
    // One connection is the preflight's; each iteration has its own.
    assert_eq!(accepted, 1 + 3 * ITERATIONS, "{}", row.name);
    assert!(
        most_open <= 3,
        "{}: {most_open} connections were open at once",
        row.name
    );
}

/// Some rows at a time.
fn all(rows: &[Row], text: &str) {
    thread::scope(|scope| {
        for share in rows.chunks(rows.len().div_ceil(4)) {
            scope.spawn(move || share.iter().for_each(|row| follow(row, text)));
        }
    });
}

const TCP: &str = "{name: t, modes: [sequential, threaded, async], targets: {peer: {url: 'tcp://127.0.0.1:PORT'}}, load: {vus: 1, iterations: 3}, \
                   mix: [{name: m, flow: [{tcp: {send: \"hello\\n\", receive: line}, name: ask, timeout: 100ms}]}]}";

#[test]
fn tcp_failures_are_classified() {
    let rows = [
        late(
            "never responds",
            |stream| drop(line(stream)),
            "ask",
            &["timeout_total"],
        ),
        row(
            "closes without a reply",
            |stream| {
                if line(stream).is_some() {
                    goodbye(stream)
                }
            },
            "ask",
            &["incomplete"],
        ),
        row(
            "closes in the middle of the reply",
            |stream| {
                if line(stream).is_some() {
                    say(stream, b"hel");
                    goodbye(stream);
                }
            },
            "ask",
            &["incomplete"],
        ),
        row(
            "resets without a reply",
            |stream| {
                if line(stream).is_some() {
                    reset(stream)
                }
            },
            "ask",
            &["reset"],
        ),
        row(
            "resets in the middle of the reply",
            |stream| {
                if line(stream).is_some() {
                    say(stream, b"hel");
                    // The first half has to arrive before the reset discards it.
                    thread::sleep(Duration::from_millis(20));
                    reset(stream);
                }
            },
            "ask",
            &["reset"],
        ),
        late(
            "drips",
            |stream| {
                if line(stream).is_some() {
                    while stream.write_all(b".").is_ok() {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            },
            "ask",
            &["timeout_total"],
        ),
        row(
            "sends an endless line",
            |stream| {
                if line(stream).is_some() {
                    endless(stream, &[b'x'; 65536])
                }
            },
            "ask",
            &["protocol"],
        ),
    ];
    all(&rows, TCP);
}

#[test]
fn tcp_first_byte_timeouts_and_failed_checks_are_classified() {
    let first = TCP.replace("timeout: 100ms", "timeout: {first_byte: 100ms, total: 10s}");
    follow(
        &late(
            "never responds",
            |stream| drop(line(stream)),
            "ask",
            &["timeout_first_byte"],
        ),
        &first,
    );
    // The first byte arrives in time, and the rest later than that.
    let slow: Script = |stream| {
        while line(stream).is_some() {
            say(stream, b"h");
            thread::sleep(Duration::from_millis(250));
            say(stream, b"i\n");
        }
    };
    let (result, connections) = against(slow, &first);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), ITERATIONS, "{mode}: {}", run["errors"]);
        assert!(
            number(&run["first_byte_ms"], "max") < number(&run["response_ms"], "min"),
            "{mode}"
        );
    }
    // The preflight, and each mode's one user.
    assert_eq!(connections, 1 + 3);
    let wrong: Script = |stream| {
        while line(stream).is_some() {
            say(stream, b"garbage\0\xff\r\n");
        }
    };
    let (result, connections) = against(
        wrong,
        &TCP.replace(
            "timeout: 100ms",
            "timeout: 5s, expect: {body: {equals: hello}}",
        ),
    );
    for mode in MODES {
        assert_eq!(
            count(&run_of(&result, mode)["failures"], "check"),
            ITERATIONS,
            "{mode}"
        );
    }
    // An unexpected reply leaves the connection usable.
    assert_eq!(connections, 1 + 3);
}

/// Returns the result of a scenario against a peer, in all modes, and the number of connections
/// that the peer saw.
fn against(script: Script, text: &str) -> (Value, u64) {
    let (folder, peer) = (folder(), Peer::start(script));
    scenario(folder.path(), &text.replace("PORT", &peer.port.to_string()));
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--on-invalid",
            "warn",
        ],
    )
    .exits(0);
    let result = fs::read_to_string(folder.path().join("out/result.json")).expect("a result");
    (
        serde_json::from_str(&result).expect("it is JSON"),
        peer.end().0,
    )
}

#[test]
fn surplus_bytes_after_a_reply_are_never_taken_for_the_next_reply() {
    let strangers: Script = |stream| {
        if line(stream).is_some() {
            say(stream, b"hello\nstranger\n");
        }
    };
    let text = TCP.replace(
        "timeout: 100ms",
        "timeout: 5s, expect: {body: {equals: hello}}",
    );
    let (result, connections) = against(strangers, &text);
    for mode in MODES {
        assert_eq!(
            count(run_of(&result, mode), "ok"),
            ITERATIONS,
            "{mode}: {}",
            run_of(&result, mode)["errors"]
        );
    }
    assert_eq!(connections, 1 + 3 * ITERATIONS, "no connection is reused");
}

#[test]
fn a_connection_closed_while_idle_is_reopened() {
    let once: Script = |stream| {
        if line(stream).is_some() {
            say(stream, b"hello\n");
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    };
    // Long enough for every mode to check the connection before it sends.
    let think = TCP.replace("timeout: 100ms}", "timeout: 5s}, {think: 150ms}");
    let (result, connections) = against(once, &think);
    for mode in MODES {
        assert_eq!(
            count(run_of(&result, mode), "ok"),
            ITERATIONS,
            "{mode}: {}",
            run_of(&result, mode)["errors"]
        );
    }
    assert_eq!(connections, 1 + 3 * ITERATIONS);
    // Just as the next text is sent: counted under its kind, and retried if the scenario says so.
    let retried = TCP.replace(
        "timeout: 100ms",
        "timeout: 5s, retry: {attempts: 2, errors: [reused_conn_closed]}",
    );
    let (result, _) = against(once, &retried);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), ITERATIONS, "{mode}: {}", run["errors"]);
        assert_eq!(
            run["try_failures"]
                .get("reused_conn_closed")
                .and_then(Value::as_u64)
                .unwrap_or(0),
            count(run, "retries"),
            "{mode}"
        );
    }
}

#[test]
fn a_stopped_server_is_counted_as_refused() {
    for (url, flow) in [
        ("tcp", "{tcp: {send: a, receive: line}}"),
        ("ws", "{websocket: /, flow: [{send: a}]}"),
    ] {
        let folder = folder();
        // It accepts only the first connection, the preflight's.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let accepting = thread::spawn(move || drop(listener.accept()));
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{peer: {{url: '{url}://127.0.0.1:{port}'}}}}, load: {{iterations: 3}}, mix: [{{flow: [{flow}]}}]}}"
            ),
        );
        run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--on-invalid",
                "warn",
            ],
        )
        .exits(0);
        accepting.join().expect("no panic");
        let result = crate::support::result(&folder.path().join("out"));
        assert_eq!(
            count(&run_of(&result, "async")["failures"], "refused"),
            ITERATIONS,
            "{url}"
        );
        run(
            folder.path(),
            &["run", "test.yaml", "-o", "out", "--format", "none"],
        )
        .exits(3)
        .says(&["target `peer` at 127.0.0.1", "refused"]);
    }
}

const WS: &str = "{name: t, modes: [sequential, threaded, async], targets: {peer: {url: 'ws://127.0.0.1:PORT'}}, load: {vus: 1, iterations: 3}, \
                  mix: [{name: m, flow: [{websocket: /, name: open, timeout: 100ms, flow: [{send: hello, name: ask, receive: {contains: hello}, timeout: 100ms}]}]}]}";

/// Reads a handshake to the end.
fn asked_to_open(stream: &mut TcpStream) -> bool {
    while let Some(header) = line(stream) {
        if header == "\r\n" {
            return true;
        }
    }
    false
}

/// Responds to a handshake with this text.
fn answer(stream: &mut TcpStream, text: &str) {
    if asked_to_open(stream) {
        say(stream, text.as_bytes());
    }
}

#[test]
fn failed_handshakes_are_classified() {
    let rows = [
        row(
            "answers as HTTP",
            |s| answer(s, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
            "open",
            &["status"],
        ),
        row(
            "does not know the path",
            |s| answer(s, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            "open",
            &["status"],
        ),
        row(
            "has the wrong key",
            |s| {
                let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
                answer(
                    s,
                    &format!("{head}sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
                );
            },
            "open",
            &["protocol"],
        ),
        row(
            "upgrades to something else",
            |s| {
                answer(
                    s,
                    "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
                )
            },
            "open",
            &["protocol"],
        ),
        row(
            "says 101 and nothing more",
            |s| answer(s, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            "open",
            &["protocol"],
        ),
        row(
            "responds with garbage",
            |s| answer(s, "\0\x01\x02 what?\r\n\r\n"),
            "open",
            &["protocol"],
        ),
        row(
            "closes",
            |s| {
                if asked_to_open(s) {
                    goodbye(s)
                }
            },
            "open",
            &["incomplete"],
        ),
        row(
            "resets",
            |s| {
                if asked_to_open(s) {
                    reset(s)
                }
            },
            "open",
            &["reset", "incomplete"],
        ),
        late(
            "never responds",
            |s| answer(s, ""),
            "open",
            &["timeout_total"],
        ),
    ];
    all(&rows, WS);
}

#[test]
fn failed_messages_are_classified() {
    let rows = [
        late(
            "never responds",
            opened_and_silent,
            "ask",
            &["timeout_total"],
        ),
        row(
            "closes without a close frame",
            |s| {
                if opened_and_asked(s) {
                    goodbye(s)
                }
            },
            "ask",
            &["incomplete"],
        ),
        row(
            "sends a close frame",
            |s| {
                if opened_and_asked(s) {
                    say(s, &frame(8, b"\x03\xe9later"))
                }
            },
            "ask",
            &["incomplete"],
        ),
        row(
            "closes in the middle of a message",
            |s| {
                if opened_and_asked(s) {
                    say(s, &frame(1, b"hello")[..4]);
                    goodbye(s);
                }
            },
            "ask",
            &["incomplete"],
        ),
        row(
            "resets",
            |s| {
                if opened_and_asked(s) {
                    reset(s)
                }
            },
            "ask",
            &["reset"],
        ),
        row(
            "sends garbage",
            |s| {
                if opened_and_asked(s) {
                    say(s, &b"HTTP/1.1 500 Oops\r\n".repeat(10))
                }
            },
            "ask",
            &["protocol"],
        ),
        row(
            "masks its frames",
            |s| {
                if opened_and_asked(s) {
                    say(s, b"\x81\x85\0\0\0\0hello")
                }
            },
            "ask",
            &["protocol"],
        ),
        row(
            "sends a text that is not UTF-8",
            |s| {
                if opened_and_asked(s) {
                    say(s, &frame(1, b"\xff\xfe"))
                }
            },
            "ask",
            &["protocol"],
        ),
        row(
            "continues a message that was never started",
            |s| {
                if opened_and_asked(s) {
                    say(s, &frame(0, b"hello"))
                }
            },
            "ask",
            &["protocol"],
        ),
        row(
            "announces a message of an exabyte",
            |s| {
                if opened_and_asked(s) {
                    say(s, &[0x82, 127, 0x0f, 0xff, 0, 0, 0, 0, 0, 0])
                }
            },
            "ask",
            &["protocol"],
        ),
        row(
            "sends an endless message",
            |s| {
                if opened_and_asked(s) {
                    say(s, &[0x01, 0]);
                    let mut part = vec![0x00, 126, 0xff, 0xff];
                    part.resize(4 + 65535, b'x');
                    endless(s, &part);
                }
            },
            "ask",
            &["protocol"],
        ),
        late(
            "pushes endlessly",
            |s| {
                if opened_and_asked(s) {
                    endless(s, &frame(1, b"tick").repeat(500))
                }
            },
            "ask",
            &["timeout_total"],
        ),
        late(
            "pings endlessly",
            |s| {
                if opened_and_asked(s) {
                    endless(s, &frame(9, b"").repeat(500))
                }
            },
            "ask",
            &["timeout_total"],
        ),
    ];
    all(&rows, WS);
}

#[test]
fn pushed_messages_are_counted_and_not_taken_for_replies() {
    // The first push arrives together with the response to the handshake, and the last one after
    // the reply.
    let chatty: Script = |s| {
        let push = frame(1, b"tick");
        if open_with(s, &push) && asked(s) {
            say(
                s,
                &[
                    &push[..],
                    &frame(2, b"tock"),
                    &frame(9, b"ping"),
                    &frame(1, b"hello you"),
                    &push,
                ]
                .concat(),
            );
        }
    };
    let (result, connections) = against(chatty, &WS.replace("timeout: 100ms", "timeout: 5s"));
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (2 * ITERATIONS, 0),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(
            count(run, "pushes"),
            4 * ITERATIONS,
            "{mode}: three before the reply, and one after it"
        );
        assert_eq!(
            count(&run["steps"][0], "pushes"),
            4 * ITERATIONS,
            "{mode}: pushes belong to the handshake"
        );
    }
    assert_eq!(connections, 1 + 3 * ITERATIONS);
}

#[test]
fn a_late_reply_is_never_taken_for_the_next_one() {
    let slow: Script = |s| {
        if opened_and_asked(s) {
            thread::sleep(Duration::from_millis(300));
            say(s, &frame(1, b"hello"));
        }
    };
    let flow =
        "{send: hello, name: ask, receive: {contains: hello}, timeout: 100ms, on_error: continue}";
    let twice = WS.replace(
        "{send: hello, name: ask, receive: {contains: hello}, timeout: 100ms}",
        &format!("{flow}, {{think: 300ms}}, {flow}"),
    );
    let (result, _) = against(slow, &twice.replace("iterations: 3", "iterations: 2"));
    for mode in MODES {
        let run = run_of(&result, mode);
        let failures = &run["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|s| s["name"] == "ask")
            .expect("the step")["failures"];
        assert_eq!(
            (
                count(failures, "timeout_total"),
                count(failures, "incomplete")
            ),
            (2, 2),
            "{mode}: {failures}"
        );
    }
}

#[test]
fn a_losing_branch_closes_its_connection() {
    // When they lose, the first one waits for a reply, and the second one for nothing from the
    // network.
    let asks =
        "{websocket: /, name: open, flow: [{send: hello, name: ask, receive: {contains: never}}]}";
    let thinks = "{websocket: /, name: open, flow: [{think: 30s}]}";
    for branch in [asks, thinks] {
        let flow = format!("flow: [{{race: [{{sleep: 50ms}}, {branch}, {branch}]}}]");
        let text = format!("{}{flow}}}]}}", &WS[..WS.find("flow:").expect("a flow")]);
        let folder = folder();
        let peer = Peer::start(opened_and_silent);
        scenario(folder.path(), &text.replace("PORT", &peer.port.to_string()));
        run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--on-invalid",
                "warn",
            ],
        )
        .exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        for mode in ["threaded", "async"] {
            let run = run_of(&result, mode);
            assert_eq!(
                (count(&run["iterations"], "ok"), count(run, "failed")),
                (ITERATIONS, 0),
                "{mode}: {}",
                run["errors"]
            );
        }
        assert_eq!(
            count(run_of(&result, "sequential"), "skipped"),
            2 * ITERATIONS,
            "the first branch wins"
        );
        let (accepted, most_open) = peer.end();
        assert_eq!(accepted, 1 + 2 * 2 * ITERATIONS);
        // Two of this race, and those of the previous one until their closing is noticed.
        assert!(most_open <= 4, "{most_open} connections were open at once");
    }
}
