//! Credible figures, and a verdict when they are not: a target that stalls is measured in full, and
//! a load generator that cannot keep up says so.

use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::support::{
    PROGRAM, Running, Server, check_of, children, count, finish, folder, loadgen, number,
    patiently, pid, program, result, run_of, scenario, side_by_side, until,
};

/// How long the target stalls, in milliseconds; the run is ten times as long.
const FREEZE_MS: f64 = 500.0;

/// Runs against a target that stalls for a tenth of the run; returns p50, p95 and p99 of the
/// response time, as fractions of the stall, and the target's utilization.
fn stalled(mode: &str) -> (f64, f64, f64, f64) {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: stall, workers: 1, targets: {server: {url: builtin}}, mix: [{name: m, flow: [{get: /json}]}], \
         load: {rate: 200/s, duration: 5s, max_in_flight: 500}}",
    );
    let arguments = [
        "run",
        "test.yaml",
        "--mode",
        mode,
        "-o",
        "out",
        "--format",
        "none",
        "--target",
        &server.url(),
    ];
    let running = Running::start(&mut loadgen(folder.path(), &arguments), None);
    let before = server.status().requests;
    until("the run goes on", || {
        server.status().requests > before + 400
    });
    let frozen = server.get("/freeze?for=0.5");
    assert!(frozen.contains("frozen_s"), "{frozen}");
    running.finish().exits(0);
    let result = result(&folder.path().join("out"));
    let run = run_of(&result, mode);
    assert_eq!(
        (
            count(run, "planned"),
            count(run, "failed"),
            count(run, "dropped")
        ),
        (1000, 0, 0),
        "{mode}"
    );
    let response = |name| number(&run["response_ms"], name) / FREEZE_MS;
    let busy = number(&run["service_ms"], "p50") / 1e3 * 200.0;
    (response("p50"), response("p95"), response("p99"), busy)
}

#[test]
fn a_stall_of_the_target_is_measured_in_full_in_concurrent_modes() {
    // A tenth of all arrivals occur during the stall, and their waits are uniform between zero and
    // the whole stall. A tool that measures from the actual send would see one slow request.
    side_by_side(["threaded", "async"], |mode| {
        patiently(|| {
            let (p50, p95, p99, _) = stalled(mode);
            assert!(p50 < 0.05, "{mode}: p50 is not affected: {p50}");
            assert!(
                (0.42..0.58).contains(&p95),
                "{mode}: p95 is half of the stall: {p95}"
            );
            assert!(
                (0.82..1.0).contains(&p99),
                "{mode}: p99 is nine tenths of the stall: {p99}"
            );
        });
    });
}

#[test]
fn a_stall_of_the_target_is_measured_in_full_in_sequential_mode() {
    // A single worker drains the backlog: ρ is its utilization.
    patiently(|| {
        let (p50, p95, p99, busy) = stalled("sequential");
        let (want95, want99) = (
            0.5f64.mul_add(busy - 1.0, 1.0),
            0.1f64.mul_add(busy - 1.0, 1.0),
        );
        assert!(p50 < 0.05, "p50 is not affected: {p50}");
        assert!(
            (p95 - want95).abs() < 0.12,
            "ρ = {busy}: p95 is {p95}, expected {want95}"
        );
        assert!(
            (p99 - want99).abs() < 0.12,
            "ρ = {busy}: p99 is {p99}, expected {want99}"
        );
    });
}

#[test]
fn a_generator_that_was_suspended_reports_it() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{sleep: 5ms}]}], load: {rate: 100/s, duration: 1500ms}}",
    );
    let arguments = ["run", "test.yaml", "-o", "out", "--format", "none"];
    let running = Running::start(&mut loadgen(folder.path(), &arguments), None);
    until("the process of the mode has started", || {
        !children(running.id()).is_empty()
    });
    thread::sleep(Duration::from_millis(500));
    let mode = pid(children(running.id())[0]);
    kill_process(mode, Signal::STOP).expect("it exists");
    thread::sleep(Duration::from_millis(400));
    kill_process(mode, Signal::CONT).expect("it exists");
    let ran = running.finish().exits(0);
    assert!(
        ran.stdout
            .contains("invalid: the figures describe the generator"),
        "{}",
        ran.stdout
    );
    let result = result(&folder.path().join("out"));
    let run = run_of(&result, "async");
    assert_eq!(result["validity"]["verdict"], "invalid");
    let headroom = check_of(run, "headroom");
    assert_eq!(headroom["verdict"], "invalid", "{headroom}");
    assert!(
        headroom["observed"]
            .as_str()
            .is_some_and(|seen| seen.contains("a probe woke")),
        "{headroom}"
    );
    let lag = check_of(run, "pacing");
    assert_eq!(
        lag["verdict"], "invalid",
        "40 of 150 arrivals were late: {lag}"
    );
}

#[test]
fn arrivals_that_never_start_make_a_run_invalid() {
    let folder = folder();
    let load = "{rate: 50/s, duration: 200ms, max_in_flight: 2, graceful_stop: 100ms}";
    scenario(
        folder.path(),
        &format!("{{name: t, mix: [{{name: m, flow: [{{sleep: 10s}}]}}], load: {load}}}"),
    );
    finish(&mut loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    ))
    .exits(0);
    let result = result(&folder.path().join("out"));
    let pacing = check_of(run_of(&result, "async"), "pacing");
    assert_eq!(pacing["verdict"], "invalid", "{pacing}");
    assert!(
        pacing["observed"]
            .as_str()
            .is_some_and(|seen| seen.starts_with("8 of 10 planned iterations never started")),
        "{pacing}"
    );
}

#[test]
fn a_saturated_generator_reports_it() {
    // Nothing waits, so the only event loop is never idle.
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, workers: 1, mix: [{name: m, flow: [{sleep: 0s}]}], load: {vus: 4, duration: 700ms}}",
    );
    finish(&mut loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    ))
    .exits(0);
    let result = result(&folder.path().join("out"));
    let headroom = check_of(run_of(&result, "async"), "headroom");
    assert_ne!(headroom["verdict"], "valid", "{headroom}");
    assert!(
        headroom["explanation"]
            .as_str()
            .is_some_and(|why| !why.is_empty()),
        "{headroom}"
    );
}

/// A control group with a quota of a tenth of a CPU, too little even on the busiest machine. It is
/// removed on drop.
struct QuotaGroup(PathBuf);

impl QuotaGroup {
    fn new() -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let top = if root.join("cpu").is_dir() {
            root.join("cpu")
        } else {
            root.to_owned()
        };
        let group = Self(top.join(format!("loadgen-test-{}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        let one = |file: &str, text: &str| fs::write(group.0.join(file), text).is_ok();
        let set = one("cpu.max", "10000 100000")
            || (one("cpu.cfs_period_us", "100000") && one("cpu.cfs_quota_us", "10000"));
        set.then_some(group)
    }
}

impl Drop for QuotaGroup {
    fn drop(&mut self) {
        // It can be removed once its last process has ended.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_generator_under_a_cpu_quota_reports_it() {
    let Some(group) = QuotaGroup::new() else {
        let _ = writeln!(
            stderr(),
            "SKIPPED: this machine does not allow control groups with a quota"
        );
        return;
    };
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, workers: 1, mix: [{name: m, flow: [{sleep: 0s}]}], load: {vus: 4, duration: 700ms}}",
    );
    let join = format!(
        "echo $$ > {} && exec '{PROGRAM}' run test.yaml -o out --format none",
        group.0.join("cgroup.procs").display()
    );
    let ran = finish(&mut program("sh", folder.path(), &["-c", &join])).exits(0);
    assert!(
        ran.stdout
            .contains("invalid: the figures describe the generator"),
        "{}",
        ran.stdout
    );
    let result = result(&folder.path().join("out"));
    let headroom = check_of(run_of(&result, "async"), "headroom");
    assert_eq!(
        (
            headroom["verdict"].as_str(),
            result["host"]["cpu_quota"].as_f64()
        ),
        (Some("invalid"), Some(0.1)),
        "{headroom}"
    );
    assert!(
        headroom["observed"]
            .as_str()
            .is_some_and(|seen| seen.contains("throttled")),
        "{headroom}"
    );
    assert!(
        headroom["explanation"]
            .as_str()
            .is_some_and(|why| why.contains("quota")),
        "{headroom}"
    );
}

#[test]
fn percentiles_without_intervals_are_not_shown() {
    let folder = folder();
    let text = "{name: t, mix: [{name: m, flow: [{sleep: {uniform: [1ms, 3ms]}}]}], load: {vus: 20, iterations: 300}}";
    scenario(folder.path(), text);
    let ran = finish(&mut loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    ))
    .exits(0);
    assert!(
        ran.stdout.contains("n/a"),
        "300 samples are too few for p99.9: {}",
        ran.stdout
    );
    let result = result(&folder.path().join("out"));
    let response = &run_of(&result, "async")["response_ms"];
    let ends = |name: &str| {
        response["ci95"][name].as_array().map(|ends| {
            ends.iter()
                .map(|end| end.as_f64().expect("a number"))
                .collect::<Vec<_>>()
        })
    };
    let median = ends("p50").expect("enough samples");
    let p50 = number(response, "p50");
    assert!(
        median[0] <= p50 && p50 <= median[1] && median[0] >= number(response, "min"),
        "{median:?} {p50}"
    );
    assert_eq!(ends("p9999"), None);
    assert!(
        response["ci95"]["p9999"].is_null() && number(response, "p9999") > 0.0,
        "the value is still reported"
    );
    fs::remove_dir_all(folder.path().join("out")).expect("it exists");
}
