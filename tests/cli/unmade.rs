//! Requests that cannot be built because of an unsuitable value: failed, counted, and without
//! times.

use std::path::Path;

use serde_json::Value;

use crate::support::{MODES, count, folder, result, run, run_of, scenario};

/// A step of each kind that values may be inserted into.
const UNBUILT: [&str; 5] = [
    "{ get: '/users/{{int(word)}}', name: in a path, on_error: continue }",
    "{ get: /json, headers: { x-n: '{{int(word)}}' }, name: in a header, on_error: continue }",
    "{ post: /anything, json: { n: '{{int(word)}}' }, name: in a body, on_error: continue }",
    "{ tcp: { send: '{{int(word)}}' }, name: over TCP, on_error: continue }",
    "{ websocket: /ws/echo, name: open, flow: [ { send: '{{int(word)}}', name: over a WebSocket, on_error: continue } ] }",
];

fn text(flow: &str, thresholds: &str) -> String {
    format!(
        "name: t\ntargets: {{ shop: {{ url: builtin }} }}\nload: {{ vus: 2, iterations: 6 }}\n\
         mix: [ {{ name: m, flow: [ {{ set: {{ word: \"'none'\" }} }}, {flow} ] }} ]\nthresholds: [ {thresholds} ]\n"
    )
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let steps = run["steps"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["name"] == name)
        .unwrap_or_else(|| panic!("no step `{name}`"))
}

fn verdict(result: &Value, check: &str) -> String {
    let all = result["thresholds"].as_array().expect("thresholds");
    let found = all
        .iter()
        .find(|threshold| threshold["check"] == check)
        .unwrap_or_else(|| panic!("no `{check}`: {all:?}"));
    format!(
        "{} {}",
        found["verdict"].as_str().expect("a verdict"),
        found["observed"]
    )
}

fn measured(folder: &Path, mode: &str, code: i32) -> Value {
    run(
        folder,
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--mode",
            mode,
        ],
    )
    .exits(code);
    result(&folder.join("out"))
}

#[test]
fn a_request_that_could_not_be_built_is_in_no_time_statistic() {
    let folder = folder();
    let names = [
        "in a path",
        "in a header",
        "in a body",
        "over TCP",
        "over a WebSocket",
    ];
    let flow = format!("{{ get: /json, name: good }}, {}", UNBUILT.join(", "));
    scenario(
        folder.path(),
        &text(
            &flow,
            "p95 < 1h, error_rate > 0%, count == 12, { check: mean < 1h, step: in a path }",
        ),
    );
    for mode in MODES {
        let result = measured(folder.path(), mode, 99);
        let whole = run_of(&result, mode);
        for name in names {
            let step = step(whole, name);
            assert_eq!(
                (
                    count(step, "planned"),
                    count(step, "failed"),
                    &step["failures"]["data"]
                ),
                (6, 6, &6.into()),
                "{mode}, {name}"
            );
            for times in [
                "response_ms",
                "service_ms",
                "lag_ms",
                "queue_ms",
                "first_byte_ms",
            ] {
                assert!(
                    step[times].is_null(),
                    "{mode}, {name}: {times} is {}",
                    step[times]
                );
            }
        }
        // The ones with a suitable value, and the handshakes.
        assert_eq!(
            (
                count(whole, "completed"),
                count(&whole["response_ms"], "count")
            ),
            (42, 12),
            "{mode}"
        );
        assert!(verdict(&result, "p95 < 1h").starts_with("pass"), "{mode}");
        assert_eq!(verdict(&result, "count == 12"), "pass 12.0", "{mode}");
        assert_eq!(verdict(&result, "mean < 1h"), "no_data null", "{mode}");
        assert!(
            verdict(&result, "error_rate > 0%").starts_with("pass 0.7142"),
            "{mode}: 30 of 42"
        );
        let warnings = result["warnings"].as_array().expect("warnings");
        let told = |text: &str| {
            warnings.iter().any(|warning| {
                warning
                    .as_str()
                    .is_some_and(|warning| warning.contains(text))
            })
        };
        assert!(
            told("30 operations could not be built from the available values"),
            "{mode}: {warnings:?}"
        );
    }
}

#[test]
fn a_run_that_sent_nothing_meets_no_time_threshold() {
    let folder = folder();
    let checks = [
        "p95 < 1h",
        "max < 1h",
        "iteration.p95 < 1h",
        "service.mean < 1h",
        "lag.p99 < 1h",
        "cpu_per_request < 1h",
        "count > 0",
    ];
    let windowed = "{ check: mean < 1h, window: 100ms }";
    scenario(
        folder.path(),
        &text(
            "{ get: '/users/{{int(word)}}' }",
            &format!("{}, {windowed}", checks.join(", ")),
        ),
    );
    for mode in MODES {
        let result = measured(folder.path(), mode, 99);
        let whole = run_of(&result, mode);
        assert_eq!(
            (
                count(whole, "failed"),
                count(&whole["iterations"], "failed")
            ),
            (6, 6),
            "{mode}"
        );
        assert!(
            whole["response_ms"].is_null() && whole["iterations"]["duration_ms"].is_null(),
            "{mode}: {}",
            whole["iterations"]
        );
        for check in &checks[..6] {
            assert_eq!(verdict(&result, check), "no_data null", "{mode}, {check}");
        }
        assert_eq!(
            verdict(&result, "mean < 1h"),
            "no_data null",
            "{mode}, in windows"
        );
        assert_eq!(verdict(&result, "count > 0"), "fail 0.0", "{mode}");
    }
}

#[test]
fn an_iteration_that_lacks_a_value_has_no_time() {
    let folder = folder();
    scenario(
        folder.path(),
        "name: t\nload: { vus: 2, iterations: 6 }\nthresholds: [ iteration.max < 1h ]\n\
         mix: [ { name: m, flow: [ { set: { word: \"'none'\" } }, { sleep: 1ms }, { set: { n: int(word) } } ] } ]\n",
    );
    for mode in ["sequential", "threaded", "async", "simulated"] {
        let result = measured(folder.path(), mode, 99);
        let iterations = &run_of(&result, mode)["iterations"];
        assert_eq!(
            (count(iterations, "completed"), count(iterations, "failed")),
            (6, 6),
            "{mode}"
        );
        assert!(
            iterations["duration_ms"].is_null(),
            "{mode}: {}",
            iterations["duration_ms"]
        );
        assert_eq!(
            verdict(&result, "iteration.max < 1h"),
            "no_data null",
            "{mode}"
        );
    }
}
