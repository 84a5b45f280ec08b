//! Streams of servers that others wrote, each by a script of `tests/peers`: loadgen's counts agree
//! with what the server has sent, and its times with when it did.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::event_streams::{about, streams};
use crate::scripts::ScriptPeer;
use crate::support::{MODES, count, folder, number, patiently, run_in, scenario, until};

/// The streams of the peers. `cut` ends in the middle, `no_end` without its last event, and
/// `endless` when the client hangs up.
const FLOW: &str = "
- { post: /chat, json: { stream: true }, stream: { as: sse, until: '[DONE]', event: '$.choices[0].delta.content', units: $.usage.completion_tokens } }
- { get: /fields, stream: { as: sse, until: '[DONE]' } }
- { get: /lines, stream: { as: lines, event: $.n } }
- { get: /endless, stream: { as: sse, stop_after: { events: 4 } } }
- { get: /no_end, stream: { as: sse, until: '[DONE]' }, on_error: continue }
- { get: /cut, stream: { as: sse, until: '[DONE]' }, on_error: continue }";

/// Runs the streams in every mode; a cut one has to fail with this kind.
fn runs(folder: &Path, port: u16, log: &Path, protocol: &str, cut: &str) {
    let flow = FLOW.replace('\n', "\n  ");
    scenario(
        folder,
        &format!(
            "name: t\nworkers: 1\ntargets: {{ a: {{ url: 'http://127.0.0.1:{port}', timeout: 10s, http: {{ protocol: {protocol} }} }} }}\nload: {{ vus: 2, iterations: 6 }}\nmix:\n- name: m\n  flow:{flow}\n"
        ),
    );
    patiently(|| {
        for mode in MODES {
            let _ = fs::remove_file(log);
            let run = run_in(folder, mode);
            assert_counts(&run, mode, cut);
            assert_times(&run["steps"][0]);
            // Six streams of each kind, as the server has seen them.
            let logged = |how: &str| {
                let log = fs::read_to_string(log).unwrap_or_default();
                log.lines().filter(|line| line.starts_with(how)).count()
            };
            for how in [
                "chat whole 15",
                "fields whole 4",
                "lines whole 5",
                "no_end whole 3",
                "cut cut 3",
            ] {
                assert_eq!(logged(how), 6, "{mode}: {how}");
            }
            until("the server sees that the client hung up", || {
                logged("endless cut") == 6
            });
        }
    });
}

/// Checks what was counted in each of the steps.
#[track_caller]
fn assert_counts(run: &Value, mode: &str, cut: &str) {
    let counts = |step: usize| {
        let step = &run["steps"][step];
        let of = |name| streams(step, name);
        [
            count(step, "ok"),
            of("events"),
            of("other_events"),
            of("units"),
            of("hung_up"),
        ]
    };
    let seen = [0, 1, 2, 3, 4, 5].map(counts);
    // Beside twelve events of two tokens there are the role, which is empty, and the usage.
    let known = [
        [6, 72, 12, 144, 0],
        [6, 18, 0, 18, 0],
        [6, 30, 0, 30, 0],
        [6, 24, 0, 24, 6],
        [0, 18, 0, 18, 0],
        [0, 18, 0, 18, 0],
    ];
    assert_eq!(seen, known, "{mode}: {}", run["errors"]);
    for (step, kind) in [(4, "stream"), (5, cut)] {
        let failures = &run["steps"][step]["failures"];
        assert_eq!(failures[kind], 6, "{mode}: {failures}");
    }
    let errors = run["errors"].to_string();
    assert!(
        errors.contains("ended without `[DONE]`, after 3 events"),
        "{errors}"
    );
}

/// Checks the times of the completions: the first event after 60 ms, ten gaps of 10 ms, and one of
/// 80 ms.
#[track_caller]
fn assert_times(step: &Value) {
    about(step, "stream_first_ms", 60.0, 30.0);
    about(step, "stream_gap_ms", 10.0, 6.0);
    let gap = &step["stream_gap_ms"];
    assert_eq!(count(gap, "count"), 66);
    let [p90, max] = ["p90", "max"].map(|name| number(gap, name));
    assert!(p90 < 60.0 && (78.0..140.0).contains(&max), "{gap}");
    about(step, "stream_unit_ms", 180.0 / 23.0, 4.0);
    about(step, "stream_rate", 24.0 / 0.24, 40.0);
}

#[test]
fn streams_of_starlette_under_uvicorn_are_read_as_they_are_sent() {
    let folder = folder();
    let log = folder.path().join("events.log");
    let packages = ("starlette, uvicorn", "python3-starlette python3-uvicorn");
    if let Some(peer) = ScriptPeer::python("events.py", packages, [&log]) {
        runs(folder.path(), peer.port, &log, "http1", "incomplete");
    }
}

#[test]
fn streams_of_node_are_read_as_they_are_sent() {
    for (server, protocol, cut) in [("http", "http1", "incomplete"), ("http2", "http2", "reset")] {
        let folder = folder();
        let log = folder.path().join("events.log");
        let arguments = [log.as_os_str(), server.as_ref()];
        if let Some(peer) = ScriptPeer::node("events.js", arguments) {
            runs(folder.path(), peer.port, &log, protocol, cut);
        }
    }
}
