//! Bodies from files: complete, at constant memory, and always of the announced length.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use h2::server::SendResponse;
use http::{Request, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::peer::serve_on_event_loop;
use crate::support::{MODES, count, folder, number, run, run_of, run_to_result, scenario, until};

/// What a server received of one body: the announced length, the actual one, and its digest.
type Heard = (u64, u64, Vec<u8>);

/// A server that records the lengths and digests of bodies, not their content.
struct Listener {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    open: Arc<AtomicUsize>,
}

/// Handles a body before the response; returns true if it has responded itself.
type Act = dyn Fn(&mut BufReader<TcpStream>, u64) -> bool + Send + Sync;

impl Listener {
    /// Speaks HTTP/1.1. `act` sees each request's body first.
    fn start(act: impl Fn(&mut BufReader<TcpStream>, u64) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (heard, open, act) = (
            Arc::<Mutex<Vec<_>>>::default(),
            Arc::<AtomicUsize>::default(),
            Arc::<Box<Act>>::new(Box::new(act)),
        );
        let (account, now) = (heard.clone(), open.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, account, now, act) = (
                    stream.expect("a connection"),
                    account.clone(),
                    now.clone(),
                    act.clone(),
                );
                now.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    let mut reader = BufReader::with_capacity(1 << 16, stream);
                    while let Some(length) = head(&mut reader) {
                        if act(&mut reader, length) {
                            continue;
                        }
                        let whole = body(&mut reader, length);
                        let ended = whole.1 == length;
                        account.lock().expect("no panic").push(whole);
                        if !ended
                            || reader
                                .get_mut()
                                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                                .is_err()
                        {
                            break;
                        }
                    }
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            heard,
            open,
        }
    }

    fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }
}

/// Reads the head of a request; returns the length of its body.
fn head(reader: &mut BufReader<TcpStream>) -> Option<u64> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            return Some(length);
        }
        let line = line.to_lowercase();
        assert!(
            !line.starts_with("transfer-encoding"),
            "the length is announced: {line}"
        );
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().expect("a number");
        }
    }
}

fn body(reader: &mut BufReader<TcpStream>, length: u64) -> Heard {
    let (mut came, mut digest) = (0, Sha256::new());
    while came < length {
        let Ok(some) = reader.fill_buf() else { break };
        if some.is_empty() {
            break;
        }
        let n = some
            .len()
            .min(usize::try_from(length - came).expect("it fits"));
        digest.update(&some[..n]);
        reader.consume(n);
        came += n as u64;
    }
    (length, came, digest.finalize().to_vec())
}

/// Creates a sparse file of this size with scattered content; returns its digest.
fn sparse(folder: &Path, size: u64) -> Vec<u8> {
    let file = File::create(folder.join("large.bin")).expect("a file");
    file.set_len(size).expect("room");
    for (number, at) in (0..size).step_by(1 << 20).enumerate() {
        file.write_all_at(&[number as u8 + 1], at + number as u64)
            .expect("written");
    }
    file.write_all_at(b"!", size - 1).expect("written");
    let mut digest = Sha256::new();
    let mut reader = BufReader::with_capacity(
        1 << 16,
        File::open(folder.join("large.bin")).expect("it exists"),
    );
    loop {
        let some = reader.fill_buf().expect("readable");
        if some.is_empty() {
            break;
        }
        digest.update(some);
        let n = some.len();
        reader.consume(n);
    }
    digest.finalize().to_vec()
}

fn text(http: &str, load: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: builtin, timeout: 50s{http}}}}}, load: {load}, mix: [{{name: m, flow: [{{post: /in, body_file: large.bin, on_error: continue}}]}}]}}"
    )
}

/// Runs all modes; returns the peak memory of each.
fn peaks(folder: &Path, url: &str) -> Vec<u64> {
    let peak = |mode: &&str| {
        let result = run_to_result(folder, &["--target", url, "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (2, 0),
            "{mode}: {}",
            run["errors"]
        );
        count(&run["resources"], "peak_rss_bytes")
    };
    MODES.iter().map(peak).collect()
}

const LARGE: u64 = (64 << 20) + 12_345;

#[test]
fn a_large_file_is_sent_whole_at_constant_memory() {
    let (folder, listener) = (folder(), Listener::start(|_, _| false));
    let url = format!("http://{}", listener.address);
    scenario(folder.path(), &text("", "{vus: 2, iterations: 2}"));
    sparse(folder.path(), 1 << 20);
    let small = peaks(folder.path(), &url);
    listener.heard();
    let digest = sparse(folder.path(), LARGE);
    let large = peaks(folder.path(), &url);
    for heard in listener.heard() {
        assert!(
            heard == (LARGE, LARGE, digest.clone()),
            "{} bytes of {}",
            heard.1,
            heard.0
        );
    }
    for ((mode, small), large) in MODES.iter().zip(small).zip(large) {
        assert!(
            large < small + (10 << 20),
            "{mode}: peak memory of {large} bytes, but {small} for a small file"
        );
    }
    until("all connections are closed", || {
        listener.open.load(Ordering::SeqCst) == 0
    });
}

#[test]
fn a_large_file_over_http2_follows_flow_control() {
    let heard = Arc::<Mutex<Vec<Heard>>>::default();
    let account = heard.clone();
    let address = serve_on_event_loop(move |stream| {
        let account = account.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else {
                return;
            };
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(take(request, respond, account.clone()));
            }
        }
    });
    async fn take(
        request: Request<h2::RecvStream>,
        mut respond: SendResponse<bytes::Bytes>,
        account: Arc<Mutex<Vec<Heard>>>,
    ) {
        let announced = request.headers()["content-length"]
            .to_str()
            .expect("text")
            .parse()
            .expect("a number");
        let (mut came, mut digest, mut body) = (0, Sha256::new(), request.into_body());
        while let Some(Ok(piece)) = body.data().await {
            digest.update(&piece);
            came += piece.len() as u64;
            let _ = body.flow_control().release_capacity(piece.len());
        }
        account
            .lock()
            .expect("no panic")
            .push((announced, came, digest.finalize().to_vec()));
        let _ = respond.send_response(Response::new(()), true);
    }
    let folder = folder();
    let url = format!("http://{address}");
    for http in [
        ", http: {protocol: http2}",
        ", http: {protocol: http2, keep_alive: shared}",
    ] {
        scenario(folder.path(), &text(http, "{vus: 2, iterations: 2}"));
        sparse(folder.path(), 1 << 20);
        let small = peaks(folder.path(), &url);
        heard.lock().expect("no panic").clear();
        let digest = sparse(folder.path(), LARGE / 3);
        let large = peaks(folder.path(), &url);
        let heard = std::mem::take(&mut *heard.lock().expect("no panic"));
        assert!(
            heard.len() == 6
                && heard
                    .iter()
                    .all(|heard| *heard == (LARGE / 3, LARGE / 3, digest.clone())),
            "{http}"
        );
        for ((mode, small), large) in MODES.iter().zip(small).zip(large) {
            assert!(
                large < small + (10 << 20),
                "{mode}{http}: peak memory of {large} bytes, but {small} for a small file"
            );
        }
    }
}

#[test]
fn a_response_is_read_while_the_body_is_sent() {
    // It echoes what it receives, and stops reading when its output is no longer read.
    let listener = Listener::start(|reader, length| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let mut said = reader.get_mut().write_all(head.as_bytes()).is_ok();
        let mut left = length as usize;
        let mut some = vec![0; 1 << 16];
        while said && left > 0 {
            let Ok(n @ 1..) = reader.read(&mut some[..left.min(1 << 16)]) else {
                break;
            };
            said = reader.get_mut().write_all(&some[..n]).is_ok();
            left -= n;
        }
        true
    });
    let folder = folder();
    let size = 16 << 20;
    sparse(folder.path(), size);
    scenario(folder.path(), &text("", "{vus: 2, iterations: 4}"));
    for mode in MODES {
        let result = run_to_result(
            folder.path(),
            &[
                "--target",
                &format!("http://{}", listener.address),
                "--mode",
                mode,
            ],
        );
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (4, 0),
            "{mode}: {}",
            run["errors"]
        );
        assert!(
            count(run, "bytes_in") > 4 * size && count(run, "bytes_out") > 4 * size,
            "{mode}"
        );
        assert!(number(&run["response_ms"], "max") < 30_000.0, "{mode}");
    }
}

#[test]
fn an_early_response_is_ok_and_ends_the_connection() {
    // It needs only the head, and reads no more on this connection.
    let held = Arc::<Mutex<Vec<TcpStream>>>::default();
    let keep = held.clone();
    let listener = Listener::start(move |reader, _| {
        keep.lock()
            .expect("no panic")
            .push(reader.get_ref().try_clone().expect("a socket"));
        let _ = reader
            .get_mut()
            .write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig");
        let mut rest = [0; 1];
        // Until the other end hangs up; nothing that arrived is read.
        while reader.get_ref().peek(&mut rest).is_ok_and(|n| n > 0) && !is_gone(reader.get_ref()) {
            thread::sleep(std::time::Duration::from_millis(2));
        }
        true
    });
    let folder = folder();
    sparse(folder.path(), 32 << 20);
    scenario(folder.path(), &text("", "{iterations: 2}"));
    for mode in MODES {
        let result = run_to_result(
            folder.path(),
            &[
                "--target",
                &format!("http://{}", listener.address),
                "--mode",
                mode,
            ],
        );
        let run = run_of(&result, mode);
        assert_eq!(
            run["failures"],
            serde_json::json!({"status": 2}),
            "{mode}: {}",
            run["errors"]
        );
        assert!(
            number(&run["response_ms"], "max") < 20_000.0 && run["status_codes"]["413"] == 2,
            "{mode}"
        );
        assert_eq!(
            count(&run["connect_ms"], "count"),
            2,
            "{mode}: each needs its own connection"
        );
        held.lock().expect("no panic").clear();
    }
}

/// Returns whether the other end has closed or reset a connection that still has unread data.
fn is_gone(stream: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut looked = [PollFd::new(stream, PollFlags::RDHUP)];
    let none = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut looked, Some(&none)).is_ok_and(|n| n > 0)
}

#[test]
fn a_file_whose_length_changes_fails_with_kind_data() {
    for (what, grows) in [("shrinks", false), ("grows", true)] {
        let folder = folder();
        let (path, size) = (folder.path().join("large.bin"), 24 << 20);
        let at = path.clone();
        let listener = Listener::start(move |reader, length| {
            // The first body is half complete.
            let mut half = vec![0; 1 << 16];
            for _ in 0..32 {
                let _ = reader.read_exact(&mut half);
            }
            let file = OpenOptions::new().write(true).open(&at).expect("it exists");
            file.set_len(if grows { length + 1 } else { length / 2 })
                .expect("changed");
            // The rest does not arrive completely.
            let rest = body(reader, length - (32 << 16));
            assert!(rest.1 < rest.0, "{} bytes of a file that changed", rest.1);
            true
        });
        scenario(folder.path(), &text("", "{iterations: 3}"));
        for mode in MODES {
            sparse(folder.path(), size);
            let result = run_to_result(
                folder.path(),
                &[
                    "--target",
                    &format!("http://{}", listener.address),
                    "--mode",
                    mode,
                ],
            );
            let run = run_of(&result, mode);
            assert_eq!(
                run["failures"],
                serde_json::json!({"data": 3}),
                "{mode}, {what}: {}",
                run["errors"]
            );
            assert_eq!(
                count(&run["connect_ms"], "count"),
                1,
                "{mode}, {what}: a request that cannot be sent is not started"
            );
            let said: Vec<&Value> = run["errors"]
                .as_array()
                .expect("errors")
                .iter()
                .map(|e| &e["message"])
                .collect();
            let wanted = format!("`large.bin` had {size} bytes when the run began, and has");
            assert!(
                said.iter()
                    .all(|m| m.as_str().is_some_and(|m| m.starts_with(&wanted))),
                "{mode}, {what}: {said:?}"
            );
        }
        until("all connections are closed", || {
            listener.open.load(Ordering::SeqCst) == 0
        });
    }
}

#[test]
fn a_file_outside_the_folder_is_rejected() {
    let folder = folder();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).expect("made");
    sparse(folder.path(), 2 << 20);
    scenario(
        &inside,
        &text("", "{iterations: 1}").replace("large.bin", "../large.bin"),
    );
    run(&inside, &["run", "test.yaml"])
        .exits(2)
        .says(&["leads out of the scenario's folder"]);
    std::os::unix::fs::symlink(folder.path().join("large.bin"), inside.join("large.bin"))
        .expect("linked");
    scenario(&inside, &text("", "{iterations: 1}"));
    run(&inside, &["run", "test.yaml"])
        .exits(2)
        .says(&["leads out of the scenario's folder"]);
}
