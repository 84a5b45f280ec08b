//! Pipelining: `http: { pipeline: … }`, over connections that users share.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::authority::Authority;
use crate::nginx::Nginx;
use crate::peer::good;
use crate::support::{
    count, finish, folder, is_installed, loadgen, number, run, run_in, run_of, run_to_result,
    scenario,
};

/// What a connection of the server does with its requests.
#[derive(Clone, Copy)]
struct Script {
    /// How many requests have to be there before the first one is answered.
    waits_for: usize,
    /// How long each response takes.
    pause: Duration,
    /// How many requests it answers before it closes the connection.
    answers: usize,
    /// Whether it says so.
    says_close: bool,
}

/// Answers all requests at once.
const QUICK: Script = Script {
    waits_for: 0,
    pause: Duration::ZERO,
    answers: usize::MAX,
    says_close: false,
};

/// What the server has seen.
#[derive(Default)]
struct Seen {
    /// The number of connections that carried a request.
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// The most requests without a response on one connection.
    most: AtomicUsize,
}

/// A server that reads ahead, and answers the requests of a connection in their order, with their
/// paths; `/slow` takes 300 ms.
struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Server {
    /// Starts it; `script` has the number of a connection, among those that carry requests.
    fn start(script: fn(usize) -> Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let seen = Arc::<Seen>::default();
        let of_server = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.expect("a connection"), of_server.clone());
                thread::spawn(move || serve(&stream, script, &seen));
            }
        });
        Self { address, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the numbers of connections and requests, and the most requests in flight on a
    /// connection, since the last call.
    fn seen(&self) -> [usize; 3] {
        let Seen {
            connections,
            requests,
            most,
        } = &*self.seen;
        [connections, requests, most].map(|number| number.swap(0, Ordering::SeqCst))
    }
}

fn serve(stream: &TcpStream, script: fn(usize) -> Script, seen: &Seen) {
    stream.set_nodelay(true).expect("an open socket");
    let in_flight = AtomicUsize::new(0);
    let (send, requests) = mpsc::channel::<String>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let send = send;
            let mut first = String::new();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if first.is_empty() {
                    first = line;
                } else if line.is_empty() {
                    let now = in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                    seen.most.fetch_max(now, Ordering::SeqCst);
                    seen.requests.fetch_add(1, Ordering::SeqCst);
                    let _ = send.send(std::mem::take(&mut first));
                }
            }
        });
        let Ok(first) = requests.recv() else { return };
        let number = seen.connections.fetch_add(1, Ordering::SeqCst);
        let script = script(number);
        let others = (1..script.waits_for).map_while(|_| requests.recv().ok());
        let early: Vec<String> = std::iter::once(first).chain(others).collect();
        let all = early.into_iter().chain(requests.iter());
        for (at, line) in all.take(script.answers).enumerate() {
            let mut words = line.split(' ');
            let (method, path) = (words.next(), words.next().expect("a path"));
            thread::sleep(script.pause);
            if path == "/slow" {
                thread::sleep(Duration::from_millis(300));
            }
            let mut answer = good(path);
            if script.says_close && at + 1 == script.answers {
                answer = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            }
            if method == Some("HEAD") {
                answer.truncate(answer.len() - path.len());
            }
            in_flight.fetch_sub(1, Ordering::SeqCst);
            if { stream }.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        // A server that closes in an orderly way reads on, or the client might lose what was sent.
        let _ = stream.shutdown(std::net::Shutdown::Write);
    });
}

/// A scenario in which each iteration has a path of its own, and checks that the response is for it.
fn text(url: &str, http: &str, load: &str) -> String {
    format!(
        "{{name: t, workers: 1, targets: {{shop: {{url: '{url}', http: {{{http}}}}}}}, load: {load},
          data: {{n: {{range: {{from: 1, to: 100000}}}}}},
          mix: [{{name: m, data: [n], flow: [{{get: '/n/{{{{n}}}}', name: get, expect: {{body: {{equals: '/n/{{{{n}}}}'}}}}}}]}}]}}"
    )
}

const SLOWLY: fn(usize) -> Script = |_| Script {
    pause: Duration::from_millis(4),
    ..QUICK
};

#[test]
fn at_most_so_many_requests_are_in_flight_and_each_user_gets_its_own_response() {
    let (folder, server) = (folder(), Server::start(SLOWLY));
    for (http, connections, most) in [
        ("keep_alive: shared, pipeline: 12", 1, 12),
        ("keep_alive: shared, pipeline: 5", 1, 5),
        ("keep_alive: shared, pipeline: 4, connections: 3", 3, 4),
        // Off, as without it.
        ("pipeline: 1", 12, 1),
        ("", 12, 1),
    ] {
        let load = "{vus: 12, iterations: 120}";
        scenario(folder.path(), &text(&server.url(), http, load));
        let run = run_in(folder.path(), "async");
        let outcomes = (count(&run, "ok"), count(&run, "failed"));
        assert_eq!(outcomes, (120, 0), "{http}: {}", run["errors"]);
        assert_eq!(server.seen(), [connections, 120, most], "{http}");
        let made = count(&run["connect_ms"], "count");
        assert_eq!(made, connections as u64, "{http}");
        for time in ["send_ms", "first_byte_ms", "body_ms"] {
            assert_eq!(count(&run[time], "count"), 120, "{http}: {time}");
        }
        if most > 1 {
            let limit = &run["limits"][0];
            let in_use = (connections * most) as u64;
            assert_eq!(limit["scope"], "pipelined requests of shop");
            assert_eq!(count(limit, "peak_in_flight"), in_use, "{http}");
            // A response waits for those in front of it, and that is in its service time.
            let waits = 4.0 * (most - 1) as f64;
            let service = number(&run["service_ms"], "p90");
            assert!(service >= waits, "{http}: {service} ms");
            let queued = number(&run["queue_ms"], "max");
            assert!(in_use == 12 || queued >= 4.0, "{http}: {queued} ms");
        } else {
            assert!(run["limits"][0].is_null(), "{http}");
        }
    }
}

#[test]
fn one_is_the_same_plan_as_none_and_another_number_is_another_load() {
    let folder = folder();
    let plan = |http: &str| {
        scenario(
            folder.path(),
            &text("http://127.0.0.1:1", http, "{vus: 1, iterations: 1}"),
        );
        let mut command = loadgen(
            folder.path(),
            &["run", "test.yaml", "--plan", "--seed", "1"],
        );
        // Whatever the environment says, hyper does not pipeline.
        finish(command.env("LOADGEN_HTTP_CLIENT", "hyper"))
            .exits(0)
            .stdout
    };
    let off = plan("keep_alive: shared");
    assert_eq!(plan("keep_alive: shared, pipeline: 1"), off);
    let on = plan("keep_alive: shared, pipeline: 2");
    assert!(
        on.contains("pipeline: 2") && on.contains("client: lean"),
        "{on}"
    );
    let fingerprint = |plan: &str| {
        let line = plan.lines().find(|line| line.contains("fingerprint"));
        line.expect("a fingerprint").to_owned()
    };
    assert_ne!(fingerprint(&on), fingerprint(&off));
}

#[test]
fn every_mode_gives_the_same_responses_and_only_event_loops_pipeline() {
    let (folder, server) = (folder(), Server::start(SLOWLY));
    let http = "keep_alive: shared, pipeline: 4";
    let closed = text(&server.url(), http, "{vus: 4, iterations: 40}");
    let open = "{rate: 400/s, iterations: 40, max_in_flight: 8}";
    let open = text(&server.url(), http, open);
    for (mode, is_blocking) in [
        ("sequential", true),
        ("threaded", true),
        ("async", false),
        ("processes", false),
    ] {
        for text in [&closed, &open] {
            scenario(folder.path(), text);
            let to_result = ["run", "test.yaml", "-o", "out", "--format", "none"];
            let arguments = [&to_result[..], &["--mode", mode, "--workers", "2"]].concat();
            let said = run(folder.path(), &arguments).exits(0).stderr;
            assert_eq!(
                said.contains("`pipeline` has no effect"),
                is_blocking,
                "{mode}"
            );
            let result = crate::support::result(&folder.path().join("out"));
            let run = run_of(&result, mode);
            let outcomes = (count(run, "ok"), count(run, "failed"));
            assert_eq!(outcomes, (40, 0), "{mode}: {}", run["errors"]);
            assert_eq!(run["http_client"], "lean", "{mode}");
            let [_, requests, most] = server.seen();
            assert_eq!((requests, most > 1), (40, !is_blocking), "{mode}: {most}");
            assert!(most <= 4, "{mode}: {most}");
        }
    }
}

/// The kinds of failures of a run, each with its number.
fn failures(run: &Value) -> Vec<(String, u64)> {
    let kinds = run["failures"].as_object().expect("a map").iter();
    kinds
        .map(|(kind, count)| (kind.clone(), count.as_u64().expect("a number")))
        .collect()
}

#[test]
fn a_connection_that_ends_fails_exactly_those_behind_and_a_retry_sends_them_again() {
    const CLOSES: Script = Script {
        waits_for: 4,
        answers: 2,
        ..QUICK
    };
    let retry = ", retry: {attempts: 2, errors: [pipeline_closed, reused_conn_closed]}";
    for (script, kinds) in [
        // The next request hears of it by itself, and the one behind by that.
        (
            (|number| if number == 0 { CLOSES } else { QUICK }) as fn(usize) -> Script,
            vec![("pipeline_closed", 1), ("reused_conn_closed", 1)],
        ),
        (
            (|number| match number {
                0 => Script {
                    says_close: true,
                    ..CLOSES
                },
                _ => QUICK,
            }) as fn(usize) -> Script,
            vec![("pipeline_closed", 2)],
        ),
    ] {
        for retry in ["", retry] {
            let (folder, server) = (folder(), Server::start(script));
            let load = "{vus: 4, iterations_per_vu: 1}";
            let http = "keep_alive: shared, pipeline: 4";
            let target = format!("http: {{{http}}}");
            let text =
                text(&server.url(), http, load).replace(&target, &format!("{target}{retry}"));
            scenario(folder.path(), &text);
            let run = run_in(folder.path(), "async");
            let [connections, requests, _] = server.seen();
            if retry.is_empty() {
                assert_eq!(count(&run, "ok"), 2, "{}", run["errors"]);
                let seen = failures(&run);
                let seen: Vec<_> = seen.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
                assert_eq!(seen, kinds);
                assert_eq!((connections, requests), (1, 4), "nothing is sent again");
            } else {
                assert_eq!((count(&run, "ok"), count(&run, "retries")), (4, 2));
                assert_eq!((connections, requests), (2, 6));
            }
        }
    }
}

#[test]
fn a_timeout_ends_the_connection_but_not_the_responses_in_front() {
    let (folder, server) = (folder(), Server::start(|_| QUICK));
    let timeout = "timeout: {first_byte: 100ms}";
    scenario(
        folder.path(),
        &format!(
            "{{name: t, workers: 1, targets: {{shop: {{url: '{}', http: {{keep_alive: shared, pipeline: 8}}}}}},
              load: {{vus: 1, iterations: 1}}, mix: [{{name: m, flow: [{{head: /first}},
              {{flow: [{{parallel: [{{get: /slow}}, {{get: /late, {timeout}}}, {{get: /behind}}, {{get: /last}}]}}], on_error: continue}},
              {{get: /after}}]}}]}}",
            server.url()
        ),
    );
    let run = run_in(folder.path(), "async");
    let outcome = |name: &str| {
        let steps = run["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name);
        let step = step.unwrap_or_else(|| panic!("no step `{name}`"));
        (count(step, "ok"), failures(step))
    };
    let failed = |kind: &str| (0, vec![(kind.to_owned(), 1)]);
    assert_eq!(outcome("GET /slow"), (1, Vec::new()));
    assert_eq!(outcome("GET /late"), failed("timeout_first_byte"));
    for name in ["GET /behind", "GET /last"] {
        assert_eq!(outcome(name), failed("pipeline_closed"));
    }
    assert_eq!(outcome("GET /after"), (1, Vec::new()));
    let message = run["errors"].to_string();
    assert!(
        message.contains("a request in front was given up"),
        "{message}"
    );
    let [connections, ..] = server.seen();
    assert_eq!(connections, 2, "another one for what follows");
}

#[test]
fn connections_carry_no_more_requests_than_the_scenario_says() {
    let (folder, server) = (folder(), Server::start(|_| QUICK));
    for (most, connections) in [(2, 50), (10, 10), (30, 4), (100, 1)] {
        let http = format!("keep_alive: shared, pipeline: 4, max_requests: {most}");
        let load = "{vus: 6, iterations: 100}";
        scenario(folder.path(), &text(&server.url(), &http, load));
        let run = run_in(folder.path(), "async");
        assert_eq!(count(&run, "ok"), 100, "{most}: {}", run["errors"]);
        let [made, requests, in_flight] = server.seen();
        assert_eq!((made, requests), (connections, 100), "{most}");
        assert!(in_flight <= 4, "{most}: {in_flight}");
        let timed = count(&run["connect_ms"], "count");
        assert_eq!(timed, connections as u64, "{most}");
    }
    let aged = "keep_alive: shared, pipeline: 4, max_lifetime: 1us";
    scenario(
        folder.path(),
        &text(&server.url(), aged, "{vus: 6, iterations: 30}"),
    );
    let run = run_in(folder.path(), "async");
    assert_eq!(count(&run, "ok"), 30, "{}", run["errors"]);
    let [made, ..] = server.seen();
    assert_eq!(count(&run["connect_ms"], "count"), made as u64);
    assert!(made > 1);
}

#[test]
fn other_steps_of_a_pipelined_target_work() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [async], targets: {site: {url: builtin, http: {keep_alive: shared, pipeline: 4}}},
          setup: [{post: /anything, body: hello}], load: {vus: 4, iterations: 8},
          mix: [{name: m, flow: [{get: /json, expect: {status: 200}}, {put: /anything, body: hello},
            {websocket: /ws/echo, flow: [{send: a, receive: {contains: a}}]},
            {crawl: {start: /site/0/0, pages: 10, concurrency: 3}}]}]}",
    );
    let run = run_in(folder.path(), "async");
    assert_eq!(count(&run, "failed"), 0, "{}", run["errors"]);
    assert_eq!(count(&run["iterations"], "ok"), 8);
}

/// Returns the distinct numbers of connections in lines of the log of nginx.
fn connections(lines: &[String]) -> BTreeSet<&str> {
    let number = |line| str::split(line, ' ').nth(3).expect("a number");
    lines.iter().map(|line| number(line.as_str())).collect()
}

#[test]
fn nginx_sends_the_same_over_one_connection_and_every_byte_is_counted() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::start(folder.path());
    let mut before = 0;
    let mut figures = Vec::new();
    for (http, wanted) in [
        ("keep_alive: shared, pipeline: 20", 1),
        ("keep_alive: shared, pipeline: 4, connections: 5", 5),
        ("keep_alive: per_vu, pipeline: 1", 20),
    ] {
        scenario(
            folder.path(),
            &format!(
                "{{name: t, mix: [{{name: m, flow: [{{get: /page.html}}, {{get: /hello}}, {{head: /page.html}}, {{get: /gone, on_error: continue}},
                  {{get: /page.html, headers: {{if-none-match: '*'}}, expect: {{status: [200, 304]}}}}]}}],
                  load: {{vus: 20, iterations_per_vu: 20}}, targets: {{nginx: {{url: '{}', http: {{{http}}}}}}}}}",
                nginx.url
            ),
        );
        let run = run_in(folder.path(), "async");
        let outcomes = (count(&run, "ok"), count(&run["failures"], "status"));
        assert_eq!(outcomes, (1600, 400), "{http}: {}", run["errors"]);
        let lines = nginx.logged(before, 2000);
        before += lines.len();
        assert_eq!(
            (lines.len(), connections(&lines).len()),
            (2000, wanted),
            "{http}"
        );
        let sum = |at: usize| -> u64 {
            let words = lines
                .iter()
                .map(|line| line.split(' ').nth(at).expect("a length"));
            words
                .map(|word| word.parse::<u64>().expect("a number"))
                .sum()
        };
        let bytes = (count(&run, "bytes_in"), count(&run, "bytes_out"));
        assert_eq!(bytes, (sum(5), sum(4)), "{http}");
        figures.push((run["status_codes"].clone(), bytes));
    }
    assert!(figures.iter().all(|own| *own == figures[0]), "{figures:?}");
}

#[test]
fn nginx_closes_connections_after_some_requests_unless_the_client_is_first() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::configured(folder.path(), |configuration| {
        configuration.replace("keepalive_requests 100000;", "keepalive_requests 25;")
    });
    let text = |http: &str| {
        format!(
            "{{name: t, mix: [{{name: m, flow: [{{get: /hello}}]}}], load: {{vus: 8, iterations: 500}},
              targets: {{nginx: {{url: '{}', http: {{keep_alive: shared, pipeline: 8{http}}}}}}}}}",
            nginx.url
        )
    };
    scenario(folder.path(), &text(", max_requests: 25"));
    let run = run_in(folder.path(), "async");
    assert_eq!(
        (count(&run, "ok"), count(&run, "failed")),
        (500, 0),
        "{}",
        run["errors"]
    );
    let lines = nginx.logged(0, 500);
    assert_eq!((lines.len(), connections(&lines).len()), (500, 20));
    // nginx drops what was sent behind the last request that it answers.
    scenario(folder.path(), &text(""));
    let run = run_in(folder.path(), "async");
    let (ok, lost) = (count(&run, "ok"), failures(&run));
    assert!(count(&run, "failed") > 0 && ok > 250, "{ok}: {lost:?}");
    let kinds: BTreeSet<&str> = lost.iter().map(|(kind, _)| kind.as_str()).collect();
    let known = ["pipeline_closed", "reset", "reused_conn_closed"];
    assert!(kinds.is_subset(&known.into()), "{kinds:?}");
    let answered = nginx.logged(500, ok).len() as u64;
    assert_eq!(
        answered, ok,
        "nothing is sent twice, and no response is lost"
    );
}

#[test]
fn requests_are_pipelined_over_tls() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let (folder, authority) = (folder(), Authority::new());
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).expect("written");
    authority.sign(&["127.0.0.1"]).write(folder.path(), "site");
    let nginx = Nginx::configured(folder.path(), |configuration| {
        let (at, _) = configuration.split_once("/www;").expect("its folder");
        let at = at.rsplit(' ').next().expect("a path");
        let tls = format!(
            " ssl;\nssl_certificate {at}/site.pem;\nssl_certificate_key {at}/site.key;\nroot"
        );
        configuration.replace(";\nroot", &tls)
    });
    let url = nginx.url.replace("http:", "https:");
    scenario(
        folder.path(),
        &format!(
            "{{name: t, mix: [{{name: m, flow: [{{get: /page.html}}, {{get: /hello}}]}}], load: {{vus: 10, iterations: 200}},
              targets: {{nginx: {{url: '{url}', tls: {{ca: ca.pem}}, http: {{keep_alive: shared, pipeline: 10}}}}}}}}"
        ),
    );
    let result = run_to_result(folder.path(), &["--mode", "async"]);
    let run = run_of(&result, "async");
    assert_eq!(
        (count(run, "ok"), count(run, "failed")),
        (400, 0),
        "{}",
        run["errors"]
    );
    assert_eq!(count(&run["tls_ms"], "count"), 1);
    let lines = nginx.logged(0, 400);
    assert_eq!((lines.len(), connections(&lines).len()), (400, 1));
}
