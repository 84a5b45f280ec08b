//! Known answers of groups, retries, limits and expectations: in process, in every mode.

use std::path::Path;

use loadgen::engine::{ideal, preflight, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::ModeRun;
use loadgen::server::Child;

use crate::engine::{near, plan};
use crate::support::{job, patiently, side_by_side};

const CONCURRENT: [Mode; 3] = [Mode::Threaded, Mode::Async, Mode::Simulated];
const MOCK: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];
const NETWORK: [Mode; 3] = [Mode::Sequential, Mode::Threaded, Mode::Async];

fn run(plan: &Plan, mode: Mode) -> ModeRun {
    crate::engine::run(plan, mode)
}

/// Returns a plan with one iteration of this flow.
fn once(flow: &str) -> Plan {
    plan(&format!(
        "{{name: t, workers: 1, mix: [{{name: m, flow: {flow}}}], load: {{iterations: 1}}}}"
    ))
}

fn counts(run: &ModeRun) -> (u64, u64, u64, u64) {
    (
        run.counts.ok,
        run.counts.failed,
        run.counts.cancelled,
        run.counts.skipped,
    )
}

#[test]
fn parallel_takes_as_long_as_its_slowest_branch() {
    patiently(|| {
        let plan = once(
            "[{parallel: [{sleep: 100ms}, {sleep: 200ms}, {flow: [{sleep: 50ms}, {sleep: 100ms}]}]}]",
        );
        near(Mode::Sequential, run(&plan, Mode::Sequential).wall_s, 0.45);
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.2);
            assert_eq!(counts(&run), (4, 0, 0, 0), "{mode}");
        });
        near(
            Mode::Simulated,
            ideal(&plan, Path::new("")).expect("a mock plan"),
            0.2,
        );
    });
}

#[test]
fn parallel_respects_its_concurrency() {
    patiently(|| {
        let plan = once(
            "[{parallel: [{sleep: 50ms}, {sleep: 50ms}, {sleep: 50ms}, {sleep: 50ms}, {sleep: 50ms}], concurrency: 2}]",
        );
        side_by_side(CONCURRENT, |mode| {
            near(mode, run(&plan, mode).wall_s, 0.15);
        });
    });
}

#[test]
fn the_first_to_complete_wins_a_race() {
    patiently(|| {
        let plan = once("[{race: [{sleep: 300ms}, {sleep: 100ms}, {sleep: 2s}]}]");
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.1);
            assert_eq!(counts(&run), (1, 0, 2, 0), "{mode}");
            assert_eq!(run.iterations.counts.ok, 1, "{mode}");
        });
        let sequential = run(&plan, Mode::Sequential);
        near(Mode::Sequential, sequential.wall_s, 0.3);
        assert_eq!(counts(&sequential), (1, 0, 0, 2));
    });
}

#[test]
fn a_race_for_success_continues_after_failures() {
    patiently(|| {
        let plan =
            once("[{race: [{sleep: 20ms, fail: 100%}, {sleep: 100ms}, {sleep: 2s}], win: ok}]");
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.1);
            assert_eq!(counts(&run), (1, 1, 1, 0), "{mode}");
        });
        let sequential = run(&plan, Mode::Sequential);
        // The race succeeded, but an iteration with a failed operation counts as failed.
        assert_eq!(
            (counts(&sequential), sequential.iterations.counts.failed),
            ((1, 1, 0, 1), 1)
        );
    });
}

#[test]
fn a_tolerated_failure_does_not_fail_the_enclosing_groups() {
    let flow = once(
        "[{flow: [{sleep: 1ms, fail: 100%, on_error: continue}, {sleep: 1ms}]}, {sleep: 1ms}]",
    );
    let cancel = once(
        "[{parallel: [{sleep: 1ms, fail: 100%, on_error: continue}, {sleep: 30ms}], on_error: cancel}, {sleep: 1ms}]",
    );
    let ends = once("[{flow: [{sleep: 1ms, fail: 100%}, {sleep: 1ms}]}, {sleep: 1ms}]");
    side_by_side(MOCK, |mode| {
        for (plan, wanted) in [
            (&flow, (2, 1, 0, 0)),
            (&cancel, (2, 1, 0, 0)),
            (&ends, (0, 1, 0, 0)),
        ] {
            let run = run(plan, mode);
            assert_eq!(
                (counts(&run), run.iterations.counts.failed),
                (wanted, 1),
                "{mode}"
            );
        }
    });
}

#[test]
fn a_failure_before_its_branch_is_cancelled_fails_the_iteration() {
    let loser = "{flow: [{sleep: 1ms, fail: 100%, on_error: continue}, {sleep: 2s}]}";
    let race = once(&format!("[{{race: [{loser}, {{sleep: 300ms}}]}}]"));
    let nested = once(&format!(
        "[{{race: [{{parallel: [{loser}, {{sleep: 2s}}]}}, {{sleep: 300ms}}]}}]"
    ));
    let cancel = once(&format!(
        "[{{parallel: [{loser}, {{sleep: 300ms, fail: 100%}}], on_error: cancel}}]"
    ));
    side_by_side(CONCURRENT, |mode| {
        for (plan, wanted) in [
            (&race, (1, 1, 1, 0)),
            (&nested, (1, 1, 2, 0)),
            (&cancel, (0, 2, 1, 0)),
        ] {
            let run = run(plan, mode);
            assert_eq!(
                (counts(&run), run.iterations.counts.failed),
                (wanted, 1),
                "{mode}"
            );
        }
    });
}

#[test]
fn an_operation_that_begins_a_branch_within_a_branch_is_planned_once() {
    let inner = "{parallel: [{flow: [{think: 1ms}, {sleep: 2s}]}, {sleep: 2s}]}";
    for (outer, wanted) in [
        (inner.to_owned(), (1, 0, 2, 0)),
        (format!("{{flow: [{{think: 1ms}}, {inner}]}}"), (1, 0, 2, 0)),
    ] {
        let plan = once(&format!("[{{race: [{outer}, {{sleep: 300ms}}]}}]"));
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            assert_eq!((counts(&run), run.counts.planned), (wanted, 3), "{mode}");
        });
    }
}

#[test]
fn on_error_cancel_cancels_the_rest_at_the_first_failure() {
    patiently(|| {
        let branches = "[{sleep: 50ms, fail: 100%}, {sleep: 2s}, {sleep: 2s}, {sleep: 2s}]";
        let cancel = once(&format!(
            "[{{parallel: {branches}, concurrency: 3, on_error: cancel}}, {{sleep: 1s}}]"
        ));
        side_by_side(CONCURRENT, |mode| {
            let run = run(&cancel, mode);
            near(mode, run.wall_s, 0.05);
            // The sleep after the group was never reached, so it was never planned.
            assert_eq!(
                (counts(&run), run.counts.planned),
                ((0, 1, 2, 1), 4),
                "{mode}"
            );
            assert_eq!(run.iterations.counts.failed, 1, "{mode}");
        });
        assert_eq!(counts(&run(&cancel, Mode::Sequential)), (0, 1, 0, 3));
        let goes_on = once("[{parallel: [{sleep: 50ms, fail: 100%}, {sleep: 100ms}]}]");
        side_by_side(MOCK, |mode| {
            let run = run(&goes_on, mode);
            assert_eq!(
                (counts(&run), run.iterations.counts.failed),
                ((1, 1, 0, 0), 1),
                "{mode}"
            );
        });
    });
}

#[test]
fn a_pause_may_win_a_race_and_cancel_a_sleep() {
    patiently(|| {
        let plan = once(
            "[{parallel: [{race: [{sleep: 500ms}, {think: 200ms}]}, {sleep: 300ms}, {sleep: 400ms}]}]",
        );
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.4);
            assert_eq!(counts(&run), (2, 0, 1, 0), "{mode}");
        });
        let sequential = run(&plan, Mode::Sequential);
        near(Mode::Sequential, sequential.wall_s, 1.2);
        assert_eq!(counts(&sequential), (3, 0, 0, 0));
    });
}

#[test]
fn no_operation_starts_in_the_slot_of_a_losing_branch() {
    let plan = plan(
        "{name: t, workers: 1, limits: {concurrency: 1}, load: {iterations: 25}, mix: [{name: m,
          flow: [{race: [{think: 20ms}, {sleep: 10s}, {sleep: 10s}, {sleep: 10s}]}]}]}",
    );
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        // At most one has the slot, and is cancelled; the two that wait for it are skipped.
        let (ok, failed, cancelled, skipped) = counts(&run);
        assert_eq!((ok, failed, cancelled + skipped), (0, 0, 75), "{mode}");
        assert!(cancelled <= 25, "{mode}: {cancelled} were started");
    });
}

#[test]
fn steps_are_repeated_and_run_by_chance() {
    let repeated = once("[{repeat: {times: 5, flow: [{sleep: 2ms}, {sleep: 1ms}]}}]");
    side_by_side(MOCK, |mode| {
        assert_eq!(run(&repeated, mode).counts.ok, 10, "{mode}");
    });
    let chance = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms, chance: 30%}, {repeat: {times: 3, flow: [{sleep: 1ms, chance: 50%}]}}]}], load: {vus: 4, iterations: 100}}",
    );
    let reference = run(&chance, Mode::Simulated).counts.ok;
    assert!(
        (140..220).contains(&reference),
        "{reference}: about 30 + 150"
    );
    side_by_side(NETWORK, |mode| {
        assert_eq!(run(&chance, mode).counts.ok, reference, "{mode}");
    });
    let first_only = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms, once: true}, {sleep: 1ms}]}], load: {vus: 4, iterations_per_vu: 5}}",
    );
    side_by_side(MOCK, |mode| {
        assert_eq!(run(&first_only, mode).counts.ok, 4 + 20, "{mode}");
    });
}

#[test]
fn retries_back_off_as_configured_and_count_once() {
    patiently(|| {
        let retry = |backoff: &str| {
            once(&format!(
                "[{{sleep: 10ms, fail: 100%, retry: {{attempts: 3, backoff: {backoff}}}}}]"
            ))
        };
        for (backoff, ideal) in [
            ("{linear: {step: 50ms}}", 0.18),
            ("{exponential: {initial: 100ms}}", 0.33),
            ("{constant: 20ms}", 0.07),
        ] {
            let plan = retry(backoff);
            for mode in MOCK {
                let run = run(&plan, mode);
                near(mode, run.wall_s, ideal);
                assert_eq!(
                    (run.counts.planned, run.counts.failed, run.counts.retries),
                    (1, 1, 2),
                    "{mode} {backoff}"
                );
                assert_eq!(
                    (run.failures.get("mock"), run.try_failures.get("mock")),
                    (Some(&1), Some(&3)),
                    "{mode} {backoff}"
                );
            }
        }
        // At 30 % and three attempts: 2.7 % fail, with 1.39 attempts on average.
        let often = plan(
            "{name: t, seed: 3, mix: [{name: m, flow: [{sleep: 1ms, fail: 30%, retry: {attempts: 3}}]}], load: {vus: 10, iterations: 5000}}",
        );
        let run = run(&often, Mode::Simulated);
        let tries = (run.counts.started + run.counts.retries) as f64 / 5000.0;
        assert!((tries - 1.39).abs() < 0.03, "{tries} attempts on average");
        assert!(
            (run.counts.failed as f64 / 5000.0 - 0.027).abs() < 0.01,
            "{} failed",
            run.counts.failed
        );
    });
}

#[test]
fn a_full_queue_drops_new_arrivals() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 100ms, limits: {concurrency: 2, queue: 3, on_full: drop}}]}], load: {vus: 10, iterations: 10}}",
    );
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        assert_eq!(
            (run.counts.planned, run.counts.started, run.counts.dropped),
            (10, 5, 5),
            "{mode}"
        );
        assert_eq!(
            (run.iterations.counts.ok, run.iterations.counts.failed),
            (5, 5),
            "{mode}"
        );
        assert_eq!(
            (
                run.limits[0].peak_in_flight,
                run.limits[0].peak_queue,
                run.limits[0].dropped
            ),
            (2, 3, 5),
            "{mode}"
        );
    });
    assert_eq!(
        run(&plan, Mode::Sequential).counts.ok,
        10,
        "sequential mode never waits"
    );
}

#[test]
fn a_mix_entry_is_limited_by_iterations() {
    patiently(|| {
        let plan = plan(
            "{name: t, mix: [{name: m, limits: {concurrency: 2}, flow: [{sleep: 20ms}, {sleep: 30ms}]}], load: {vus: 6, iterations: 6}}",
        );
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.15);
            assert_eq!(
                (run.limits[0].scope.as_str(), run.limits[0].peak_in_flight),
                ("mix m", 2),
                "{mode}"
            );
        });
    });
}

fn on_server(flow: &str, check: impl Fn(Mode, &ModeRun) + Sync) {
    on_target("", flow, check);
}

/// The same with additional keys of the target.
fn on_target(keys: &str, flow: &str, check: impl Fn(Mode, &ModeRun) + Sync) {
    let server = Child::start(Path::new(env!("CARGO_BIN_EXE_loadgen"))).expect("it starts");
    let text = format!(
        "{{name: t, workers: 1, targets: {{s: {{url: 'http://{}'{keys}}}}}, mix: [{{name: m, flow: {flow}}}], load: {{iterations: 4}}}}",
        server.address()
    );
    let plan = plan(&text);
    side_by_side(NETWORK, |mode| {
        let addresses = preflight::preflight(&plan, ".".as_ref(), None).expect("it listens");
        let run =
            run_mode(&job(&plan, mode, addresses), &|| None, &|_| {}).expect("the run succeeds");
        assert!(
            run.counts.hold() && run.iterations.counts.hold(),
            "{mode}: {:?}",
            run.counts
        );
        check(mode, &run);
    });
}

#[test]
fn losers_of_a_race_over_the_network_are_cancelled_at_once() {
    patiently(|| {
        on_server(
            "[{race: [{get: /delay/0.8}, {get: /delay/0.05}, {get: /delay/1}]}]",
            |mode, run| {
                if mode == Mode::Sequential {
                    assert_eq!(counts(run), (4, 0, 0, 8), "{mode}");
                } else {
                    assert_eq!(counts(run), (4, 0, 8, 0), "{mode}: {:?}", run.errors);
                    near(mode, run.wall_s, 0.2);
                }
            },
        );
    });
}

#[test]
fn a_connection_released_by_a_loser_stays_with_its_new_user() {
    // The connection of the loser's first step is in use by another request when the race ends.
    let loser = "{flow: [{get: /}, {sleep: 300ms}]}";
    let flow = format!(
        "[{{parallel: [{{race: [{loser}, {{sleep: 150ms}}]}}, {{flow: [{{sleep: 70ms}}, {{get: /delay/0.3}}]}}]}}]"
    );
    on_target(", http: {keep_alive: shared}", &flow, |mode, run| {
        assert_eq!(
            (run.counts.failed, &run.failures),
            (0, &Default::default()),
            "{mode}: {:?}",
            run.errors
        );
        assert_eq!(
            run.times.connect_ms.as_ref().map(|q| q.count),
            Some(1),
            "{mode}"
        );
    });
}

#[test]
fn branches_that_ended_before_the_winner_keep_their_connections() {
    on_server(
        "[{race: [{get: /status/500}, {get: /delay/0.05}], win: ok}]",
        |mode, run| {
            assert_eq!(counts(run), (4, 4, 0, 0), "{mode}: {:?}", run.errors);
            assert_eq!(
                run.times.connect_ms.as_ref().map(|q| q.count),
                Some(2),
                "{mode}"
            );
        },
    );
}

#[test]
fn losers_are_never_counted_as_failed() {
    // The winner completes when the others have just started, so they may be cancelled at any
    // point.
    on_server(
        "[{repeat: {times: 300, flow: [{race: [{get: /}, {get: /delay/0.05}, {sleep: 100us}]}]}}]",
        |mode, run| {
            assert_eq!(run.counts.failed, 0, "{mode}: {:?}", run.errors);
            assert_eq!(run.iterations.counts.ok, 4, "{mode}");
        },
    );
}

#[test]
fn branches_keep_their_connections_from_one_iteration_to_the_next() {
    on_server(
        "[{parallel: [{get: /}, {get: /json}, {get: /html}]}]",
        |mode, run| {
            assert_eq!(run.counts.ok, 12, "{mode}");
            assert_eq!(
                run.times.connect_ms.as_ref().map(|q| q.count),
                Some(3),
                "{mode}"
            );
        },
    );
}

#[test]
fn each_timeout_has_its_own_kind() {
    on_server(
        "[{get: /delay/1, timeout: {first_byte: 50ms, total: 5s}}]",
        |mode, run| {
            assert_eq!(
                run.failures.get("timeout_first_byte"),
                Some(&4),
                "{mode}: {:?}",
                run.failures
            );
        },
    );
    on_server(
        "[{get: '/drip?bytes=100&over=2&chunks=10', timeout: {first_byte: 250ms, total: 300ms}}]",
        |mode, run| {
            assert_eq!(
                run.failures.get("timeout_total"),
                Some(&4),
                "{mode}: {:?}",
                run.failures
            );
        },
    );
}

#[test]
fn responses_are_checked_and_statuses_retried() {
    on_server(
        "[{get: /bytes/100, expect: {size: {min: 100, max: 100}, headers: {content-type: application/octet-stream}}}]",
        |mode, run| {
            assert_eq!(counts(run), (4, 0, 0, 0), "{mode}: {:?}", run.errors);
        },
    );
    on_server(
        "[{get: /json, expect: {body: {contains: no such thing}}}]",
        |mode, run| {
            assert_eq!(run.failures.get("check"), Some(&4), "{mode}");
            assert!(
                run.errors[0]
                    .message
                    .contains("expected to contain \"no such thing\""),
                "{mode}: {:?}",
                run.errors
            );
        },
    );
    on_server(
        "[{get: /status/503, retry: {attempts: 3, status: [503]}}]",
        |mode, run| {
            assert_eq!((run.counts.failed, run.counts.retries), (4, 8), "{mode}");
            assert_eq!(run.try_failures.get("status"), Some(&12), "{mode}");
        },
    );
    on_server("[{get: /, expect: {max_response: 1ns}}]", |mode, run| {
        assert_eq!(run.failures.get("check"), Some(&4), "{mode}");
    });
}
