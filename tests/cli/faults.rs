//! Fault injection: a proxy that disturbs its traffic and counts its faults, and a server that is
//! killed and restarted.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::nginx::Nginx;
use crate::support::{
    Running, count, folder, is_installed, loadgen, number, result, run_of, run_to_result, scenario,
    side_by_side,
};

/// What the proxy does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    None,
    Delay,
    Drop,
    Cut,
    Garble,
    Stall,
}

impl Fault {
    /// The kind of failure that the affected request counts as.
    const fn kind(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Delay => None,
            Self::Drop => Some("reset"),
            Self::Cut => Some("incomplete"),
            Self::Garble => Some("protocol"),
            Self::Stall => Some("timeout_total"),
        }
    }

    /// Returns the fault of the connection with this number; two in three have one.
    fn draw(seed: u64, number: u64) -> Self {
        // SplitMix64.
        let mut z = (seed ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        match (z ^ (z >> 31)) % 15 {
            0..5 => Self::None,
            5..7 => Self::Delay,
            7..9 => Self::Drop,
            9..12 => Self::Cut,
            12..14 => Self::Garble,
            _ => Self::Stall,
        }
    }
}

struct Proxy {
    address: SocketAddr,
    done: Arc<Mutex<BTreeMap<Fault, u64>>>,
}

impl Proxy {
    fn start(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (done, number) = (
            Arc::<Mutex<BTreeMap<_, _>>>::default(),
            Arc::new(AtomicU64::new(0)),
        );
        let account = done.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, account, number) = (
                    stream.expect("a connection"),
                    account.clone(),
                    number.clone(),
                );
                thread::spawn(move || {
                    let Some(request) = head(&stream) else { return };
                    let fault = Fault::draw(seed, number.fetch_add(1, Ordering::SeqCst));
                    *account.lock().expect("no panic").entry(fault).or_default() += 1;
                    forward(stream, &request, to, fault);
                });
            }
        });
        Self { address, done }
    }
}

/// Reads a request without a body; returns `None` if none arrives.
fn head(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&some[..n]);
    }
    Some(bytes)
}

fn forward(mut stream: TcpStream, request: &[u8], to: SocketAddr, fault: Fault) {
    if fault == Fault::Drop {
        set_socket_linger(&stream, Some(Duration::ZERO)).expect("an open socket");
        return;
    }
    let mut answer = Vec::new();
    let mut upstream = TcpStream::connect(to).expect("it listens");
    upstream.write_all(request).expect("sent");
    upstream.read_to_end(&mut answer).expect("answered");
    let half = answer.len() / 2;
    let _ = match fault {
        Fault::Delay => {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&answer)
        }
        Fault::Cut => stream.write_all(&answer[..half]),
        Fault::Garble => stream.write_all(&[b"HTXP", &answer[4..]].concat()),
        Fault::Stall => stream.write_all(&answer[..half]).map(|()| {
            let _ = stream.read(&mut [0; 10]);
        }),
        Fault::None | Fault::Drop => stream.write_all(&answer),
    };
}

#[test]
fn loadgen_counts_exactly_the_faults_of_a_proxy() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let servers = folder();
    let nginx = Nginx::start(servers.path());
    side_by_side([("threaded", 7), ("async", 8)], |(mode, seed)| {
        let folder = folder();
        scenario(
            folder.path(),
            "{name: t, targets: {shop: {url: builtin, http: {keep_alive: never}, timeout: 1s}}, load: {vus: 32, iterations: 1600}, \
         mix: [{name: m, flow: [{get: /page.html, expect: {size: {min: 20KB, max: 20KB}}}]}]}",
        );
        let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], nginx.port)), seed);
        let result = run_to_result(
            folder.path(),
            &[
                "--target",
                &format!("http://{}", proxy.address),
                "--mode",
                mode,
            ],
        );
        let run = run_of(&result, mode);
        let done = proxy.done.lock().expect("no panic").clone();
        let faults: u64 = done
            .iter()
            .filter(|(fault, _)| **fault != Fault::None)
            .map(|(_, n)| n)
            .sum();
        assert!(faults >= 1000, "{mode}: {done:?}");
        let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
        for (fault, n) in &done {
            if let Some(kind) = fault.kind() {
                *wanted.entry(kind).or_default() += n;
            }
        }
        let counted: BTreeMap<&str, u64> = run["failures"]
            .as_object()
            .expect("an object")
            .iter()
            .map(|(kind, n)| (kind.as_str(), n.as_u64().expect("a number")))
            .collect();
        assert_eq!(counted, wanted, "{mode}: {}", run["errors"]);
        assert_eq!(
            count(run, "ok"),
            done[&Fault::None] + done[&Fault::Delay],
            "{mode}"
        );
    });
}

#[test]
fn a_restarted_server_is_reconnected_to() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    side_by_side(["threaded", "async"], |mode| {
        let folder = folder();
        let nginx = Nginx::start(folder.path());
        let port = nginx.port;
        scenario(
            folder.path(),
            "{name: t, targets: {shop: {url: builtin}}, load: {vus: 4, duration: 4s}, mix: [{name: m, flow: [{sleep: 5ms}, {get: /hello, on_error: continue}]}]}",
        );
        let arguments = [
            "run",
            "test.yaml",
            "--target",
            &nginx.url,
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ];
        let running = Running::start(&mut loadgen(folder.path(), &arguments), None);
        nginx.logged(0, 50);
        drop(nginx);
        thread::sleep(Duration::from_millis(300));
        let _nginx = Nginx::listen(folder.path(), port).expect("the port is still free");
        running.finish().exits(0);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(
            (result["end"].as_str(), number(run, "measured_s")),
            (Some("complete"), 4.0),
            "{mode}: the run ends on time"
        );
        let kinds: Vec<&str> = run["failures"]
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let possible = ["refused", "reset", "incomplete", "reused_conn_closed"];
        assert!(
            kinds.contains(&"refused") && kinds.iter().all(|kind| possible.contains(kind)),
            "{mode}: {kinds:?}"
        );
        // The time line shows failures in the middle, and the recovery at the end.
        let series = run["series"].as_array().expect("windows");
        let last_bad = series
            .iter()
            .rposition(|w| count(w, "failed") > 0)
            .expect("some failed");
        let good_after = series[last_bad + 1..]
            .iter()
            .filter(|w| count(w, "ok") > 0)
            .count();
        assert!(
            good_after >= 5,
            "{mode}: only {good_after} good windows after the last bad one"
        );
    });
}
