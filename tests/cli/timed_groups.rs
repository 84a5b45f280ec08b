//! Groups of steps that are measured as a whole: known answers in every mode, and in every output.

use loadgen::plan::Mode;
use loadgen::result::{ModeRun, TimedGroup, codec};
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
fn a_pass_that_ends_its_iteration_without_a_failure_is_ok_and_ends_there() {
    let flow = "[{flow: [{sleep: 20ms}, {think: 10ms}, {abort_iteration: true}, {sleep: 500ms}], timed: true, name: left}, {flow: [{sleep: 1ms}], timed: true, name: after}]";
    let plan = plan(&text(flow, "{iterations: 3}"));
    patiently(|| {
        side_by_side(MODES, |mode| {
            let run = run(&plan, mode);
            assert_eq!(counts(group(&run, "left")), [3, 3, 0, 0, 0], "{mode}");
            near(mode, means(group(&run, "left")).0, 20.0);
            near(mode, means(group(&run, "left")).1, 10.0);
            assert_eq!(counts(group(&run, "after"))[0], 0, "{mode}");
        });
    });
}

/// Returns, of a group in the time line: planned, ok, failed, and the number of times.
fn over_time(run: &ModeRun, name: &str) -> [u64; 4] {
    let windows = run.series.iter().filter(|window| window.t_s >= 0.0);
    let groups = windows.flat_map(|window| &window.groups);
    let mut sum = [0; 4];
    for own in groups.filter(|own| own.name == name) {
        let times = own.response_ms.as_ref().map_or(0, |times| times.count);
        for (sum, n) in sum.iter_mut().zip([own.planned, own.ok, own.failed, times]) {
            *sum += n;
        }
    }
    sum
}

#[test]
fn the_time_line_and_the_histograms_of_groups_add_up_to_their_figures() {
    let flow = "[{flow: [{sleep: 2ms}, {think: 3ms}, {flow: [{sleep: 1ms, fail: 30%}], timed: true, name: inner}], timed: true, name: outer}]";
    let plan = plan(&text(flow, "{vus: 4, iterations: 60}"));
    side_by_side(MODES, |mode| {
        let run = run(&plan, mode);
        for name in ["outer", "inner"] {
            let own = group(&run, name);
            let [planned, ok, failed, ..] = counts(own);
            assert!(ok > 0 && failed > 0, "{mode}: {own:?}");
            assert_eq!(
                over_time(&run, name),
                [planned, ok, failed, planned],
                "{mode}: {name}"
            );
            let samples = |text: &Option<String>| {
                let text = text.as_deref();
                text.map(|text| codec::decode(text).expect("a histogram").len())
            };
            let histograms = &own.histograms;
            assert_eq!(samples(&histograms.response), Some(planned), "{mode}");
            assert_eq!(samples(&histograms.response_ok), Some(ok), "{mode}");
            let pauses = (name == "outer").then_some(planned);
            assert_eq!(samples(&histograms.think), pauses, "{mode}: {name}");
        }
    });
}

#[test]
fn a_pass_belongs_to_the_window_and_the_stage_in_which_it_was_intended() {
    // Each pass begins with a pause that lasts into the next window, and into the next stage.
    let flow = "[{flow: [{think: 150ms}, {sleep: 10ms}], timed: true, name: whole}]";
    let load = "{stages: [{hold: 200ms, rate: 5/s, name: one}, {hold: 400ms, rate: 5/s, name: two}, {hold: 200ms, rate: 5/s, name: off, measure: false}]}";
    let thresholds = "thresholds: [{check: count > 0, group: whole, window: 200ms}, {check: mean == 10ms, group: whole, window: 200ms}]";
    let text = text(flow, load).replace("{name: t,", &format!("{{name: t, {thresholds},"));
    let run = run(&plan(&text), Mode::Simulated);
    let per_stage: Vec<_> = run
        .stages
        .iter()
        .map(|stage| {
            let [own] = &stage.groups[..] else {
                panic!("{:?}", stage.groups)
            };
            (
                stage.name.as_str(),
                own.counts.ok,
                own.think_ms.as_ref().map(|own| own.max),
            )
        })
        .collect();
    assert_eq!(
        per_stage,
        [("one", 1, Some(150.0)), ("two", 2, Some(150.0))]
    );
    assert_eq!(counts(group(&run, "whole")), [3, 3, 0, 0, 0]);
    // Those of the stage that is not measured are in the time line only.
    assert_eq!(over_time(&run, "whole"), [4, 4, 0, 4]);
    let own = &run.probes[0].series;
    for window in &run.series {
        let probed = own.iter().find(|own| own.t_s == window.t_s);
        let planned = window.groups.first().map_or(0, |own| own.planned);
        assert_eq!(probed.map_or(0, |own| own.planned), planned, "{window:?}");
    }
    assert!(own.iter().all(|window| window.lag_p99_ms.is_none()));
}

#[test]
fn a_pass_in_the_teardown_of_a_user_is_no_throughput() {
    let text = "{name: t, workers: 1, seed: 3, load: {stages: [{hold: 100ms, vus: 2}, {duration: 0s, vus: 0}, {hold: 300ms, vus: 0}]},
        mix: [{name: m, flow: [{sleep: 10ms}], teardown: [{flow: [{sleep: 5ms}], timed: true, name: leave}]}]}";
    let run = run(&plan(text), Mode::Simulated);
    let leave = group(&run, "leave");
    assert_eq!(
        (counts(leave), leave.throughput_rps),
        ([2, 2, 0, 0, 0], 0.0)
    );
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
        let formats = "html,csv,hlog,openmetrics,png,markdown";
        let arguments = [&arguments[..], &["--format", formats]].concat();
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
        assert!(ran.stdout.contains("mean pause"), "{}", ran.stdout);
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("written");
        let tag = |of: &str| format!("Tag={mode}.group.{of},");
        let passes = format!(
            "mode=\"{mode}\",round=\"1\",mix=\"shop\",group=\"checkout\",outcome=\"ok\"}} {}\n",
            count(shop, "ok")
        );
        for (file, part) in [
            ("index.html", "Groups as a whole"),
            ("index.html", "id=\"chart-groups\""),
            ("index.html", "id=\"chart-group-over-time-3\""),
            ("report.md", "| shop / checkout |"),
            ("summary.csv", ",group,shop,checkout,"),
            ("series.csv", ",group_shop.checkout_p50_ms,"),
            ("histograms.hlog", &tag("shop.checkout.response")),
            ("histograms.hlog", &tag("shop.checkout.think")),
            ("histograms.hlog", &tag("other.checkout.response.windows")),
            ("metrics.txt", &passes),
        ] {
            assert!(read(file).contains(part), "{mode}: {part} in {file}");
        }
        for picture in ["groups.png", "timeline.png"] {
            let bytes = std::fs::metadata(out.join(picture)).expect("written").len();
            assert!(bytes > 10_000, "{mode}: {picture}");
        }
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
    let over_time = |name: &str| {
        let result = result(&folder.path().join(name));
        let windows = run_of(&result, "simulated")["series"].clone();
        let windows = windows.as_array().expect("windows").clone();
        let groups = windows.iter().flat_map(|own| own["groups"].as_array());
        let mut sums = std::collections::BTreeMap::new();
        for own in groups.flatten() {
            let of_mix: &mut [u64; 3] = sums.entry(own["mix"].to_string()).or_default();
            let counts = ["planned", "ok", "failed"].map(|key| count(own, key));
            of_mix.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        }
        sums
    };
    assert_eq!(over_time("merged"), over_time("whole"));
    assert_eq!(over_time("whole").len(), 2);
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
