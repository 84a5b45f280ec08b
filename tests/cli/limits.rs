//! Interacting limits: waiting for one holds nothing of another, and cancelled waits use nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::metrics::Summary;
use loadgen::plan::Mode;
use loadgen::result::ModeRun;
use serde_json::Value;

use crate::engine::{plan, run};
use crate::peer::Peer;
use crate::support::{
    count, folder, number, patiently, run_of, run_to_result, scenario, side_by_side,
};

const ALL: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];
const CONCURRENT: [Mode; 3] = [Mode::Threaded, Mode::Async, Mode::Simulated];

/// The response times of a step.
fn response<'a>(run: &'a ModeRun, step: &str) -> &'a Summary {
    let step = run
        .steps
        .iter()
        .find(|s| s.name == step)
        .expect("it is in the plan");
    step.times
        .response_ms
        .as_ref()
        .expect("some were completed")
}

#[test]
fn an_operation_cancelled_in_a_rate_queue_takes_no_token() {
    patiently(|| {
        // Twenty operations need a token each; meanwhile a hundred branches lose their race while
        // they wait for one.
        let plan = plan(
            "{name: t, workers: 1, limits: {rate: 40/s}, load: {iterations: 1}, mix: [{name: m, flow: [{parallel: [\
             {repeat: {times: 20, flow: [{sleep: 0s, name: use}]}}, \
             {repeat: {times: 50, flow: [{race: [{think: 5ms}, {flow: [{sleep: 0s, name: lose}]}]}]}}, \
             {repeat: {times: 50, flow: [{race: [{think: 5ms}, {flow: [{sleep: 0s, name: lose too}]}]}]}}]}]}]}",
        );
        side_by_side(ALL, |mode| {
            let run = run(&plan, mode);
            let used = run
                .steps
                .iter()
                .map(|step| step.counts.started)
                .sum::<u64>();
            assert_eq!(run.steps[0].counts.ok, 20, "{mode}: {:?}", run.errors);
            // A bucket of 40/s starts with one token, and none is wasted.
            let tokens = run.wall_s * 40.0 + 1.0;
            assert!(
                (used as f64) <= tokens + 1e-6,
                "{mode}: {used} of {tokens} tokens"
            );
            // In sequential mode the race is won before any branch waits.
            assert!(
                used as f64 > tokens - 3.0 || mode == Mode::Sequential,
                "{mode}: {used} of {tokens} tokens were used"
            );
        });
    });
}

#[test]
fn waiting_for_a_rate_holds_no_slot_of_wider_limits() {
    let scenario = |rate: &str| {
        plan(&format!(
            "{{name: t, workers: 2, limits: {{concurrency: 5}}, load: {{rate: 200/s, duration: 1s, max_in_flight: 250, graceful_stop: 50ms}}, \
             mix: [{{name: a, flow: [{{sleep: 1ms, name: slow, limits: {{rate: {rate}}}}}]}}, {{name: b, flow: [{{sleep: 1ms, name: quick}}]}}]}}"
        ))
    };
    for rate in ["1/s", "2/s", "50/s"] {
        let run = run(&scenario(rate), Mode::Simulated);
        let (quick, times) = (&run.steps[1].counts, response(&run, "quick"));
        assert!(quick.planned > 80, "{rate}: {quick:?}");
        assert_eq!(
            (quick.ok, times.min, times.max),
            (quick.planned, 1.0, 1.0),
            "{rate}: unaffected by the slow step"
        );
    }
    patiently(|| {
        side_by_side([Mode::Threaded, Mode::Async], |mode| {
            let run = run(&scenario("1/s"), mode);
            let (quick, times) = (&run.steps[1].counts, response(&run, "quick"));
            assert_eq!(quick.ok, quick.planned, "{mode}: {quick:?}");
            // If the slow ones held all slots, it would wait for one until the drain.
            assert!(times.p99 < 100.0, "{mode}: {times:?}");
            assert!(
                run.steps[0].counts.skipped > 80,
                "{mode}: the slow ones are still waiting: {:?}",
                run.steps[0].counts
            );
            let of_step = run
                .limits
                .iter()
                .find(|limit| limit.scope == "step slow")
                .expect("it has one");
            assert!(
                (1..=2).contains(&of_step.peak_in_flight),
                "{mode}: {of_step:?}"
            );
        });
    });
}

#[test]
fn waiting_for_a_slot_holds_no_slot_of_wider_limits_and_no_token() {
    // The step's only slot is busy for long. Twenty operations wait for it, and the other step gets
    // all tokens of the run.
    let text = "{name: t, workers: 2, limits: {concurrency: 4, rate: 100/s}, load: {rate: 40/s, duration: 1s, max_in_flight: 60}, \
                mix: [{name: a, flow: [{sleep: 150ms, name: slow, limits: {concurrency: 1}}]}, {name: b, flow: [{sleep: 1ms, name: quick}]}]}";
    let plan = plan(text);
    let simulated = run(&plan, Mode::Simulated);
    assert!(
        response(&simulated, "quick").max <= 11.0,
        "waits for one other token at most: {:?}",
        response(&simulated, "quick")
    );
    patiently(|| {
        side_by_side([Mode::Threaded, Mode::Async], |mode| {
            let run = run(&plan, mode);
            assert!(
                response(&run, "quick").p90 < 100.0,
                "{mode}: {:?}",
                response(&run, "quick")
            );
            assert!(
                response(&run, "slow").max > 2_000.0,
                "{mode}: {:?}",
                response(&run, "slow")
            );
        });
    });
}

#[test]
fn a_full_limit_rejects_arrivals_from_another_limit() {
    // Four users need the step's two slots; the run's single slot drops what its queue cannot hold.
    let plan = plan(
        "{name: t, limits: {concurrency: 1, on_full: drop, queue: 1}, load: {vus: 4, iterations: 4}, \
         mix: [{name: m, flow: [{sleep: 200ms, limits: {concurrency: 2}}]}]}",
    );
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        assert_eq!(
            (run.counts.planned, run.counts.ok, run.counts.dropped),
            (4, 2, 2),
            "{mode}"
        );
        let of_run = &run.limits[0];
        assert_eq!(
            (of_run.peak_in_flight, of_run.peak_queue, of_run.dropped),
            (1, 1, 2),
            "{mode}"
        );
    });
}

#[test]
fn an_operation_admitted_from_a_queue_frees_its_place() {
    // Of four users one works and three wait. A user that has just finished returns before the next
    // one has taken its slot.
    let plan = plan(
        "{name: t, limits: {concurrency: 1, on_full: drop, queue: 3}, load: {vus: 4, iterations: 100}, \
         mix: [{name: m, flow: [{sleep: 500us}]}]}",
    );
    for mode in [Mode::Simulated, Mode::Threaded, Mode::Async] {
        let run = run(&plan, mode);
        assert_eq!((run.counts.ok, run.counts.dropped), (100, 0), "{mode}");
        assert_eq!(
            (run.limits[0].peak_in_flight, run.limits[0].peak_queue),
            (1, 3),
            "{mode}"
        );
    }
}

#[test]
fn drops_at_the_end_of_a_run_are_in_the_windows_too() {
    // One user works all the time, and none returns before the end to record the drops.
    let plan = plan(
        "{name: t, load: {rate: 100/s, duration: 200ms, max_in_flight: 1, queue: 2, on_full: drop}, \
         mix: [{name: m, flow: [{sleep: 300ms}]}]}",
    );
    for mode in Mode::REAL.into_iter().chain([Mode::Simulated]) {
        let run = run(&plan, mode);
        let (counts, windows) = (
            run.iterations.counts,
            run.series.iter().map(|window| window.dropped).sum::<u64>(),
        );
        assert_eq!(
            (counts.planned, counts.ok, counts.skipped, counts.dropped),
            (20, 3, 0, 17),
            "{mode}"
        );
        assert_eq!(windows, counts.dropped, "{mode}");
    }
}

/// Runs against two targets: a slow one with a single connection, and a quick one.
fn two_targets(slow: &Peer, quick: &Peer, limits: &str, mode: &str) -> Value {
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: t, workers: 1, limits: {limits}, load: {{rate: 100/s, duration: 1s, max_in_flight: 120, graceful_stop: 100ms}}, \
             targets: {{a: {{url: '{}', http: {{max_connections: 1}}}}, b: {{url: '{}'}}}}, \
             mix: [{{name: a, flow: [{{get: /slow, target: a}}]}}, {{name: b, flow: [{{get: /quick, target: b}}]}}]}}",
            slow.url(),
            quick.url()
        ),
    );
    run_of(
        &run_to_result(folder.path(), &["--mode", mode, "--on-invalid", "warn"]),
        mode,
    )
    .clone()
}

#[test]
fn waiting_for_a_connection_holds_no_slot_of_a_limit() {
    let slow = Peer::start(|line, _| {
        thread::sleep(Duration::from_millis(300));
        line.answer("late")
    });
    let quick = Peer::start(|line, _| line.answer("at once"));
    patiently(|| {
        for mode in ["threaded", "async"] {
            let run = two_targets(&slow, &quick, "{concurrency: 6}", mode);
            let (of_slow, of_quick) = (&run["steps"][0], &run["steps"][1]);
            assert_eq!(
                count(of_quick, "ok"),
                count(of_quick, "planned"),
                "{mode}: {}",
                run["errors"]
            );
            assert!(
                number(&of_quick["response_ms"], "p99") < 150.0,
                "{mode}: {}",
                of_quick["response_ms"]
            );
            assert!(count(of_slow, "skipped") > 20, "{mode}: {of_slow}");
        }
    });
}

#[test]
fn no_token_is_taken_before_a_connection_is_available() {
    for mode in ["threaded", "async"] {
        // The first response takes half a second. Tokens taken in advance during that time would be
        // used at once after it.
        let (first, times) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let times: &'static Mutex<Vec<Instant>> = Box::leak(Box::new(times));
        let slow = Peer::start(move |line, _| {
            if first.fetch_add(1, Ordering::SeqCst) == 0 {
                thread::sleep(Duration::from_millis(500));
            }
            times.lock().expect("no panic").push(Instant::now());
            line.answer("there")
        });
        let folder = folder();
        scenario(
            folder.path(),
            &format!(
                "{{name: t, targets: {{a: {{url: '{}', http: {{max_connections: 1}}, limits: {{rate: 20/s}}}}}}, \
                 load: {{vus: 12, iterations: 12}}, mix: [{{name: m, flow: [{{get: /}}]}}]}}",
                slow.url()
            ),
        );
        let result = run_to_result(folder.path(), &["--mode", mode]);
        assert_eq!(count(run_of(&result, mode), "ok"), 12, "{mode}");
        let times = times.lock().expect("no panic");
        // Eleven more, one of which had its token when the first one ended.
        let took = times[11] - times[0];
        assert!(
            took >= Duration::from_millis(450),
            "{mode}: eleven after the first in {took:?}"
        );
    }
}
