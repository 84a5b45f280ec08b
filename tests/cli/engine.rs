//! Known answers of the engine, in process: the workloads of the courses, in every mode.

use std::path::Path;

use loadgen::base::Nanos;
use loadgen::engine::{ideal, preflight, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::{ModeRun, StoppedBy};
use loadgen::scenario::{Overrides, Source, compile};

use crate::support::{job, patiently, side_by_side};

pub(crate) fn plan(text: &str) -> Plan {
    let source = Source::inline("test.yaml", text);
    match compile(
        &source,
        &Overrides {
            seed: Some(7),
            http_client: Some(crate::HTTP_CLIENT),
            ..Overrides::default()
        },
        &|_| None,
    ) {
        Ok(compiled) => compiled.plan,
        Err(problems) => panic!("{}", problems.render(&source, false)),
    }
}

pub(crate) fn run(plan: &Plan, mode: Mode) -> ModeRun {
    let addresses = preflight::preflight(plan, ".".as_ref(), None).expect("the targets respond");
    let run = run_mode(&job(plan, mode, addresses), &|| None, &|_| {}).expect("the run succeeds");
    assert!(
        run.counts.hold() && run.iterations.counts.hold(),
        "{mode}: {:?} {:?}",
        run.counts,
        run.iterations.counts
    );
    for step in &run.steps {
        assert!(
            step.counts.hold(),
            "{mode} {}: {:?}",
            step.name,
            step.counts
        );
    }
    run
}

/// Checks that `wall` is not below `ideal`, and at most 2 % and a margin for a noisy machine above
/// it.
pub(crate) fn near(mode: Mode, wall: f64, ideal: f64) {
    assert!(
        wall >= ideal - 1e-6,
        "{mode}: {wall} s is less than {ideal} s"
    );
    let margin = if mode == Mode::Simulated { 1e-9 } else { 0.15 };
    assert!(
        wall <= ideal * 1.02 + margin,
        "{mode}: {wall} s, wanted {ideal} s"
    );
}

const CONCURRENT: [Mode; 3] = [Mode::Threaded, Mode::Async, Mode::Simulated];

#[test]
fn the_same_tasks_three_ways() {
    patiently(|| {
        let plan = plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 100ms}]}], load: {vus: 3, iterations: 3}}",
        );
        near(Mode::Sequential, run(&plan, Mode::Sequential).wall_s, 0.3);
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.1);
            assert_eq!(
                (run.counts.ok, run.iterations.counts.ok, run.stopped_by),
                (3, 3, StoppedBy::Iterations)
            );
        });
        near(
            Mode::Simulated,
            ideal(&plan, Path::new("")).expect("a mock plan"),
            0.1,
        );
    });
}

#[test]
fn a_concurrency_cap_holds_for_any_number_of_workers() {
    patiently(|| {
        for workers in [1, 2, 4] {
            let text = format!(
                "{{name: t, workers: {workers}, mix: [{{name: m, flow: [{{sleep: 50ms}}]}}], load: {{vus: 10, iterations: 10}}, limits: {{concurrency: 3}}}}"
            );
            let plan = plan(&text);
            for mode in CONCURRENT {
                let run = run(&plan, mode);
                near(mode, run.wall_s, 0.2);
                assert_eq!(run.limits[0].peak_in_flight, 3, "{mode}");
                assert_eq!(run.limits[0].peak_queue, 7, "{mode}");
            }
        }
        near(
            Mode::Sequential,
            run(
                &plan("{name: t, mix: [{name: m, flow: [{sleep: 50ms}]}], load: {vus: 10, iterations: 10}, limits: {concurrency: 3}}"),
                Mode::Sequential,
            )
            .wall_s,
            0.5,
        );
    });
}

#[test]
fn a_token_bucket_lets_a_burst_through_and_then_one_at_a_time_in_every_mode() {
    patiently(|| {
        let plan = plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 0s}]}], load: {vus: 10, iterations: 10}, limits: {rate: 20/s, burst: 5}}",
        );
        for mode in [
            Mode::Sequential,
            Mode::Threaded,
            Mode::Async,
            Mode::Simulated,
        ] {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.25);
            assert_eq!(run.counts.ok, 10);
        }
    });
}

#[test]
fn a_timeout_ends_a_slow_operation() {
    patiently(|| {
        let text = "{name: t, mix: [{name: m, flow: [{sleep: 50ms, timeout: 175ms, on_error: continue}, {sleep: 150ms, timeout: 175ms, on_error: continue}, \
                {sleep: 250ms, timeout: 175ms, on_error: continue}]}], load: {iterations: 1}}";
        let plan = plan(text);
        for mode in [
            Mode::Sequential,
            Mode::Threaded,
            Mode::Async,
            Mode::Simulated,
        ] {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.375);
            assert_eq!((run.counts.ok, run.counts.failed), (2, 1), "{mode}");
            assert_eq!(run.failures.get("timeout_total"), Some(&1), "{mode}");
            assert_eq!(run.iterations.counts.failed, 1, "{mode}");
        }
    });
}

#[test]
fn cpu_work_is_spread_over_the_cores() {
    patiently(|| {
        let plan = plan(
            "{name: t, workers: 1, mix: [{name: m, flow: [{cpu: 100ms}]}], load: {vus: 3, iterations: 3}}",
        );
        for mode in [Mode::Sequential, Mode::Async] {
            let run = run(&plan, mode);
            // Other tests share the two cores, so only the lower bound is certain.
            assert!(run.wall_s >= 0.3, "{mode}: {}", run.wall_s);
            let used =
                run.resources.cpu_user_s.unwrap_or(0.0) + run.resources.cpu_system_s.unwrap_or(0.0);
            assert!(used >= 0.29, "{mode}: {used} s of CPU time");
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
        near(
            Mode::Simulated,
            ideal(&plan, Path::new("")).expect("a mock plan"),
            0.1 * (3.0 / cores).max(1.0),
        );
    });
}

#[test]
fn a_blocking_call_blocks_the_event_loop_unless_it_is_offloaded() {
    patiently(|| {
        let text = |offload| {
            format!(
                "{{name: t, workers: 1, mix: [{{name: m, flow: [{{block: 100ms, offload: {offload}}}]}}], load: {{vus: 3, iterations: 3}}}}"
            )
        };
        near(
            Mode::Async,
            run(&plan(&text(false)), Mode::Async).wall_s,
            0.3,
        );
        near(
            Mode::Async,
            run(&plan(&text(true)), Mode::Async).wall_s,
            0.1,
        );
        near(
            Mode::Threaded,
            run(&plan(&text(false)), Mode::Threaded).wall_s,
            0.1,
        );
    });
}

#[test]
fn operations_in_flight_when_the_drain_ends_are_unfinished_and_their_connections_dropped() {
    patiently(|| {
        let plan = plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 10s}]}], load: {vus: 4, duration: 300ms, graceful_stop: 100ms}}",
        );
        for mode in [
            Mode::Sequential,
            Mode::Threaded,
            Mode::Async,
            Mode::Simulated,
        ] {
            let run = run(&plan, mode);
            let vus = if mode == Mode::Sequential { 1 } else { 4 };
            assert_eq!(
                (
                    run.counts.started,
                    run.counts.unfinished,
                    run.iterations.counts.unfinished
                ),
                (vus, vus, vus),
                "{mode}"
            );
            near(mode, run.wall_s, 0.4);
            // Measured from its own start, which on a busy machine is a moment after that of the
            // run.
            let age = run.oldest_unfinished_ms.expect("some are unfinished");
            assert!(
                (100.0..550.0).contains(&age) && (mode != Mode::Simulated || age == 400.0),
                "{mode}: {age} ms"
            );
            let check = run
                .validity
                .checks
                .iter()
                .find(|check| check.name == "unfinished")
                .expect("every run has it");
            assert!(
                check
                    .observed
                    .starts_with("100.00 % of started operations, the oldest for 0."),
                "{mode}: {}",
                check.observed
            );
        }
    });
}

#[test]
fn operations_that_wait_for_a_limit_when_the_drain_ends_are_skipped() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 10s}]}], load: {vus: 4, duration: 400ms, graceful_stop: 50ms}, limits: {concurrency: 1}}",
    );
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        assert_eq!(
            (
                run.counts.planned,
                run.counts.started,
                run.counts.skipped,
                run.counts.unfinished
            ),
            (4, 1, 3, 1),
            "{mode}"
        );
    });
}

#[test]
fn an_open_model_keeps_its_planned_times() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 10ms}]}], load: {rate: 100/s, duration: 500ms, max_in_flight: 20}}",
    );
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        assert_eq!(
            (run.iterations.counts.planned, run.counts.ok),
            (50, 50),
            "{mode}"
        );
        assert!(
            run.times.response_ms.as_ref().expect("samples").p50 < 40.0,
            "{mode}: {:?}",
            run.times.response_ms
        );
    });
}

#[test]
fn an_open_model_with_one_slot_counts_waiting_as_queue_and_not_as_lag() {
    patiently(|| {
        // 10 arrivals, one every 10 ms, each taking 20 ms, one at a time: the k-th waits k·10 ms.
        let plan = plan(
            "{name: t, mix: [{name: m, flow: [{sleep: 20ms}]}], load: {rate: 100/s, iterations: 10, max_in_flight: 1}}",
        );
        let simulated = run(&plan, Mode::Simulated);
        let queue = simulated.times.queue_ms.as_ref().expect("samples");
        assert!(
            (queue.max - 90.0).abs() < 1e-6 && (queue.mean - 45.0).abs() < 1e-6,
            "{queue:?}"
        );
        assert_eq!(simulated.times.lag_ms.as_ref().expect("samples").max, 0.0);
        assert!((simulated.times.response_ms.as_ref().expect("samples").max - 110.0).abs() < 1e-6);
        side_by_side([Mode::Sequential, Mode::Threaded, Mode::Async], |mode| {
            let run = run(&plan, mode);
            near(mode, run.wall_s, 0.2);
            assert!(
                run.times.queue_ms.as_ref().expect("samples").max >= 89.0,
                "{mode}: {:?}",
                run.times.queue_ms
            );
            assert!(
                run.times.lag_ms.as_ref().expect("samples").p50 < 10.0,
                "{mode}: {:?}",
                run.times.lag_ms
            );
        });
    });
}

#[test]
fn every_mode_and_any_number_of_workers_runs_the_same_work() {
    let text = |workers| {
        format!(
            "{{name: t, workers: {workers}, mix: [{{name: a, weight: 3, flow: [{{sleep: {{uniform: [1ms, 3ms]}}, fail: 30%}}]}}, \
             {{name: b, weight: 1, flow: [{{sleep: 1ms}}, {{think: 1ms}}, {{sleep: {{exponential: {{mean: 1ms}}}}}}]}}], load: {{vus: 8, iterations: 200}}}}"
        )
    };
    let seen = |run: &ModeRun| {
        run.mixes
            .iter()
            .map(|m| {
                (
                    m.name.clone(),
                    m.counts.planned,
                    m.counts.ok,
                    m.failures.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    let reference = seen(&run(&plan(&text(1)), Mode::Simulated));
    assert!(reference[0].2 > 70 && reference[0].2 < 140, "{reference:?}");
    side_by_side([Mode::Sequential, Mode::Threaded, Mode::Async], |mode| {
        for workers in [1, 3] {
            assert_eq!(
                seen(&run(&plan(&text(workers)), mode)),
                reference,
                "{mode} with {workers} workers"
            );
        }
    });
}

#[test]
fn a_warm_up_is_counted_separately() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 10ms}]}], load: {vus: 2, duration: 200ms, warmup: 100ms}}",
    );
    for mode in [
        Mode::Sequential,
        Mode::Threaded,
        Mode::Async,
        Mode::Simulated,
    ] {
        let run = run(&plan, mode);
        assert!(
            run.warmup.started > 0 && run.warmup.completed > 0,
            "{mode}: {:?}",
            run.warmup
        );
        assert!(run.series.iter().any(|w| w.t_s < 0.0), "{mode}");
        assert_eq!(run.measured_s, 0.2, "{mode}");
        let most = if mode == Mode::Sequential { 21 } else { 42 };
        assert!(run.counts.planned <= most, "{mode}: {:?}", run.counts);
    }
}

#[test]
fn iterations_per_vu_bound_each_user_separately() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 5, iterations_per_vu: 4}}",
    );
    for mode in [
        Mode::Sequential,
        Mode::Threaded,
        Mode::Async,
        Mode::Simulated,
    ] {
        let run = run(&plan, mode);
        assert_eq!(
            (run.counts.ok, run.stopped_by),
            (20, StoppedBy::Iterations),
            "{mode}"
        );
    }
}

#[test]
fn virtual_time_is_free_and_exact_to_the_nanosecond() {
    let plan = plan(
        "{name: t, mix: [{name: m, flow: [{sleep: 1234567ns}]}], load: {vus: 10, iterations: 100000}}",
    );
    let run = run(&plan, Mode::Simulated);
    assert_eq!(Nanos::from_secs_f64(run.wall_s), Nanos(1_234_567 * 10_000));
}
