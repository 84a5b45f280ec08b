//! Thresholds and conditions: the verdicts on known figures, and how a run reacts.

use loadgen::engine::run_mode;
use loadgen::gate::{Judged, judge, watch};
use loadgen::plan::Mode;
use loadgen::result::{Comparison, ModeRun, StoppedBy, ThresholdResult, ThresholdVerdict};
use serde_json::Value;

use crate::engine::plan;
use crate::support::{
    Ran, Server, finish, folder, job, loadgen, number, result, run, run_of, scenario,
};

/// In virtual time every figure is known: 100 iterations of 10 ms and 100 of 30 ms, sequentially.
const KNOWN: &str = "name: t\nmodes: [simulated]\nrounds: 2\nload: { iterations: 200 }\n\
    mix: [ { name: quick, weight: 1, flow: [ { sleep: 10ms, name: a } ] }, { name: slow, weight: 1, flow: [ { sleep: 30ms, name: b } ] } ]\n";

fn known(load: &str, checks: &str) -> (loadgen::plan::Plan, Vec<ModeRun>) {
    let plan = plan(
        &KNOWN
            .replace("{ iterations: 200 }", load)
            .replace("name: t\n", &format!("name: t\nthresholds: [ {checks} ]\n")),
    );
    let mut first =
        run_mode(&job(&plan, Mode::Simulated, Vec::new()), &|| None, &|_| {}).expect("it runs");
    let mut second = first.clone();
    (first.round, second.round) = (1, 2);
    (plan, vec![first, second])
}

fn judged(checks: &str) -> Judged {
    let (plan, runs) = known("{ iterations: 200 }", checks);
    judge(
        &plan,
        &runs,
        Comparison::from_runs(&runs, &plan.modes, Some(2.0)).as_ref(),
    )
}

fn verdicts(checks: &str) -> Vec<(ThresholdVerdict, f64)> {
    judged(checks)
        .thresholds
        .iter()
        .map(|t| (t.verdict, t.observed.unwrap_or(f64::NAN)))
        .collect()
}

#[test]
fn thresholds_judge_the_figures_of_merged_rounds() {
    use ThresholdVerdict::{Fail, Pass};
    let all = verdicts(
        "p1 < 11ms, p99.9 > 29.9ms, max <= 30ms, min == 10ms, count == 400, iterations == 400, error_rate == 0%, dropped == 0, \
         drop_rate <= 0%, iteration.p99 > 29ms, ok.p50 < 1s, service.max == 30ms, lag.max == 0, queue.p99 == 0s, count < 400, max < 30ms",
    );
    let met: Vec<bool> = all.iter().map(|(verdict, _)| *verdict == Pass).collect();
    assert_eq!(met, [vec![true; 14], vec![false; 2]].concat(), "{all:?}");
    assert!((all[4].1 - 400.0).abs() < f64::EPSILON && all[14].0 == Fail);
}

#[test]
fn selectors_select_their_part() {
    let text = "{ check: max < 11ms, mix: quick }, { check: p50 < 11ms, step: a }, { check: min > 29ms, mix: slow, step: b }, \
                { check: p99 < 11ms, mix: slow }, { check: count > 0, mix: quick, mode: simulated }";
    let judged = judged(text);
    let met: Vec<bool> = judged
        .thresholds
        .iter()
        .map(ThresholdResult::is_met)
        .collect();
    assert_eq!(
        met,
        [true, true, true, false, true],
        "{:?}",
        judged.thresholds
    );
    let slow = &judged.thresholds[3];
    assert!(
        slow.observed.is_some_and(|ms| (ms - 30.0).abs() < 0.1)
            && slow.margin.is_some_and(|ms| (ms + 19.0).abs() < 0.1),
        "{slow:?}"
    );
    assert_eq!(
        (slow.selector.mix.as_deref(), slow.check.as_str(), slow.mode),
        (Some("slow"), "p99 < 11ms", Mode::Simulated)
    );
}

#[test]
fn windows_must_all_pass_and_the_worst_is_shown() {
    // Arrivals of 50/s: each full second of four plans 50 operations.
    let (plan, runs) = known(
        "{ rate: 50/s, duration: 4500ms }",
        "{ check: count == 50, window: 1s }, { check: max < 30ms, window: 1s }, { check: p1 < 11ms, window: 1s, mix: quick }, \
         { check: count > 0, window: 1s, step: b }",
    );
    let judged = judge(&plan, &runs, None);
    let met: Vec<bool> = judged
        .thresholds
        .iter()
        .map(ThresholdResult::is_met)
        .collect();
    assert_eq!(met, [true, false, true, true], "{:?}", judged.thresholds);
    let failing = &judged.thresholds[1];
    let at: Vec<(u32, f64)> = failing
        .failing_windows
        .iter()
        .map(|window| (window.round, window.t_s))
        .collect();
    assert_eq!(
        at,
        [
            (1, 0.0),
            (1, 1.0),
            (1, 2.0),
            (1, 3.0),
            (2, 0.0),
            (2, 1.0),
            (2, 2.0),
            (2, 3.0)
        ]
    );
    assert_eq!(
        (failing.window_s, failing.observed),
        (Some(1.0), Some(30.0))
    );
}

#[test]
fn no_samples_fail_and_few_samples_are_judged_with_a_warning() {
    let (plan, runs) = known(
        "{ iterations: 200 }",
        "p99 < 1s, count < 5, { check: p99 < 1s, window: 1s }",
    );
    let nothing = judge(&plan, &[], None);
    assert!(
        nothing
            .thresholds
            .iter()
            .all(|t| t.verdict == ThresholdVerdict::NoData && t.observed.is_none()),
        "{nothing:?}"
    );
    assert_eq!(nothing.thresholds.len(), 3);
    assert!(
        judge(&plan, &runs, None)
            .warnings
            .iter()
            .all(|warning| warning.contains("some window"))
    );
    let thin = judged("p99.999 < 1s");
    assert!(thin.thresholds[0].is_met());
    assert!(
        thin.warnings.len() == 1 && thin.warnings[0].contains("too few independent samples"),
        "{:?}",
        thin.warnings
    );
}

#[test]
fn a_hidden_percentile_is_judged_with_a_warning_in_every_output() {
    let folder = folder();
    // With a probability of 96 %, 320 samples include one above p99, but they give no interval for
    // it.
    scenario(
        folder.path(),
        "name: t\nmodes: [simulated]\nmix: [ { flow: [ { sleep: { uniform: [1ms, 2ms] } } ] } ]\nload: { iterations: 320 }\nthresholds:\n  - p99 < 1s\n  - p75 < 1s\n",
    );
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        "junit,markdown,html,ctrf",
    ];
    let said = "there are too few independent samples for this percentile";
    let ran = finish(loadgen(folder.path(), &arguments).env("GITHUB_ACTIONS", "true")).exits(0);
    let summary = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        summary.contains("p99 n/a") && summary.contains(said),
        "{}",
        ran.stdout
    );
    let ran = ran.says(&[
        &format!("warning: the threshold `p99 < 1s` (simulated): {said}"),
        "::warning file=test.yaml,line=6,",
    ]);
    assert_eq!(
        ran.stderr.matches("::warning").count(),
        1,
        "the other one has no warning: {}",
        ran.stderr
    );
    for file in ["junit.xml", "report.md", "index.html", "ctrf-report.json"] {
        let text =
            std::fs::read_to_string(folder.path().join("out").join(file)).expect("it is written");
        assert!(text.contains(said), "{file}: {text}");
    }
    let result = result(&folder.path().join("out"));
    let warnings = |threshold: usize| {
        result["thresholds"][threshold]["warnings"]
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!((warnings(0), warnings(1)), (1, 0));
    assert!(result["runs"][0]["response_ms"]["ci95"]["p99"].is_null());
    // It must be visible to readers of stderr alone.
    finish(&mut loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none", "-q"],
    ))
    .exits(0)
    .says(&[said]);
}

#[test]
fn a_run_is_aborted_by_its_figures_and_not_before() {
    let aborting = |more: &str| {
        known(
            "{ iterations: 200 }",
            &format!("{{ check: max < 20ms, abort: true{more} }}"),
        )
    };
    let (plan, runs) = aborting("");
    assert_eq!(
        watch(&plan, Mode::Simulated, &runs[0]),
        Some(StoppedBy::Threshold)
    );
    // The run takes about four seconds: it ends before the abort may happen.
    let (plan, runs) = aborting(", after: 5s");
    assert_eq!(watch(&plan, Mode::Simulated, &runs[0]), None);
    let (plan, runs) = aborting(", mix: quick");
    assert_eq!(watch(&plan, Mode::Simulated, &runs[0]), None);
    let (plan, runs) = aborting(", window: 1s");
    assert_eq!(
        watch(&plan, Mode::Simulated, &runs[0]),
        Some(StoppedBy::Threshold)
    );
    let (plan, runs) = known("{ iterations: 200, stop_when: [ count >= 200 ] }", "");
    assert_eq!(
        watch(&plan, Mode::Simulated, &runs[0]),
        Some(StoppedBy::Condition)
    );
    let (plan, runs) = known(
        "{ iterations: 200, stop_when: [ count > 200, { check: error_rate > 0%, window: 1s } ] }",
        "",
    );
    assert_eq!(watch(&plan, Mode::Simulated, &runs[0]), None);
}

fn sleeping(load: &str, more: &str, arguments: &[&str]) -> (Ran, Option<Value>) {
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "name: t\nmix: [ {{ name: m, flow: [ {{ sleep: 20ms }} ] }} ]\nload: {load}\n{more}\n"
        ),
    );
    let ran = run(
        folder.path(),
        &[
            &["run", "test.yaml", "-o", "out", "--format", "none"],
            arguments,
        ]
        .concat(),
    );
    let out = folder.path().join("out");
    let result = out.join("result.json").exists().then(|| result(&out));
    (ran, result)
}

fn thresholds(result: Option<&Value>) -> &Vec<Value> {
    result
        .and_then(|result| result["thresholds"].as_array())
        .expect("thresholds")
}

#[test]
fn exit_0_if_all_thresholds_are_met_and_99_if_one_is_not() {
    let short = "{ vus: 2, iterations: 20 }";
    let (ran, good) = sleeping(
        short,
        "thresholds: [ max < 30s, count == 20 ]",
        &["--threshold", "error_rate < 1%", "--on-invalid", "warn"],
    );
    let ran = ran.exits(0);
    assert!(
        ran.stdout.contains("✓ met") && ran.stdout.contains("max < 30s"),
        "{}",
        ran.stdout
    );
    assert_eq!(thresholds(good.as_ref()).len(), 3);
    let bad = "thresholds: [ min > 30s ]";
    let (ran, failed) = sleeping(short, bad, &["--on-invalid", "warn"]);
    let ran = ran.exits(99).says(&["1 of 1 thresholds not met"]);
    assert!(ran.stdout.contains("✗ not met"), "{}", ran.stdout);
    let one = &thresholds(failed.as_ref())[0];
    assert_eq!(
        (&one["verdict"], &one["check"], &one["mode"], &one["unit"]),
        (
            &"fail".into(),
            &"min > 30s".into(),
            &"async".into(),
            &"ms".into()
        )
    );
    assert!(
        number(one, "margin") < 0.0
            && number(one, "limit") == 30_000.0
            && one["selector"]["mix"].is_null(),
        "{one}"
    );
    // The run itself succeeded; only the threshold failed.
    assert_eq!(failed.expect("a result")["end"], "complete");
    let (ran, without) = sleeping(short, bad, &["--no-thresholds"]);
    ran.exits(0);
    assert!(thresholds(without.as_ref()).is_empty());
}

#[test]
fn an_invalid_check_exits_with_2() {
    let (ran, none) = sleeping("{ iterations: 1 }", "", &["--threshold", "p99 < 250"]);
    ran.exits(2)
        .says(&["from --threshold", "`250` has no unit", "`250ms`"]);
    assert!(none.is_none());
}

#[test]
fn no_data_exits_with_99() {
    // Operations in flight at the end are abandoned at once: nothing completes.
    let load = "{ vus: 1, duration: 200ms, graceful_stop: 0s }";
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "name: t\nmix: [ {{ name: m, flow: [ {{ sleep: 20s }} ] }} ]\nload: {load}\nthresholds: [ p99 < 30s ]\n"
        ),
    );
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--on-invalid",
            "warn",
        ],
    )
    .exits(99);
    assert_eq!(
        result(&folder.path().join("out"))["thresholds"][0]["verdict"],
        "no_data"
    );
}

#[test]
fn an_abort_ends_the_run_early() {
    let server = Server::start();
    let folder = folder();
    scenario(
        folder.path(),
        "name: t\nmodes: [threaded, async]\ntargets: { shop: { url: builtin } }\nmix: [ { name: m, flow: [ { get: /delay/0.05 } ] } ]\n\
         load: { vus: 2, duration: 1m }\nthresholds: [ { check: p50 < 40ms, step: GET /delay/0.05, abort: true, after: 300ms } ]\n",
    );
    let url = server.url();
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        "none",
        "--target",
        &url,
        "--on-invalid",
        "warn",
    ];
    run(folder.path(), &arguments).exits(99);
    let result = result(&folder.path().join("out"));
    assert_eq!(result["end"], "aborted");
    let run = run_of(&result, "threaded");
    assert_eq!(run["stopped_by"], "threshold");
    assert!(
        (0.3..30.0).contains(&number(run, "measured_s")),
        "{}",
        run["measured_s"]
    );
    assert_eq!(
        result["runs"].as_array().map(Vec::len),
        Some(1),
        "the abort ends the whole run"
    );
    let verdicts: Vec<&Value> = thresholds(Some(&result))
        .iter()
        .map(|t| &t["verdict"])
        .collect();
    assert_eq!(verdicts, ["fail", "no_data"]);
}

#[test]
fn a_condition_ends_every_mode_cleanly() {
    let more = "modes: [threaded, async]";
    let (ran, stopped) = sleeping(
        "{ vus: 2, duration: 1m, stop_when: [ count >= 10 ] }",
        more,
        &[],
    );
    ran.exits(0);
    let stopped = stopped.expect("a result");
    assert_eq!(stopped["end"], "stopped");
    for mode in ["threaded", "async"] {
        let run = run_of(&stopped, mode);
        assert_eq!(run["stopped_by"], "condition");
        assert!(
            number(run, "measured_s") < 30.0 && run["completed"].as_u64() >= Some(10),
            "{run}"
        );
    }
}
