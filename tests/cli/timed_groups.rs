//! Groups of steps that are measured as a whole: known answers in every mode, and in every output.

use loadgen::plan::Mode;
use loadgen::result::{ModeRun, TimedGroup};
use proptest::prelude::*;

use crate::engine::{plan, run};
use crate::support::{count, folder, patiently, result, run_of, scenario, side_by_side};

const MODES: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];
const CONCURRENT: [Mode; 3] = [Mode::Threaded, Mode::Async, Mode::Simulated];

fn text(flow: &str, load: &str) -> String {
    format!("{{name: t, workers: 1, seed: 3, mix: [{{name: m, flow: {flow}}}], load: {load}}}")
}

fn group<'r>(run: &'r ModeRun, name: &str) -> &'r TimedGroup {
    run.groups
        .iter()
        .find(|group| group.name == name)
        .unwrap_or_else(|| panic!("no group {name}: {:?}", run.groups))
}

/// Returns planned, ok, failed, cancelled and unfinished.
fn counts(group: &TimedGroup) -> [u64; 5] {
    let counts = group.counts;
    assert!(counts.hold(), "{counts:?}");
    let [planned, ok, failed] = [counts.planned, counts.ok, counts.failed];
    [planned, ok, failed, counts.cancelled, counts.unfinished]
}

/// Returns the mean response time and the mean pause, in milliseconds.
fn means(group: &TimedGroup) -> (f64, f64) {
    let mean = |of: &Option<loadgen::metrics::Summary>| of.as_ref().map_or(f64::NAN, |s| s.mean);
    (mean(&group.response_ms), mean(&group.think_ms))
}

#[track_caller]
fn near(mode: Mode, seen: f64, wanted: f64) {
    let margin = if mode == Mode::Simulated { 0.0 } else { 40.0 };
    assert!(
        seen >= wanted - 0.01 && seen <= wanted + margin + 0.01,
        "{mode}: {seen} ms instead of {wanted}"
    );
}

#[test]
fn a_group_takes_as_long_as_its_steps_without_its_pauses() {
    let flow = "[{think: 30ms}, {flow: [{sleep: 20ms}, {think: 50ms}, {set: {a: '1'}}, {flow: [{sleep: 30ms}, {think: 10ms}], timed: true, name: inner}, {sleep: 10ms}], timed: true, name: outer}, {sleep: 5ms}]";
    let plan = plan(&text(flow, "{iterations: 3}"));
    patiently(|| {
        for mode in MODES {
            let run = run(&plan, mode);
            let (outer, inner) = (group(&run, "outer"), group(&run, "inner"));
            assert_eq!(counts(outer), [3, 3, 0, 0, 0], "{mode}");
            assert_eq!(counts(inner), [3, 3, 0, 0, 0], "{mode}");
            near(mode, means(outer).0, 60.0);
            near(mode, means(outer).1, 60.0);
            near(mode, means(inner).0, 30.0);
            near(mode, means(inner).1, 10.0);
            // The operations are counted once.
            assert_eq!(run.counts.ok, 12, "{mode}");
            assert_eq!(run.steps.len(), 4, "{mode}");
        }
    });
}

#[test]
fn the_first_operation_of_an_iteration_has_its_time() {
    // Three iterations are due at once, and run one after another.
    let flow = "[{flow: [{sleep: 20ms}], timed: true, name: whole}]";
    let load = "{rate: 1000/s, duration: 3ms, max_in_flight: 1, queue: 10}";
    let run = run(&plan(&text(flow, load)), Mode::Simulated);
    let response = group(&run, "whole").response_ms.as_ref().expect("times");
    let of_steps = run.steps[0].times.response_ms.as_ref().expect("times");
    assert_eq!(
        (response.count, response.max),
        (of_steps.count, of_steps.max)
    );
    assert!(response.max > 40.0, "{}", response.max);
}

#[test]
fn a_group_with_a_failed_operation_has_failed_whether_or_not_it_continued() {
    let flow = "[
        {sleep: 1ms, fail: 100%, on_error: continue, name: before},
        {flow: [{sleep: 1ms}], timed: true, name: good},
        {flow: [{sleep: 1ms, fail: 100%, on_error: continue}, {sleep: 1ms}], timed: true, name: continued},
        {flow: [{flow: [{sleep: 1ms, fail: 100%}, {sleep: 1ms}], timed: true, name: inner}], timed: true, name: outer, on_error: continue},
        {parallel: [{sleep: 1ms}, {flow: [{sleep: 1ms, fail: 100%}], timed: true, name: branch}]},
        {flow: [{sleep: 1ms}], timed: true, name: after}]";
    let plan = plan(&text(flow, "{iterations: 4}"));
    side_by_side(MODES, |mode| {
        let run = run(&plan, mode);
        assert_eq!(counts(group(&run, "good")), [4, 4, 0, 0, 0], "{mode}");
        for name in ["continued", "inner", "outer", "branch"] {
            let group = group(&run, name);
            assert_eq!(counts(group), [4, 0, 4, 0, 0], "{mode}: {name}");
            assert_eq!(group.failures["mock"], 4, "{mode}: {name}");
        }
        // The iteration ends with the group around the failed branch.
        assert_eq!(counts(group(&run, "after"))[0], 0, "{mode}");
    });
}

#[test]
fn a_group_that_loses_a_race_is_cancelled() {
    let flow = "[{race: [{sleep: 20ms}, {flow: [{sleep: 2s}], timed: true, name: loser}]}, {flow: [{race: [{sleep: 20ms}, {sleep: 2s}]}], timed: true, name: around}]";
    let plan = plan(&text(flow, "{iterations: 2}"));
    patiently(|| {
        side_by_side(CONCURRENT, |mode| {
            let run = run(&plan, mode);
            assert_eq!(counts(group(&run, "loser")), [2, 0, 0, 2, 0], "{mode}");
            assert!(group(&run, "loser").response_ms.is_none(), "{mode}");
            assert_eq!(counts(group(&run, "around")), [2, 2, 0, 0, 0], "{mode}");
            near(mode, means(group(&run, "around")).0, 20.0);
        });
    });
}

#[test]
fn a_group_that_the_end_of_the_run_cuts_is_unfinished() {
    let flow = "[{flow: [{sleep: 10s}], timed: true, name: long}]";
    let plan = plan(&text(flow, "{vus: 2, duration: 50ms, graceful_stop: 50ms}"));
    side_by_side(CONCURRENT, |mode| {
        let run = run(&plan, mode);
        assert_eq!(counts(group(&run, "long")), [2, 0, 0, 0, 2], "{mode}");
    });
}

#[test]
fn groups_of_the_same_name_share_figures_and_those_of_the_warm_up_have_none() {
    let flow = "[{flow: [{sleep: 10ms}], timed: true, name: a}, {repeat: {times: 2, flow: [{flow: [{sleep: 20ms}], timed: true, name: a}]}}, {flow: [{sleep: 1ms}], timed: false}]";
    let plan = plan(&text(flow, "{vus: 1, duration: 500ms, warmup: 100ms}"));
    let run = run(&plan, Mode::Simulated);
    assert_eq!(run.groups.len(), 1);
    let a = group(&run, "a");
    // 51 ms for each iteration: one of the warm-up began at 51 ms, and ends after it.
    let of_steps: u64 = run.steps[..2].iter().map(|step| step.counts.ok).sum();
    assert_eq!(a.counts.ok, of_steps);
    assert!(run.warmup.started > 0);
    let response = a.response_ms.as_ref().expect("times");
    assert_eq!((response.min, response.max), (10.0, 20.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// In virtual time, a group takes exactly as long as its steps together, and its pauses are
    /// those that it has.
    #[test]
    fn the_time_of_a_group_is_the_sum_of_its_steps(steps in prop::collection::vec((1_u32..500, any::<bool>(), any::<bool>()), 1..12)) {
        let mut flow = String::new();
        let (mut sleeps, mut pauses) = (0, 0);
        for (ms, is_pause, is_nested) in &steps {
            let key = if *is_pause { "think" } else { "sleep" };
            *(if *is_pause { &mut pauses } else { &mut sleeps }) += ms;
            let step = format!("{{{key}: {ms}ms}}");
            flow.push_str(&if *is_nested { format!("{{flow: [{step}], timed: true, name: n}},") } else { format!("{step},") });
        }
        let flow = format!("[{{flow: [{flow}], timed: true, name: whole}}]");
        let run = run(&plan(&text(&flow, "{iterations: 1}")), Mode::Simulated);
        let (response, think) = means(group(&run, "whole"));
        prop_assert!((response - f64::from(sleeps)).abs() < 1e-6, "{} of {}", response, sleeps);
        prop_assert!((think - f64::from(pauses)).abs() < 1e-6, "{} of {}", think, pauses);
    }
}

const SCENARIO: &str = "name: t
seed: 5
mix:
- name: shop
  weight: 3
  flow:
  - { flow: [ { sleep: 4ms }, { think: 3ms }, { sleep: 2ms, fail: 20% } ], name: checkout, timed: true }
- { name: other, weight: 1, flow: [ { flow: [ { sleep: 1ms } ], name: checkout, timed: true } ] }
load: { vus: 4, iterations: 400 }
thresholds:
- { check: p95 < 100ms, group: checkout }
- { check: ok.p50 < 0.1ms, group: checkout, mix: other }
- { check: max < 1s, group: checkout, mix: shop, window: 100ms }
- { check: error_rate < 50%, group: checkout }
- { check: count > 399, group: checkout }
- { check: throughput > 1/s, group: checkout }
";

#[test]
fn thresholds_and_outputs_have_them_in_each_mode() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    for mode in ["sequential", "threaded", "async", "processes", "simulated"] {
        let arguments = ["run", "test.yaml", "--mode", mode, "-o", "out"];
        let arguments = [&arguments[..], &["--format", "html,csv"]].concat();
        let ran = crate::support::run(folder.path(), &arguments).exits(99);
        let out = folder.path().join("out");
        let result = result(&out);
        let run = run_of(&result, mode);
        let groups = run["groups"].as_array().expect("a list");
        let names: Vec<_> = groups.iter().map(|g| (&g["mix"], &g["name"])).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let shop = groups.iter().find(|g| g["mix"] == "shop").expect("shop");
        let other = groups.iter().find(|g| g["mix"] == "other").expect("other");
        assert_eq!(count(shop, "completed") + count(other, "completed"), 400);
        assert_eq!(count(shop, "failed"), count(run, "failed"), "{mode}");
        assert!(count(shop, "failed") > 20, "{mode}");
        assert_eq!(shop["think_ms"]["count"], shop["completed"], "{mode}");
        let verdicts: Vec<_> = result["thresholds"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|of| of["verdict"].as_str().expect("a word"))
            .collect();
        assert_eq!(
            verdicts,
            ["pass", "fail", "pass", "pass", "pass", "pass"],
            "{mode}: {}",
            result["thresholds"]
        );
        assert!(ran.stdout.contains("as a whole"), "{}", ran.stdout);
        assert!(
            ran.stdout.contains("shop / checkout"),
            "{mode}: {}",
            ran.stdout
        );
        assert!(ran.stdout.contains("group checkout"), "{}", ran.stdout);
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("written");
        assert!(read("index.html").contains("Groups as a whole"), "{mode}");
        assert!(
            read("summary.csv").contains(",group,shop,checkout,"),
            "{mode}"
        );
    }
}

#[test]
fn a_threshold_of_a_group_can_end_the_run() {
    let folder = folder();
    for window in ["", ", window: 100ms"] {
        let text = format!(
            "name: t\nmix: [ {{ flow: [ {{ flow: [ {{ sleep: 5ms }} ], name: slow, timed: true }} ] }} ]\nload: {{ vus: 2, duration: 20s }}\nthresholds: [ {{ check: p50 < 1ms, group: slow, abort: true, after: 200ms{window} }} ]\n"
        );
        scenario(folder.path(), &text);
        for mode in ["threaded", "async", "processes"] {
            let arguments = ["run", "test.yaml", "--mode", mode, "-o", "out"];
            let arguments = [&arguments[..], &["--format", "none"]].concat();
            crate::support::run(folder.path(), &arguments).exits(99);
            let result = result(&folder.path().join("out"));
            let run = run_of(&result, mode);
            assert_eq!(run["stopped_by"], "threshold", "{mode}{window}");
        }
    }
}

#[test]
fn shards_add_up_to_the_whole() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    for shard in ["0/2", "1/2"] {
        let name = format!("part{}", &shard[..1]);
        let arguments = ["run", "test.yaml", "--shard", shard, "-o", &name];
        let arguments = [&arguments[..], &["--mode", "simulated"]].concat();
        crate::support::run(folder.path(), &arguments).exits(0);
    }
    let parts = [
        "merge", "part0", "part1", "-o", "merged", "--format", "none",
    ];
    crate::support::run(folder.path(), &parts).exits(99);
    let whole = ["run", "test.yaml", "--mode", "simulated", "-o", "whole"];
    crate::support::run(folder.path(), &[&whole[..], &["--format", "none"]].concat()).exits(99);
    let groups = |name: &str| {
        let result = result(&folder.path().join(name));
        let groups = run_of(&result, "simulated")["groups"].clone();
        let groups = groups.as_array().expect("a list").clone();
        let of_one = |group: &serde_json::Value| {
            ["name", "mix", "planned", "ok", "failed", "failures"].map(|key| group[key].clone())
        };
        groups.iter().map(of_one).collect::<Vec<_>>()
    };
    assert_eq!(groups("merged"), groups("whole"));
}

#[test]
fn groups_are_compared_with_those_of_a_baseline() {
    let folder = folder();
    let flow = "[{flow: [{sleep: 1ms, name: a}, {sleep: 1ms, name: b}], timed: true, name: whole}]";
    let thresholds = "[{check: p50, vs: baseline, group: whole, max_regression: 100%}]";
    scenario(
        folder.path(),
        &format!(
            "{{name: t, modes: [simulated], rounds: 2, mix: [{{name: m, flow: {flow}}}], load: {{vus: 2, iterations: 40}}, thresholds: {thresholds}}}"
        ),
    );
    let run = |arguments: &[&str]| crate::support::run(folder.path(), arguments);
    run(&["run", "test.yaml", "-q", "-o", "base", "--no-thresholds"]).exits(0);
    let against = ["run", "test.yaml", "-o", "new", "--no-progress"];
    let ran = run(&[&against[..], &["--baseline", "base/result.json"]].concat());
    assert!(
        ran.stdout.contains("m / whole as a whole"),
        "{}",
        ran.stdout
    );
    let result = result(&folder.path().join("new"));
    let changes = |key: &str| result["baseline"][key].as_array().cloned();
    let of_group = |key: &str| {
        let changes = changes(key).unwrap_or_default();
        let own = changes
            .into_iter()
            .filter(|one| one["selector"]["group"] == "whole");
        own.map(|one| one["metric"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<String>>()
    };
    assert_eq!(of_group("changes"), ["p50"]);
    assert_eq!(of_group("steps"), ["p50", "throughput", "error_rate"]);
}
