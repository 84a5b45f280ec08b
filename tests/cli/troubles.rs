//! The report of failures: their step, the times of the first and last one, and a URL, in every
//! mode and every form of the report.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::{self, MODES, Server, finish, folder, loadgen, run_of, scenario};

const KEY: &str = "a-secret-key-4711";

/// A scenario whose steps fail in different ways: statuses in two of them, a timeout, a check, a
/// missing message over a WebSocket, a missing reply over TCP, and mock work.
const FAILING: &str = "\
name: failing
modes: [sequential, threaded, async]
workers: 1
secrets: { key: \"${TOKEN}\" }
targets:
  shop: { url: \"SHOP\" }
  silent: { url: \"tcp://SILENT\" }
mix:
  - name: browse
    flow:
      - repeat:
          times: 2
          flow: [ { get: \"/status/404?key={{key}}&q={{q}}\", name: first, target: shop, on_error: continue } ]
      - { get: /status/404, name: second, target: shop, on_error: continue }
      - { get: /delay/5, name: slow, target: shop, timeout: 30ms, on_error: continue }
      - { get: /json, name: other, target: shop, expect: { json: { $.nothing: 1 } }, on_error: continue }
      - websocket: /ws/echo
        name: open
        target: shop
        flow: [ { send: a, name: echo, receive: { matches: never }, timeout: 30ms, on_error: continue } ]
      - { tcp: { send: a, receive: line }, name: line, target: silent, timeout: 30ms, on_error: continue }
      - { sleep: 1ms, name: mock, fail: 100%, on_error: continue }
load: { vus: 1, iterations: 3 }
vars: { q: \"a b\" }
thresholds: [ error_rate < 1% ]
";

#[test]
fn a_failure_reports_its_step_its_times_and_its_url() {
    let (folder, server) = (folder(), Server::start());
    // The kernel accepts the connection, but nothing ever responds.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent_at = silent.local_addr().expect("a bound socket").to_string();
    scenario(
        folder.path(),
        &FAILING
            .replace("SHOP", &server.url())
            .replace("SILENT", &silent_at),
    );
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        "html,markdown,junit",
        "--on-invalid",
        "warn",
    ];
    let ran = finish(loadgen(folder.path(), &arguments).env("TOKEN", KEY)).exits(99);
    let result = support::result(&folder.path().join("out"));
    let (shop, websocket) = (server.url(), server.url().replacen("http", "ws", 1));
    let wanted = [
        (
            "first",
            "status",
            Some(format!("{shop}/status/404?key=***&q=a%20b")),
        ),
        ("second", "status", Some(format!("{shop}/status/404"))),
        ("slow", "timeout_total", Some(format!("{shop}/delay/5"))),
        ("other", "check", Some(format!("{shop}/json"))),
        (
            "echo",
            "timeout_total",
            Some(format!("{websocket}/ws/echo")),
        ),
        ("line", "timeout_total", Some(format!("tcp://{silent_at}"))),
        ("mock", "mock", None),
    ];
    for mode in MODES {
        let run = run_of(&result, mode);
        let errors = run["errors"].as_array().expect("a list");
        assert_eq!(errors.len(), wanted.len(), "{mode}: {errors:#?}");
        for (step, kind, url) in &wanted {
            let example = format!("browse › {step}");
            let error = errors
                .iter()
                .find(|error| error["example"] == example.as_str())
                .unwrap_or_else(|| panic!("{mode}: no {step}"));
            assert_eq!(
                (error["kind"].as_str(), error["count"].as_u64()),
                (Some(*kind), Some(if *step == "first" { 6 } else { 3 })),
                "{mode}: {error}"
            );
            assert_eq!(error["url"].as_str(), url.as_deref(), "{mode}: {error}");
            let moment = |key: &str| {
                error[key]
                    .as_f64()
                    .unwrap_or_else(|| panic!("{mode}: {error}"))
            };
            let wall_s = run["wall_s"].as_f64().expect("a number");
            assert!(
                0.0 < moment("first_s")
                    && moment("first_s") < moment("last_s")
                    && moment("last_s") <= wall_s,
                "{mode}: {error}"
            );
        }
    }
    let form = |name: &str| {
        fs::read_to_string(folder.path().join("out").join(name)).expect("it was written")
    };
    let sentence = format!("first {shop}/status/404?key=***");
    assert_eq!(
        ran.stdout.matches("browse › first, from").count(),
        3,
        "{}",
        ran.stdout
    );
    assert!(
        unwrapped(&ran.stdout).contains(&unwrapped(&sentence)),
        "{}",
        ran.stdout
    );
    let page = form("index.html");
    for part in [
        "<th scope=\"col\">first</th><th scope=\"col\">last</th>",
        "browse › first",
        "/status/404?key=***&#38;q=a%20b",
    ] {
        assert!(page.contains(part), "no {part}");
    }
    let markdown = form("report.md");
    assert!(
        markdown.contains("6 × `status` in `browse › first`, from ")
            && markdown.contains("key=***"),
        "{markdown}"
    );
    let junit = form("junit.xml");
    // With the failed threshold, and with the end of the run.
    assert_eq!(
        junit.matches("status in browse › first, from").count(),
        6,
        "{junit}"
    );
    for text in [&ran.stdout, &page, &markdown, &junit, &form("result.json")] {
        assert!(!text.contains(KEY));
    }
}

/// Removes the line breaks and padding that a table adds to text.
fn unwrapped(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn failure_times_refer_to_the_measured_part() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async, simulated], workers: 1, mix: [{flow: [{sleep: 100ms, fail: 100%}]}], \
         load: {vus: 1, duration: 450ms, warmup: 200ms}}",
    );
    let result = support::run_to_result(folder.path(), &[]);
    for mode in ["sequential", "threaded", "async", "simulated"] {
        let errors = run_of(&result, mode)["errors"].as_array().expect("a list");
        let [error] = &errors[..] else {
            panic!("{mode}: {errors:?}")
        };
        let moment = |key: &str| {
            error[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{mode}: {error}"))
        };
        let wall_s = run_of(&result, mode)["wall_s"].as_f64().expect("a number");
        // The last operation failed: if the time included the warm-up, it would be after the end.
        assert!(
            moment("first_s") < moment("last_s") && (wall_s - moment("last_s")).abs() < 0.01,
            "{mode}: {wall_s} {error}"
        );
        assert_eq!(error["url"], Value::Null, "{mode}: {error}");
    }
}
