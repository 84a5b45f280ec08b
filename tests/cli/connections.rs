//! Connections: keep-alive, sharing, addresses, and warnings before a run.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use serde_json::Value;

use crate::peer::{Peer, Then};
use crate::support::{
    MODES, PROGRAM, Running, Server, children, count, finish, folder, loadgen, pid, program, run,
    run_of, run_to_result, scenario, side_by_side, until,
};
use crate::values::{Listener, reply};

/// Runs two steps per iteration against a server; returns its run and the number of connections.
fn connections(server: &Server, http: &str, load: &str, mode: &str) -> (Value, u64) {
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: builtin, http: {http}}}}}, load: {load}, workers: 2, mix: [{{name: m, flow: [{{get: /json}}, {{get: /delay/0.005}}]}}]}}"
        ),
    );
    let before = server.status();
    let result = run_to_result(folder.path(), &["--target", &server.url(), "--mode", mode]);
    let run = run_of(&result, mode).clone();
    assert_eq!(
        (count(&run, "failed"), count(&run, "unfinished")),
        (0, 0),
        "{mode} {http}: {}",
        run["errors"]
    );
    // One connection is the preflight's.
    (run, server.seen_since(before).connections - 1)
}

#[test]
fn keep_alive_lasts_as_long_as_the_scenario_says() {
    let server = Server::start();
    let load = "{vus: 3, iterations_per_vu: 4}";
    for mode in MODES {
        for (keep, wanted) in [
            ("per_vu", 3..=3),
            ("per_iteration", 12..=12),
            ("never", 24..=24),
        ] {
            let (run, made) = connections(&server, &format!("{{keep_alive: {keep}}}"), load, mode);
            assert!(wanted.contains(&made), "{mode} {keep}: {made} connections");
            assert_eq!(
                count(&run["connect_ms"], "count"),
                made,
                "{mode} {keep}: each connection is timed"
            );
        }
        let (_, made) = connections(&server, "{keep_alive: shared}", load, mode);
        let most = if mode == "sequential" { 1 } else { 3 };
        assert!(
            (1..=most).contains(&made),
            "{mode}: {made} shared connections"
        );
        until("all connections are closed", || server.status().open == 0);
    }
}

#[test]
fn retries_on_a_shared_connection_count_their_own_bytes() {
    let body = b"unavailable".as_slice();
    let listener = Listener::start(move |_, _| reply(503, "", body));
    let folder = folder();
    // A user that waits for a retry has released its connection, and others use it in the meantime.
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{s: {{url: '{}', http: {{keep_alive: shared, max_connections: 1}}, \
             retry: {{attempts: 3, status: [503], backoff: {{constant: 20ms}}}}}}}}, load: {{vus: 4, iterations: 8}}, \
             workers: 2, mix: [{{name: m, flow: [{{get: /, expect: {{status: 200}}}}]}}]}}",
            listener.url()
        ),
    );
    for mode in MODES {
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        let heard = listener.heard();
        assert_eq!(
            (count(run, "failed"), heard.len()),
            (8, 24),
            "{mode}: {}",
            run["errors"]
        );
        let sent: usize = heard.iter().map(|(_, request)| request.len()).sum();
        assert_eq!(count(run, "bytes_out"), sent as u64, "{mode}");
        assert_eq!(
            count(run, "bytes_in"),
            (heard.len() * reply(503, "", body).len()) as u64,
            "{mode}"
        );
    }
}

#[test]
fn the_connection_cap_holds_for_every_keep_alive_policy() {
    let policies = [
        ("per_vu", 3),
        ("per_iteration", 3),
        ("never", 2),
        ("shared", 3),
        ("shared", 1),
    ];
    side_by_side(policies, |(keep, cap)| {
        // Those that have sent a request, unlike the preflight's, and the most that were open at once.
        let (begun, most) = (
            Arc::<Mutex<Vec<TcpStream>>>::default(),
            Arc::new(AtomicUsize::new(0)),
        );
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let (all, peak) = (begun.clone(), most.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, all, peak) =
                    (stream.expect("a connection"), all.clone(), peak.clone());
                thread::spawn(move || {
                    let mut request = [0; 4096];
                    let mut is_first = true;
                    while stream.read(&mut request).is_ok_and(|n| n > 0) {
                        if std::mem::replace(&mut is_first, false) {
                            let mut all = all.lock().expect("nobody panics");
                            all.push(stream.try_clone().expect("a descriptor"));
                            peak.fetch_max(count_open(&all), Ordering::SeqCst);
                        }
                        thread::sleep(Duration::from_millis(5));
                        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                    }
                });
            }
        });
        let folder = folder();
        // Branches have their own connections, and users keep theirs during think times.
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{shop: {{url: builtin, http: {{keep_alive: {keep}, max_connections: {cap}}}}}}}, load: {{vus: 6, iterations_per_vu: 3}}, \
                 workers: 2, mix: [{{name: m, flow: [{{get: /}}, {{think: 3ms}}, {{parallel: [{{get: /a}}, {{get: /b}}]}}]}}]}}"
            ),
        );
        for mode in MODES {
            most.store(0, Ordering::SeqCst);
            let result = run_to_result(folder.path(), &["--target", &url, "--mode", mode]);
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "ok"), count(run, "failed")),
                (54, 0),
                "{mode} {keep}: {}",
                run["errors"]
            );
            let seen = most.load(Ordering::SeqCst);
            assert!(
                seen <= cap,
                "{mode} {keep}: {seen} connections at once, but the cap is {cap}"
            );
            if mode != "sequential" {
                assert!(
                    crate::support::number(&run["queue_ms"], "max") > 1.0,
                    "{mode} {keep}: no user waited"
                );
            }
            let mut begun = begun.lock().expect("nobody panics");
            assert_eq!(count_open(&begun), 0, "{mode} {keep}");
            begun.clear();
        }
    });
}

/// Returns how many connections their clients have not closed. The system knows at once, whenever
/// the thread that serves one gets to notice.
fn count_open(connections: &[TcpStream]) -> usize {
    let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let is_open = |connection: &&TcpStream| {
        let peeked = recv(connection, &mut [0], peek);
        matches!(peeked, Ok((1.., _)) | Err(Errno::AGAIN))
    };
    connections.iter().filter(is_open).count()
}

#[test]
fn an_old_connection_is_replaced() {
    let server = Server::start();
    for mode in MODES {
        let (_, made) = connections(
            &server,
            "{max_lifetime: 1us}",
            "{vus: 1, iterations: 5}",
            mode,
        );
        assert_eq!(
            made, 10,
            "{mode}: each connection is too old for a second request"
        );
        let (_, made) = connections(
            &server,
            "{max_lifetime: 1h}",
            "{vus: 1, iterations: 5}",
            mode,
        );
        assert_eq!(made, 1, "{mode}");
    }
}

#[test]
fn a_connection_carries_no_more_requests_than_the_scenario_says() {
    let server = Server::start();
    // Ten requests of each user.
    for (most, load, wanted) in [
        (1, "{vus: 2, iterations_per_vu: 5}", 20),
        (3, "{vus: 2, iterations_per_vu: 5}", 8),
        (10, "{vus: 2, iterations_per_vu: 5}", 2),
        (1_000_000_000, "{vus: 2, iterations_per_vu: 5}", 2),
    ] {
        for mode in MODES {
            let http = format!("{{max_requests: {most}}}");
            let (_, made) = connections(&server, &http, load, mode);
            assert_eq!(made, wanted, "{mode}, {most}");
        }
    }
    for mode in MODES {
        let http = "{max_requests: 3, keep_alive: shared, max_connections: 1}";
        let (_, made) = connections(&server, http, "{vus: 1, iterations: 5}", mode);
        assert_eq!(made, 4, "{mode}, shared");
    }
}

#[test]
fn a_request_on_its_own_connection_sends_connection_close() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = heard.clone();
    let peer = Peer::start(move |line, request| {
        keep.lock()
            .expect("no panic")
            .push((request.to_owned(), line.said_close, line.served));
        line.answer("good");
        if line.said_close {
            Then::Close
        } else {
            Then::Listen
        }
    });
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], targets: {shop: {url: builtin, http: {keep_alive: never}}}, load: {iterations: 2}, mix: [{name: m, flow: [{get: /}]}]}",
    );
    let result = run_to_result(folder.path(), &["--target", &peer.url()]);
    assert!(
        MODES
            .iter()
            .all(|mode| count(run_of(&result, mode), "ok") == 2)
    );
    assert_eq!(
        *heard.lock().expect("no panic"),
        vec![("GET /".to_owned(), true, 0); 6]
    );
}

/// A server that responds with the number of its address.
fn named(listener: TcpListener, name: &'static str) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|n| n > 0) {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nx-name: {name}\r\ncontent-length: 0\r\n\r\n"
                    );
                }
            });
        }
    });
}

fn bound(address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    (listener, address)
}

#[test]
fn several_addresses_are_used_in_turn_and_a_dead_one_is_skipped() {
    let ((one, at_one), (two, at_two), (dead, at_dead)) =
        (bound("127.0.0.1"), bound("127.0.0.2"), bound("127.0.0.3"));
    drop(dead);
    named(one, "one");
    named(two, "two");
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, modes: [sequential, threaded, async], targets: {{shop: {{url: 'http://shop.invalid', resolve: ['{at_dead}', '{at_one}', '{at_two}']}}}}, \
             load: {{vus: 4, iterations: 40}}, mix: [{{name: m, flow: [{{get: /, tag: {{name: {{header: x-name}}}}}}, {{sleep: 2ms}}]}}]}}"
        ),
    );
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    )
    .exits(0);
    ran.says(&[&format!("target shop: http://shop.invalid at {at_one}, {at_two} (nothing listens at {at_dead}: not used)")]);
    let result = crate::support::result(&folder.path().join("out"));
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (80, 0),
            "{mode}: {}",
            run["errors"]
        );
        let tags = run["steps"][0]["tags"].as_array().expect("tags");
        let by_name: BTreeMap<&str, u64> = tags
            .iter()
            .map(|tag| (tag["name"].as_str().expect("a name"), count(tag, "ok")))
            .collect();
        assert!(
            by_name.keys().copied().eq(["name=one", "name=two"]),
            "{mode}: {by_name:?}"
        );
    }
}

#[test]
fn ipv6_is_supported() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return;
    };
    let address = listener.local_addr().expect("a bound socket");
    named(listener, "six");
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], targets: {shop: {url: builtin}}, load: {iterations: 3}, mix: [{name: m, flow: [{get: /, expect: {headers: {x-name: six}}}]}]}",
    );
    let result = run_to_result(folder.path(), &["--target", &format!("http://{address}/")]);
    assert!(
        MODES
            .iter()
            .all(|mode| count(run_of(&result, mode), "ok") == 3)
    );
}

/// Responds to everything on a Unix socket, and records what it receives.
fn unix_server(path: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = UnixListener::bind(path).expect("a socket");
    // Only one connection may wait to be accepted: the others retry.
    rustix::net::listen(&listener, 0).expect("a socket");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = heard.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, keep) = (stream.expect("a connection"), keep.clone());
            thread::spawn(move || {
                let mut request = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut request) {
                    keep.lock()
                        .expect("no panic")
                        .push(String::from_utf8_lossy(&request[..n]).to_lowercase());
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
                }
            });
        }
    });
    heard
}

#[test]
fn unix_sockets_are_supported() {
    let folder = folder();
    let path = folder.path().join("shop.sock");
    let heard = unix_server(&path);
    scenario(
        folder.path(),
        &format!(
            "{{name: t, modes: [sequential, threaded, async], targets: {{shop: {{url: 'unix:{}'}}}}, load: {{vus: 8, iterations: 40}}, \
             mix: [{{name: m, flow: [{{get: /x, expect: {{body: {{equals: good}}}}}}]}}]}}",
            path.display()
        ),
    );
    let result = run_to_result(folder.path(), &[]);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (40, 0),
            "{mode}: {}",
            run["errors"]
        );
    }
    let heard = heard.lock().expect("no panic");
    assert!(
        heard.len() == 120
            && heard
                .iter()
                .all(|r| r.starts_with("get /x http/1.1\r\n")
                    && r.contains("\r\nhost: localhost\r\n")),
        "{heard:?}"
    );
    std::fs::remove_file(&path).expect("it exists");
    run(folder.path(), &["run", "test.yaml"]).exits(3).says(&[
        "unix:",
        "shop.sock",
        "start the server",
    ]);
}

#[test]
fn a_unix_socket_can_be_run_like_a_url() {
    let folder = folder();
    let path = folder.path().join("shop.sock");
    let heard = unix_server(&path);
    let url = format!("unix:{}", path.display());
    let flags = [
        "-u", "2", "-i", "6", "--mode", "all", "-H", "x-a: b", "-o", "out", "--format", "none",
    ];
    for (typed, asked) in [
        (url.clone(), "get / http/1.1"),
        (format!("{url}:/items?page=2"), "get /items?page=2 http/1.1"),
    ] {
        run(
            folder.path(),
            &[&["run", typed.as_str()], &flags[..]].concat(),
        )
        .exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        assert_eq!(result["scenario"]["name"], "quick-shop.sock");
        assert!(
            MODES
                .iter()
                .all(|mode| count(run_of(&result, mode), "ok") == 6),
            "{}",
            result["runs"][0]["errors"]
        );
        let heard = std::mem::take(&mut *heard.lock().expect("no panic"));
        assert!(
            heard.len() == 18
                && heard
                    .iter()
                    .all(|r| r.starts_with(asked) && r.contains("\r\nx-a: b\r\n")),
            "{heard:?}"
        );
    }
    // It expands to an ordinary scenario.
    let printed = run(
        folder.path(),
        &[
            "run",
            &format!("{url}:/items"),
            "--print-scenario",
            "-i",
            "2",
        ],
    )
    .exits(0)
    .stdout;
    scenario(folder.path(), &printed);
    run_to_result(folder.path(), &[]);
    assert_eq!(heard.lock().expect("no panic").len(), 2);
    run(folder.path(), &["run", "unix:shop.sock"])
        .exits(2)
        .says(&["<quick form>", "unix:/run/shop.sock"]);
    run(folder.path(), &["run", &format!("{url}.gone"), "-i", "1"])
        .exits(3)
        .says(&["shop.sock.gone", "start the server"]);
}

#[test]
fn port_exhaustion_is_predicted() {
    let folder = folder();
    let text = |load: &str| {
        format!(
            "{{name: t, targets: {{shop: {{url: builtin, http: {{keep_alive: never}}}}}}, load: {load}, mix: [{{name: m, flow: [{{get: /}}]}}]}}"
        )
    };
    let (_listener, address) = bound("127.0.0.1");
    scenario(
        folder.path(),
        &text("{rate: 900000/s, duration: 10s, max_in_flight: 2, graceful_stop: 0s}"),
    );
    let more = [
        "--target",
        &format!("http://{address}"),
        "-d",
        "1s",
        "-o",
        "out",
        "--format",
        "none",
    ];
    let ran = finish(&mut loadgen(
        folder.path(),
        &[&["run", "test.yaml"], &more[..]].concat(),
    ));
    assert!(
        ran.stderr.contains("local ports") && ran.stderr.contains("port_exhausted"),
        "{}",
        ran.stderr
    );
    let result = crate::support::result(&folder.path().join("out"));
    assert!(
        result["warnings"]
            .to_string()
            .contains("`keep_alive: never`"),
        "{}",
        result["warnings"]
    );
}

/// Runs a command in a network namespace of its own, if possible, to limit the number of ports.
fn in_network_namespace(folder: &Path, line: &str) -> Option<crate::support::Ran> {
    let prepared = format!("ip link set lo up && {line}");
    let ran = finish(&mut program(
        "unshare",
        folder,
        &["--net", "--map-root-user", "sh", "-c", &prepared],
    ));
    let refused = ran.stderr.contains("unshare") || ran.stderr.contains("ip: ");
    if refused {
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: network namespaces are not allowed here: {}",
            ran.stderr.trim()
        );
    }
    (!refused).then_some(ran)
}

#[test]
fn port_exhaustion_is_reported_with_the_remedy() {
    let folder = folder();
    // The preflight uses one port, which stays reserved for a while.
    let branches = "{get: /delay/0.2}, ".repeat(8);
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: builtin}}}}, load: {{vus: 1, iterations: 2}}, mix: [{{name: m, flow: [{{parallel: [{branches}], on_error: continue}}]}}]}}"
        ),
    );
    for mode in ["threaded", "async"] {
        let program = PROGRAM;
        let line = format!(
            "echo 61000 61003 > /proc/sys/net/ipv4/ip_local_port_range && exec {program} run test.yaml --mode {mode} -o out --format none"
        );
        let Some(ran) = in_network_namespace(folder.path(), &line) else {
            return;
        };
        ran.exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert!(
            count(&run["failures"], "port_exhausted") > 0 && count(run, "ok") > 0,
            "{mode}: {}",
            run["failures"]
        );
        assert!(
            run["errors"][0]["message"]
                .as_str()
                .is_some_and(|m| m.contains("no local port is left") && m.contains("resolve"))
        );
    }
}

#[test]
fn descriptor_exhaustion_is_reported_with_the_remedy() {
    let (folder, server) = (folder(), Server::start());
    let branches = "{get: /delay/0.3},".repeat(60);
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: builtin}}}}, setup: [{{sleep: 1s}}], load: {{vus: 1, iterations: 1}}, workers: 1, \
             mix: [{{name: m, flow: [{{parallel: [{branches}]}}]}}]}}"
        ),
    );
    let arguments = |mode: &'static str| {
        [
            "run",
            "test.yaml",
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ]
    };
    for mode in ["threaded", "async"] {
        // The descriptors of branches are predicted.
        let line = ["-c", "ulimit -n 50; exec \"$0\" \"$@\"", PROGRAM];
        let url = server.url();
        let few = [&line[..], &arguments(mode), &["--target", &url]].concat();
        finish(&mut program("sh", folder.path(), &few))
            .exits(3)
            .says(&["needs 96 file descriptors", "allows 50"]);
        // A limit that is lowered during the run is not.
        let running = Running::start(
            &mut loadgen(
                folder.path(),
                &[&arguments(mode)[..], &["--target", &url]].concat(),
            ),
            None,
        );
        until("the mode runs", || !children(running.id()).is_empty());
        for child in children(running.id()) {
            let limit = rustix::process::Rlimit {
                current: Some(50),
                maximum: Some(50),
            };
            rustix::process::prlimit(Some(pid(child)), rustix::process::Resource::Nofile, limit)
                .expect("our own child");
        }
        running.finish().exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert!(
            count(&run["failures"], "fd_limit") > 0 && count(run, "ok") > 0,
            "{mode}: {}",
            run["failures"]
        );
        assert!(
            run["errors"][0]["message"]
                .as_str()
                .is_some_and(|m| m.contains("ulimit -n")),
            "{}",
            run["errors"]
        );
    }
}

#[test]
fn the_soft_limit_is_raised_for_the_connections_of_branches() {
    let (folder, server) = (folder(), Server::start());
    let branches = "{get: /json},".repeat(20);
    scenario(
        folder.path(),
        &format!(
            "{{name: t, targets: {{shop: {{url: builtin}}}}, load: {{vus: 20, iterations_per_vu: 1}}, workers: 1, \
             mix: [{{name: m, flow: [{{parallel: [{branches}]}}]}}]}}"
        ),
    );
    let url = server.url();
    for mode in MODES {
        let line = [
            "-c",
            "ulimit -Sn 256 && ulimit -Hn 4096 && exec \"$0\" \"$@\"",
            PROGRAM,
            "run",
            "test.yaml",
            "--mode",
            mode,
        ];
        let more = ["--target", &url, "-o", "out", "--format", "none"];
        finish(&mut program(
            "sh",
            folder.path(),
            &[&line[..], &more].concat(),
        ))
        .exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(run, "failed")),
            (400, 0),
            "{mode}: {}",
            run["failures"]
        );
        assert_eq!(
            count(&run["connect_ms"], "count"),
            400,
            "{mode}: each branch has its own connection"
        );
    }
}

#[test]
fn many_users_on_few_connections_need_few_descriptors() {
    let (folder, server) = (folder(), Server::start());
    let text = |http: &str| {
        format!(
            "{{name: t, targets: {{shop: {{url: builtin{http}}}}}, load: {{vus: 200, iterations: 400}}, workers: 1, mix: [{{name: m, flow: [{{get: /}}]}}]}}"
        )
    };
    let url = server.url();
    let limited = |mode: &str| {
        let arguments = [
            "-c",
            "ulimit -n 60; exec \"$0\" \"$@\"",
            PROGRAM,
            "run",
            "test.yaml",
            "--mode",
            mode,
        ];
        let more = ["--target", &url, "-o", "out", "--format", "none"];
        finish(&mut program(
            "sh",
            folder.path(),
            &[&arguments[..], &more].concat(),
        ))
    };
    scenario(folder.path(), &text(""));
    limited("async")
        .exits(3)
        .says(&["file descriptors", "max_connections"]);
    scenario(
        folder.path(),
        &text(", http: {keep_alive: shared, max_connections: 5}"),
    );
    for mode in ["threaded", "async"] {
        limited(mode).exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["limits"][0], "peak_in_flight")),
            (400, 5),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(run["limits"][0]["scope"], "connections of shop");
    }
}
