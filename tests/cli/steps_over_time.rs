//! Steps over time: known answers in every mode, in shards, and in every output.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use loadgen::plan::Mode;
use loadgen::result::{ModeRun, StepWindow, Window, codec};
use serde_json::Value;

use crate::engine::{plan, run};
use crate::support::{count, folder, patiently, result, run_of, scenario};

const MODES: [Mode; 4] = [
    Mode::Sequential,
    Mode::Threaded,
    Mode::Async,
    Mode::Simulated,
];

/// 60 iterations in three seconds: in the second one `pay` is slow, and in the third `ship` fails.
const SCENARIO: &str = r#"
name: t
seed: 4
workers: 1
mix:
  - name: shop
    flow:
      - { sleep: 1ms, name: browse }
      - { sleep: 1ms, name: pay, when: "seq() <= 20 or seq() > 40" }
      - { sleep: 30ms, name: pay, when: "seq() > 20 and seq() <= 40" }
      - { sleep: 1ms, name: ship, when: "seq() <= 40" }
      - { sleep: 1ms, name: ship, fail: 100%, on_error: continue, when: "seq() > 40" }
load: { rate: 20/s, duration: 3s }
"#;

fn step<'w>(window: &'w Window, name: &str) -> Option<&'w StepWindow> {
    window.steps.iter().find(|step| step.name == name)
}

/// Returns the windows in which this holds for a step, as the seconds at which they begin.
fn seconds(run: &ModeRun, name: &str, holds: fn(&StepWindow) -> bool) -> Vec<f64> {
    let windows = run.series.iter();
    let windows = windows.filter(|window| step(window, name).is_some_and(holds));
    windows.map(|window| window.t_s).collect()
}

/// Checks that the steps of each window add up to it.
fn add_up(run: &ModeRun) {
    for window in &run.series {
        let sum = |of: fn(&StepWindow) -> u64| window.steps.iter().map(of).sum::<u64>();
        assert_eq!(
            [
                sum(|own| own.planned),
                sum(|own| own.ok),
                sum(|own| own.failed)
            ],
            [window.planned, window.ok, window.failed],
            "{window:?}"
        );
        let mut failures = BTreeMap::new();
        for (kind, n) in window.steps.iter().flat_map(|own| &own.failures) {
            *failures.entry(kind.clone()).or_insert(0) += n;
        }
        assert_eq!(failures, window.failures);
        let rates: f64 = window.steps.iter().map(|own| own.throughput_rps).sum();
        assert!((rates - window.throughput_rps).abs() < 1e-9, "{window:?}");
        let slowest = window.steps.iter().filter_map(|own| own.max_ms);
        assert_eq!(slowest.reduce(f64::max), window.max_ms);
    }
}

#[test]
fn the_windows_of_the_step_that_gets_slow_and_of_the_one_that_fails_say_so_and_no_others() {
    let plan = plan(SCENARIO);
    patiently(|| {
        for mode in MODES {
            let run = run(&plan, mode);
            assert_eq!(run.counts.planned, 180, "{mode}");
            add_up(&run);
            let slow = |own: &StepWindow| own.p50_ms.is_some_and(|ms| ms >= 29.9);
            let during = seconds(&run, "pay", slow);
            // An operation is in the window in which it was due: after the one before it.
            let end = if mode == Mode::Simulated { 2.0 } else { 2.2 };
            assert!(
                during.len() >= 10 && during.iter().all(|t| (1.0..end).contains(t)),
                "{mode}: {during:?}"
            );
            assert_eq!(seconds(&run, "browse", slow), [0.0; 0], "{mode}");
            assert_eq!(seconds(&run, "ship", slow), [0.0; 0], "{mode}");
            let failed = |own: &StepWindow| own.failed > 0 && own.failures["mock"] == own.failed;
            let during = seconds(&run, "ship", failed);
            assert!(
                during.len() >= 10 && during.iter().all(|t| *t >= 2.0),
                "{mode}: {during:?}"
            );
            for name in ["browse", "pay"] {
                assert_eq!(
                    seconds(&run, name, |own| own.failed > 0),
                    [0.0; 0],
                    "{mode}"
                );
            }
            // The heat map holds every time.
            for step in &run.steps {
                let times = step.heat.iter().map(|own| {
                    let histogram = codec::decode_coarse(&own.response);
                    histogram.expect("a histogram").len()
                });
                assert_eq!(times.sum::<u64>(), 60, "{mode}: {}", step.name);
            }
        }
    });
}

#[test]
fn in_virtual_time_each_figure_is_exact() {
    let run = run(&plan(SCENARIO), Mode::Simulated);
    let window = run.series.iter().find(|own| own.t_s == 1.5);
    let window = window.expect("a window of a tenth of a second");
    let pay = step(window, "pay").expect("two operations");
    assert_eq!((pay.planned, pay.ok, pay.failed), (2, 2, 0));
    assert_eq!((pay.mean_ms, pay.max_ms), (Some(30.0), Some(30.0)));
    // Those of a histogram, up to the exact maximum.
    assert_eq!((pay.p50_ms, pay.p99_ms), (Some(30.0), Some(30.0)));
    assert_eq!(pay.throughput_rps, 20.0);
    let names: Vec<&str> = window.steps.iter().map(|own| &*own.name).collect();
    assert_eq!(names, ["browse", "pay", "ship"]);
}

#[test]
fn of_too_many_operations_only_the_whole_has_a_time_line() {
    let flow = |steps: u32| {
        let mut flow = String::new();
        (0..steps).for_each(|n| write!(flow, "{{sleep: 1ms, name: s{n}}},").expect("text"));
        let text =
            format!("{{name: t, mix: [{{name: m, flow: [{flow}]}}], load: {{iterations: 3}}}}");
        run(&plan(&text), Mode::Simulated)
    };
    let (most, more) = (flow(64), flow(65));
    add_up(&most);
    assert_eq!(
        most.steps.iter().filter(|own| !own.heat.is_empty()).count(),
        64
    );
    assert!(more.series.iter().all(|window| window.steps.is_empty()));
    assert!(more.steps.iter().all(|own| own.heat.is_empty()));
    let planned: u64 = more.series.iter().map(|window| window.planned).sum();
    assert_eq!(planned, 3 * 65);
}

/// Returns the counts of each step over time, by the window, in all rounds.
fn counted(run: &Value) -> Vec<(String, String, [u64; 3])> {
    let windows = run["series"].as_array().expect("windows");
    let of_window = |window: &Value| -> Vec<_> {
        let steps = window["steps"].as_array().into_iter().flatten();
        let of_step = |own: &Value| {
            let counts = ["planned", "ok", "failed"].map(|key| count(own, key));
            (window["t_s"].to_string(), own["name"].to_string(), counts)
        };
        steps.map(of_step).collect()
    };
    windows.iter().flat_map(of_window).collect()
}

#[test]
fn shards_add_up_to_the_whole_window_by_window() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let modes = ["--mode", "simulated"];
    for shard in ["0/3", "1/3", "2/3"] {
        let name = format!("part{}", &shard[..1]);
        let arguments = ["run", "test.yaml", "--shard", shard, "-o", &name];
        crate::support::run(folder.path(), &[&arguments[..], &modes].concat()).exits(0);
    }
    let parts = ["part0", "part1", "part2"];
    let merge = [
        &["merge"],
        &parts[..],
        &["-o", "merged", "--format", "none"],
    ];
    crate::support::run(folder.path(), &merge.concat()).exits(0);
    let whole = ["run", "test.yaml", "-o", "whole", "--format", "none"];
    crate::support::run(folder.path(), &[&whole[..], &modes].concat()).exits(0);
    let [merged, whole] = ["merged", "whole"].map(|name| {
        let result = result(&folder.path().join(name));
        counted(run_of(&result, "simulated"))
    });
    assert!(merged.len() >= 90, "{merged:?}");
    assert_eq!(merged, whole);
}

#[test]
fn every_output_has_the_steps_over_time_in_each_mode_and_round() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    for modes in ["simulated", "async,processes"] {
        let arguments = [
            "run",
            "test.yaml",
            "--mode",
            modes,
            "-o",
            "out",
            "--rounds",
            "2",
        ];
        let formats = ["--format", "html,csv,hlog,png", "--on-invalid", "warn"];
        crate::support::run(folder.path(), &[&arguments[..], &formats].concat()).exits(0);
        let out = folder.path().join("out");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("written");
        let (page, table, log) = (
            read("index.html"),
            read("steps_over_time.csv"),
            read("histograms.hlog"),
        );
        for mode in modes.split(',') {
            let tag = format!("Tag={mode}.step.shop.pay.response.windows,");
            assert!(log.contains(&tag), "{mode}");
            for round in [1, 2] {
                let failed = format!("t,{mode},{round},2.");
                let failing = table
                    .lines()
                    .filter(|line| line.starts_with(&failed) && line.contains(",mock "));
                assert!(failing.count() > 0, "{mode} {round}: {table}");
            }
            for part in [
                "<h2 id=\"steps-over-time\">".to_owned(),
                format!("id=\"chart-step1-heat-{mode}\""),
                format!("id=\"chart-step2-failures-{mode}\""),
                format!("id=\"data-step2-{mode}\""),
            ] {
                assert!(page.contains(&part), "{mode}: {part}");
            }
            assert!(!page.contains(&format!("id=\"chart-step1-failures-{mode}\"")));
        }
        let picture = std::fs::metadata(out.join("steps.png")).expect("written");
        assert!(picture.len() > 10_000);
    }
}

#[test]
fn what_changed_between_two_results_is_said_step_by_step() {
    let folder = folder();
    let slow = SCENARIO.replace("sleep: 1ms, name: browse", "sleep: 20ms, name: browse");
    for (name, text) in [("a", SCENARIO), ("b", &slow)] {
        scenario(folder.path(), text);
        let arguments = ["run", "test.yaml", "--mode", "simulated", "-o", name];
        crate::support::run(
            folder.path(),
            &[&arguments[..], &["--format", "none"]].concat(),
        )
        .exits(0);
    }
    let arguments = ["report", "a/result.json", "b/result.json", "-o", "both"];
    crate::support::run(
        folder.path(),
        &[&arguments[..], &["--format", "html"]].concat(),
    )
    .exits(0);
    let page = std::fs::read_to_string(folder.path().join("both/index.html")).expect("a page");
    let table = page
        .split_once("<h2 id=\"changed\">What changed</h2>")
        .and_then(|(_, rest)| rest.split_once("</table>"))
        .expect("a table")
        .0;
    let rows: Vec<&str> = table.split("<tr>").skip(2).collect();
    let shown: Vec<&&str> = rows.iter().filter(|row| row.contains("✗ worse")).collect();
    assert!(
        rows[0].contains("browse") && rows[0].contains("20.0×"),
        "the largest is first: {}",
        rows[0]
    );
    assert!(
        !shown.is_empty() && shown.iter().all(|row| row.contains("browse")),
        "{shown:?}"
    );
    assert!(!table.contains("✓ better"));
}
