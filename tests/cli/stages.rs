//! Loads in stages: known answers in virtual time, and the same in the real modes.

use std::path::Path;
use std::time::{Duration, Instant};

use loadgen::engine::{Signal, ideal, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::result::{Counts, Group, ModeRun, StoppedBy};
use loadgen::scenario::{Overrides, Source, compile};

use crate::engine::{plan, run};
use crate::support::{count, folder, job, run_of, run_to_result, scenario, side_by_side};

const REAL: [Mode; 3] = [Mode::Sequential, Mode::Threaded, Mode::Async];

fn staged(sleep: &str, load: &str) -> Plan {
    plan(&format!(
        "{{name: t, workers: 2, mix: [{{name: m, flow: [{{sleep: {sleep}}}]}}], load: {{{load}}}}}"
    ))
}

/// Returns the name and the successful operations of each stage; the counts must be consistent, and
/// add up to those of the run.
fn ok(run: &ModeRun) -> Vec<(&str, u64)> {
    for stage in &run.stages {
        assert!(
            stage.counts.hold(),
            "{} {}: {:?}",
            run.mode,
            stage.name,
            stage.counts
        );
    }
    assert_eq!(
        run.stages
            .iter()
            .map(|stage| stage.counts.planned)
            .sum::<u64>(),
        run.counts.planned,
        "{}",
        run.mode
    );
    run.stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.counts.ok))
        .collect()
}

#[test]
fn each_stage_has_as_many_arrivals_as_its_integral() {
    let plan = staged(
        "1ms",
        "stages: [{duration: 1s, rate: 200/s}, {name: top, hold: 500ms, rate: 200/s}, {hold: 1s, rate: 0/s}, {duration: 0s, rate: 900/s}, \
         {hold: 100ms, rate: 900/s}], max_in_flight: 100",
    );
    let run = run(&plan, Mode::Simulated);
    assert_eq!(ok(&run), [("1", 100), ("top", 100), ("3", 0), ("5", 90)]);
    assert_eq!(
        run.stages
            .iter()
            .map(|stage| stage.throughput_rps.round())
            .collect::<Vec<_>>(),
        [100.0, 200.0, 0.0, 900.0]
    );
    assert_eq!(
        (
            run.measured_s,
            run.iterations.counts.planned,
            run.stopped_by
        ),
        (2.6, 290, StoppedBy::Duration)
    );
    assert_eq!(run.times.lag_ms.as_ref().expect("samples").max, 0.0);
    assert!(ideal(&plan, Path::new("")).is_some_and(|wall| (2.5..2.601).contains(&wall)));
}

#[test]
fn unmeasured_stages_appear_only_in_the_time_line() {
    let plan = staged(
        "1ms",
        "stages: [{name: ramp, duration: 1s, rate: 100/s, measure: false}, {hold: 1s, rate: 100/s}, {duration: 1s, rate: 0/s, measure: false}]",
    );
    let run = run(&plan, Mode::Simulated);
    assert_eq!(ok(&run), [("2", 100)]);
    assert_eq!(
        (
            run.counts.planned,
            run.iterations.counts.planned,
            run.measured_s
        ),
        (100, 100, 1.0)
    );
    assert_eq!(
        (run.warmup.started, run.warmup.completed, run.warmup.failed),
        (100, 100, 0)
    );
    assert_eq!(run.throughput_rps, 100.0);
    assert_eq!(run.times.response_ms.as_ref().expect("samples").count, 100);
    assert_eq!(run.series.iter().map(|window| window.ok).sum::<u64>(), 200);
}

#[test]
fn the_number_of_active_users_follows_the_level() {
    let simulated = |load: &str| run(&staged("100ms", load), Mode::Simulated);
    let held = simulated("stages: [{hold: 1s, vus: 2}, {hold: 1s, vus: 0}, {hold: 1s, vus: 3}]");
    assert_eq!(ok(&held), [("1", 20), ("2", 0), ("3", 30)]);
    assert_eq!((held.vus, held.measured_s), (3, 3.0));
    // The i-th user starts at (i + 0.5)/4 s, so 9, 7, 4 and 2 iterations start before the end.
    assert_eq!(
        ok(&simulated("stages: [{duration: 1s, vus: 4}]")),
        [("1", 22)]
    );
    // A descent is the mirror image, and started iterations complete.
    assert_eq!(
        ok(&simulated("start: 4, stages: [{duration: 1s, vus: 0}]")),
        [("1", 22)]
    );
    assert_eq!(
        ok(&simulated(
            "start: 2, stages: [{duration: 1s, vus: 2}], iterations: 7"
        )),
        [("1", 7)]
    );
}

#[test]
fn a_warm_up_runs_at_the_initial_level_of_the_load() {
    let warm = run(
        &staged(
            "100ms",
            "stages: [{duration: 0s, vus: 2}, {duration: 1s, vus: 0}], warmup: 500ms",
        ),
        Mode::Simulated,
    );
    assert_eq!(warm.warmup.started, 10);
    let open = run(
        &staged(
            "1ms",
            "start: 100/s, stages: [{duration: 1s, rate: 0/s}], warmup: 500ms",
        ),
        Mode::Simulated,
    );
    assert_eq!((open.warmup.started, open.counts.ok), (50, 50));
}

#[test]
fn real_modes_follow_the_stages_too() {
    let closed = staged(
        "20ms",
        "stages: [{hold: 200ms, vus: 2}, {hold: 200ms, vus: 0}, {hold: 200ms, vus: 1}]",
    );
    let open = staged(
        "1ms",
        "stages: [{duration: 200ms, rate: 200/s}, {hold: 200ms, rate: 100/s}]",
    );
    side_by_side(REAL, |mode| {
        let users = if mode == Mode::Sequential { 1 } else { 2 };
        let run_of = run(&closed, mode);
        let ok_of = ok(&run_of);
        assert_eq!((ok_of.len(), ok_of[1]), (3, ("2", 0)), "{mode}");
        // Ten iterations fit, but other tests share the CPUs.
        assert!(
            (4 * users..=10 * users).contains(&ok_of[0].1) && (4..=10).contains(&ok_of[2].1),
            "{mode}: {ok_of:?}"
        );
        assert_eq!(run_of.measured_s, 0.6, "{mode}");
        assert_eq!(ok(&run(&open, mode)), [("1", 20), ("2", 20)], "{mode}");
    });
}

/// Checks that the steps of each stage add up to the stage, and those of all stages to the steps.
fn steps_add_up(run: &ModeRun) {
    let mode = run.mode;
    for stage in &run.stages {
        let sum =
            |of: fn(&Counts) -> u64| stage.steps.iter().map(|own| of(&own.counts)).sum::<u64>();
        let own = &stage.counts;
        assert_eq!(own.planned, sum(|counts| counts.planned), "{mode}");
        assert_eq!(own.ok, sum(|counts| counts.ok), "{mode}");
        assert_eq!(own.failed, sum(|counts| counts.failed), "{mode}");
        assert!(stage.steps.iter().all(|own| own.counts.hold()), "{mode}");
        let throughput: f64 = stage.steps.iter().map(|own| own.throughput_rps).sum();
        assert!((stage.throughput_rps - throughput).abs() < 1e-9, "{mode}");
    }
    for step in &run.steps {
        let parts = run.stages.iter().flat_map(|stage| &stage.steps);
        let parts = parts.filter(|own| own.name == step.name && own.mix == step.mix);
        let planned: u64 = parts.map(|own| own.counts.planned).sum();
        assert_eq!(planned, step.counts.planned, "{mode} {}", step.name);
    }
}

#[test]
fn each_step_of_a_stage_has_its_own_figures() {
    let plan = plan(
        "{name: t, workers: 2, seed: 1, mix: [{name: m, flow: [{sleep: 1ms, name: fast}, {sleep: 20ms, name: slow, fail: 30%, on_error: continue}]}], \
         load: {stages: [{name: calm, hold: 200ms, rate: 100/s}, {name: busy, hold: 200ms, rate: 300/s}], max_in_flight: 100}}",
    );
    let simulated = run(&plan, Mode::Simulated);
    steps_add_up(&simulated);
    let of = |place: usize| {
        let steps = simulated.stages[place].steps.iter();
        let own = steps.map(|own| (own.name.as_str(), own.counts.planned));
        own.collect::<Vec<_>>()
    };
    assert_eq!(of(0), [("fast", 20), ("slow", 20)]);
    assert_eq!(of(1), [("fast", 60), ("slow", 60)]);
    for stage in &simulated.stages {
        let [fast, slow] = &stage.steps[..] else {
            panic!("{:?}", stage.steps)
        };
        let p50 = |own: &Group| own.times.response_ms.as_ref().expect("times").p50;
        assert!((p50(fast) - 1.0).abs() < 0.01 && (p50(slow) - 20.0).abs() < 0.2);
        assert!(fast.counts.failed == 0 && slow.counts.failed > 0);
    }
    side_by_side(REAL, |mode| steps_add_up(&run(&plan, mode)));
}

#[test]
fn steps_of_stages_are_in_every_report_and_none_if_there_are_too_many() {
    let folder = folder();
    let many = |steps: usize| {
        let flow: Vec<String> = (0..steps)
            .map(|n| format!("{{sleep: 0s, name: s{n}}}"))
            .collect();
        let flow = flow.join(", ");
        format!(
            "{{name: t, modes: [processes], workers: 2, mix: [{{name: m, flow: [{flow}]}}], load: {{stages: [{{name: calm, hold: 100ms, rate: 100/s}}, {{hold: 100ms, rate: 200/s}}]}}}}"
        )
    };
    for (steps, own) in [(1, 0), (2, 2), (64, 64), (65, 0)] {
        scenario(folder.path(), &many(steps));
        let result = run_to_result(folder.path(), &[]);
        let run = run_of(&result, "processes");
        let stages = run["stages"].as_array().expect("stages");
        for (stage, iterations) in stages.iter().zip([10, 20]) {
            let found = stage["steps"].as_array();
            assert_eq!(found.map_or(0, Vec::len), own, "{steps}");
            for step in found.into_iter().flatten() {
                assert_eq!(count(step, "planned"), iterations, "{steps}");
            }
        }
        if steps != 2 {
            continue;
        }
        let arguments = ["report", "out/result.json", "--format", "html,csv"];
        crate::support::run(folder.path(), &arguments).exits(0);
        let read = |name: &str| {
            std::fs::read_to_string(folder.path().join("out").join(name)).expect("a report")
        };
        assert!(read("index.html").contains("Steps by stage"));
        assert!(read("index.html").contains("calm / m / s1"));
        assert!(read("summary.csv").contains("step in stage,m,s1 [calm],10,"));
    }
}

#[test]
fn random_arrivals_in_stages_are_the_same_in_every_mode() {
    let plan = staged(
        "1ms",
        "arrivals: poisson, max_in_flight: 50, stages: [{duration: 300ms, rate: 400/s}, {hold: 100ms, rate: 100/s}]",
    );
    let planned = |mode| {
        run(&plan, mode)
            .stages
            .iter()
            .map(|stage| stage.counts.planned)
            .collect::<Vec<_>>()
    };
    let ideal = planned(Mode::Simulated);
    for mode in REAL {
        assert_eq!(planned(mode), ideal, "{mode}");
    }
}

#[test]
fn inactive_users_do_not_delay_the_end() {
    let bound = staged(
        "10ms",
        "stages: [{hold: 30s, vus: 1}, {hold: 30s, vus: 5}], iterations: 5",
    );
    let waiting = staged("10ms", "stages: [{hold: 30s, vus: 0}, {hold: 30s, vus: 3}]");
    side_by_side(REAL, |mode| {
        let begun = Instant::now();
        let run = run(&bound, mode);
        assert_eq!(
            (run.counts.ok, run.stopped_by),
            (5, StoppedBy::Iterations),
            "{mode}"
        );
        let interrupt = || Some(Signal::Finish(StoppedBy::Interrupt));
        let run = run_mode(&job(&waiting, mode, Vec::new()), &interrupt, &|_| {})
            .expect("the run succeeds");
        assert_eq!(
            (run.counts.planned, run.stopped_by),
            (0, StoppedBy::Interrupt),
            "{mode}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{mode}: {:?}",
            begun.elapsed()
        );
    });
}

#[test]
fn the_command_line_replaces_or_shortens_stages() {
    let text = "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {stages: [{duration: 10s, rate: 100/s}, {hold: 10s, rate: 300/s}]}}";
    let source = Source::inline("test.yaml", text);
    let compiled = |overrides: Overrides| {
        compile(&source, &overrides, &|_| None)
            .map(|c| c.plan.load)
            .map_err(|e| e.render(&source, false))
    };
    let seconds = |s| Some(loadgen::base::Nanos::from_secs(s));
    let cut = compiled(Overrides {
        duration: seconds(5),
        ..Overrides::default()
    })
    .expect("good");
    assert_eq!(
        (cut.stages.len(), cut.stages[0].to, cut.duration),
        (1, 50.0, seconds(5))
    );
    let whole = compiled(Overrides {
        duration: seconds(20),
        ..Overrides::default()
    })
    .expect("good");
    assert_eq!((whole.stages.len(), whole.duration), (2, seconds(20)));
    let replaced = compiled(Overrides {
        vus: Some(3),
        duration: seconds(50),
        ..Overrides::default()
    })
    .expect("good");
    assert_eq!(
        (
            replaced.stages.len(),
            replaced.model.slots(),
            replaced.duration
        ),
        (0, 3, seconds(50))
    );
    let said = |overrides| compiled(overrides).expect_err("bad");
    assert!(
        said(Overrides {
            duration: seconds(21),
            ..Overrides::default()
        })
        .contains("longer than the stages")
    );
    assert!(
        said(Overrides {
            vus: Some(3),
            ..Overrides::default()
        })
        .contains("bounded by its stages")
    );
}

#[test]
fn a_result_with_stages_keeps_the_contract() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [async, simulated], mix: [{name: m, flow: [{sleep: 1ms, fail: 20%}]}], \
         load: {stages: [{duration: 100ms, rate: 400/s, measure: false}, {hold: 200ms, rate: 400/s}, {duration: 100ms, rate: 0/s}]}}",
    );
    let result = run_to_result(folder.path(), &[]);
    for mode in ["async", "simulated"] {
        assert_eq!(
            count(&run_of(&result, mode)["stages"][0], "planned"),
            80,
            "{mode}"
        );
    }
    let shown = crate::support::run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--mode", "simulated"],
    )
    .exits(0);
    assert!(
        shown.stdout.contains("simulated by stage"),
        "{}",
        shown.stdout
    );
    let page = std::fs::read_to_string(folder.path().join("out/index.html")).expect("a page");
    assert!(page.contains("Stages"));
    let dry = crate::support::run(folder.path(), &["run", "test.yaml", "--plan"]).exits(0);
    // The integral of 4000 t is 1 at t = √(2/4000) s.
    assert!(
        dry.stdout.contains("22.36068ms  iteration 1: m"),
        "{}",
        dry.stdout
    );
}
