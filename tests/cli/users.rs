//! `mix[].setup` and `mix[].teardown`, which each virtual user runs: known answers in virtual time,
//! the same in the real modes, and every way in which a user stops.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use loadgen::engine::{Event, Signal, preflight, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::{ModeRun, StoppedBy};
use serde_json::Value;

use crate::engine::{plan, run};
use crate::support::{
    Server, count, folder, job, result, run as run_program, run_of, run_to_result, scenario,
};

const ALL: [Mode; 4] = [
    Mode::Simulated,
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
];

/// Returns how many operations of a step have succeeded.
fn ok(run: &ModeRun, name: &str) -> u64 {
    let mut steps = run.steps.iter().filter(|step| step.name == name);
    steps.next().map_or(0, |step| step.counts.ok)
}

/// Runs a plan, and returns the warnings too.
fn warned(
    plan: &Plan,
    mode: Mode,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
) -> (ModeRun, Vec<String>) {
    let addresses = preflight::preflight(plan, ".".as_ref(), None).expect("the targets respond");
    let warnings = Mutex::new(Vec::new());
    let say = |event| {
        if let Event::Warning(text) = event {
            warnings.lock().expect("no panic").push(text);
        }
    };
    let run = run_mode(&job(plan, mode, addresses), signal, &say).expect("the run succeeds");
    assert!(run.counts.hold() && run.iterations.counts.hold(), "{mode}");
    (run, warnings.into_inner().expect("no panic"))
}

#[test]
fn a_user_sets_up_before_its_first_iteration_and_tears_down_when_it_stops() {
    let plan = plan(
        "{name: t, workers: 2, mix: [{name: m,
            setup: [{sleep: 10ms, name: in}, {set: {me: seq()}}],
            flow: [{sleep: 20ms, name: work, when: me > 0}],
            teardown: [{sleep: 5ms, name: out, when: me > 0}, {sleep: 5ms, name: never, when: me < 1}]}],
          load: {vus: 3, iterations_per_vu: 4}}",
    );
    for mode in ALL {
        let run = run(&plan, mode);
        let each = ["in", "work", "out", "never"].map(|name| ok(&run, name));
        assert_eq!(each, [3, 12, 3, 0], "{mode}");
        assert_eq!(run.counts.ok, 18, "{mode}");
        assert_eq!(run.mixes[0].counts.ok, 18, "{mode}");
        assert_eq!(run.iterations.counts.ok, 12, "{mode}");
        assert_eq!(run.stopped_by, StoppedBy::Iterations, "{mode}");
    }
    let run = run(&plan, Mode::Simulated);
    // The teardown is not load after its end.
    assert_eq!(run.wall_s, 0.09);
    assert_eq!(run.throughput_rps, 15.0 / 0.09);
    let durations = run.iterations.duration_ms.expect("iterations");
    assert_eq!((durations.min, durations.max), (20.0, 20.0));
    assert_eq!(run.times.lag_ms.expect("operations").max, 0.0);
}

/// Each of four users logs in, works and logs out with its own session, which the server echoes.
const SESSIONS: &str = r#"
name: sessions
seed: 7
workers: 2
targets: { shop: { url: URL } }
data: { people: { range: { from: 1, to: 99 } } }
mix:
  - name: m
    data: people
    setup:
      - set: { row: people }
      - post: /anything
        name: login
        json: { id: "{{people}}-{{random_string(8)}}" }
        capture: { session: { jsonpath: $.json.id } }
    flow:
      - get: "/users/{{row}}"
      - post: /anything
        json: { id: "{{session}}" }
        expect: { when: json.json.id == session }
    teardown:
      - post: /anything
        name: logout
        json: { id: "{{session}}", row: "{{row}}" }
        expect: { when: json.json.id == session and json.json.row == row }
load: { vus: 4, iterations_per_vu: 5 }
thresholds:
  - { check: count == 4, step: logout }
  - { check: count == 48, mix: m }
  - { check: error_rate == 0%, step: logout }
report: { formats: [] }
"#;

#[track_caller]
fn check_sessions(run: &Value) {
    assert_eq!(count(&run["iterations"], "ok"), 20, "{}", run["errors"]);
    assert_eq!([count(run, "ok"), count(run, "failed")], [48, 0]);
    let steps = run["steps"].as_array().expect("steps");
    let of = |name: &str| {
        let found = steps.iter().find(|step| step["name"] == name);
        found.map(|step| [count(step, "ok"), count(step, "failed")])
    };
    assert_eq!([of("login"), of("logout")], [Some([4, 0]); 2]);
}

#[test]
fn a_teardown_has_the_values_of_its_setup_in_every_mode() {
    let folder = folder();
    scenario(folder.path(), &SESSIONS.replace("URL", "builtin"));
    let modes = "sequential,threaded,async,processes";
    let result = run_to_result(folder.path(), &["-q", "--mode", modes]);
    let runs = result["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 4);
    runs.iter().for_each(check_sessions);
}

#[test]
fn each_shard_sets_up_and_tears_down_its_users() {
    let folder = folder();
    let server = Server::start();
    scenario(folder.path(), &SESSIONS.replace("URL", &server.url()));
    for shard in ["0/2", "1/2"] {
        let out = format!("part{}", &shard[..1]);
        let arguments = ["run", "test.yaml", "-q", "--shard", shard, "-o", &out];
        run_program(folder.path(), &arguments).exits(0);
    }
    let parts = ["merge", "part0/part.json", "part1/part.json", "-o", "out"];
    run_program(folder.path(), &parts).exits(0);
    check_sessions(run_of(&result(&folder.path().join("out")), "async"));
}

#[test]
fn a_try_shows_the_steps_of_users() {
    let folder = folder();
    scenario(folder.path(), &SESSIONS.replace("URL", "builtin"));
    let ran = run_program(folder.path(), &["try", "test.yaml"]).exits(0);
    let at = |name: &str| {
        let found = ran.stdout.find(name);
        found.unwrap_or_else(|| panic!("no {name} in {}", ran.stdout))
    };
    assert!(at("login") < at("/users/") && at("/users/") < at("logout"));
}

#[test]
fn each_user_sets_up_once_for_each_entry_that_it_runs() {
    let plan = plan(
        "{name: t, mix: [
            {name: a, setup: [{sleep: 1ms, name: ina}], flow: [{sleep: 1ms}], teardown: [{sleep: 1ms, name: outa}]},
            {name: b, setup: [{sleep: 1ms, name: inb}], flow: [{sleep: 1ms}]},
            {name: c, weight: 0.000001, flow: [{sleep: 1ms}], teardown: [{sleep: 1ms, name: outc}]}],
          load: {vus: 2, iterations: 40}}",
    );
    for mode in ALL {
        let run = run(&plan, mode);
        let each = ["ina", "inb", "outa", "outc"].map(|name| ok(&run, name));
        assert_eq!(each, [2, 2, 2, 0], "{mode}");
    }
}

#[test]
fn a_setup_that_fails_fails_its_iteration_and_the_user_goes_on() {
    let plan = plan(
        "{name: t, mix: [{name: m, setup: [{sleep: 1ms, name: in, fail: 100%}, {sleep: 1ms, name: then}],
            flow: [{sleep: 1ms, name: work}], teardown: [{sleep: 1ms, name: out}]}], load: {vus: 2, iterations_per_vu: 3}}",
    );
    for mode in ALL {
        let run = run(&plan, mode);
        let counts = &run.iterations.counts;
        assert_eq!((counts.ok, counts.failed), (4, 2), "{mode}");
        let each = ["then", "work", "out"].map(|name| ok(&run, name));
        assert_eq!(each, [0, 4, 2], "{mode}");
    }
}

#[test]
fn slots_of_the_open_model_are_users_too() {
    let plan = plan(
        "{name: t, mix: [{name: m, setup: [{sleep: 30ms, name: in}], flow: [{sleep: 30ms, name: work}],
            teardown: [{sleep: 1ms, name: out}]}], load: {rate: 50/s, max_in_flight: 2, duration: 200ms}}",
    );
    for mode in [Mode::Simulated, Mode::Threaded, Mode::Async] {
        let run = run(&plan, mode);
        let each = ["in", "work", "out"].map(|name| ok(&run, name));
        assert_eq!(each, [2, 10, 2], "{mode}");
    }
    // What waits for a slot that sets up is in the queue.
    let run = run(&plan, Mode::Simulated);
    assert_eq!(run.iterations.duration_ms.expect("iterations").min, 30.0);
    assert!(run.times.queue_ms.expect("operations").max > 0.0);
    assert_eq!(run.times.lag_ms.expect("operations").max, 0.0);
}

#[test]
fn users_stop_with_their_stage_and_with_their_load() {
    let plan = plan(
        "{name: t, mix: [
            {name: staged, load: {start: 3, stages: [{hold: 50ms, vus: 3}, {hold: 200ms, vus: 1}]},
             flow: [{sleep: 10ms}], teardown: [{sleep: 1ms, name: out}]},
            {name: short, load: {vus: 2, stop_after: 150ms}, flow: [{sleep: 10ms}], teardown: [{sleep: 1ms, name: gone}]}],
          load: {duration: 300ms}}",
    );
    for mode in ALL {
        let run = run(&plan, mode);
        let out = ok(&run, "out");
        // One at a time, users of a stage are all active while the first is.
        assert_eq!(out, 3, "{mode}");
        assert_eq!(ok(&run, "gone"), 2, "{mode}");
    }
}

#[test]
fn users_that_are_cut_tear_down_and_a_signal_ends_them_in_order() {
    let text = |flow: &str, graceful: &str| {
        format!(
            "{{name: t, workers: 2, mix: [{{name: m, setup: [{{set: {{me: seq()}}}}], flow: [{flow}],
                teardown: [{{sleep: 1ms, name: out, when: me > 0}}]}}],
              load: {{vus: 3, duration: 100ms, graceful_stop: {graceful}}}}}"
        )
    };
    for mode in ALL {
        let begun = Instant::now();
        let cut = plan(&text("{sleep: 60s}", "10ms"));
        let (run, warnings) = warned(&cut, mode, &|| None);
        // One at a time, the others have not begun.
        let users = if mode == Mode::Sequential { 1 } else { 3 };
        assert_eq!(run.counts.unfinished, users, "{mode}");
        assert_eq!(ok(&run, "out"), users, "{mode}: {:?}", run.errors);
        assert!(warnings.is_empty(), "{mode}: {warnings:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{mode}");
    }
    let long = plan(&text("{sleep: 5ms}", "10s").replace("100ms", "60s"));
    for mode in Mode::REAL {
        let begun = Instant::now();
        let signal = || {
            (begun.elapsed() > Duration::from_millis(200))
                .then_some(Signal::Finish(StoppedBy::Interrupt))
        };
        let (run, _) = warned(&long, mode, &signal);
        assert_eq!(run.stopped_by, StoppedBy::Interrupt, "{mode}");
        assert_eq!(ok(&run, "out"), 3, "{mode}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{mode}");
    }
}

#[test]
fn a_teardown_that_hangs_is_abandoned_and_said() {
    let text = "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms}], teardown: [{sleep: 600s, name: out}]}],
          load: {vus: 2, iterations: 4}}";
    let begun = Instant::now();
    for mode in [Mode::Simulated, Mode::Threaded, Mode::Async] {
        let (run, warnings) = warned(&plan(text), mode, &|| None);
        assert_eq!((run.counts.ok, run.counts.cancelled), (4, 2), "{mode}");
        assert!(run.wall_s < 3.0, "{mode}: {}", run.wall_s);
        assert_eq!(
            warnings,
            [
                "the teardown of 2 virtual users was abandoned after 5s; its remaining steps did not run"
            ],
            "{mode}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn giving_up_abandons_teardowns_too() {
    let text = "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 20s}], teardown: [{sleep: 4s, name: out}]}],
          load: {vus: 2, duration: 50ms, graceful_stop: 50ms}}";
    for mode in Mode::REAL {
        let begun = Instant::now();
        // While the teardowns run.
        let signal = || (begun.elapsed() > Duration::from_millis(800)).then_some(Signal::GiveUp);
        let (run, _) = warned(&plan(text), mode, &signal);
        assert_eq!(ok(&run, "out"), 0, "{mode}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{mode}");
    }
}
