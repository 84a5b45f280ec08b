//! The open model: arrival times are planned and do not depend on what happens to earlier arrivals.

use loadgen::plan::{Mode, Plan};
use loadgen::result::ModeRun;

use crate::engine::{plan, run};
use crate::support::{self, pairs, side_by_side};

fn load(load: &str) -> Plan {
    plan(&format!(
        "{{name: t, seed: 5, workers: 1, mix: [{{name: m, flow: [{{sleep: 100ms}}]}}], load: {load}}}"
    ))
}

fn counts(run: &ModeRun) -> (u64, u64, u64, u64) {
    let counts = run.iterations.counts;
    (counts.planned, counts.ok, counts.dropped, counts.skipped)
}

#[test]
fn an_arrival_is_dropped_if_slots_and_queue_are_full() {
    // An arrival every 20 ms takes 100 ms, with two slots and a queue of one. Arrivals at 0 and 20
    // ms start, 40 is queued, 60 and 80 are dropped; at 100 ms the first slot is freed and takes
    // the arrival of 40, so that of 100 is queued, and so on. The simulation computes this exactly.
    let plan = load("{rate: 50/s, iterations: 20, max_in_flight: 2, queue: 1, on_full: drop}");
    let ideal = run(&plan, Mode::Simulated);
    let (planned, ok, dropped, skipped) = counts(&ideal);
    assert_eq!((planned, skipped), (20, 0));
    // Two slots complete 20 per second; arrivals last 380 ms, so about ten are admitted.
    assert!((8..=11).contains(&ok) && ok + dropped == 20, "{ok} of 20");
    assert_eq!(
        ideal.series.iter().map(|w| w.dropped).sum::<u64>(),
        dropped,
        "drops are counted in their windows"
    );
    for mode in [Mode::Threaded, Mode::Async] {
        let real = run(&plan, mode);
        let (planned, ok, dropped, _) = counts(&real);
        assert_eq!((planned, ok + dropped), (20, 20), "{mode}");
        assert!((7..=12).contains(&ok), "{mode}: {ok}");
    }
}

#[test]
fn nothing_is_dropped_if_the_queue_has_room_or_on_full_is_wait() {
    let queues = ["queue: 20, on_full: drop", "on_full: wait"];
    let modes = [
        Mode::Sequential,
        Mode::Threaded,
        Mode::Async,
        Mode::Simulated,
    ];
    side_by_side(pairs(&queues, &modes), |(queue, mode)| {
        let plan = load(&format!(
            "{{rate: 100/s, iterations: 20, max_in_flight: 2, {queue}}}"
        ));
        assert_eq!(counts(&run(&plan, mode)), (20, 20, 0, 0), "{mode} {queue}");
    });
}

#[test]
fn without_a_queue_an_arrival_needs_a_free_slot() {
    // 10 arrivals every 10 ms: only the first one finds the one slot free.
    let plan = load("{rate: 100/s, iterations: 10, max_in_flight: 1, queue: 0, on_full: drop}");
    for mode in [
        Mode::Sequential,
        Mode::Threaded,
        Mode::Async,
        Mode::Simulated,
    ] {
        assert_eq!(counts(&run(&plan, mode)), (10, 1, 9, 0), "{mode}");
    }
}

#[test]
fn poisson_arrivals_are_the_same_in_every_mode_and_for_any_number_of_workers() {
    let text = |workers| {
        format!(
            "{{name: t, seed: 5, workers: {workers}, mix: [{{name: m, flow: [{{sleep: 1ms}}]}}], \
             load: {{rate: 200/s, arrivals: poisson, duration: 500ms, max_in_flight: 50}}}}"
        )
    };
    let planned = run(&plan(&text(1)), Mode::Simulated)
        .iterations
        .counts
        .planned;
    // 100 expected, with a standard deviation of 10.
    assert!((60..140).contains(&planned), "{planned}");
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        for workers in [1, 3] {
            assert_eq!(
                run(&plan(&text(workers)), mode).iterations.counts.planned,
                planned,
                "{mode} {workers}"
            );
        }
    }
}

#[test]
fn the_summary_converts_a_rate_of_iterations_to_requests_per_second() {
    let folder = support::folder();
    let summary = |flow: &str, load: &str| {
        support::scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{a: {{url: builtin}}}}, mix: [{{flow: [{flow}]}}], load: {load}}}"
            ),
        );
        let dry = support::run(folder.path(), &["run", "test.yaml", "--dry-run"])
            .exits(0)
            .stdout;
        (
            dry,
            support::run(
                folder.path(),
                &["run", "test.yaml", "-o", "out", "--format", "none"],
            )
            .exits(0)
            .stdout,
        )
    };
    let open = "{rate: 50/s, duration: 400ms}";
    let (dry, three) = summary("{get: /}, {get: /json}, {sleep: 1ms}, {get: /html}", open);
    assert!(
        dry.contains("50 iterations/s")
            && dry.contains("3 requests per iteration, 60 per run: 150/s"),
        "{dry}"
    );
    assert!(
        three.contains("`rate` counts iterations: 50.0/s of them made 150 requests/s"),
        "{three}"
    );
    for (flow, load) in [
        ("{get: /}", open),
        ("{sleep: 1ms}, {sleep: 1ms}", open),
        ("{get: /}, {get: /}", "{iterations: 2}"),
    ] {
        let flow = if flow.contains("get") {
            flow.to_owned()
        } else {
            format!("{flow}, {{get: /}}")
        };
        let (_, said) = summary(&flow, load);
        assert!(!said.contains("counts iterations"), "{said}");
    }
}
