//! Setup and teardown: once before and after each mode, without being counted, regardless of what
//! happens in between.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use loadgen::engine::run::process;
use loadgen::engine::run::process::{ChildControl, ProcessError};
use loadgen::engine::{Event, RunError, Signal, ideal, preflight, run_mode};
use loadgen::plan::{Mode, Plan, Step};
use loadgen::result::{ModeRun, StoppedBy};

use crate::engine::plan;
use crate::support::{PROGRAM, Server, job};

const ALL: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];

fn with(flow: &str, load: &str) -> Plan {
    plan(&format!(
        "{{name: t, mix: [{{name: m, flow: [{flow}]}}], load: {{{load}}}, targets: {{shop: {{url: builtin}}}}}}"
    ))
}

fn steps(flow: &str) -> Vec<Step> {
    with(flow, "iterations: 1").mix.remove(0).flow
}

/// A plan with three successful operations, and these steps around them.
fn around(setup: &str, teardown: &str) -> Plan {
    let mut plan = with("{sleep: 5ms}", "vus: 3, iterations: 3");
    plan.setup = if setup.is_empty() {
        Vec::new()
    } else {
        steps(setup)
    };
    plan.teardown = if teardown.is_empty() {
        Vec::new()
    } else {
        steps(teardown)
    };
    plan
}

/// Runs a mode; returns its result and its warnings.
fn run(
    plan: &Plan,
    mode: Mode,
    signal: Option<Signal>,
) -> (Result<ModeRun, RunError>, Vec<String>) {
    let warned = Mutex::new(Vec::new());
    let say = |event| {
        if let Event::Warning(text) = event {
            warned.lock().expect("no panic").push(text);
        }
    };
    let result = run_mode(&job(plan, mode, Vec::new()), &|| signal, &say);
    (result, warned.into_inner().expect("no panic"))
}

/// A step that proves by its failure that it ran.
const FAILS: &str = "{sleep: 1ms, name: clean up, fail: 100%}";

#[test]
fn setup_and_teardown_are_in_no_count() {
    let plan = around(
        "{sleep: 30ms}, {sleep: 1ms, fail: 100%, on_error: continue}, {parallel: [{sleep: 1ms}, {sleep: 1ms}]}",
        "{sleep: 30ms}",
    );
    for mode in ALL {
        let (result, warned) = run(&plan, mode, None);
        let run = result.expect("the run succeeds");
        assert_eq!(
            (
                run.counts.planned,
                run.iterations.counts.planned,
                run.warmup.started
            ),
            (3, 3, 0),
            "{mode}"
        );
        assert!(
            run.errors.is_empty() && run.try_failures.is_empty() && warned.is_empty(),
            "{mode}: {:?} {warned:?}",
            run.errors
        );
        assert!(
            run.wall_s < if mode == Mode::Simulated { 0.006 } else { 1.0 },
            "{mode}: {}",
            run.wall_s
        );
    }
    assert_eq!(
        ideal(&plan, Path::new("")),
        ideal(&around("", ""), Path::new(""))
    );
}

#[test]
fn a_failed_setup_reports_where_and_the_teardown_runs() {
    let plan = around(
        "{sleep: 1ms}, {sleep: 1ms, name: seed it, fail: 100%}, {sleep: 10s}",
        FAILS,
    );
    for mode in ALL {
        let (result, warned) = run(&plan, mode, None);
        let said = result.expect_err("it fails").to_string();
        assert!(
            said.contains("the setup failed at `seed it` (mock)") && said.contains("100%"),
            "{mode}: {said}"
        );
        assert!(
            warned.len() == 1 && warned[0].contains("the teardown failed at `clean up` (mock)"),
            "{mode}: {warned:?}"
        );
    }
    assert_eq!(ideal(&plan, Path::new("")), None);
    // An error of the child leads to exit code 3.
    let refused = process::run(
        PROGRAM.as_ref(),
        &job(&plan, Mode::Async, Vec::new()),
        &ChildControl::default(),
        |_| {},
    );
    assert!(
        matches!(&refused, Err(ProcessError::Refused(said)) if said.contains("seed it")),
        "{refused:?}"
    );
}

#[test]
fn a_failed_teardown_is_a_warning_and_needs_no_setup() {
    for mode in ALL {
        let (result, warned) = run(&around("", FAILS), mode, None);
        assert_eq!(
            (result.expect("the run succeeds").counts.ok, warned.len()),
            (3, 1),
            "{mode}: {warned:?}"
        );
    }
}

#[test]
fn the_teardown_runs_after_a_signal_and_is_bounded() {
    let mut plan = around("", FAILS);
    plan.load.duration = Some(loadgen::base::Nanos::from_secs(60));
    plan.load.iterations = None;
    for signal in [Signal::Finish(StoppedBy::Interrupt), Signal::GiveUp] {
        for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
            let (result, warned) = run(&plan, mode, Some(signal));
            assert_eq!(
                (result.expect("the run succeeds").stopped_by, warned.len()),
                (StoppedBy::Interrupt, 1),
                "{mode}: {warned:?}"
            );
        }
    }
    // In virtual time, where waits are free.
    let (_, warned) = run(
        &around("", "{sleep: 20s}"),
        Mode::Simulated,
        Some(Signal::GiveUp),
    );
    assert!(
        warned.len() == 1 && warned[0].contains("abandoned after 5s"),
        "{warned:?}"
    );
    let (_, warned) = run(&around("", "{sleep: 20s}"), Mode::Simulated, None);
    assert!(warned.is_empty(), "{warned:?}");
}

#[test]
fn a_signal_ends_a_setup_and_the_teardown_runs() {
    let plan = around("{sleep: 20s}", FAILS);
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        let (result, warned) = run(&plan, mode, Some(Signal::Finish(StoppedBy::Interrupt)));
        assert!(
            matches!(result, Err(RunError::Interrupted)) && warned.len() == 1,
            "{mode}: {warned:?}"
        );
    }
    // The same from one process to another.
    let leash = ChildControl::default();
    leash.pull();
    let mut warned = 0;
    let job = job(&plan, Mode::Async, Vec::new());
    let result = process::run(PROGRAM.as_ref(), &job, &leash, |event| {
        warned += u32::from(matches!(event, Event::Warning(_)))
    });
    assert!(
        matches!(result, Err(ProcessError::Interrupted { mode: Mode::Async })) && warned == 1,
        "{result:?} {warned}"
    );
}

#[test]
fn the_server_sees_setup_and_teardown_once() {
    let server = Server::start();
    let mut plan = with("{get: /json}", "vus: 2, iterations: 10");
    plan.setup = steps("{post: /anything}, {get: /}");
    plan.teardown = steps("{get: /json}");
    for target in &mut plan.targets {
        let (host, port) = (server.address.ip().to_string(), server.address.port());
        target.address = loadgen::plan::Address::Url {
            scheme: loadgen::plan::Scheme::Http,
            host,
            port,
            base: String::new(),
        };
    }
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        let before = server.status();
        let addresses = preflight::preflight(&plan, ".".as_ref(), None).expect("it listens");
        let run =
            run_mode(&job(&plan, mode, addresses), &|| None, &|_| {}).expect("the run succeeds");
        assert_eq!(
            (run.counts.ok, server.seen_since(before).requests),
            (10, 13),
            "{mode}"
        );
    }
    plan.load.duration = Some(loadgen::base::Nanos::from_secs(60));
    plan.load.iterations = None;
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        let before = server.status();
        let addresses = preflight::preflight(&plan, ".".as_ref(), None).expect("it listens");
        // The server also counts the requests for its status.
        let asked = AtomicU64::new(0);
        let interrupt = || {
            let requests =
                server.status().requests - before.requests - asked.fetch_add(1, Ordering::Relaxed);
            (requests > 10).then_some(Signal::Finish(StoppedBy::Interrupt))
        };
        let run =
            run_mode(&job(&plan, mode, addresses), &interrupt, &|_| {}).expect("the run succeeds");
        let sent = run.counts.completed + run.counts.unfinished;
        let seen = server.seen_since(before).requests - asked.load(Ordering::Relaxed);
        assert_eq!(
            (run.stopped_by, seen),
            (StoppedBy::Interrupt, sent + 3),
            "{mode}"
        );
    }
}
