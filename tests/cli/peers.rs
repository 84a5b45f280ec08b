//! Hostile peers: how each misbehaviour is counted, that it takes no longer than allowed, and that
//! the next request still succeeds.

use std::time::Duration;

use serde_json::Value;

use crate::peer::{Line, Peer, Then, accepts_only_preflight, good};
use crate::support::{
    MODES, PROGRAM, Ran, count, finish, folder, number, patiently, program, result, run_of,
    scenario, side_by_side, until,
};

const BLANK: &str = "\r\n\r\n";

/// A peer's behaviour, and the kind that it counts as; `None` is a success.
type Row = (&'static str, Option<&'static str>, fn(&mut Line) -> Then);

fn says(line: &mut Line, text: &str, then: Then) -> Then {
    line.say(text);
    then
}

/// Behaviours that end by themselves.
const QUICK: &[Row] = &[
    (
        "closes without a response",
        Some("reused_conn_closed"),
        |_| Then::Close,
    ),
    (
        "resets without a response",
        Some("reused_conn_closed"),
        |_| Then::Reset,
    ),
    ("new: closes without a response", Some("incomplete"), |_| {
        Then::Close
    }),
    ("new: resets without a response", Some("reset"), |_| {
        Then::Reset
    }),
    ("closes in the status line", Some("incomplete"), |l| {
        says(l, "HTTP/1.1 20", Then::Close)
    }),
    ("closes in the headers", Some("incomplete"), |l| {
        says(l, "HTTP/1.1 200 OK\r\ncontent-le", Then::Close)
    }),
    ("closes in a body", Some("incomplete"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            Then::Close,
        )
    }),
    ("closes in a chunk", Some("incomplete"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nshort",
            Then::Close,
        )
    }),
    ("closes between chunks", Some("incomplete"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n",
            Then::Close,
        )
    }),
    ("resets in the headers", Some("reset"), |l| {
        says(l, "HTTP/1.1 200 OK\r\ncontent-le", Then::Reset)
    }),
    ("resets in a body", Some("reset"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            Then::Reset,
        )
    }),
    ("resets in a chunk", Some("reset"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nshort",
            Then::Reset,
        )
    }),
    ("malformed status line", Some("protocol"), |l| {
        says(l, "HTTP/1.1 zwei OK\r\n\r\n", Then::Listen)
    }),
    ("another protocol", Some("protocol"), |l| {
        says(l, "SSH-2.0-OpenSSH_9.9\r\n\r\n", Then::Listen)
    }),
    ("malformed header", Some("protocol"), |l| {
        says(l, "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", Then::Listen)
    }),
    ("malformed chunk size", Some("protocol"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\ngood",
            Then::Listen,
        )
    }),
    ("malformed content-length", Some("protocol"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\ngood",
            Then::Listen,
        )
    }),
    ("two content-lengths", Some("protocol"), |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\ngood",
            Then::Listen,
        )
    }),
    ("10,000 headers", Some("protocol"), |l| {
        let headers: String = (0..10_000).map(|n| format!("x-{n}: 1\r\n")).collect();
        says(
            l,
            &format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0{BLANK}"),
            Then::Listen,
        )
    }),
    ("a header of 16 MB", Some("protocol"), |l| {
        let header = "x".repeat(16 << 20);
        says(
            l,
            &format!("HTTP/1.1 200 OK\r\nx: {header}\r\ncontent-length: 0{BLANK}"),
            Then::Listen,
        )
    }),
    ("a second response", None, |l| {
        says(
            l,
            &format!("{}{}", good("good"), good("evil")),
            Then::Listen,
        )
    }),
    ("surplus bytes after the response", None, |l| {
        says(l, &format!("{}more", good("good")), Then::Listen)
    }),
    ("a response before the next request", None, |l| {
        l.answer("good");
        std::thread::sleep(Duration::from_millis(30));
        l.answer("evil")
    }),
    ("103, then 200", None, |l| {
        says(
            l,
            &format!(
                "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{}",
                good("good")
            ),
            Then::Listen,
        )
    }),
    ("100 and 102, then 200", None, |l| {
        says(
            l,
            &format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n{}",
                good("good")
            ),
            Then::Listen,
        )
    }),
    ("204 with a length", None, |l| {
        says(
            l,
            "HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n",
            Then::Listen,
        )
    }),
    ("304 with a length", None, |l| {
        says(
            l,
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            Then::Listen,
        )
    }),
    ("two equal content-lengths", None, |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\ngood",
            Then::Listen,
        )
    }),
    ("chunks with trailers", None, |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2;x=y\r\ngo\r\n2\r\nod\r\n0\r\nx-sum: 7\r\n\r\n",
            Then::Listen,
        )
    }),
    ("HEAD with a length", None, |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n",
            Then::Listen,
        )
    }),
    ("a body that ends with the connection", None, |l| {
        says(l, "HTTP/1.1 200 OK\r\n\r\ngood", Then::Close)
    }),
    ("closes as announced", None, |l| {
        says(
            l,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ngood",
            Then::Close,
        )
    }),
    ("HTTP/1.0", None, |l| {
        says(
            l,
            "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ngood",
            Then::Close,
        )
    }),
];

/// Behaviours that end only at a timeout.
const SLOW: &[Row] = &[
    ("never responds", Some("timeout_first_byte"), |l| {
        l.wait_for_close();
        Then::Close
    }),
    ("drips its headers", Some("timeout_first_byte"), |l| {
        l.drip(
            good("good").repeat(20).as_bytes(),
            Duration::from_millis(40),
        );
        Then::Close
    }),
    ("drips its body", Some("timeout_total"), |l| {
        l.say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        l.drip(&[b'x'; 1000], Duration::from_millis(40));
        Then::Close
    }),
    ("an endless body", Some("timeout_total"), |l| {
        l.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while l.say(&chunk) {}
        Then::Close
    }),
    ("endless hints", Some("timeout_first_byte"), |l| {
        while l.say("HTTP/1.1 103 Early Hints\r\n\r\n") {
            std::thread::sleep(Duration::from_millis(5));
        }
        Then::Close
    }),
];

/// One request for each row, each followed by one that must succeed; `timeouts` apply to the
/// former.
fn flow(rows: &[Row], timeouts: &str) -> String {
    let step = |(index, (name, ..)): (usize, &Row)| {
        let method = if name.starts_with("HEAD") {
            "head"
        } else {
            "get"
        };
        let before = if name.starts_with("new:") {
            "{get: /close, name: hang up}, "
        } else {
            ""
        };
        let pause = if name.contains("before the next") {
            "{think: 300ms}, "
        } else {
            ""
        };
        format!(
            "{before}{{{method}: /row/{index}, name: '{name}', timeout: {timeouts}, on_error: continue}}, {pause}\
             {{get: /good, name: 'after: {name}', expect: {{body: {{equals: good}}}}, on_error: continue}}"
        )
    };
    // The first row needs a connection that has been used before.
    let begin = std::iter::once("{get: /good, name: begin}".to_owned());
    begin
        .chain(rows.iter().enumerate().map(step))
        .collect::<Vec<_>>()
        .join(",\n")
}

/// A peer that behaves according to these rows.
fn peer(rows: &'static [Row]) -> Peer {
    Peer::start(move |line, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path
            .strip_prefix("/row/")
            .map(|index| index.parse::<usize>().expect("a number"))
        {
            Some(index) => rows[index].2(line),
            None if path == "/close" => says(
                line,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                Then::Close,
            ),
            None => line.answer("good"),
        }
    })
}

/// Runs a scenario with so few descriptors that a leak would be noticed.
fn run_with_few_descriptors(text: &str, url: &str) -> (tempfile::TempDir, Ran) {
    let folder = folder();
    scenario(folder.path(), text);
    let line = "ulimit -n 60; exec \"$0\" \"$@\"";
    let arguments = [
        "-c",
        line,
        PROGRAM,
        "run",
        "test.yaml",
        "--target",
        url,
        "-o",
        "out",
        "--format",
        "none",
    ];
    let ran = finish(&mut program("sh", folder.path(), &arguments));
    (folder, ran)
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let steps = run["steps"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["name"] == name)
        .unwrap_or_else(|| panic!("no step `{name}`"))
}

/// Runs rows, and checks each of them against its expected kind; `took` returns the bounds of the
/// response times, in milliseconds.
fn judge(
    rows: &'static [Row],
    timeouts: &str,
    iterations: u64,
    took: impl Fn(&str) -> (f64, f64) + Sync,
) {
    let peer = peer(rows);
    side_by_side(MODES, |mode| {
        let text = format!(
            "name: t\nmodes: [{mode}]\ntargets: {{ peer: {{ url: builtin }} }}\nload: {{ iterations: {iterations} }}\n\
             mix: [ {{ name: m, flow: [ {} ] }} ]\n",
            flow(rows, timeouts)
        );
        let (folder, ran) = run_with_few_descriptors(&text, &peer.url());
        ran.exits(0);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        let mut wrong = Vec::new();
        for (name, kind, _) in rows {
            let (bad, after) = (step(run, name), step(run, &format!("after: {name}")));
            let failures = kind
                .map(|kind| serde_json::json!({ kind: iterations }))
                .unwrap_or_else(|| serde_json::json!({}));
            let (least, most) = took(name);
            let times = &bad["response_ms"];
            if bad["failures"] != failures
                || number(times, "min") < least
                || number(times, "max") > most
            {
                wrong.push(format!(
                    "{mode}, {name}: {} in {} to {} ms",
                    bad["failures"], times["min"], times["max"]
                ));
            }
            if count(after, "ok") != iterations {
                wrong.push(format!("{mode}, after: {name}: {}", after["failures"]));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}\n{:#}",
            wrong.join("\n"),
            run["errors"]
        );
    });
    until("all connections are closed", || peer.open() == 0);
}

#[test]
fn each_fault_is_counted_once_under_its_kind_and_the_next_request_succeeds() {
    judge(QUICK, "20s", 5, |_| (0.0, 10_000.0));
}

#[test]
fn an_endless_response_ends_at_its_timeout() {
    judge(SLOW, "{first_byte: 200ms, total: 400ms}", 2, |name| {
        let first = matches!(
            name,
            "never responds" | "drips its headers" | "endless hints"
        );
        let least = if first { 200.0 } else { 400.0 };
        (least, least + 2_000.0)
    });
}

#[test]
fn a_peer_that_stops_listening_is_counted_as_refused() {
    for mode in MODES {
        let folder = folder();
        scenario(
            folder.path(),
            "{name: t, targets: {shop: {url: builtin}}, load: {vus: 2, iterations: 20}, mix: [{name: m, flow: [{get: /}]}]}",
        );
        let url = format!("http://{}", accepts_only_preflight());
        let result =
            crate::support::run_to_result(folder.path(), &["--target", &url, "--mode", mode]);
        let run = run_of(&result, mode);
        assert_eq!(
            run["failures"],
            serde_json::json!({ "refused": 20 }),
            "{mode}: {}",
            run["errors"]
        );
    }
}

#[test]
fn a_peer_that_closes_right_after_accepting_is_reported() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let folder = folder();
    let text = "{name: t, targets: {shop: {url: builtin, timeout: 20s}}, load: {vus: 2, iterations: 20}, mix: [{name: m, flow: [{get: /}]}]}";
    scenario(folder.path(), text);
    for mode in MODES {
        let result =
            crate::support::run_to_result(folder.path(), &["--target", &url, "--mode", mode]);
        let run = run_of(&result, mode);
        // The request sees the end of the connection, or a reset if it arrives after that.
        let kinds = run["failures"].as_object().expect("an object");
        assert!(
            kinds
                .keys()
                .all(|kind| ["incomplete", "reset"].contains(&kind.as_str())),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(count(run, "failed"), 20, "{mode}");
        assert!(
            number(&run["response_ms"], "max") < 2_000.0,
            "{mode}: {}",
            run["response_ms"]
        );
    }
}

#[test]
fn a_stale_connection_is_retried_only_if_the_scenario_says_so() {
    // The second request on each connection finds it closed.
    let peer = Peer::start(|line, _| {
        if line.served == 0 {
            line.answer("good")
        } else {
            Then::Close
        }
    });
    let text = |retry: &str| {
        format!(
            "{{name: t, modes: [sequential, threaded, async], targets: {{shop: {{url: '{}'}}}}, load: {{iterations: 10}}, \
             mix: [{{name: m, flow: [{{get: /{retry}}}]}}]}}",
            peer.url()
        )
    };
    let folder = folder();
    for (retry, failed, retries) in [
        ("", 5, 0),
        (", retry: {attempts: 2, errors: [reused_conn_closed]}", 0, 9),
        (", retry: {attempts: 2, errors: [reset]}", 5, 0),
    ] {
        scenario(folder.path(), &text(retry));
        let result = crate::support::run_to_result(folder.path(), &[]);
        for mode in MODES {
            let run = run_of(&result, mode);
            assert_eq!(
                (count(run, "failed"), count(run, "retries")),
                (failed, retries),
                "{mode}{retry}: {}",
                run["failures"]
            );
            let named = run["failures"]
                .get("reused_conn_closed")
                .map_or(0, |n| n.as_u64().expect("a number"));
            assert_eq!(named, failed, "{mode}{retry}");
        }
    }
}

#[test]
fn a_large_body_is_read_at_constant_memory() {
    let peer = Peer::start(|line, request| {
        let megabytes: usize = request
            .trim_start_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .expect("a number");
        line.say(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            megabytes << 20
        ));
        let block = vec![b'x'; 1 << 20];
        (0..megabytes).for_each(|_| {
            line.say(&block);
        });
        Then::Listen
    });
    let folder = folder();
    for mode in MODES {
        let peak = |megabytes: u64| {
            let text = format!(
                "{{name: t, targets: {{shop: {{url: builtin}}}}, load: {{iterations: 2}}, mix: [{{name: m, flow: [{{get: /{megabytes}}}]}}]}}"
            );
            scenario(folder.path(), &text);
            let result = crate::support::run_to_result(
                folder.path(),
                &["--target", &peer.url(), "--mode", mode],
            );
            let run = run_of(&result, mode);
            assert!(
                count(run, "ok") == 2 && count(run, "bytes_in") > megabytes << 21,
                "{mode}: {}",
                run["errors"]
            );
            count(&run["resources"], "peak_rss_bytes")
        };
        let (small, large) = (peak(1), peak(100));
        assert!(
            large < small + (10 << 20),
            "{mode}: peak memory of {large} bytes, but {small} for a hundredth of the body"
        );
    }
}

#[test]
fn a_dripping_response_ends_within_20_ms_of_its_timeout() {
    const TOTAL_MS: f64 = 1500.0;
    let peer = Peer::start(|line, _| {
        line.say("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        line.drip(&[b'x'; 1000], Duration::from_secs(1));
        Then::Close
    });
    let text = "{name: t, targets: {peer: {url: builtin, timeout: 1500ms}}, load: {vus: 2, iterations: 2}, mix: [{name: m, flow: [{get: /}]}]}";
    side_by_side(MODES, |mode| {
        let folder = folder();
        scenario(folder.path(), text);
        patiently(|| {
            let result = crate::support::run_to_result(
                folder.path(),
                &["--target", &peer.url(), "--mode", mode],
            );
            let run = run_of(&result, mode);
            assert_eq!(
                run["failures"],
                serde_json::json!({ "timeout_total": 2 }),
                "{mode}: {}",
                run["errors"]
            );
            let (first, last) = (
                number(&run["service_ms"], "min"),
                number(&run["service_ms"], "max"),
            );
            assert!(
                first >= TOTAL_MS && last <= TOTAL_MS + 20.0,
                "{mode}: {first} to {last} ms"
            );
        });
    });
    until("all connections are closed", || peer.open() == 0);
}
