//! `load.pace`: known answers in virtual time, and the same starts in the real modes.

use loadgen::metrics::PaceTally;
use loadgen::plan::{LoadModel, Mode};
use loadgen::result::{ModeRun, Verdict};
use loadgen::scenario::{Overrides, Source, compile};

use crate::engine::{plan, run};
use crate::support::patiently;

/// Runs a load of a flow in virtual time, and returns its iterations and their pace.
fn simulated(load: &str, flow: &str) -> (ModeRun, u64, PaceTally) {
    let plan = plan(&format!(
        "{{name: t, mix: [{{name: m, flow: [{flow}]}}], load: {load}}}"
    ));
    let run = run(&plan, Mode::Simulated);
    let (started, pace) = (run.iterations.counts.started, run.iterations.pace);
    (run, started, pace)
}

fn verdict(run: &ModeRun) -> Option<Verdict> {
    let mut checks = run.validity.checks.iter();
    checks
        .find(|check| check.name == "pace")
        .map(|check| check.verdict)
}

#[test]
fn a_user_starts_an_iteration_each_pace() {
    // At 0, 100 … 900 ms, whether or not there is a warm-up.
    for warmup in ["0s", "250ms"] {
        let load = format!("{{vus: 3, pace: 100ms, duration: 1s, warmup: {warmup}}}");
        let (run, started, pace) = simulated(&load, "sleep: 30ms");
        assert_eq!(started, 30, "{warmup}");
        assert_eq!(pace.missed, 0, "{warmup}");
        assert_eq!(pace.held, if warmup == "0s" { 27 } else { 30 });
        assert_eq!(verdict(&run), Some(Verdict::Valid));
        // What waits for the pace is in no time.
        let times = &run.times;
        for (time, max) in [
            (&times.response_ms, 30.0),
            (&times.queue_ms, 0.0),
            (&times.lag_ms, 0.0),
        ] {
            assert_eq!(time.as_ref().expect("samples").max, max, "{warmup}");
        }
    }
    let (run, ..) = simulated("{vus: 3, duration: 1s}", "sleep: 30ms");
    assert_eq!(verdict(&run), None);
}

#[test]
fn what_takes_longer_than_the_pace_is_counted_and_not_caught_up() {
    // Each at once: at 0, 150 … 900 ms.
    let (slow, started, pace) = simulated("{vus: 2, pace: 100ms, duration: 1s}", "sleep: 150ms");
    assert_eq!(
        (started, pace),
        (
            14,
            PaceTally {
                held: 0,
                missed: 12
            }
        )
    );
    assert_eq!(verdict(&slow), Some(Verdict::Degraded));
    // At 0, 250, 350 … 950 ms.
    let flow = "{sleep: 250ms, name: slow, when: seq() == 1}, {sleep: 10ms, when: seq() > 1}";
    let load = "{vus: 1, pace: 100ms, duration: 1s}";
    let plan = plan(&format!(
        "{{name: t, mix: [{{name: m, flow: [{flow}]}}], load: {load}}}"
    ));
    let run = run(&plan, Mode::Simulated);
    assert_eq!(run.iterations.counts.started, 9);
    assert_eq!(run.iterations.pace, PaceTally { held: 7, missed: 1 });
}

#[test]
fn users_of_stages_have_the_pace_while_they_are_active() {
    let load = "{start: 1, pace: 200ms, stages: [{hold: 500ms, vus: 1}, {hold: 400ms, vus: 2},
        {hold: 300ms, vus: 1}, {hold: 300ms, vus: 2}]}";
    let text = format!("{{name: t, mix: [{{name: m, flow: [{{sleep: 10ms}}]}}], load: {load}}}");
    for mode in [Mode::Simulated, Mode::Sequential, Mode::Async] {
        let run = run(&plan(&text), mode);
        // One at 0, 200 … 1400 ms, the other at 500, 700, 1200 and 1400 ms: a user that was not active has
        // missed nothing.
        assert_eq!(run.iterations.counts.started, 8 + 4, "{mode}");
    }
    let pace = run(&plan(&text), Mode::Simulated).iterations.pace;
    assert_eq!(
        pace,
        PaceTally {
            held: 10,
            missed: 0
        }
    );
}

#[test]
fn the_real_modes_start_when_virtual_time_does() {
    let plan = plan(
        "{name: t, workers: 2, mix: [{name: m, flow: [{sleep: 1ms}]}],
          load: {vus: 4, pace: 60ms, iterations_per_vu: 5}}",
    );
    let of = |mode| {
        let run = run(&plan, mode);
        let pace = run.iterations.pace;
        assert_eq!(run.iterations.counts.ok, 20, "{mode}");
        assert_eq!(pace.held + pace.missed, 16, "{mode}");
        // Nobody waits for a pace after the last iteration.
        assert!(
            run.wall_s >= 0.24 && run.wall_s < 1.0,
            "{mode}: {}",
            run.wall_s
        );
        pace.missed
    };
    assert_eq!(of(Mode::Simulated), 0);
    // One at a time, users that begin one after another are in each other's way.
    of(Mode::Sequential);
    for mode in [Mode::Threaded, Mode::Async] {
        patiently(|| assert_eq!(of(mode), 0, "{mode}"));
    }
}

#[test]
fn loads_side_by_side_have_their_own_pace() {
    let text = "{name: t, mix: [
        {name: slow, load: {vus: 2, pace: 100ms}, flow: [{sleep: 5ms}]},
        {name: late, load: {vus: 1, pace: 50ms, start_after: 200ms, stop_after: 400ms}, flow: [{sleep: 1ms}]},
        {name: free, load: {rate: 50/s}, flow: [{sleep: 1ms}]}],
      load: {duration: 500ms}}";
    for mode in [Mode::Simulated, Mode::Sequential, Mode::Threaded] {
        let run = run(&plan(text), mode);
        let started: Vec<u64> = run.mixes.iter().map(|mix| mix.counts.started).collect();
        assert_eq!(started, [10, 4, 25], "{mode}");
    }
}

#[test]
fn a_rate_of_the_command_line_replaces_the_pace_and_users_keep_it() {
    let text = "{name: t, mix: [{flow: [{sleep: 1ms}]}], load: {vus: 2, pace: 1s, duration: 1s}}";
    let load = |overrides: Overrides| {
        compile(&Source::inline("t.yaml", text), &overrides, &|_| None)
            .map(|compiled| compiled.plan.load)
            .expect("a plan")
    };
    let rate = load(Overrides {
        rate: Some(loadgen::base::Rate::per_second(5)),
        ..Overrides::default()
    });
    assert!(rate.pace.is_none());
    let users = load(Overrides {
        vus: Some(7),
        ..Overrides::default()
    });
    assert_eq!(users.model, LoadModel::Closed { vus: 7 });
    assert!(users.pace.is_some());
}
