//! Loads side by side: known answers in virtual time, and the same work in the real modes.

use loadgen::base::Rate;
use loadgen::plan::{Mode, Plan};
use loadgen::result::{ModeRun, StoppedBy, Verdict};
use loadgen::scenario::{Overrides, Source, compile};

use crate::engine::{plan, run};

/// Returns the name and the successful operations of each mix entry.
fn ok(run: &ModeRun) -> Vec<(&str, u64)> {
    for mix in &run.mixes {
        assert!(
            mix.counts.hold(),
            "{} {}: {:?}",
            run.mode,
            mix.name,
            mix.counts
        );
    }
    let mixes = run.mixes.iter();
    mixes
        .map(|mix| (mix.name.as_str(), mix.counts.ok))
        .collect()
}

fn shop() -> Plan {
    plan(
        "{name: t, workers: 2, mix: [
            {name: browse, flow: [{sleep: 5ms}]},
            {name: job, load: {vus: 3, start_after: 500ms, stop_after: 1s}, flow: [{sleep: 100ms}]},
            {name: spike, load: {start: 0/s, start_after: 200ms, stages: [{duration: 200ms, rate: 100/s}, {duration: 200ms, rate: 0/s}]},
             flow: [{sleep: 1ms}]},
            {name: few, load: {vus: 2, iterations: 7}, flow: [{sleep: 10ms}]}],
          load: {rate: 10/s, duration: 2s, warmup: 100ms}}",
    )
}

#[test]
fn each_load_has_its_own_iterations_and_times() {
    let run = run(&shop(), Mode::Simulated);
    // Three users, five times a tenth of a second; the area under the spike is 20.
    assert_eq!(
        ok(&run),
        [("browse", 20), ("job", 15), ("spike", 20), ("few", 7)]
    );
    assert_eq!((run.measured_s, run.stopped_by), (2.0, StoppedBy::Duration));
    assert_eq!(run.vus, 1000 + 3 + 1000 + 2);
    assert_eq!(run.times.lag_ms.as_ref().expect("samples").max, 0.0);
    // The warm-up is at the initial load: one arrival, and ten iterations of each of two users.
    assert_eq!(run.warmup.started, 1 + 2 * 10);
}

#[test]
fn the_real_modes_run_the_same_work() {
    let counted = plan(
        "{name: t, workers: 2, mix: [
            {name: a, flow: [{sleep: 1ms}]},
            {name: b, load: {vus: 3, iterations: 30, start_after: 20ms}, flow: [{sleep: {uniform: [1ms, 3ms]}, name: x, fail: 30%, on_error: continue}]},
            {name: c, load: {rate: 500/s, arrivals: poisson, iterations: 40}, flow: [{sleep: 1ms, chance: 50%, name: y}, {sleep: 1us}]},
            {name: d, load: {vus: 2, iterations_per_vu: 9}, flow: [{sleep: 1ms}]}],
          load: {vus: 2, iterations: 25}}",
    );
    let of = |mode| {
        let run = run(&counted, mode);
        assert_eq!(run.stopped_by, StoppedBy::Iterations, "{mode}");
        assert_eq!(run.iterations.counts.planned, 30 + 40 + 18 + 25, "{mode}");
        let mixes = run.mixes.iter();
        mixes
            .map(|mix| (mix.name.clone(), mix.counts.ok, mix.counts.failed))
            .collect::<Vec<_>>()
    };
    let ideal = of(Mode::Simulated);
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        assert_eq!(of(mode), ideal, "{mode}");
    }
}

#[test]
fn a_load_is_the_same_whatever_runs_beside_it() {
    let beside = |other: &str| {
        let plan = plan(&format!(
            "{{name: t, mix: [
                {{name: a, flow: [{{sleep: {{exponential: {{mean: 20ms}}}}}}]}},
                {{name: b, load: {{rate: 50/s, arrivals: poisson}}, flow: [{{sleep: {{exponential: {{mean: 20ms}}}}}}]}}{other}],
              load: {{rate: 30/s, arrivals: poisson, duration: 10s}}}}"
        ));
        let run = run(&plan, Mode::Simulated);
        let mixes = run.mixes.iter().take(2);
        mixes
            .map(|mix| {
                (
                    mix.counts.ok,
                    mix.times.response_ms.as_ref().expect("samples").mean,
                )
            })
            .collect::<Vec<_>>()
    };
    let alone = beside("");
    assert_eq!(
        beside(", {name: c, load: {vus: 7}, flow: [{sleep: 3ms}]}"),
        alone
    );
    assert_ne!(alone[0].0, alone[1].0);
}

#[test]
fn a_load_that_its_iterations_end_early_does_not_lengthen_the_run() {
    let plan = plan(
        "{name: t, mix: [
            {name: a, load: {vus: 1, iterations: 10, duration: 1m}, flow: [{sleep: 10ms}]},
            {name: b, load: {rate: 100/s, duration: 2s}, flow: [{sleep: 1ms}]}]}",
    );
    let run = run(&plan, Mode::Simulated);
    assert_eq!(ok(&run), [("a", 10), ("b", 200)]);
    assert_eq!(run.measured_s, 2.0);
}

#[test]
fn the_sequential_mode_runs_first_what_is_due_first() {
    let plan = plan(
        "{name: t, modes: [sequential], mix: [
            {name: a, load: {vus: 3, iterations: 30}, flow: [{sleep: 2ms}]},
            {name: b, load: {vus: 1, iterations: 10}, flow: [{sleep: 2ms}]},
            {name: c, load: {rate: 100/s, iterations: 5}, flow: [{sleep: 2ms}]}]}",
    );
    let run = run(&plan, Mode::Sequential);
    assert_eq!(ok(&run), [("a", 30), ("b", 10), ("c", 5)]);
    // One at a time: no arrival waits for more than the others' users, each once.
    assert!(run.wall_s >= 0.09, "{}", run.wall_s);
    let arrivals = run.mixes[2].times.response_ms.as_ref().expect("samples");
    assert!(arrivals.min < 60.0, "{arrivals:?}");
}

/// Returns the verdict of a check and what it observed.
fn check<'r>(run: &'r ModeRun, name: &str) -> (Verdict, &'r str) {
    let check = run.validity.checks.iter().find(|check| check.name == name);
    check
        .map(|check| (check.verdict, check.observed.as_str()))
        .expect("it was checked")
}

#[test]
fn only_iterations_with_a_planned_start_have_to_start() {
    // Five users take turns at one job; the others wait for the limit when the run ends.
    let beside = |rate: &str, jobs: &str| {
        let text = format!(
            "{{name: t, mix: [
                {{name: open, load: {{{rate}, duration: 2500ms}}, flow: [{{sleep: 1ms}}]}},
                {{name: jobs, limits: {{concurrency: 1}}, load: {{{jobs}, duration: 2500ms}}, flow: [{{sleep: 1s}}]}}],
               load: {{graceful_stop: 100ms}}}}"
        );
        run(&plan(&text), Mode::Simulated)
    };
    let users = beside("rate: 10/s", "vus: 5");
    assert!(
        users.iterations.counts.skipped > 0,
        "{:?}",
        users.iterations
    );
    let (verdict, seen) = check(&users, "pacing");
    assert_eq!(verdict, Verdict::Valid, "{seen}");
    let planned = beside("vus: 1", "rate: 10/s, max_in_flight: 2");
    let left = planned.iterations.counts.skipped;
    assert!(left >= 20, "{:?}", planned.iterations);
    let (verdict, seen) = check(&planned, "pacing");
    assert_eq!(verdict, Verdict::Invalid, "{seen}");
    assert!(seen.starts_with(&format!("{left} of ")), "{seen}");
}

#[test]
fn each_load_is_judged_on_its_own_level() {
    // The second falls behind its rate all the time, among fifty times as many that don't.
    let run = run(
        &plan(
            "{name: t, mix: [
                {name: even, load: {rate: 500/s, duration: 4s}, flow: [{sleep: 1ms}]},
                {name: short, load: {vus: 1, iterations: 7}, flow: [{sleep: 1ms}]},
                {name: behind, load: {rate: 10/s, duration: 4s}, flow: [{sleep: 150ms, limits: {concurrency: 1}}]}]}",
        ),
        Mode::Simulated,
    );
    let (verdict, seen) = check(&run, "settled");
    assert_eq!(verdict, Verdict::Degraded, "{seen}");
    assert!(seen.starts_with("`behind`: the median rose by "), "{seen}");
    assert!(!seen.contains("even") && !seen.contains("short"), "{seen}");
}

#[test]
fn a_flag_that_would_replace_one_of_several_loads_is_refused() {
    let text = "{name: t, mix: [{name: a, load: {rate: 5/s, duration: 1s}, flow: [{sleep: 1ms}]}]}";
    let source = Source::inline("x.yaml", text);
    let given = Overrides {
        rate: Some(Rate::per_second(9)),
        ..Overrides::default()
    };
    let problems = compile(&source, &given, &|_| None).expect_err("it is ambiguous");
    let said = problems.render(&source, false);
    assert!(
        said.contains("`--rate` would replace one load") && said.contains("--var rate=50/s"),
        "{said}"
    );
}
