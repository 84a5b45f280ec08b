//! Runs over the network, in every mode: known answers, counts that agree with the server's own,
//! and misbehaving servers.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{
    MODES, Running, Server, children, count, folder, is_alive, loadgen, near, number, patiently,
    run, run_of, run_to_result, scenario, sent, shipped, side_by_side, until,
};

#[test]
fn ten_urls() {
    patiently(|| {
        let folder = folder();
        let file = shipped("scenarios/seed/03-ten-urls.yaml");
        run(
            folder.path(),
            &[
                "run",
                &file,
                "--var",
                "delay=0.2",
                "-o",
                "out",
                "--format",
                "none",
            ],
        )
        .exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        for (mode, ideal) in [("sequential", 2.0), ("threaded", 0.2), ("async", 0.2)] {
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "ok"), count(&run["status_codes"], "200")),
                (10, 10),
                "{mode}"
            );
            near(mode, number(run, "wall_s"), ideal, 0.3);
        }
        let speedup = number(&result["comparison"]["modes"][2], "speedup");
        assert!(speedup > 4.0 && speedup < 11.0, "{speedup}");
        assert!(
            result["comparison"]["modes"][0]["ideal_s"].is_null(),
            "only virtual time has an ideal"
        );
    });
}

#[test]
fn a_hundred_requests_through_a_cap_of_ten() {
    patiently(|| {
        side_by_side(["1", "3"], |workers| {
            let folder = folder();
            let file = shipped("scenarios/seed/04b-bounded-requests.yaml");
            let arguments = [
                "run",
                &file,
                "--var",
                "delay=0.02",
                "--workers",
                workers,
                "-o",
                "out",
                "--format",
                "none",
            ];
            run(folder.path(), &arguments).exits(0);
            let result = crate::support::result(&folder.path().join("out"));
            for (mode, ideal, cap) in [
                ("sequential", 2.0, 1),
                ("threaded", 0.2, 10),
                ("async", 0.2, 10),
            ] {
                let run = run_of(&result, mode);
                assert_eq!(count(run, "ok"), 100, "{mode}");
                assert_eq!(
                    count(&run["limits"][0], "peak_in_flight"),
                    cap,
                    "{mode} with {workers} workers"
                );
                // The server's timers tick in milliseconds and round up, which adds up for
                // successive requests.
                near(mode, number(run, "wall_s"), ideal, 0.4 + ideal * 0.1);
            }
        });
    });
}

/// Operations with every kind of outcome: ok, a wrong status, timed out, unfinished.
const ALL_OUTCOMES: &str = "{name: t, mix: [{name: m, flow: [{get: /json}, {get: /status/404, on_error: continue}, \
                        {get: /delay/20, timeout: 80ms, on_error: continue}, {post: /anything, json: {a: 1}}, {get: /delay/20}]}], \
                        load: {vus: 3, duration: 400ms, graceful_stop: 600ms}, targets: {shop: {url: builtin}}}";

#[test]
fn the_server_counts_what_loadgen_counts() {
    let (folder, server) = (folder(), Server::start());
    scenario(folder.path(), ALL_OUTCOMES);
    for mode in MODES {
        let before = server.status();
        let result = run_to_result(folder.path(), &["--target", &server.url(), "--mode", mode]);
        let run = run_of(&result, mode);
        let users = if mode == "sequential" { 1 } else { 3 };
        assert_eq!(
            (count(run, "ok"), count(run, "unfinished")),
            (2 * users, users),
            "{mode}: {run}"
        );
        assert_eq!(
            (
                count(&run["failures"], "status"),
                count(&run["failures"], "timeout_total")
            ),
            (users, users),
            "{mode}"
        );
        assert_eq!(server.seen_since(before).requests, sent(run), "{mode}");
        assert_eq!(run["stopped_by"], "duration", "{mode}");
        assert_eq!(
            count(&run["targets"][0], "started"),
            count(run, "started"),
            "{mode}"
        );
    }
}

#[test]
fn a_warm_up_is_sent_and_not_counted() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /delay/0.02}]}], load: {vus: 3, duration: 300ms, warmup: 200ms}, targets: {shop: {url: builtin}}}",
    );
    for mode in MODES {
        let before = server.status();
        let result = run_to_result(folder.path(), &["--target", &server.url(), "--mode", mode]);
        let run = run_of(&result, mode);
        assert!(
            count(&run["warmup"], "started") > 0 && count(run, "ok") > 0,
            "{mode}"
        );
        assert_eq!(
            server.seen_since(before).requests,
            sent(run) + count(&run["warmup"], "started"),
            "{mode}"
        );
    }
}

#[test]
fn planned_arrivals_are_all_sent() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /}]}], load: {rate: 200/s, duration: 500ms, max_in_flight: 50}, targets: {shop: {url: builtin}}}",
    );
    for mode in MODES {
        let before = server.status();
        let result = run_to_result(folder.path(), &["--target", &server.url(), "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(&run["iterations"], "planned"), count(run, "ok")),
            (100, 100),
            "{mode}"
        );
        assert_eq!(number(run, "measured_s"), 0.5, "{mode}");
        assert_eq!(server.seen_since(before).requests, 100, "{mode}");
    }
}

#[test]
fn every_user_keeps_one_connection() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /json}, {get: /bytes/2000}, {head: /html}, {get: /status/500, on_error: continue}, {get: /status/204}]}], \
         load: {vus: 7, iterations_per_vu: 6}, targets: {shop: {url: builtin}}}",
    );
    for mode in MODES {
        for workers in ["1", "3"] {
            let before = server.status();
            let result = run_to_result(
                folder.path(),
                &[
                    "--target",
                    &server.url(),
                    "--mode",
                    mode,
                    "--workers",
                    workers,
                ],
            );
            let run = run_of(&result, mode);
            let seen = server.seen_since(before);
            assert_eq!(
                (count(run, "ok"), count(run, "failed"), seen.requests),
                (4 * 42, 42, 5 * 42),
                "{mode}"
            );
            // One for each user, and the preflight's.
            assert_eq!(seen.connections, 7 + 1, "{mode} with {workers} workers");
            assert_eq!(count(&run["connect_ms"], "count"), 7, "{mode}");
        }
    }
}

#[test]
fn byte_counts_match_http() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], mix: [{name: m, flow: [{get: /bytes/10000, name: down}, \
         {post: /anything, name: up, body: '0123456789012345678901234567890123456789012345678901234567890123456789'}, {head: /bytes/10000, name: head}]}], \
         load: {vus: 2, iterations: 10}, targets: {shop: {url: builtin}}}",
    );
    let result = run_to_result(folder.path(), &[]);
    for mode in MODES {
        let run = run_of(&result, mode);
        let step = |name: &str, bytes: &str| {
            let steps = run["steps"].as_array().expect("steps");
            count(
                steps.iter().find(|s| s["name"] == name).expect("a step"),
                bytes,
            ) / 10
        };
        let heads = 40..400;
        assert!(
            heads.contains(&step("down", "bytes_out")),
            "{mode}: {}",
            step("down", "bytes_out")
        );
        assert!(
            heads.contains(&(step("down", "bytes_in") - 10_000)),
            "{mode}: {}",
            step("down", "bytes_in")
        );
        assert!(
            heads.contains(&(step("up", "bytes_out") - 70)),
            "{mode}: {}",
            step("up", "bytes_out")
        );
        assert!(step("up", "bytes_in") > 100, "{mode}: it echoes");
        assert!(
            heads.contains(&step("head", "bytes_in")),
            "{mode}: {}",
            step("head", "bytes_in")
        );
        assert_eq!(
            count(run, "bytes_in"),
            10 * (step("down", "bytes_in") + step("up", "bytes_in") + step("head", "bytes_in")),
            "{mode}"
        );
    }
    let all = |name: &str| MODES.map(|mode| count(run_of(&result, mode), name));
    let [first, rest @ ..] = all("bytes_out");
    assert!(
        rest.iter().all(|bytes| *bytes == first),
        "the same requests in every mode: {:?}",
        all("bytes_out")
    );
}

#[test]
fn statuses_are_judged_by_the_scenario() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], targets: {shop: {url: builtin}}, load: {iterations: 1}, mix: [{name: m, flow: [\
         {get: /status/302, on_error: continue}, {get: /status/404, on_error: continue}, {get: /status/404, name: wanted, expect: {status: 404}}, \
         {get: /json, name: not wanted, expect: {status: [201, 404]}, on_error: continue}, {get: /status/418, name: class, expect: {status: 4xx}}, \
         {request: {method: PUT, path: /anything}}, {patch: /anything}, {delete: /anything}, {options: /anything}, {get: /no/such/page, expect: {status: 404}}]}]}",
    );
    let result = run_to_result(folder.path(), &[]);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (
                count(run, "ok"),
                count(run, "failed"),
                count(&run["failures"], "status")
            ),
            (8, 2, 2),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(
            (
                count(&run["status_codes"], "404"),
                count(&run["status_codes"], "418")
            ),
            (3, 1),
            "{mode}"
        );
        assert_eq!(count(&run["iterations"], "failed"), 1, "{mode}");
    }
}

#[test]
fn a_failed_step_ends_its_iteration() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], targets: {shop: {url: builtin}}, load: {vus: 2, iterations: 6}, \
         mix: [{name: m, flow: [{get: /json}, {get: /status/500}, {get: /html, name: never}]}]}",
    );
    let result = run_to_result(folder.path(), &[]);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!((count(run, "ok"), count(run, "failed")), (6, 6), "{mode}");
        let never = run["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|s| s["name"] == "never")
            .expect("it is listed");
        assert_eq!(count(never, "planned"), 0, "{mode}");
    }
}

/// A server that responds to every request with 204, and records the requests.
struct Recorder {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, keep) = (stream.expect("a connection"), keep.clone());
                thread::spawn(move || {
                    while let Some(request) = hear(&stream) {
                        keep.lock().expect("no panic").push(request);
                        (&stream)
                            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                            .expect("sent");
                    }
                });
            }
        });
        Self { address, heard }
    }
}

/// Reads one request to the end of its body; returns `None` if the connection is closed.
fn hear(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    let mut length = 0;
    loop {
        let begin = text.len();
        if reader.read_line(&mut text).ok()? == 0 {
            return None;
        }
        let line = text[begin..].trim_end().to_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    text.push_str(&String::from_utf8(body).expect("UTF-8"));
    Some(text)
}

#[test]
fn requests_on_the_wire_match_the_scenario() {
    let (folder, recorder) = (folder(), Recorder::start());
    scenario(
        folder.path(),
        "name: t\nmodes: [sequential, threaded, async]\nvars: { word: 'a b&c/d' }\ntargets:\n  shop: { url: builtin, headers: { accept: text/plain, x-base: '1' } }\n\
         load: { iterations: 1 }\nmix:\n  - name: m\n    flow:\n      - get: /items?x=1\n        query: { q: '{{word}}', page: 2 }\n        headers: { accept: application/json }\n\
         \x20     - post: /orders\n        json: { user: 7, name: '{{word}}' }\n      - put: /notes\n        headers: { content-type: text/x-note }\n        body: 'a note'\n\
         \x20     - delete: '/orders/{{word}}'\n      - head: /\n",
    );
    let address = recorder.address.to_string();
    run_to_result(
        folder.path(),
        &["--target", &format!("http://{address}/base/")],
    );
    let heard = recorder.heard.lock().expect("no panic").clone();
    assert_eq!(heard.len(), 5 * MODES.len(), "{heard:#?}");
    let in_mode: Vec<&[String]> = heard.chunks(5).collect();
    assert!(
        in_mode.iter().all(|mode| *mode == in_mode[0]),
        "identical in every mode: {heard:#?}"
    );
    let lines = |request: &str| request.lines().map(str::to_lowercase).collect::<Vec<_>>();
    let expected: [(&str, &[&str]); 5] = [
        (
            "GET /base/items?x=1&q=a%20b%26c%2Fd&page=2 HTTP/1.1",
            &["accept: application/json", "x-base: 1"],
        ),
        (
            "POST /base/orders HTTP/1.1",
            &[
                "content-type: application/json",
                "accept: text/plain",
                "{\"user\":7,\"name\":\"a b&c/d\"}",
            ],
        ),
        (
            "PUT /base/notes HTTP/1.1",
            &["content-type: text/x-note", "content-length: 6", "a note"],
        ),
        (
            "DELETE /base/orders/a%20b&c/d HTTP/1.1",
            &["accept: text/plain"],
        ),
        ("HEAD /base/ HTTP/1.1", &["x-base: 1"]),
    ];
    for (request, (first, others)) in in_mode[0].iter().zip(expected) {
        assert_eq!(request.lines().next(), Some(first));
        let lines = lines(request);
        let host = format!("host: {address}");
        let agent = format!("user-agent: loadgen/{}", env!("CARGO_PKG_VERSION"));
        for other in others
            .iter()
            .copied()
            .chain([host.as_str(), agent.as_str()])
        {
            assert_eq!(
                lines.iter().filter(|l| *l == other).count(),
                1,
                "`{other}` in:\n{request}"
            );
        }
    }
}

#[test]
fn the_cap_bounds_the_requests_in_flight() {
    let (under_way, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let (now, peak) = (under_way.clone(), most.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, now, peak) = (stream.expect("a connection"), now.clone(), peak.clone());
            thread::spawn(move || {
                while hear(&stream).is_some() {
                    peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(20));
                    // Before the response, because the next request may follow it at once.
                    now.fetch_sub(1, Ordering::SeqCst);
                    (&stream)
                        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                        .expect("sent");
                }
            });
        }
    });
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /}]}], load: {vus: 30, iterations: 90}, limits: {concurrency: 6}, targets: {shop: {url: builtin}}}",
    );
    for (mode, workers, cap) in [
        ("sequential", "1", 1),
        ("threaded", "1", 6),
        ("async", "1", 6),
        ("async", "3", 6),
    ] {
        most.store(0, Ordering::SeqCst);
        let result = run_to_result(
            folder.path(),
            &["--target", &url, "--mode", mode, "--workers", workers],
        );
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), most.load(Ordering::SeqCst)),
            (90, cap),
            "{mode} with {workers} workers"
        );
        assert_eq!(
            count(&run["limits"][0], "peak_in_flight"),
            cap,
            "{mode} with {workers} workers"
        );
    }
}

#[test]
fn a_target_that_dies_during_the_run_is_recorded_as_failures() {
    for mode in MODES {
        let (folder, server) = (folder(), Server::start());
        scenario(
            folder.path(),
            "{name: t, mix: [{name: m, flow: [{get: /delay/0.01}]}], load: {vus: 4, duration: 1s}, targets: {shop: {url: builtin}}}",
        );
        let arguments = [
            "run",
            "test.yaml",
            "--target",
            &server.url(),
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ];
        let running = Running::start(&mut loadgen(folder.path(), &arguments), None);
        let mut looks = 0;
        until("requests", || {
            looks += 1;
            server.status().requests >= looks + 20
        });
        server.kill();
        running.finish().exits(0);
        let result = crate::support::result(&folder.path().join("out"));
        assert_eq!(result["end"], "complete", "{mode}");
        let run = run_of(&result, mode);
        assert_eq!(
            (&run["stopped_by"], number(run, "measured_s")),
            (&"duration".into(), 1.0),
            "{mode}"
        );
        assert!(
            count(run, "ok") > 0 && count(run, "failed") > 0,
            "{mode}: {}",
            run["failures"]
        );
        let kinds: BTreeSet<&str> = run["failures"]
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let possible = BTreeSet::from(["refused", "reset", "incomplete", "reused_conn_closed"]);
        assert!(
            kinds.contains("refused") && kinds.is_subset(&possible),
            "{mode}: {kinds:?}"
        );
        assert_eq!(
            (count(run, "unfinished"), count(run, "skipped")),
            (0, 0),
            "{mode}"
        );
    }
}

#[test]
fn cut_connections_are_classified_by_how_they_were_cut() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], mix: [{name: m, flow: [{get: /}]}], load: {iterations: 3}, targets: {shop: {url: builtin}}}",
    );
    let answers: [(&str, &[u8]); 3] = [
        (
            "incomplete",
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        ),
        ("incomplete", b""),
        ("protocol", b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    ];
    for (kind, answer) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                thread::spawn(move || {
                    let mut request = [0; 1000];
                    // The preflight's connection sends nothing.
                    if stream.read(&mut request).is_ok_and(|n| n > 0) {
                        let _ = stream.write_all(answer);
                    }
                });
            }
        });
        let result = run_to_result(folder.path(), &["--target", &url]);
        for mode in MODES {
            let run = run_of(&result, mode);
            assert_eq!(
                count(&run["failures"], kind),
                3,
                "{mode} {kind}: {}",
                run["errors"]
            );
        }
    }
}

#[test]
fn a_timeout_closes_its_connection_and_the_next_request_has_a_new_one() {
    for mode in MODES {
        let (folder, server) = (folder(), Server::start());
        scenario(
            folder.path(),
            "{name: t, mix: [{name: m, flow: [{get: /delay/50, timeout: 200ms, on_error: continue}, {sleep: 40s}]}], load: {vus: 3, iterations_per_vu: 1}, \
             targets: {shop: {url: builtin}}}",
        );
        let arguments = [
            "run",
            "test.yaml",
            "--target",
            &server.url(),
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ];
        let mut running = Running::start(&mut loadgen(folder.path(), &arguments), None);
        let users = if mode == "sequential" { 1 } else { 3 };
        let mut looks = 0;
        until("requests", || {
            looks += 1;
            server.status().requests == looks + users
        });
        until("the connections are closed", || server.status().open == 0);
        assert!(running.is_running(), "{mode}: the run is still in progress");
        for _ in 0..2 {
            running.signal(Signal::INT);
            thread::sleep(Duration::from_millis(100));
        }
        running.finish().exits(130);
        let result = crate::support::result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        let step = &run["steps"][0];
        assert!(count(step, "failed") > 0, "{mode}");
        assert_eq!(
            count(&step["failures"], "timeout_total"),
            count(step, "failed"),
            "{mode}"
        );
        let (min, max) = (
            number(&step["response_ms"], "min"),
            number(&step["response_ms"], "max"),
        );
        assert!(min >= 200.0 && max < 1000.0, "{mode}: {min} {max}");
    }
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /delay/50, timeout: 60ms, on_error: continue}, {get: /}, {get: /json}]}], load: {vus: 2, iterations_per_vu: 3}, \
         targets: {shop: {url: builtin}}}",
    );
    for mode in MODES {
        let before = server.status();
        let result = run_to_result(folder.path(), &["--target", &server.url(), "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["failures"], "timeout_total")),
            (12, 6),
            "{mode}: {}",
            run["failures"]
        );
        // Each user loses three connections and opens a new one after each.
        assert_eq!(server.seen_since(before).connections, 2 * 4 + 1, "{mode}");
    }
}

#[test]
fn a_finished_run_leaves_nothing_behind() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /delay/0.05}]}], load: {vus: 2, duration: 1s}, targets: {shop: {url: builtin}}}",
    );
    let running = Running::start(
        &mut loadgen(
            folder.path(),
            &["run", "test.yaml", "-q", "--format", "none"],
        ),
        None,
    );
    let mut started = Vec::new();
    until("the server and the mode", || {
        started = children(running.id());
        started.len() == 2
    });
    running.finish().exits(0);
    assert!(started.iter().all(|id| !is_alive(*id)), "{started:?}");
}

#[test]
fn a_killed_run_leaves_nothing_behind() {
    for mode in MODES {
        let folder = folder();
        scenario(
            folder.path(),
            "{name: t, mix: [{name: m, flow: [{get: /delay/0.05}, {get: /delay/20}]}], load: {vus: 4, duration: 55s}, targets: {shop: {url: builtin}}}",
        );
        let running = Running::start(
            &mut loadgen(folder.path(), &["run", "test.yaml", "--mode", mode]),
            None,
        );
        let mut started = Vec::new();
        until("the server and the mode", || {
            started = children(running.id());
            started.len() == 2
        });
        thread::sleep(Duration::from_millis(300));
        running.signal(Signal::KILL);
        let ended = running.finish();
        assert_eq!(ended.status.code(), None, "{mode}");
        until("the server and the mode have exited", || {
            !started.iter().any(|id| is_alive(*id))
        });
    }
}
