//! Steps that end the iteration or the whole run.

use serde_json::Value;

use crate::support::{Server, count, folder, result, run, run_of, scenario};

const EVERY_MODE: [&str; 4] = ["sequential", "threaded", "async", "processes"];

fn step<'r>(run: &'r Value, name: &str) -> &'r Value {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}"))
}

/// Runs a scenario, and returns its result.
fn ran(text: &str) -> Value {
    let folder = folder();
    scenario(folder.path(), text);
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    result(&folder.path().join("out"))
}

/// Of a hundred iterations the odd ones are aborted, those divisible by 10 after a failure.
#[test]
fn an_aborted_iteration_is_ok_unless_something_failed_before() {
    let result = ran(r#"
name: aborted
seed: 1
modes: [sequential, threaded, async, processes]
targets: { shop: { url: builtin } }
mix:
  - flow:
      - { get: /json, name: first }
      - { get: /status/500, name: fails, when: seq() % 10 == 0, on_error: continue }
      - flow:
          - repeat: { times: 3, flow: [ { abort_iteration: seq() is odd }, { get: /json, name: repeated } ] }
          - abort_iteration: seq() % 10 == 0
        on_error: continue
      - { get: /json, name: last }
load: { vus: 4, iterations: 100 }
report: { formats: [] }
"#);
    for mode in EVERY_MODE {
        let run = run_of(&result, mode);
        let of = |name: &str| count(step(run, name), "ok");
        assert_eq!(of("first"), 100, "{mode}");
        assert_eq!(of("repeated"), 150, "{mode}");
        assert_eq!(of("last"), 40, "{mode}");
        let iterations = &run["iterations"];
        assert_eq!(count(iterations, "ok"), 90, "{mode}: {iterations}");
        assert_eq!(count(iterations, "failed"), 10, "{mode}: {iterations}");
    }
}

#[test]
fn a_step_stops_the_run_as_its_duration_would() {
    let result = ran(r#"
name: stopped
seed: 1
modes: [sequential, threaded, async, processes]
workers: 2
targets: { shop: { url: builtin } }
mix:
  - flow:
      - { get: /json, name: first }
      - stop_run: seq() == 50
      - { get: /json, name: last }
load: { vus: 4, duration: 50s }
report: { formats: [] }
"#);
    assert_eq!(result["end"], "stopped");
    for mode in EVERY_MODE {
        let run = run_of(&result, mode);
        assert_eq!(run["stopped_by"], "condition", "{mode}");
        let (first, last) = (
            count(step(run, "first"), "ok"),
            count(step(run, "last"), "ok"),
        );
        assert_eq!(first, last, "{mode}: what is in flight finishes");
        assert!(first >= 50, "{mode}: {first}");
        let wall = run["wall_s"].as_f64().expect("a time");
        assert!(wall < 40.0, "{mode}: {wall}");
        if mode == "sequential" {
            assert_eq!(first, 50);
        }
        assert_eq!(count(&run["iterations"], "unfinished"), 0, "{mode}");
    }
}

/// In virtual time ten users start at once, and each iteration takes 10 ms: 50 is in the fifth round.
#[test]
fn in_virtual_time_the_end_is_exact() {
    let result = ran(
        "name: exact\nmodes: [simulated]\nmix: [ { flow: [ { sleep: 10ms }, { stop_run: seq() == 42 } ] } ]\nload: { vus: 10, duration: 1h }\nreport: { formats: [] }\n",
    );
    let run = run_of(&result, "simulated");
    assert_eq!(run["stopped_by"], "condition");
    assert!(
        (42..=51).contains(&count(&run["iterations"], "ok")),
        "{}",
        run["iterations"]
    );
    assert_eq!(count(&run["iterations"], "unfinished"), 0);
    assert!(run["wall_s"].as_f64().expect("a time") <= 0.0601);
}

#[test]
fn the_summary_says_what_ended_the_run_and_shards_refuse_it() {
    let folder = folder();
    let server = Server::start();
    scenario(
        folder.path(),
        &format!(
            "name: s\ntargets: {{ shop: {{ url: \"{}\" }} }}\nmix: [ {{ flow: [ {{ get: / }}, {{ stop_run: seq() == 5 }} ] }} ]\nload: {{ vus: 2, duration: 50s }}\nreport: {{ formats: [] }}\n",
            server.url()
        ),
    );
    let whole = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "markdown",
            "--no-progress",
        ],
    );
    assert_eq!(whole.status.code(), Some(0), "{}", whole.stderr);
    let report = std::fs::read_to_string(folder.path().join("out/report.md")).expect("a report");
    assert!(
        report.contains("stop\\_run\\` step of the scenario ended it"),
        "{report}"
    );
    let shard = run(
        folder.path(),
        &["run", "test.yaml", "-q", "--shard", "0/2", "-o", "part"],
    );
    assert_eq!(shard.status.code(), Some(2), "{}", shard.stderr);
    assert!(
        shard
            .stderr
            .contains("it would end only the shard that reaches it"),
        "{}",
        shard.stderr
    );
}
