//! Steps that run programs: the same in every mode, only if the user allows it, and no process is
//! left behind.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    REAL_MODES, Ran, Running, count, files, folder, is_alive, loadgen, number, result, run, run_of,
    scenario, until,
};

const FLAGS: [&str; 7] = [
    "run",
    "test.yaml",
    "--allow-exec",
    "-o",
    "out",
    "--format",
    "none",
];

/// Runs a scenario in these modes; returns what it said, and its result.
fn run_in(folder: &Path, modes: &str, text: &str) -> (Ran, Value) {
    scenario(folder, text);
    let ran = run(folder, &[&FLAGS[..], &["--mode", modes]].concat()).exits(0);
    (ran, result(&folder.join("out")))
}

fn with_flow(flow: &str) -> String {
    format!(
        "{{name: t, seed: 1, workers: 2, mix: [{{name: m, flow: [{flow}]}}], load: {{vus: 2, iterations: 4, graceful_stop: 100ms}}}}"
    )
}

/// Returns the ids of the processes that programs have written into this file.
fn ids(folder: &Path, name: &str) -> Vec<u32> {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ids = whole.lines().map(|line| line.parse().expect("an id"));
    ids.collect()
}

#[track_caller]
fn all_are_gone(folder: &Path, name: &str, least: usize) {
    let ids = ids(folder, name);
    assert!(ids.len() >= least, "{ids:?}");
    until("all have ended", || !ids.iter().any(|id| is_alive(*id)));
}

#[test]
fn programs_need_the_user_s_permission() {
    let folder = folder();
    let flow = "{exec: [touch, made], name: make a file}";
    scenario(folder.path(), &with_flow(flow));
    let refused = ["the step `make a file` runs a program", "--allow-exec"];
    for command in ["run", "try"] {
        run(folder.path(), &[command, "test.yaml"])
            .exits(2)
            .says(&refused);
    }
    run(folder.path(), &["validate", "test.yaml"])
        .exits(0)
        .says(&refused);
    scenario(
        folder.path(),
        &with_flow("{sleep: 1ms}").replace("mix:", &format!("setup: [{flow}], mix:")),
    );
    for command in [
        &["run", "test.yaml"][..],
        &["setup", "test.yaml", "-o", "v"],
    ] {
        run(folder.path(), command).exits(2).says(&refused);
    }
    assert_eq!(files(folder.path()), ["test.yaml"], "nothing ran");
    let mut command = loadgen(folder.path(), &["run", "test.yaml", "-o", "out"]);
    crate::support::finish(command.env("LOADGEN_ALLOW_EXEC", "true")).exits(0);
    assert!(folder.path().join("made").exists());
    scenario(folder.path(), &with_flow(flow));
    run(folder.path(), &["try", "test.yaml", "--allow-exec"]).exits(0);
    let simulated = [&FLAGS[..], &["--mode", "simulated"]].concat();
    run(folder.path(), &simulated)
        .exits(2)
        .says(&["the step `make a file`"]);
}

#[test]
fn programs_get_what_the_scenario_gives_them_in_every_mode() {
    let folder = folder();
    fs::write(
        folder.path().join("own.sh"),
        "#!/bin/sh\ncat - >&2; pwd; echo \"$1:$A:${HOME-none}\"; exit 3\n",
    )
    .expect("written");
    let made = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(folder.path().join("own.sh"), made).expect("set");
    let text = with_flow(
        "{exec: {command: [./own.sh, 'x {{seq()}}; ls *'], env: {A: 'b{{seq()}}'}, stdin: 'hello', exit: [0, 3]},
          name: own, expect: {body: {matches: \"(?s)^/.*\\nx ([0-9]+); ls \\\\*:b[0-9]+:none\\n$\"}},
          capture: {n: {regex: 'x ([0-9]+)'}}},
         {exec: [sh, -c, 'test \"$1\" = {{n}}', sh, '{{seq()}}'], name: check},
         {exec: [head, -c, 100000, /dev/zero], name: zero, expect: {size: {min: 100000, max: 100000}}},
         {exec: {command: ['true'], stdin: '{{random_string(200000)}}'}, name: reads nothing}",
    );
    let (ran, result) = run_in(folder.path(), &REAL_MODES.join(","), &text);
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 16, "{mode}: {}", run["errors"]);
        assert!(count(run, "bytes_in") > 400_000, "{mode}");
    }
    let whole = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(whole.contains("ran on a thread pool"), "{}", ran.stdout);
}

#[test]
fn failures_are_named() {
    let folder = folder();
    let text = with_flow(
        "{exec: [sh, -c, 'echo no; echo first >&2; echo last words >&2; exit 7'], name: code, on_error: continue},
         {exec: [sh, -c, 'kill -9 $$'], name: signal, on_error: continue},
         {exec: [./missing], name: missing, on_error: continue},
         {exec: [head, -c, 20000000, /dev/zero], name: large, expect: {body: {contains: x}}, on_error: continue},
         {exec: [echo, no], name: check, expect: {body: {equals: yes}}, on_error: continue},
         {exec: ['false'], name: retried, retry: {attempts: 3, errors: [exec]}, on_error: continue},
         {exec: [head, -c, 20000000, /dev/zero], name: counted}",
    );
    let (_, result) = run_in(folder.path(), &REAL_MODES.join(","), &text);
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        let failures = &run["failures"];
        assert_eq!(
            (
                count(failures, "exec"),
                count(failures, "check"),
                count(run, "ok")
            ),
            (20, 4, 4),
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(count(run, "retries"), 8, "{mode}");
        let errors = run["errors"].to_string();
        for part in [
            "exit code 7: last words",
            "killed by signal 9",
            "can't start `./missing`: No such file",
            "larger than 16 MiB",
        ] {
            assert!(errors.contains(part), "{mode}: no {part} in {errors}");
        }
    }
}

#[test]
fn a_timeout_kills_the_whole_group() {
    for mode in REAL_MODES {
        let folder = folder();
        let text = with_flow(
            "{exec: [sh, -c, 'echo $$ >> ids; sleep 100 & echo $! >> ids; wait'], timeout: 500ms, on_error: continue}",
        );
        let begun = Instant::now();
        let (_, result) = run_in(folder.path(), mode, &text);
        assert!(begun.elapsed() < Duration::from_secs(50), "{mode}");
        let run = run_of(&result, mode);
        assert_eq!(
            count(&run["failures"], "timeout_total"),
            4,
            "{mode}: {}",
            run["errors"]
        );
        assert!(number(&run["response_ms"], "max") >= 500.0, "{mode}");
        all_are_gone(folder.path(), "ids", 8);
    }
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    let folder = folder();
    let text = with_flow("{exec: [sh, -c, 'sleep 100 & echo $! >> ids'], timeout: 20s}");
    let (_, result) = run_in(folder.path(), &REAL_MODES.join(","), &text);
    for mode in REAL_MODES {
        assert_eq!(count(run_of(&result, mode), "ok"), 4, "{mode}");
    }
    all_are_gone(folder.path(), "ids", 16);
}

#[test]
fn the_loser_of_a_race_is_killed() {
    for mode in ["threaded", "async", "processes"] {
        let folder = folder();
        let text = with_flow(
            "{race: [{exec: [sh, -c, 'echo $$ >> ids; sleep 100'], name: slow}, {sleep: 300ms}]}",
        );
        let (_, result) = run_in(folder.path(), mode, &text);
        let run = run_of(&result, mode);
        assert_eq!(
            (count(run, "cancelled"), count(run, "ok")),
            (4, 4),
            "{mode}"
        );
        all_are_gone(folder.path(), "ids", 4);
    }
}

#[test]
fn an_interrupt_kills_the_programs_in_flight() {
    for (mode, signals) in REAL_MODES.iter().flat_map(|mode| [(mode, 1), (mode, 2)]) {
        let folder = folder();
        let stop = if signals == 1 { "100ms" } else { "1h" };
        let text = with_flow(
            "{exec: [sh, -c, 'echo $$ >> ids; sleep 100 & echo $! >> ids; wait'], timeout: 1h}",
        );
        scenario(folder.path(), &text.replace("100ms", stop));
        let flags = [&FLAGS[..], &["--mode", mode]].concat();
        let running = Running::start(&mut loadgen(folder.path(), &flags), None);
        let least = if *mode == "sequential" { 2 } else { 4 };
        until("they run", || ids(folder.path(), "ids").len() >= least);
        for _ in 0..signals {
            running.signal(Signal::INT);
            thread::sleep(Duration::from_millis(100));
        }
        running.finish().exits(130);
        all_are_gone(folder.path(), "ids", least);
    }
}

#[test]
fn endless_output_ends_at_the_timeout_and_the_first_of_it_is_timed() {
    let folder = folder();
    let text = with_flow(
        "{exec: ['yes'], name: endless, timeout: 300ms, on_error: continue},
         {exec: [sh, -c, 'sleep 0.3; echo x; sleep 0.3'], name: slow}",
    );
    let (_, result) = run_in(folder.path(), &REAL_MODES.join(","), &text);
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!(
            count(&run["failures"], "timeout_total"),
            4,
            "{mode}: {}",
            run["errors"]
        );
        let steps = run["steps"].as_array().expect("steps");
        let slow = steps
            .iter()
            .find(|step| step["name"] == "slow")
            .expect("it is there");
        let (first, all) = (
            number(&slow["first_byte_ms"], "min"),
            number(&slow["service_ms"], "min"),
        );
        assert!(
            first >= 300.0 && all >= 600.0 && first + 250.0 <= all,
            "{mode}: {first}, {all}"
        );
    }
}
