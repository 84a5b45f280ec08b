//! `loadgen try`: one pass of each mix entry, shown as it goes over the wire; and `run --debug-log`,
//! which keeps the exchanges that failed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::nginx::Nginx;
use crate::peer::{Line, Peer, Then};
use crate::support::{
    MODES, Ran, folder, is_installed, loadgen, pid, run, run_to_result, scenario,
};

/// A secret that no output may contain.
const SECRET: &str = "tok-secret-7f3a9b";

fn tried(folder: &Path, flags: &[&str]) -> Ran {
    run(folder, &[&["try", "test.yaml"], flags].concat())
}

/// Returns the JSON of a try that ends with this code.
fn json(folder: &Path, flags: &[&str], code: i32) -> Value {
    let ran = tried(folder, &[&["--json"], flags].concat()).exits(code);
    let result: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    assert_eq!(result["schema"], "loadgen.try/1");
    assert_eq!(result["passed"], code == 0, "{result}");
    result
}

/// Returns all exchanges of a result in order.
fn exchanges(result: &Value) -> Vec<&Value> {
    let passes = result["passes"].as_array().expect("passes");
    passes
        .iter()
        .flat_map(|pass| pass["exchanges"].as_array().expect("exchanges"))
        .collect()
}

/// Returns the names of the steps of all exchanges in order.
fn steps(result: &Value) -> Vec<&str> {
    let step = |exchange: &&Value| exchange["step"].as_str().expect("a name").len();
    let all = exchanges(result);
    assert!(all.iter().all(|exchange| step(exchange) > 0));
    all.into_iter()
        .map(|exchange| exchange["step"].as_str().expect("a name"))
        .collect()
}

/// Fails unless a text contains each of these parts, in order.
#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no `{part}`, or not in this order, in:\n{text}"));
        rest = after;
    }
}

fn reply(line: &mut Line, head: &str, body: &[u8]) -> Then {
    let length = body.len();
    line.say(format!(
        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n"
    ));
    line.say(body);
    Then::Listen
}

/// A peer with a known answer to each path.
fn peer() -> Peer {
    let flaky = Arc::new(AtomicUsize::new(0));
    Peer::start(move |line, request| match request {
        "GET /item" => reply(line, "200 Fine\r\nx-a: 1", br#"{"id": 41, "tags": ["a"]}"#),
        "GET /moved" => reply(line, "302 Found\r\nlocation: /item", b""),
        "GET /flaky" if flaky.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => {
            reply(line, "503 Busy", b"later")
        }
        "GET /bad" => reply(line, "500 Broken", b"no luck"),
        "GET /binary" => reply(line, "200 OK", &[0, 1, 254, 255]),
        "GET /long" => reply(line, "200 OK", &[b'x'; 100_000]),
        "GET /gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(b"it was packed").expect("in memory");
            let packed = encoder.finish().expect("in memory");
            reply(line, "200 OK\r\ncontent-encoding: gzip", &packed)
        }
        "GET /cut" => {
            line.say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
            Then::Close
        }
        "GET /packed" => reply(line, "200 OK", format!("\0\0{SECRET}").as_bytes()),
        _ if request.contains("echo") => {
            let head = line.head.join("\n");
            let body = format!("{request}\n{head}");
            reply(line, "200 OK", body.as_bytes())
        }
        _ => reply(line, "200 OK", b"ok"),
    })
}

/// Writes a scenario with one target and these mix entries.
fn with_peer(folder: &Path, peer: &Peer, mix: &str) {
    scenario(
        folder,
        &format!(
            "name: t\ntargets: {{ it: {{ url: \"{}\", http: {{ redirects: 2 }} }} }}\nmix:\n{mix}load: {{ vus: 3, duration: 1s }}\n",
            peer.url()
        ),
    );
}

#[test]
fn a_request_and_its_response_are_shown_as_they_went_over_the_wire() {
    let (folder, peer) = (folder(), peer());
    with_peer(
        folder.path(),
        &peer,
        r#"
  - flow:
      - get: /item
        expect: { status: 200, headers: { x-a: "1" }, json: { "$.id": 41 }, max_response: 30s }
        capture: { id: { jsonpath: $.id }, other: { header: x-none, default: 7 } }
      - post: "/use/{{id}}"
        headers: { x-own: mine }
        json: { id: "{{id}}" }
"#,
    );
    let ran = tried(folder.path(), &[]).exits(0);
    let host = format!("> host: {}", peer.address);
    contains(
        &ran.stdout,
        &[
            "✓ GET /item",
            &format!("{}/item", peer.url()),
            "> GET /item HTTP/1.1",
            &host,
            "> user-agent: loadgen/",
            "< HTTP/1.1 200 Fine",
            "< x-a: 1",
            r#"< {"id": 41, "tags": ["a"]}"#,
            "✓ status 200, seen 200",
            "✓ header x-a \"1\", seen \"1\"",
            "✓ json $.id equals 41, seen 41",
            "✓ max_response 30s, seen ",
            "id = 41",
            "other = 7 (the default: nothing at header `x-none`)",
            "connect ",
            "first byte ",
            "total ",
            "✓ POST /use/{{id}}",
            "> POST /use/41 HTTP/1.1",
            "> content-type: application/json",
            "> x-own: mine",
            "> content-length: 9",
            r#"> {"id":41}"#,
            "< ok",
        ],
    );
    let result = json(folder.path(), &[], 0);
    let all = exchanges(&result);
    assert_eq!(all[0]["checks"].as_array().map(Vec::len), Some(4));
    assert_eq!(all[0]["captures"][0]["value"], 41);
    assert_eq!(all[0]["times"]["tls_ms"], Value::Null);
    assert!(all[0]["times"]["connect_ms"].as_f64() > Some(0.0));
    assert_eq!(all[1]["times"]["connect_ms"], Value::Null, "it is kept");
    let sent = &all[1]["hops"][0]["request"];
    assert_eq!(sent["line"], "POST /use/41 HTTP/1.1");
    assert_eq!(sent["body"]["text"], r#"{"id":41}"#);
}

#[test]
fn a_failed_check_is_shown_and_ends_with_99() {
    let (folder, peer) = (folder(), peer());
    let mix = r#"
  - name: first
    flow:
      - get: /item
        expect: { json: { "$.id": 42 }, body: { contains: nothing } }
      - get: /never
  - name: second
    flow: [ { get: /item, capture: { gone: { jsonpath: $.gone } } } ]
"#;
    with_peer(folder.path(), &peer, mix);
    let ran = tried(folder.path(), &[]).exits(99);
    contains(
        &ran.stdout,
        &[
            "== mix first ==",
            "✗ GET /item",
            "✗ body contains \"nothing\"",
            "✗ json $.id equals 42, seen 41",
            "failed (check): body",
            "not run: GET /never",
            "== mix second ==",
            "gone: nothing at `$.gone`",
            "failed (capture)",
        ],
    );
    ran.says(&["2 of 2 operations failed; the first is `GET /item`"]);
    let result = json(folder.path(), &["--mix", "first"], 99);
    assert_eq!(result["passes"].as_array().map(Vec::len), Some(1));
    assert_eq!(result["passes"][0]["not_run"][0], "GET /never");
    assert_eq!(exchanges(&result)[0]["failure"]["kind"], "check");
}

#[test]
fn redirects_and_retries_are_shown_one_by_one() {
    let (folder, peer) = (folder(), peer());
    let mix = "
  - flow:
      - get: /moved
      - get: /flaky
        retry: { attempts: 3, backoff: { constant: 1ms } }
";
    with_peer(folder.path(), &peer, mix);
    let result = json(folder.path(), &[], 0);
    let all = exchanges(&result);
    assert_eq!(steps(&result), ["GET /moved", "GET /flaky", "GET /flaky"]);
    let line = |hop: &Value| hop["response"]["line"].as_str().map(str::to_owned);
    let hops = all[0]["hops"].as_array().expect("hops");
    let lines: Vec<_> = hops.iter().filter_map(line).collect();
    assert_eq!(lines, ["HTTP/1.1 302 Found", "HTTP/1.1 200 Fine"]);
    assert_eq!(
        (&all[1]["attempt"], &all[2]["attempt"]),
        (&1.into(), &2.into())
    );
    assert_eq!(
        (&all[1]["outcome"], &all[2]["outcome"]),
        (&"failed".into(), &"ok".into())
    );
    assert_eq!(
        (&all[1]["is_retried"], &all[1]["attempts"]),
        (&true.into(), &3.into())
    );
    let ran = tried(folder.path(), &[]).exits(0);
    contains(
        &ran.stdout,
        &[
            "> GET /moved",
            "< location: /item",
            "> GET /item",
            "✗ GET /flaky (try 1 of 3)",
            "< later",
            "failed (status): status 503, expected 2xx or 3xx; tried again",
            "✓ GET /flaky (try 2 of 3)",
        ],
    );
}

#[test]
fn bodies_that_are_long_binary_packed_or_incomplete_are_shown_as_such() {
    let (folder, peer) = (folder(), peer());
    let mix = "
  - flow:
      - { get: /binary }
      - { get: /long }
      - { get: /gzip }
      - { get: /cut }
";
    with_peer(folder.path(), &peer, mix);
    let ran = tried(folder.path(), &[]).exits(99);
    contains(
        &ran.stdout,
        &[
            "[binary, 4 B: 00 01 fe ff]",
            "xxxxxx",
            "[cut; the whole body has 100 KB]",
            "< it was packed",
            "< only this",
            "failed (incomplete)",
        ],
    );
    assert!(ran.stdout.len() < 20_000, "{}", ran.stdout.len());
    let result = json(folder.path(), &[], 99);
    let body = |at: usize| &exchanges(&result)[at]["hops"][0]["response"]["body"];
    assert_eq!(
        (&body(0)["size"], &body(0)["is_cut"]),
        (&4.into(), &false.into())
    );
    assert_eq!(body(0)["text"], Value::Null);
    assert_eq!(
        (&body(1)["size"], &body(1)["is_cut"]),
        (&100_000.into(), &true.into())
    );
    assert!(
        body(1)["text"]
            .as_str()
            .is_some_and(|text| text.len() < 20_000)
    );
    assert_eq!(body(2)["text"], "it was packed");
    assert_eq!(body(3)["is_cut"], true);
}

#[test]
fn a_dead_port_ends_with_3_and_nothing_is_shown() {
    let folder = folder();
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("a bound socket");
    drop(port);
    scenario(
        folder.path(),
        &format!(
            "name: t\ntargets: {{ it: {{ url: \"http://{address}\" }} }}\nmix: [ {{ flow: [ {{ get: / }} ] }} ]\nload: {{ vus: 1, iterations: 1 }}\n"
        ),
    );
    let ran = tried(folder.path(), &[]).exits(3);
    assert_eq!(ran.stdout, "");
    ran.says(&["target `it`", "refused"]);
}

#[test]
fn no_secret_is_shown_wherever_it_goes_or_comes_from() {
    let (folder, peer) = (folder(), peer());
    let secret = format!(
        r#"name: t
secrets: {{ token: {SECRET} }}
targets: {{ it: {{ url: "{}", auth: {{ bearer: "{{{{token}}}}" }} }} }}
mix:
  - name: "with {{{{token}}}}"
    flow:
      - post: "/echo/{{{{token}}}}?q={{{{token}}}}"
        headers: {{ cookie: "sid={{{{token}}}}", x-coded: "{{{{base64(token)}}}}" }}
        body: "\x00{{{{token}}}}"
        capture: {{ all: {{ body: true }}, part: {{ regex: "tok-[a-z0-9-]+" }} }}
        expect: {{ status: 201, body: {{ equals: "{{{{token}}}}" }} }}
        on_error: continue
      - get: "/echo/{{{{token}}}}"
        capture: {{ part: {{ regex: "tok-[a-z0-9-]+" }} }}
      - get: /packed
load: {{ vus: 1, iterations: 2 }}
"#,
        peer.url()
    );
    scenario(folder.path(), &secret);
    let quiet = |what: &str, text: &str| {
        assert!(text.contains("***"), "{what} hides nothing:\n{text}");
        for form in [SECRET, "dG9rLXNlY3JldC03ZjNhOWI", "74 6f 6b 2d"] {
            assert!(!text.contains(form), "{what} shows {form}:\n{text}");
        }
    };
    for flags in [&[][..], &["--json"]] {
        let ran = tried(folder.path(), flags).exits(99);
        quiet("stdout", &ran.stdout);
        assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
        assert!(ran.stdout.contains("part"), "{}", ran.stdout);
    }
    for mode in MODES {
        run_to_result(folder.path(), &["--mode", mode, "--debug-log", "log.txt"]);
        let log = fs::read_to_string(folder.path().join("log.txt")).expect("a log");
        quiet("the log", &log);
        contains(
            &log,
            &[
                "# 2 failed exchanges",
                &format!("== {mode}, mix with *** =="),
                "< POST /echo/***",
            ],
        );
    }
}

#[test]
fn the_debug_log_keeps_the_first_failures_of_every_mode_and_is_bounded() {
    let (folder, peer) = (folder(), peer());
    let mix = "
  - flow:
      - { get: /item }
      - { get: /bad, on_error: continue }
      - { sleep: 1ms, fail: 100%, on_error: continue }
";
    with_peer(folder.path(), &peer, mix);
    let log = |flags: &[&str]| {
        let log_flags = ["-d", "20s", "--debug-log", "logs.txt"];
        run_to_result(folder.path(), &[&log_flags, flags].concat());
        fs::read_to_string(folder.path().join("logs.txt")).expect("a log")
    };
    for mode in MODES {
        let text = log(&["--mode", mode, "-i", "300"]);
        contains(
            &text,
            &[
                "# 100 failed exchanges",
                &format!("== {mode}, mix"),
                "✗ ",
                "GET /bad",
                "< no luck",
                "failed (status)",
            ],
        );
        assert_eq!(text.matches("\n✗ ").count(), 100, "{mode}");
        assert!(
            text.contains("failed (mock)") && !text.contains("GET /item"),
            "{mode}: {text}"
        );
    }
    let text = log(&["--mode", "all", "-i", "60"]);
    for mode in MODES {
        contains(&text, &[&format!("== {mode}, mix")]);
    }
    assert_eq!(text.matches("\n✗ ").count(), 99, "33 of each");
    with_peer(folder.path(), &peer, "  - flow: [ { get: /item } ]\n");
    assert!(log(&["-i", "5"]).starts_with("# 0 failed exchanges"));
    run(
        folder.path(),
        &["run", "test.yaml", "--debug-log", "none/log.txt"],
    )
    .exits(1);
}

#[test]
fn branches_websockets_tcp_and_mock_operations_are_shown() {
    let folder = folder();
    scenario(
        folder.path(),
        r#"name: t
targets: { b: { url: builtin } }
mix:
  - flow:
      - parallel:
          - { sleep: 150ms, name: slow }
          - { get: /bytes/3, name: fast }
          - flow: [ { sleep: 1ms, name: one }, { sleep: 40ms, name: two } ]
      - race: [ { sleep: 1ms, name: winner }, { sleep: 20s, name: loser } ]
      - tcp: { send: "over tcp\n", receive: line }
        name: line
        capture: { answer: { regex: "over .*" } }
      - websocket: /ws/echo
        name: open
        flow:
          - { send: "first", name: unheard }
          - { send: "hello {{answer}}", receive: { contains: hello }, name: talk, expect: { body: { contains: tcp } } }
      - { cpu: 1ms, chance: 0.01%, name: rare }
load: { rate: 10/s, duration: 1s }
"#,
    );
    let result = json(folder.path(), &[], 0);
    let all = exchanges(&result);
    let found = |name: &str| {
        let mut found = all.iter().filter(|exchange| exchange["step"] == name);
        *found
            .next()
            .unwrap_or_else(|| panic!("no {name} in {result}"))
    };
    let order = steps(&result);
    let place = |name: &str| order.iter().position(|step| *step == name);
    assert!(
        place("fast") < place("slow") && place("two") < place("slow"),
        "as each ends: {order:?}"
    );
    assert_eq!(found("loser")["outcome"], "cancelled");
    assert_eq!(found("rare")["outcome"], "ok", "it runs in any case");
    let line = &found("line")["hops"][0];
    assert_eq!(line["request"]["body"]["text"], "over tcp\n");
    assert_eq!(line["response"]["body"]["text"], "over tcp");
    let open = &found("open")["hops"][0];
    assert_eq!(open["request"]["line"], "GET /ws/echo HTTP/1.1");
    assert_eq!(open["response"]["line"], "HTTP/1.1 101 Switching Protocols");
    assert!(
        open["request"]["headers"]
            .to_string()
            .contains("sec-websocket-key")
    );
    assert!(
        open["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("ws://"))
    );
    let talk = found("talk");
    assert_eq!(talk["hops"][0]["request"]["body"]["text"], "hello over tcp");
    assert_eq!(
        talk["hops"][0]["response"]["body"]["text"],
        "hello over tcp"
    );
    assert_eq!(
        talk["hops"][0]["response"]["passed_over"][0]["text"],
        "first"
    );
    assert_eq!(talk["checks"][0]["passed"], true);
    let ran = tried(folder.path(), &[]).exits(0);
    contains(
        &ran.stdout,
        &[
            "– cancelled: loser",
            "✓ line",
            "> over tcp",
            "< over tcp",
            "✓ open",
            "> upgrade: websocket",
            "✓ talk",
            "< first",
            "(not the message that the step waits for)",
            "< hello over tcp",
        ],
    );
}

#[test]
fn mock_flows_setup_and_teardown_need_no_target() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: t
modes: [simulated]
setup: [ { sleep: 1ms, name: before }, { set: { x: \"'from setup'\" } } ]
teardown: [ { sleep: 1ms, name: after } ]
mix:
  - { name: a, flow: [ { sleep: 1ms, name: \"is it\", when: \"x == 'from setup'\" }, { sleep: 1ms, name: skipped, when: \"false\" } ] }
  - { name: b, flow: [ { set: { y: \"x.a.b\" } }, { sleep: 1ms } ] }
  - { name: c, flow: [ { think: 1ms } ] }
load: { vus: 9, duration: 1h }
",
    );
    let result = json(folder.path(), &[], 99);
    let passes = result["passes"].as_array().expect("passes");
    let heads: Vec<_> = passes
        .iter()
        .map(|pass| (&pass["section"], &pass["mix"], &pass["passed"]))
        .collect();
    let head = |section: &str, mix: &str, passed: bool| (section.into(), mix.into(), passed.into());
    let wanted: [(Value, Value, Value); 5] = [
        head("setup", "", true),
        head("mix", "a", true),
        head("mix", "b", false),
        head("teardown", "", true),
        head("mix", "c", true),
    ];
    let wanted: Vec<_> = wanted.iter().map(|(a, b, c)| (a, b, c)).collect();
    assert_eq!(heads, wanted, "{result}");
    assert_eq!(passes[1]["not_run"], serde_json::json!(["skipped"]));
    let failure = &passes[2]["exchanges"][0]["failure"];
    assert_eq!(failure["kind"], "data", "{result}");
}

#[test]
fn a_setup_that_fails_is_shown_and_ends_with_99() {
    let (folder, peer) = (folder(), peer());
    scenario(
        folder.path(),
        &format!(
            "name: t\ntargets: {{ it: {{ url: \"{}\" }} }}\nsetup: [ {{ get: /bad }} ]\nteardown: [ {{ get: /item }} ]\nmix: [ {{ flow: [ {{ get: /never }} ] }} ]\nload: {{ vus: 1, iterations: 1 }}\n",
            peer.url()
        ),
    );
    let ran = tried(folder.path(), &[]).exits(99);
    contains(
        &ran.stdout,
        &[
            "== setup ==",
            "✗ GET /bad",
            "< no luck",
            "== teardown ==",
            "✓ GET /item",
        ],
    );
    assert!(!ran.stdout.contains("✓ GET /never"), "{}", ran.stdout);
    let flags = ["run", "test.yaml", "-o", "out", "--debug-log", "log.txt"];
    run(folder.path(), &flags).exits(3);
    let log = fs::read_to_string(folder.path().join("log.txt")).expect("a log");
    contains(
        &log,
        &["# 1 failed exchange,", "== async, setup ==", "✗ GET /bad"],
    );
}

#[test]
fn one_step_is_shown_alone_and_ends_the_flow() {
    let (folder, peer) = (folder(), peer());
    let mix = "
  - name: a
    flow:
      - get: /item
        capture: { id: { jsonpath: $.id } }
      - { get: \"/use/{{id}}\", name: use }
      - { get: /bad }
  - name: b
    flow: [ { get: /item }, { flow: [ { get: /item, name: inner }, { get: /bad } ], name: group } ]
";
    with_peer(folder.path(), &peer, mix);
    let result = json(folder.path(), &["--step", "use"], 0);
    assert_eq!(steps(&result), ["use"]);
    assert_eq!(
        exchanges(&result)[0]["hops"][0]["request"]["line"],
        "GET /use/41 HTTP/1.1"
    );
    assert_eq!(result["passes"][0]["not_run"], serde_json::json!([]));
    assert_eq!(
        steps(&json(folder.path(), &["--step", "inner"], 0)),
        ["inner"]
    );
    assert_eq!(
        steps(&json(folder.path(), &["--step", "group"], 99)),
        ["inner", "GET /bad"]
    );
    assert_eq!(
        steps(&json(
            folder.path(),
            &["--mix", "b", "--step", "GET /item"],
            0
        )),
        ["GET /item"]
    );
    for (flags, says) in [
        (
            &["--step", "usse"][..],
            "unknown step `usse`; did you mean `use`?",
        ),
        (
            &["--step", "GET /bad", "--mix", "A"],
            "unknown mix entry `A`; did you mean `a`?",
        ),
        (
            &["--mix", "zebra"],
            "unknown mix entry `zebra`; the scenario has `a` and `b`",
        ),
        (&["--mix", "b", "--step", "use"], "unknown step `use`; "),
        (&["--data-row", "0"], "--data-row"),
    ] {
        let ran = tried(folder.path(), flags).exits(2).says(&[says]);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_row_is_chosen_by_its_number() {
    let (folder, peer) = (folder(), peer());
    fs::write(folder.path().join("users.csv"), "id\nada\ngrace\nalan\n").expect("written");
    for order in ["sequential", "shuffled", "random"] {
        let data = format!("data: {{ users: {{ file: users.csv, order: {order} }} }}");
        scenario(
            folder.path(),
            &format!(
                "name: t\ntargets: {{ it: {{ url: \"{}\" }} }}\n{data}\nmix: [ {{ data: users, flow: [ {{ get: \"/{{{{users.id}}}}\" }} ] }} ]\nload: {{ vus: 1, iterations: 1 }}\n",
                peer.url()
            ),
        );
        for (row, id) in [("1", "ada"), ("2", "grace"), ("3", "alan")] {
            let result = json(folder.path(), &["--data-row", row], 0);
            let line = format!("GET /{id} HTTP/1.1");
            assert_eq!(
                exchanges(&result)[0]["hops"][0]["request"]["line"],
                line,
                "{order}"
            );
        }
    }
    tried(folder.path(), &["--data-row", "4"])
        .exits(2)
        .says(&["--data-row 4: data `users` has only 3 rows"]);
}

#[test]
fn nginx_is_tried_over_both_versions_of_http() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let folder = folder();
    fs::write(folder.path().join("body.txt"), "from a file").expect("written");
    let nginx = Nginx::start(folder.path());
    let text = |protocol: &str, url: &str| {
        format!(
            "name: t
targets: {{ nginx: {{ url: \"{url}\", http: {{ protocol: {protocol}, keep_alive: never }} }} }}
mix: [ {{ flow: [ {{ get: /page.html }}, {{ get: /gone, on_error: continue }}, {{ post: /hello, body_file: body.txt }} ] }} ]
load: {{ vus: 1, iterations: 1 }}
"
        )
    };
    scenario(folder.path(), &text("http1", &nginx.url));
    let parts = |version: &str| {
        [
            format!("> GET /page.html {version}"),
            format!("< {version} 200"),
            "< server: nginx".into(),
            "[cut; the whole body has 20.0 KB]".into(),
            format!("< {version} 410"),
            "failed (status)".into(),
            format!("> POST /hello {version}"),
            "> content-length: 11".into(),
            "> from a file".into(),
            "< hello".into(),
        ]
    };
    let ran = tried(folder.path(), &[]).exits(99);
    contains(
        &ran.stdout,
        &parts("HTTP/1.1").each_ref().map(String::as_str),
    );
    assert_eq!(ran.stdout.matches("> connection: close").count(), 3);
    assert_eq!(nginx.logged(0, 3).len(), 3, "each request is sent once");
    drop(nginx);
    let nginx = Nginx::over_http2(folder.path());
    scenario(folder.path(), &text("http2", &nginx.url));
    let ran = tried(folder.path(), &[]).exits(99);
    contains(&ran.stdout, &parts("HTTP/2").each_ref().map(String::as_str));
    assert!(
        ran.stdout.contains("> :authority: 127.0.0.1"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("> connection"), "{}", ran.stdout);
}

#[test]
fn a_signal_ends_it_at_once_and_the_teardown_still_runs() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: t
teardown: [ { sleep: 1ms, name: after } ]
mix: [ { flow: [ { sleep: 1ms, name: first }, { sleep: 10m, name: long }, { sleep: 1ms, name: never } ] } ]
load: { vus: 1, iterations: 1 }
",
    );
    let mut command = loadgen(folder.path(), &["try", "test.yaml"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    while !text.contains("first") {
        assert_ne!(stdout.read_line(&mut text).expect("text"), 0, "{text}");
    }
    kill_process(pid(child.id()), Signal::INT).expect("it exists");
    stdout.read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{text}");
    contains(
        &text,
        &["✓ first", "– cancelled: long", "not run: never", "✓ after"],
    );
}
