//! `loadgen capacity`: in virtual time, where a capacity is known exactly and without noise, and
//! against a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use loadgen::assembly::validity::{check, lag_limit_ms};
use loadgen::gate::{Cause, probe};
use loadgen::metrics::Summary;
use loadgen::plan::{Mode, NumberedLoad, Plan};
use loadgen::result::{ModeRun, ProbeOutcome, Verdict};
use rustix::process::Signal;
use serde_json::Value;

use crate::engine::{plan, run as engine_run};
use crate::support::{
    Ran, Running, Server, children, count, files, folder, loadgen, number, run, scenario, until,
};

/// Eight concurrent operations of 10 ms each: 800 per second.
const EIGHT_SLOTS: &str = "{name: eight, limits: {concurrency: 8}, mix: [{name: m, flow: [{sleep: 10ms}]}], load: {vus: 3, iterations: 7}}";
/// A request to a server that the test specifies.
const REQUEST: &str = "{name: t, targets: {shop: {url: builtin}}, mix: [{name: m, flow: [{get: /}]}], load: {vus: 1, iterations: 1}}";

/// The only load of a plan.
fn sole(plan: &Plan) -> NumberedLoad<'_> {
    plan.loads().next().expect("a load")
}

/// A search in virtual time, into `out`.
fn search(folder: &Path, text: &str, flags: &[&str]) -> Ran {
    scenario(folder, text);
    run(
        folder,
        &[
            &["capacity", "test.yaml", "--mode", "simulated", "-o", "out"],
            flags,
        ]
        .concat(),
    )
}

fn result(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("out/capacity.json")).expect("a result"))
        .expect("it is JSON")
}

fn within(what: &str, found: f64, expected: f64, share: f64) {
    assert!(
        (found / expected - 1.0).abs() <= share,
        "{what}: {found} for {expected}"
    );
}

#[test]
fn a_known_capacity_is_found() {
    let folder = folder();
    let ran = search(folder.path(), EIGHT_SLOTS, &["--slo", "p99 < 50ms"]).exits(0);
    let result = result(folder.path());
    within("capacity", number(&result, "capacity"), 800.0, 0.03);
    let (met, missed) = (number(&result, "capacity"), number(&result, "missed"));
    assert!(met < missed && missed <= met * 1.021, "{met} {missed}");
    assert_eq!(
        files(&folder.path().join("out")),
        ["capacity.json", "capacity.png", "capacity.svg"]
    );
    assert!(ran.stdout.contains("meets p99 < 50ms"), "{}", ran.stdout);
    // The replaced settings, and each rate as it was tried.
    for said in [
        "the file's load (3 virtual users)",
        "✓ met",
        "✗ missed",
        "capacity.json",
        "capacity.png",
    ] {
        assert!(ran.stderr.contains(said), "no `{said}` in {}", ran.stderr);
    }
}

#[test]
fn a_rate_is_not_met_by_refusing_what_is_too_much() {
    // Those that are not refused are always fast.
    for limited in [
        EIGHT_SLOTS.replace(
            "{concurrency: 8}",
            "{concurrency: 8, queue: 2, on_full: drop}",
        ),
        EIGHT_SLOTS
            .replace("limits: {concurrency: 8}, ", "")
            .replace(
                "{sleep: 10ms}",
                "{sleep: 10ms, limits: {concurrency: 8, on_full: drop}}",
            ),
    ] {
        let folder = folder();
        search(folder.path(), &limited, &["--slo", "p99 < 50ms"]).exits(0);
        let result = result(folder.path());
        within(
            "eight slots of 10 ms",
            number(&result, "capacity"),
            800.0,
            0.05,
        );
        let probes = result["probes"].as_array().expect("probes");
        let missed = probes.iter().filter(|probe| probe["outcome"] == "missed");
        let is_told = |probe: &Value| {
            probe["reasons"]
                .to_string()
                .contains("were refused by a full limit")
        };
        assert!(
            missed.clone().count() > 0 && missed.clone().all(is_told),
            "{result}"
        );
    }
}

#[test]
fn the_result_describes_the_whole_search() {
    let folder = folder();
    let ran = search(
        folder.path(),
        EIGHT_SLOTS,
        &[
            "--slo",
            "p99 < 50ms",
            "--slo",
            "iteration.p90<40ms",
            "--json",
            "-q",
            "--seed",
            "7",
        ],
    )
    .exits(0);
    assert_eq!(ran.stderr, "", "quiet");
    let printed: Value = serde_json::from_str(&ran.stdout).expect("JSON on stdout");
    let result = result(folder.path());
    assert_eq!(printed, result);
    assert_eq!(result["schema"], "loadgen.capacity/1");
    assert_eq!(
        (&result["mode"], &result["limited_by"]),
        (&"simulated".into(), &"check".into())
    );
    assert_eq!(
        result["slo"],
        serde_json::json!(["p99 < 50ms", "iteration.p90 < 40ms"])
    );
    assert_eq!(result["implied"], "error_rate <= 1%");
    assert_eq!(
        (
            number(&result, "probe_s"),
            count(&result["scenario"], "seed")
        ),
        (5.0, 7)
    );
    assert!(result["host"]["os"].is_string() && result["loadgen"]["version"].is_string());
    let probes = result["probes"].as_array().expect("probes");
    for probe in probes {
        let checks: Vec<&str> = probe["thresholds"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|of| of["check"].as_str())
            .collect();
        assert_eq!(
            checks,
            ["p99 < 50ms", "iteration.p90 < 40ms", "error_rate <= 1%"]
        );
        let rate = number(probe, "rate");
        within("planned", count(probe, "planned") as f64, rate * 5.0, 0.01);
        assert!(
            number(probe, "p50_ms") <= number(probe, "p90_ms")
                && number(probe, "p90_ms") <= number(probe, "p99_ms")
        );
        assert_eq!(
            probe["outcome"],
            if rate <= number(&result, "capacity") {
                "met"
            } else {
                "missed"
            },
            "{rate}"
        );
        assert!(
            probe["verdict"].is_string()
                && probe["doubts"].is_array()
                && probe["reasons"].is_array()
        );
        assert!(count(probe, "max_in_flight") >= 1000);
    }
    // The rates double from 50/s until one is missed.
    let rates: Vec<f64> = probes
        .iter()
        .take(6)
        .map(|probe| number(probe, "rate"))
        .collect();
    assert_eq!(rates, [50.0, 100.0, 200.0, 400.0, 800.0, 1600.0]);
}

#[test]
fn what_is_watched_is_beside_every_rate() {
    let (folder, target) = (folder(), Server::start());
    let text = format!(
        "{{name: t, targets: {{shop: {{url: '{}'}}}}, watch: {{every: 100ms, app: {{pid: {}}}}},\n\
         mix: [{{name: m, flow: [{{get: /json}}]}}], limits: {{concurrency: 1}}, load: {{vus: 1, iterations: 1}}}}",
        target.url(),
        target.id()
    );
    scenario(folder.path(), &text);
    let flags = ["--slo", "p99 < 10s", "--from", "50/s", "--most", "100/s"];
    let usual = ["capacity", "test.yaml", "--probe", "1s", "-o", "out"];
    let ran = run(
        folder.path(),
        &[&usual[..], &flags, &["--on-invalid", "warn"]].concat(),
    )
    .exits(0);
    let result = result(folder.path());
    let probes = result["probes"].as_array().expect("probes");
    for (probe, number_of_try) in probes.iter().zip(1..) {
        let watched = probe["watched"].as_array().expect("something was watched");
        let cpu = watched.iter().find(|own| own["name"] == "app.cpu");
        let cpu = cpu.expect("it was watched");
        assert_eq!(cpu["round"], number_of_try);
        assert!(number(cpu, "mean") >= 0.0, "{cpu}");
    }
    assert!(probes.len() > 1);
    let table = ran.stdout.lines().find(|line| line.starts_with("watched"));
    assert!(
        table.is_some_and(|line| line.contains("100/s")),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_check_that_passes_for_a_while_does_not_hide_an_overload() {
    // No run is long enough for a response to take a minute, and every operation succeeds
    // eventually.
    for slo in ["p99 < 1m", "error_rate < 1%"] {
        let folder = folder();
        search(folder.path(), EIGHT_SLOTS, &["--slo", slo]).exits(0);
        let result = result(folder.path());
        within(slo, number(&result, "capacity"), 800.0, 0.03);
        let missed = result["probes"]
            .as_array()
            .expect("probes")
            .iter()
            .filter(|probe| probe["outcome"] == "missed");
        let reasons: Vec<String> = missed.map(|probe| probe["reasons"].to_string()).collect();
        assert!(
            !reasons.is_empty() && reasons.iter().all(|of| of.contains("falls behind")),
            "{reasons:?}"
        );
    }
}

#[test]
fn iterations_that_never_started_count_against_a_rate() {
    let folder = folder();
    let text = EIGHT_SLOTS.replace("iterations: 7", "iterations: 7, graceful_stop: 0s");
    search(folder.path(), &text, &["--slo", "p99 < 1m"]).exits(0);
    let result = result(folder.path());
    within("capacity", number(&result, "capacity"), 800.0, 0.03);
    let lost = result["probes"]
        .as_array()
        .expect("probes")
        .iter()
        .filter(|probe| count(probe, "lost") > 0);
    assert!(
        lost.clone()
            .any(|probe| probe["reasons"].to_string().contains("never started")),
        "{:?}",
        lost.collect::<Vec<_>>()
    );
}

#[test]
fn failures_count_even_if_no_check_mentions_them() {
    let failing = EIGHT_SLOTS.replace("{sleep: 10ms}", "{sleep: 10ms, fail: 30%}");
    let folder = folder();
    let ran = search(
        folder.path(),
        &failing,
        &["--slo", "p99 < 50ms", "--seed", "1"],
    )
    .exits(99);
    assert!(
        ran.stdout.contains("(and error_rate <= 1%)")
            && ran.stderr.contains("no rate down to 4.00/s meets"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let none = result(folder.path());
    assert_eq!(
        (&none["limited_by"], &none["capacity"]),
        (&"nothing".into(), &Value::Null)
    );
    search(
        folder.path(),
        &failing,
        &["--slo", "p99 < 50ms", "--slo", "error_rate < 40%"],
    )
    .exits(0);
    let some = result(folder.path());
    assert_eq!(some["implied"], Value::Null);
    within("capacity", number(&some, "capacity"), 800.0, 0.03);
}

#[test]
fn the_highest_allowed_rate_may_pass() {
    let folder = folder();
    let ran = search(
        folder.path(),
        EIGHT_SLOTS,
        &[
            "--slo",
            "p99 < 50ms",
            "--from",
            "30/min",
            "--most",
            "200/s",
            "--probe",
            "40s",
        ],
    )
    .exits(0);
    let result = result(folder.path());
    assert_eq!(
        (number(&result, "capacity"), &result["limited_by"]),
        (200.0, &"maximum".into())
    );
    assert_eq!(number(&result["probes"][0], "rate"), 0.5);
    assert!(ran.stdout.contains("at least 200/s"), "{}", ran.stdout);
}

#[test]
fn max_in_flight_grows_with_the_rate() {
    // Each iteration takes two seconds, but occupies the limit only for the last 10 ms: at 800/s,
    // 1,600 are in flight.
    let text = EIGHT_SLOTS
        .replace("{sleep: 10ms}", "{think: 2s}, {sleep: 10ms}")
        .replace("limits: {concurrency: 8}, ", "")
        .replace("{sleep: 10ms}", "{sleep: 10ms, limits: {concurrency: 8}}");
    let folder = folder();
    search(
        folder.path(),
        &text,
        &["--slo", "p99 < 50ms", "--most", "3000/s", "--probe", "10s"],
    )
    .exits(0);
    let result = result(folder.path());
    within("capacity", number(&result, "capacity"), 800.0, 0.03);
    let most = result["probes"]
        .as_array()
        .expect("probes")
        .iter()
        .map(|probe| count(probe, "max_in_flight"))
        .max();
    assert!(most.is_some_and(|most| most >= 3200), "{most:?}");
}

#[test]
fn the_load_of_the_file_is_replaced() {
    let with = |load: &str| EIGHT_SLOTS.replace("{vus: 3, iterations: 7}", load);
    let open = with(
        "{rate: 100/s, duration: 1h, warmup: 3s, arrivals: poisson, max_in_flight: 1, queue: 5, on_full: drop}",
    );
    let stages = with("{stages: [{duration: 1m, rate: 10/s}, {duration: 1h, rate: 900/s}]}");
    let gates = EIGHT_SLOTS.replace(
        "{name: eight,",
        "{name: eight, thresholds: [{check: p50 < 1ns, abort: true}],",
    );
    for (text, first, said) in [
        (open.as_str(), 100.0, "(100/s)"),
        (&stages, 50.0, "(2 stages of at most 900/s)"),
        (&gates, 50.0, "(3 virtual users)"),
        (
            &with("{vus: 1, iterations: 1, stop_when: [count > 0]}"),
            50.0,
            "(1 virtual user)",
        ),
    ] {
        let folder = folder();
        let ran = search(
            folder.path(),
            text,
            &["--slo", "p90 < 50ms", "--most", "100/s"],
        )
        .exits(0);
        assert!(
            ran.stderr
                .contains(&format!("instead of the file's load {said}")),
            "{}",
            ran.stderr
        );
        let result = result(folder.path());
        assert_eq!(
            (
                number(&result["probes"][0], "rate"),
                number(&result, "capacity")
            ),
            (first, 100.0),
            "{text}"
        );
    }
}

#[test]
fn bad_input_is_rejected_before_anything_is_sent() {
    let (folder, server) = (folder(), Server::start());
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("test.yaml", REQUEST);
    write(
        "mock.yaml",
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, iterations: 1}}",
    );
    let before = server.status();
    for (flags, said) in [
        (&["test.yaml"][..], &["--slo"][..]),
        (&["test.yaml", "--slo", "p99 < 50"], &["--slo", "50ms"]),
        (
            &["test.yaml", "--slo", "eror_rate < 1%"],
            &["--slo", "did you mean `error_rate`"],
        ),
        (&["test.yaml", "--slo", ""], &["--slo", "METRIC OP VALUE"]),
        (
            &["test.yaml", "--slo", "speedup > 2"],
            &["`speedup > 2`", "compares modes", "p99 < 50ms"],
        ),
        (
            &[
                "test.yaml",
                "--slo",
                "p99 < 1s",
                "--slo",
                "throughput > 5/s",
            ],
            &["throughput > 5/s", "grows with the rate"],
        ),
        (
            &["test.yaml", "--slo", "p99 > 1s"],
            &["meets it more easily"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--from", "0/s"],
            &["--from", "starts nothing"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--most", "0/s"],
            &["--most", "starts nothing"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--from", "50"],
            &["--from", "50/s"],
        ),
        (
            &[
                "test.yaml",
                "--slo",
                "p99 < 1s",
                "--from",
                "50/s",
                "--most",
                "20/s",
            ],
            &["--from 50/s", "--most 20/s", "raise --most"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--from", "1/s"],
            &["--from 1/s", "fewer than 20", "longer --probe"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--most", "1/s"],
            &["--most 1/s", "fewer than 20"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--probe", "10ms"],
            &["--probe 10ms", "too short"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--probe", "5"],
            &["--probe", "5s"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--mode", "all"],
            &["one mode at a time"],
        ),
        (
            &["test.yaml", "--slo", "p99 < 1s", "--mode", "simulated"],
            &["simulated"],
        ),
        (
            &["mock.yaml", "--slo", "p99 < 1s"],
            &["mock operations only", "no target"],
        ),
        (&["missing.yaml", "--slo", "p99 < 1s"], &["missing.yaml"]),
        (
            &["http://127.0.0.1:1/", "--slo", "p99 < 1s"],
            &["not a scenario file", "--print-scenario"],
        ),
        (
            &[
                "test.yaml",
                "--slo",
                "p99 < 1s",
                "--target",
                "http://192.0.2.1/",
            ],
            &["--allow-target 192.0.2.1"],
        ),
    ] {
        let target = ["--target", &server.url()].map(str::to_owned);
        let own = flags.contains(&"--target") || !flags[0].starts_with("test");
        let target = if own {
            vec![]
        } else {
            target.iter().map(String::as_str).collect()
        };
        let ran = run(folder.path(), &[&["capacity"], flags, &target].concat());
        assert_eq!(
            (ran.status.code(), ran.stdout.as_str()),
            (Some(2), ""),
            "{flags:?}: {}",
            ran.stderr
        );
        for part in said {
            assert!(
                ran.stderr.contains(part),
                "{flags:?}: no `{part}` in:\n{}",
                ran.stderr
            );
        }
    }
    assert_eq!(server.seen_since(before).requests, 0);
    assert_eq!(files(folder.path()), ["mock.yaml", "test.yaml"]);
}

#[test]
fn an_unreachable_target_exits_with_3_and_leaves_no_folder() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    let ran = run(
        folder.path(),
        &[
            "capacity",
            "test.yaml",
            "--slo",
            "p99 < 1s",
            "--target",
            "http://127.0.0.1:9",
        ],
    )
    .exits(3);
    assert!(ran.stderr.contains("127.0.0.1:9"), "{}", ran.stderr);
    assert_eq!(files(folder.path()), ["test.yaml"]);
}

#[test]
fn exhausted_rows_end_the_search_and_keep_its_findings() {
    let folder = folder();
    fs::write(
        folder.path().join("rows.csv"),
        format!("id\n{}", "1\n".repeat(400)),
    )
    .expect("written");
    let text = "{name: t, limits: {concurrency: 8}, data: {rows: {file: rows.csv, at_end: stop}}, \
                mix: [{name: m, data: rows, flow: [{sleep: 1ms}]}], load: {vus: 1}}";
    let ran = search(folder.path(), text, &["--slo", "p99 < 50ms"]).exits(3);
    assert!(
        ran.stderr.contains("used up") && ran.stderr.contains("at_end: recycle"),
        "{}",
        ran.stderr
    );
    let result = result(folder.path());
    assert_eq!(
        (number(&result, "capacity"), &result["limited_by"]),
        (50.0, &"failure".into())
    );
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let folder = folder();
    scenario(folder.path(), EIGHT_SLOTS);
    let arguments = [
        "capacity",
        "test.yaml",
        "--slo",
        "p50 < 1h",
        "--probe",
        "1s",
        "--mode",
        "async",
        "-o",
        "out",
    ];
    let search = Running::start(&mut loadgen(folder.path(), &arguments), None);
    // Each run is a separate child process: the second one starts after the first one has ended.
    let mut seen = std::collections::BTreeSet::new();
    until("a second probe", || {
        seen.extend(children(search.id()));
        seen.len() > 1
    });
    search.signal(Signal::INT);
    let ran = search.finish().exits(130);
    // On a busy machine the first runs may be invalid, and no rate met so far.
    assert!(ran.stdout.contains("\ninterrupted"), "{}", ran.stdout);
    let result = result(folder.path());
    assert_eq!(result["limited_by"], "interrupt");
    assert!(!result["probes"].as_array().expect("probes").is_empty());
}

#[test]
fn an_interrupt_before_the_first_measurement_leaves_nothing() {
    let folder = folder();
    scenario(folder.path(), EIGHT_SLOTS);
    let arguments = [
        "capacity",
        "test.yaml",
        "--slo",
        "p50 < 1h",
        "--probe",
        "50s",
        "--mode",
        "async",
        "-o",
        "out",
    ];
    let search = Running::start(&mut loadgen(folder.path(), &arguments), None);
    until("a child", || !children(search.id()).is_empty());
    search.signal(Signal::INT);
    let ran = search.finish().exits(130);
    assert_eq!(
        (ran.stdout.as_str(), files(folder.path())),
        ("", vec!["test.yaml".to_owned()]),
        "{}",
        ran.stderr
    );
}

#[test]
fn no_output_contains_a_secret() {
    const SECRET: &str = "tok-en-7f3a9";
    let folder = folder();
    let text = EIGHT_SLOTS
        .replace(
            "{name: eight,",
            &format!("{{name: eight, secrets: {{key: {SECRET}}},"),
        )
        .replace("name: m", "name: 'm {{key}}'");
    let text = text.replace("{sleep: 10ms}", "{sleep: 10ms, name: 'with {{key}}'}");
    let ran = search(
        folder.path(),
        &text,
        &["--slo", "p99 < 50ms", "--most", "100/s"],
    );
    for written in [
        ran.stdout,
        ran.stderr,
        fs::read_to_string(folder.path().join("out/capacity.json")).unwrap_or_default(),
    ] {
        assert!(!written.contains(SECRET), "{written}");
    }
}

/// A run at a planned rate, in virtual time.
fn tried(thresholds: &str, ms: u32) -> (Plan, ModeRun) {
    let text = format!(
        "name: t\nmix: [ {{ name: m, flow: [ {{ sleep: {ms}ms }} ] }} ]\nload: {{ rate: 50/s, duration: 5s }}\n"
    );
    let gates = if thresholds.is_empty() {
        String::new()
    } else {
        format!("thresholds: [ {thresholds} ]\n")
    };
    // Replaces the modes of the file.
    let plan = Plan {
        modes: vec![Mode::Simulated],
        ..plan(&(text + &gates))
    };
    let run = engine_run(&plan, Mode::Simulated);
    (plan, run)
}

#[test]
fn lateness_is_judged_relative_to_the_measured_value_and_the_limit() {
    for (thresholds, ms, limit) in [
        ("", 10, 1.0),
        ("", 500, 25.0),
        ("p99 < 50ms", 10, 5.0),
        ("p99 < 500ms, p50 <= 30ms, error_rate < 1%", 10, 3.0),
        ("iteration.p90 < 2s", 10, 200.0),
        // None of these limits the load on a target, and the last one is of another mode.
        ("lag.p99 < 1s, queue.max < 1s, p99 > 1ms", 10, 1.0),
        ("{check: p99 < 1s, mode: async}", 10, 1.0),
        ("p99 < 1ms", 10, 1.0),
    ] {
        let (plan, run) = tried(thresholds, ms);
        let own = lag_limit_ms(&run, &plan);
        assert!(
            (own - limit).abs() < 0.05 * limit,
            "{thresholds}, {ms} ms: {own}"
        );
        let late = Summary {
            p99: limit * 0.9,
            ci95: BTreeMap::new(),
            ..run.times.response_ms.clone().expect("it has some")
        };
        let verdict = |p99: f64| {
            let mut run = run.clone();
            run.times.lag_ms = Some(Summary {
                p99,
                ..late.clone()
            });
            check(&run, &plan, &[])
                .checks
                .into_iter()
                .find(|check| check.name == "pacing")
                .expect("the check")
                .verdict
        };
        assert_eq!(
            (verdict(limit * 0.9), verdict(limit * 1.1)),
            (Verdict::Valid, Verdict::Invalid),
            "{thresholds}"
        );
    }
}

#[test]
fn an_invalid_probe_is_distinguished_from_a_rate_that_is_too_high() {
    let (plan, run) = tried("p99 < 50ms", 10);
    let invalid = |how: &dyn Fn(&mut ModeRun)| {
        let mut run = run.clone();
        run.validity.verdict = Verdict::Invalid;
        (run.resources.cpu_user_s, run.resources.cpu_system_s) = (Some(0.2), Some(0.05));
        how(&mut run);
        let tried = probe(&plan, &sole(&plan), &run, true);
        assert_eq!(tried.probe.outcome, ProbeOutcome::Invalid);
        (
            tried.cause,
            tried.probe.doubts.first().cloned().unwrap_or_default(),
        )
    };
    let late = |run: &mut ModeRun| run.times.lag_ms = run.times.response_ms.clone();
    assert_eq!(invalid(&|_| {}).0, Cause::Unclear);
    let (cause, said) = invalid(&|run| run.resources.steal_s = Some(1000.0));
    assert!(
        cause == Cause::Machine && said.contains("busy with other work") && said.contains("stolen"),
        "{said}"
    );
    let (cause, said) = invalid(&|run| run.resources.throttled_s = Some(1.0));
    assert!(
        cause == Cause::Machine && said.contains("throttled 20.0 % of the time"),
        "{said}"
    );
    let (cause, said) = invalid(&|run| run.resources.cpu_wait_s = Some(2.0));
    assert!(
        cause == Cause::Machine && said.contains("waited for a processor 40 % of the time"),
        "{said}"
    );
    // The load generator is saturated: a lower rate helps, whatever else was observed.
    let full = |run: &mut ModeRun| {
        late(run);
        run.resources.cpu_user_s = Some(1000.0);
        run.resources.throttled_s = Some(1.0);
    };
    assert_eq!(invalid(&full).0, Cause::Rate);
    // It is late, and does next to nothing: the cause is unclear.
    assert_eq!(invalid(&late).0, Cause::Unclear);
    // If the figures are used anyway, the doubts are reported.
    let mut trusted = run.clone();
    trusted.validity.verdict = Verdict::Invalid;
    trusted.resources.steal_s = Some(1000.0);
    let tried = probe(&plan, &sole(&plan), &trusted, false);
    assert!(
        tried.probe.outcome == ProbeOutcome::Met && tried.probe.doubts[0].contains("stolen"),
        "{:?}",
        tried.probe
    );
}

#[test]
fn invalid_figures_are_left_out_unless_they_are_allowed() {
    // More is planned than may be in flight: iterations that never start make a probe invalid even
    // on an idle machine.
    let text = EIGHT_SLOTS.replace("iterations: 7", "iterations: 7, graceful_stop: 0s");
    let arguments = [
        "--slo",
        "p50 < 10s",
        "--from",
        "2000/s",
        "--most",
        "2000/s",
        "--probe",
        "2s",
    ];
    let folder = folder();
    search(folder.path(), &text, &arguments);
    let outcomes = |folder: &Path| {
        let result = result(folder);
        let probes = result["probes"].as_array().expect("probes").clone();
        probes
            .iter()
            .map(|probe| probe["outcome"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        outcomes(folder.path())
            .iter()
            .any(|outcome| outcome == "invalid")
    );
    search(
        folder.path(),
        &text,
        &[&arguments[..], &["--on-invalid", "warn"]].concat(),
    );
    assert!(
        outcomes(folder.path())
            .iter()
            .all(|outcome| outcome != "invalid")
    );
}

/// Responses take 200 ms, so that delays of a busy machine are small in comparison, and the
/// percentile is low, so that its worst moments do not matter. A very busy machine may still make a
/// whole search inconclusive.
#[test]
fn the_capacity_of_a_server_is_found_within_5_percent() {
    let (folder, server) = (
        folder(),
        Server::with(&["--capacity", "80/s", "--latency", "200ms"]),
    );
    scenario(folder.path(), REQUEST);
    let url = server.url();
    let arguments = [
        "capacity",
        "test.yaml",
        "--slo",
        "p75 < 250ms",
        "--probe",
        "2s",
        "--from",
        "70/s",
        "--most",
        "95/s",
        "--target",
        &url,
    ];
    let mut said = String::new();
    for _ in 0..3 {
        let ran = run(folder.path(), &[&arguments[..], &["-o", "out"]].concat());
        let result = result(folder.path());
        if ran.status.code() == Some(0) && result["limited_by"] == "check" {
            let found = number(&result, "capacity");
            if (found / 80.0 - 1.0).abs() <= 0.05 {
                return;
            }
        }
        said = ran.stdout + &ran.stderr;
    }
    panic!("three searches found a different capacity:\n{said}");
}
