//! Messages over WebSocket and lines over TCP, against the built-in server: they support the same
//! features as requests, and their bytes are counted exactly.

use serde_json::Value;

use crate::support::{MODES, Server, count, folder, number, run_of, run_to_result, scenario};

/// A scenario against the built-in server with this flow and load.
fn text(flow: &str, load: &str) -> String {
    format!(
        "{{name: t, modes: [sequential, threaded, async], targets: {{it: {{url: builtin}}}}, load: {load}, mix: [{{name: m, flow: {flow}}}]}}"
    )
}

/// The result of such a scenario.
fn result(flow: &str, load: &str) -> Value {
    let folder = folder();
    scenario(folder.path(), &text(flow, load));
    run_to_result(folder.path(), &["--on-invalid", "warn"])
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let mut steps = run["steps"].as_array().expect("steps").iter();
    steps
        .find(|step| step["name"] == name)
        .unwrap_or_else(|| panic!("no step {name} in {}", run["steps"]))
}

#[test]
fn byte_counts_match_frames_and_lines() {
    let result = result(
        "[{websocket: /ws/echo, name: open, flow: [{repeat: {times: 10, flow: [{send: hello, name: ask, receive: {contains: hello}}]}}, {send: bye, name: say}]}, \
         {tcp: {send: \"12345\\n\", receive: line}, name: line}, {tcp: {send: abcdEND, receive: {until: END}}, name: text}, \
         {tcp: {send: \"{{random_string(100000)}}\", receive: {bytes: 100KB}}, name: many, expect: {size: {min: 100KB, max: 100KB}}}]",
        "{vus: 2, iterations_per_vu: 3}",
    );
    for mode in MODES {
        let run = run_of(&result, mode);
        let passed = |name| {
            (
                count(step(run, name), "ok"),
                count(step(run, name), "bytes_out"),
                count(step(run, name), "bytes_in"),
            )
        };
        // A short frame has a header of 2 bytes; a client's frame has a mask of 4 more.
        assert_eq!(passed("ask"), (60, 60 * 11, 60 * 7), "{mode}");
        assert_eq!(
            passed("say"),
            (6, 6 * 9, 0),
            "{mode}: no step waits for a reply"
        );
        assert_eq!(passed("line"), (6, 6 * 6, 6 * 6), "{mode}");
        assert_eq!(passed("text"), (6, 6 * 7, 6 * 7), "{mode}");
        assert_eq!(passed("many"), (6, 600_000, 600_000), "{mode}");
        assert_eq!(
            count(&step(run, "open")["connect_ms"], "count"),
            6,
            "{mode}: a new WebSocket each time"
        );
        assert_eq!(
            count(&step(run, "line")["connect_ms"], "count"),
            2,
            "{mode}: a TCP connection for each user"
        );
        assert!(step(run, "text")["connect_ms"].is_null(), "{mode}");
        // Echoes that no step waits for still arrive: they are read when the connection is closed.
        assert_eq!(count(step(run, "open"), "pushes"), 6, "{mode}");
    }
}

#[test]
fn checks_captures_and_tags_apply_to_the_reply() {
    let result = result(
        "[{websocket: /ws/echo, flow: [\
         {send_json: {id: \"{{seq()}}\", kind: \"{{'odd' if seq() % 2 else 'even'}}\"}, name: ask, receive: {json: {$.id: {exists: true}}}, \
          capture: {id: {jsonpath: $.id}, kind: {regex: 'kind\":\"(.)'}}, tag: {kind: {jsonpath: $.kind}}, expect: {json: {$.id: {min: 1}}, size: {max: 1KB}}}, \
         {send: \"{{id}} {{kind}}\", name: again, receive: {matches: '^[0-9]+ [oe]$'}}, \
         {send: wrong, name: checked, receive: {contains: wrong}, expect: {body: {equals: right}}, on_error: continue}, \
         {send: less, name: taken, receive: {contains: less}, capture: {no: {regex: 'more(.)'}}, on_error: continue}]}, \
         {tcp: {send: \"{{kind}}{{id}}\\n\", receive: line}, name: line, tag: {kind: {regex: '^(.)'}}, expect: {body: {matches: '^[oe][0-9]+$'}}}]",
        "{vus: 2, iterations: 10}",
    );
    for mode in MODES {
        let run = run_of(&result, mode);
        for (name, ok) in [
            ("ask", 10),
            ("again", 10),
            ("line", 10),
            ("checked", 0),
            ("taken", 0),
        ] {
            assert_eq!(
                count(step(run, name), "ok"),
                ok,
                "{mode} {name}: {}",
                run["errors"]
            );
        }
        assert_eq!(
            (
                count(&run["failures"], "check"),
                count(&run["failures"], "capture")
            ),
            (10, 10),
            "{mode}"
        );
        let tags = |name| -> Vec<(String, u64)> {
            let tags = step(run, name)["tags"].as_array().expect("tags").iter();
            let mut tags: Vec<_> = tags
                .map(|tag| {
                    (
                        tag["name"].as_str().expect("a name").to_owned(),
                        count(tag, "ok"),
                    )
                })
                .collect();
            tags.sort();
            tags
        };
        assert_eq!(
            tags("ask"),
            [("kind=even".to_owned(), 5), ("kind=odd".to_owned(), 5)],
            "{mode}"
        );
        assert_eq!(
            tags("line"),
            [("kind=e".to_owned(), 5), ("kind=o".to_owned(), 5)],
            "{mode}"
        );
        let checks = run["checks"].as_array().expect("checks");
        let failed: Vec<_> = checks
            .iter()
            .filter(|check| count(check, "failed") > 0)
            .map(|check| check["name"].as_str())
            .collect();
        assert_eq!(failed, [Some("body equals \"right\"")], "{mode}");
    }
}

#[test]
fn limits_of_a_target_hold_for_every_kind_of_operation() {
    let folder = folder();
    let flow = "[{websocket: /ws/echo, flow: [{send: a, receive: {contains: a}}]}, {tcp: {send: \"a\\n\", receive: line}}]";
    let limited = text(flow, "{vus: 4, iterations: 40}").replace(
        "url: builtin",
        "url: builtin, limits: {concurrency: 1, queue: 10}",
    );
    scenario(folder.path(), &limited);
    let result = run_to_result(folder.path(), &["--on-invalid", "warn"]);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["limits"][0], "peak_in_flight")),
            (120, 1),
            "{mode}"
        );
        assert_eq!(count(&run["targets"][0], "ok"), 120, "{mode}");
    }
}

#[test]
fn exchanges_work_in_setup_and_in_the_open_model() {
    let folder = folder();
    let setup = "setup: [{tcp: {send: \"from setup\\n\", receive: line}, capture: {line: {body: true}}}, \
                 {websocket: /ws/echo, flow: [{send: 7, receive: {matches: '^7$'}, capture: {seven: {body: true}}}]}], name: t,";
    let flow = "[{tcp: {send: \"{{line}} {{seven}}\\n\", receive: line}, expect: {body: {equals: from setup 7}}}]";
    let text = text(flow, "{rate: 100/s, duration: 300ms, max_in_flight: 10}")
        .replacen("name: t,", setup, 1);
    scenario(
        folder.path(),
        &text.replacen(
            "load:",
            "thresholds: ['first_byte.max < 20s', {check: bytes_in > 100, target: it}], load:",
            1,
        ),
    );
    let result = run_to_result(folder.path(), &["--on-invalid", "warn"]);
    for mode in MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), number(run, "measured_s")),
            (30, 0.3),
            "{mode}: {}",
            run["errors"]
        );
    }
    let verdicts: Vec<_> = result["thresholds"]
        .as_array()
        .expect("thresholds")
        .iter()
        .map(|t| t["verdict"].as_str())
        .collect();
    assert_eq!(verdicts, [Some("pass"); 6]);
}

#[test]
fn the_server_agrees_on_connections_and_all_are_closed() {
    let (folder, server) = (folder(), Server::start());
    let flow = "[{websocket: /ws/broadcast, flow: [{websocket: /ws/echo, flow: [{send: inner, receive: {contains: inner}}]}, {send: \"m{{seq()}}.\", receive: {contains: \"m{{seq()}}.\"}}]}]";
    scenario(folder.path(), &text(flow, "{vus: 3, iterations: 15}"));
    for mode in MODES {
        let before = server.status();
        let result = run_to_result(
            folder.path(),
            &[
                "--target",
                &server.url(),
                "--mode",
                mode,
                "--on-invalid",
                "warn",
            ],
        );
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "ok"), count(&run["status_codes"], "101")),
            (60, 30),
            "{mode}: {}",
            run["errors"]
        );
        let seen = server.seen_since(before);
        // One connection belongs to the preflight.
        assert_eq!(
            (seen.connections, seen.requests, seen.open),
            (30 + 1, 30, 0),
            "{mode}"
        );
    }
}
