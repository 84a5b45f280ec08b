//! Bodies that wait for `100 Continue`: `http: { expect_continue: … }`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::nginx::Nginx;
use crate::scripts::ScriptPeer;
use crate::support::{
    MODES, count, folder, is_installed, number, run, run_in, run_of, run_to_result, scenario,
};

/// What the server has seen of a request.
#[derive(Debug)]
struct Seen {
    path: String,
    expects: bool,
    /// How many bytes of a body came, and how long after the head.
    body: Option<(usize, Duration)>,
    /// The number of the request on its connection.
    number: usize,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A server that decides by the path whether it asks for a body: `/ask` does, `/refuse` answers with
/// 417 and waits for whatever comes, and `/silent` waits for the body.
fn server() -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let log = Log::default();
    let of_server = log.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, log) = (stream.expect("a connection"), of_server.clone());
            thread::spawn(move || serve(stream, &log));
        }
    });
    (address, log)
}

fn serve(mut stream: TcpStream, log: &Log) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    for number in 1.. {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line.trim_end().to_lowercase());
        }
        let began = Instant::now();
        let value = |name: &str| {
            let lines = head.iter().filter_map(|line| line.split_once(": "));
            lines
                .filter(|(own, _)| *own == name)
                .map(|(_, value)| value)
                .next()
        };
        let path = head[0].split(' ').nth(1).expect("a path").to_owned();
        let expects = value("expect") == Some("100-continue");
        let length = value("content-length").map_or(0, |n| n.parse().expect("a number"));
        let mut seen = Seen {
            path,
            expects,
            body: None,
            number,
        };
        if seen.path == "/refuse" {
            let _ = stream
                .write_all(b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 7\r\n\r\nrefused");
            // It would take the rest for a body, and the client must not send one.
            let mut rest = Vec::new();
            let _ = reader.read_to_end(&mut rest);
            seen.body = (!rest.is_empty()).then(|| (rest.len(), began.elapsed()));
            log.lock().expect("no panic").push(seen);
            return;
        }
        if seen.path == "/ask" && expects {
            let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
            for part in [hints, "HTTP/1.1 100 Con", "tinue\r\n\r\n"] {
                let _ = stream.write_all(part.as_bytes());
                thread::sleep(Duration::from_millis(5));
            }
        }
        if length > 0 {
            let mut body = vec![0; length];
            let mut first = [0];
            if reader.read_exact(&mut first).is_err() {
                return;
            }
            let after = began.elapsed();
            if reader.read_exact(&mut body[1..]).is_err() {
                return;
            }
            seen.body = Some((length, after));
        }
        log.lock().expect("no panic").push(seen);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }
}

/// A scenario of one user against a server that waits `wait`.
fn text(url: &str, http: &str, steps: &str) -> String {
    format!(
        "{{name: t, targets: {{shop: {{url: '{url}', http: {{{http}}}}}}}, load: {{vus: 1, iterations: 3}},
          mix: [{{name: m, flow: [{steps}]}}]}}"
    )
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step `{name}`"))
}

#[test]
fn a_body_follows_when_it_is_asked_for_or_after_a_while_and_never_after_an_answer() {
    let (folder, (address, log)) = (folder(), server());
    let url = format!("http://{address}");
    let steps = "{post: /ask, body: hello}, {get: /plain}, {put: /silent, body: '0123456789'}, \
                 {post: /empty, expect: {status: 200}}, {post: /refuse, body: hello, expect: {status: 417}}";
    scenario(folder.path(), &text(&url, "expect_continue: 300ms", steps));
    for mode in MODES {
        log.lock().expect("no panic").clear();
        let run = run_in(folder.path(), mode);
        assert_eq!(count(&run, "ok"), 15, "{mode}: {}", run["errors"]);
        let seen = log.lock().expect("no panic");
        let of = |path: &'static str| seen.iter().filter(move |seen| seen.path == path);
        for path in ["/ask", "/plain", "/silent", "/empty", "/refuse"] {
            assert_eq!(of(path).count(), 3, "{mode} {path}: {seen:?}");
            let expects = ["/ask", "/silent", "/refuse"].contains(&path);
            assert!(
                of(path).all(|seen| seen.expects == expects),
                "{mode} {path}"
            );
        }
        assert!(of("/ask").all(|seen| seen.body.is_some_and(|(length, _)| length == 5)));
        // Requests go on over the connection, but not after an answer without the body.
        assert!(of("/ask").all(|seen| seen.number == 1), "{mode}: {seen:?}");
        assert!(
            of("/refuse").all(|seen| seen.number == 5 && seen.body.is_none()),
            "{mode}: {seen:?}"
        );
        for seen in of("/silent") {
            let (length, after) = seen.body.expect("a body");
            assert_eq!(length, 10, "{mode}");
            // The server may have been late to read the head.
            assert!(after >= Duration::from_millis(100), "{mode}: {after:?}");
        }
        // The wait is part of the time of sending, up to the last byte that was sent.
        assert!(
            number(&step(&run, "PUT /silent")["send_ms"], "min") >= 299.0,
            "{mode}"
        );
        let refused = &step(&run, "POST /refuse")["send_ms"];
        assert!(number(refused, "p50") < 299.0, "{mode}: {refused}");
    }
}

#[test]
fn a_file_waits_too_and_without_the_option_nothing_does() {
    let (folder, (address, log)) = (folder(), server());
    let url = format!("http://{address}");
    let content = "x".repeat(300_000);
    std::fs::write(folder.path().join("big.bin"), content).expect("written");
    let steps = "{post: /ask, body_file: big.bin}, {post: /refuse, body_file: big.bin, expect: {status: 417}}";
    for (http, expects) in [
        ("expect_continue: true", true),
        ("expect_continue: false", false),
    ] {
        // Without it, the second step would send its body to a server that does not read it.
        let steps = if expects {
            steps
        } else {
            "{post: /ask, body_file: big.bin}"
        };
        scenario(folder.path(), &text(&url, http, steps));
        for mode in MODES {
            log.lock().expect("no panic").clear();
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "failed"), 0, "{mode}: {}", run["errors"]);
            let seen = log.lock().expect("no panic");
            assert!(
                seen.iter().all(|seen| seen.expects == expects),
                "{mode}: {seen:?}"
            );
            for seen in seen.iter() {
                let length = seen.body.map_or(0, |(length, _)| length);
                let wanted = if seen.path == "/ask" { 300_000 } else { 0 };
                assert_eq!(length, wanted, "{mode}: {seen:?}");
            }
        }
    }
}

#[test]
fn a_try_shows_a_body_only_if_it_was_sent() {
    let (folder, (address, _)) = (folder(), server());
    let steps = "{post: /ask, body: hello}, {post: /refuse, body: hello, expect: {status: 417}}";
    let text = text(&format!("http://{address}"), "expect_continue: 20s", steps);
    scenario(folder.path(), &text);
    let ran = run(folder.path(), &["try", "test.yaml", "--json"]).exits(0);
    let tried: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let exchanges = tried["passes"][0]["exchanges"]
        .as_array()
        .expect("exchanges");
    let requests: Vec<&Value> = exchanges
        .iter()
        .map(|exchange| &exchange["hops"][0]["request"])
        .collect();
    assert_eq!(requests[0]["body"]["text"], "hello", "{requests:?}");
    assert_eq!(requests[1]["body"], Value::Null, "{requests:?}");
    for request in requests {
        let headers = request["headers"].to_string();
        assert!(headers.contains("100-continue"), "{headers}");
    }
}

#[test]
fn the_first_byte_timeout_covers_the_wait() {
    let (folder, (address, log)) = (folder(), server());
    let step = "{put: /silent, body: hello, timeout: {first_byte: 100ms, total: 20s}}";
    let text = text(&format!("http://{address}"), "expect_continue: 10s", step);
    scenario(folder.path(), &text);
    for mode in MODES {
        let run = run_in(folder.path(), mode);
        assert_eq!(
            run["failures"]["timeout_first_byte"], 3,
            "{mode}: {}",
            run["errors"]
        );
        assert!(
            log.lock().expect("no panic").is_empty(),
            "{mode}: no body was sent"
        );
    }
}

#[test]
fn nginx_asks_for_what_it_forwards_and_refuses_what_is_too_large() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    let nginx = Nginx::configured(folder.path(), |configuration| {
        let (_, rest) = configuration.split_once("listen 127.0.0.1:").expect("one");
        let (port, _) = rest.split_once(';').expect("its end");
        let place = format!(
            "location = /up {{ client_max_body_size 1k; proxy_pass http://127.0.0.1:{port}/hello; }}\nlocation = /gone"
        );
        configuration.replace("location = /gone", &place)
    });
    let (small, large) = ("s".repeat(900), "l".repeat(3_000));
    let steps = format!(
        "{{post: /up, name: small, body: {small}}}, {{post: /up, name: large, body: {large}, expect: {{status: 413}}}}"
    );
    // A wait that would be seen.
    let text = text(&nginx.url, "expect_continue: 20s", &steps);
    scenario(folder.path(), &text);
    for mode in MODES {
        let from = nginx.logged(0, 0).len();
        let result = run_to_result(folder.path(), &["--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 6, "{mode}: {}", run["errors"]);
        assert!(number(run, "wall_s") < 15.0, "{mode}: it waits for nothing");
        // With what it asks itself for.
        let lines = nginx.logged(from, 9);
        let lengths = |status: &str| -> Vec<usize> {
            let own = lines
                .iter()
                .filter(|line| line.starts_with(&format!("POST /up {status}")));
            own.map(|line| {
                line.split(' ')
                    .nth(4)
                    .expect("a length")
                    .parse()
                    .expect("a number")
            })
            .collect()
        };
        assert!(
            lengths("200").iter().all(|length| *length > 900),
            "{mode}: {lines:?}"
        );
        assert!(
            lengths("413").iter().all(|length| *length < 900),
            "{mode}: {lines:?}"
        );
        assert_eq!(
            (lengths("200").len(), lengths("413").len()),
            (3, 3),
            "{mode}"
        );
    }
}

#[test]
fn http2_waits_too_and_its_connection_goes_on() {
    let none: [&str; 0] = [];
    let Some(peer) = ScriptPeer::node("continue.js", none) else {
        return;
    };
    let folder = folder();
    let url = format!("http://127.0.0.1:{}", peer.port);
    let steps = "{post: /ask, body: hello, expect: {body: {contains: '100-continue 5'}}}, \
                 {post: /refuse, body: hello, expect: {status: 417, body: {contains: refused}}}, \
                 {post: /silent, body: hello, expect: {body: {contains: '100-continue 5'}}}, {get: /plain, expect: {body: {contains: nothing 0}}}";
    for keep_alive in ["per_vu", "shared"] {
        let http = format!("protocol: http2, keep_alive: {keep_alive}, expect_continue: 300ms");
        scenario(folder.path(), &text(&url, &http, steps));
        for mode in MODES {
            let what = format!("{mode}, {keep_alive}");
            let run = run_in(folder.path(), mode);
            assert_eq!(count(&run, "ok"), 12, "{what}: {}", run["errors"]);
            assert_eq!(count(&run["connect_ms"], "count"), 1, "{what}");
            let asked = number(&step(&run, "POST /ask")["first_byte_ms"], "p50");
            let silent = number(&step(&run, "POST /silent")["first_byte_ms"], "min");
            assert!(
                asked < 299.0 && silent >= 299.0,
                "{what}: {asked}, {silent}"
            );
        }
    }
}
