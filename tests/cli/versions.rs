//! Comparisons of two versions: every verdict and exit code, and results that cannot be compared.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use loadgen::gate::side::Side;
use loadgen::gate::versions::{self, Terms};
use loadgen::plan::Guard;
use loadgen::result::{Outcome, RunOrder, RunResult};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    PROGRAM, Ran, Running, Server, children, folder, is_alive, loadgen, run, scenario, until,
};

/// Writes the result of a version with this response time, in virtual time, so its figures are
/// known.
fn version(folder: &Path, name: &str, ms: f64, rounds: u32) -> Value {
    let text = format!(
        "{{name: t, seed: 1, modes: [simulated], rounds: {rounds}, mix: [{{name: m, flow: [{{sleep: {ms}ms, name: s}}]}}], \
         load: {{vus: 2, iterations: 100}}}}"
    );
    scenario(folder, &text);
    run(
        folder,
        &["run", "test.yaml", "-o", name, "--format", "none", "-q"],
    )
    .exits(0);
    // The duration is part of the fingerprint, but here it stands for the server's speed.
    change(folder, name, |result| {
        result["scenario"]["fingerprint"] = "same".into()
    })
}

/// Modifies a written result.
pub(crate) fn change(folder: &Path, name: &str, how: impl FnOnce(&mut Value)) -> Value {
    let path = folder.join(name).join("result.json");
    let mut result =
        serde_json::from_str(&fs::read_to_string(&path).expect("a result")).expect("JSON");
    how(&mut result);
    fs::write(&path, result.to_string()).expect("written");
    result
}

fn compare(folder: &Path, more: &[&str]) -> Ran {
    run(folder, &[&["compare"], more].concat())
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
}

#[test]
fn exit_98_if_a_version_regressed_and_0_if_not() {
    let folder = folder();
    let path = folder.path();
    for (name, ms) in [
        ("base", 10.0),
        ("same", 10.2),
        ("slow", 12.0),
        ("fast", 7.0),
    ] {
        version(path, name, ms, 10);
    }
    compare(path, &["base", "slow"])
        .exits(98)
        .says(&["error: regressed: p50", "throughput"]);
    let same = compare(path, &["base", "same/result.json", "--json"]).exits(0);
    let same = json(&same);
    assert_eq!(
        (&same["schema"], &same["verdict"], &same["pairs"]),
        (
            &json!("loadgen.comparison/1"),
            &json!("equivalent"),
            &json!(10)
        )
    );
    assert_eq!(same["order"], "apart");
    let p50 = &same["changes"][0];
    assert_eq!(
        (&p50["metric"], &p50["mode"], &p50["unit"]),
        (&json!("p50"), &json!("simulated"), &json!("ms"))
    );
    assert!(
        (p50["change"].as_f64().expect("a number") - 0.02).abs() < 0.002,
        "{p50}"
    );
    let fast = compare(path, &["base", "fast"]).exits(0);
    assert!(
        fast.stdout.contains("✓ improved")
            && fast.stdout.contains("`loadgen ab` runs them in turn"),
        "{}",
        fast.stdout
    );
    // The caller specifies the tolerance.
    compare(
        path,
        &[
            "base",
            "slow",
            "--tolerance",
            "p50=25%,throughput=25%",
            "--tolerance",
            "p99=25%",
            "-q",
        ],
    )
    .exits(0);
    compare(path, &["base", "same", "--tolerance", "mean=1%"])
        .exits(98)
        .says(&["regressed: mean"]);
    let calibrated =
        json(&compare(path, &["base", "same", "--calibrate", "299", "--json"]).exits(0));
    assert_eq!(calibrated["calibration"]["alarms"], 0);
    assert!(
        calibrated["calibration"]["rate_high"].as_f64() < Some(0.01),
        "{calibrated}"
    );
}

#[test]
fn one_run_each_is_inconclusive() {
    let folder = folder();
    let path = folder.path();
    version(path, "base", 10.0, 1);
    version(path, "slow", 20.0, 1);
    let ran = compare(path, &["base", "slow"]).exits(0);
    assert!(
        ran.stdout.contains("unpaired") && ran.stdout.contains("? inconclusive"),
        "{}",
        ran.stdout
    );
    compare(path, &["base", "slow", "--fail-on-inconclusive"])
        .exits(96)
        .says(&["error: inconclusive", "about 7 pairs would decide it"]);
}

#[test]
fn folders_of_repeated_runs_are_compared_in_pairs() {
    let folder = folder();
    let path = folder.path();
    for n in 0..7 {
        for (side, ms) in [("base", 10.0), ("new", 20.0)] {
            let name = format!("{side}/{n}");
            version(path, &name, ms, 1);
            change(path, &name, |result| {
                result["started_at"] =
                    format!("2026-11-21T08:00:{:02}Z", 2 * n + u32::from(side == "new")).into()
            });
        }
    }
    let ran = compare(path, &["base", "new", "--json"]).exits(98);
    assert_eq!(
        (&json(&ran)["pairs"], &json(&ran)["order"]),
        (&json!(7), &json!("interleaved"))
    );
    fs::remove_dir_all(path.join("new/3")).expect("removed");
    compare(path, &["base", "new"])
        .exits(3)
        .says(&["base has 7 runs and new 6 runs", "equally often"]);
}

#[test]
fn incomparable_results_exit_with_3_and_every_reason() {
    let folder = folder();
    let path = folder.path();
    version(path, "base", 10.0, 10);
    version(path, "one", 10.0, 1);
    compare(path, &["base", "one"])
        .exits(3)
        .says(&["base has 10 runs and one 1 run", "run both equally often"]);
    type Change = fn(&mut Value);
    let cases: [(Change, &[&str]); 9] = [
        (
            |r| r["scenario"]["fingerprint"] = "other".into(),
            &["did not do the same work", "other"],
        ),
        (
            |r| {
                r["runs"]
                    .as_array_mut()
                    .expect("runs")
                    .iter_mut()
                    .for_each(|run| run["mode"] = "async".into())
            },
            &["modes", "async"],
        ),
        (|r| r["end"] = "interrupted".into(), &["was interrupted"]),
        (|r| r["runs"] = json!([]), &["has no runs"]),
        (
            |r| r["runs"][3]["round"] = 3.into(),
            &["two runs of one mode and round"],
        ),
        (
            |r| r["host"]["cpus"] = 999.into(),
            &["the number of processors differs", "--allow-environment"],
        ),
        (
            |r| r["loadgen"]["version"] = "9.9.9".into(),
            &["the version of loadgen differs"],
        ),
        (
            |r| r["runs"][4]["throughput_rps"] = (-5.0).into(),
            &["-5 for `throughput`", "not a valid figure"],
        ),
        (
            |r| r["runs"][4]["histograms"]["response"] = "rubbish".into(),
            &["no figure for `p50` (simulated)"],
        ),
    ];
    for (how, said) in cases {
        fs::create_dir_all(path.join("new")).expect("made");
        fs::copy(path.join("base/result.json"), path.join("new/result.json")).expect("copied");
        change(path, "new", how);
        let ran = compare(path, &["base", "new"])
            .exits(3)
            .says(&["can't be compared"])
            .says(said);
        assert_eq!(ran.stdout, "");
    }
    fs::copy(path.join("base/result.json"), path.join("new/result.json")).expect("copied");
    change(path, "new", |r| {
        r["host"]["cpus"] = 999.into();
        r["host"]["cpu_model"] = "other".into();
    });
    compare(path, &["base", "new"])
        .exits(3)
        .says(&["processors", "the processor differs"]);
    let allowed = compare(path, &["base", "new", "--allow-environment"]).exits(0);
    assert!(
        allowed
            .stdout
            .contains("warning: the number of processors differs"),
        "{}",
        allowed.stdout
    );
}

#[test]
fn an_invalid_result_exits_with_3_and_a_missing_one_with_2() {
    let folder = folder();
    let path = folder.path();
    let good = version(path, "base", 10.0, 1).to_string();
    let future = good.replacen("loadgen.result/1", "loadgen.result/2", 1);
    let number =
        |typed: &str| good.replacen("\"wall_s\":", &format!("\"wall_s\":{typed},\"was\":"), 1);
    let bad: [(&str, &str, &str); 9] = [
        ("empty", "", "not a loadgen result"),
        ("cut", &good[..good.len() / 2], "not a loadgen result"),
        (
            "future",
            &future,
            "`loadgen.result/2`, this loadgen reads `loadgen.result/1`",
        ),
        ("nan", &number("NaN"), "not a loadgen result"),
        ("huge", &number("1e999"), "number out of range"),
        ("null", "null", "not a loadgen result"),
        ("deep", &"[".repeat(100_000), "not a loadgen result"),
        ("text", "name: t", "not a loadgen result"),
        ("other", "{\"schema\": \"k6\"}", "has schema `k6`"),
    ];
    for (name, text, said) in bad {
        fs::write(path.join(format!("{name}.json")), text).expect("written");
        let name = format!("{name}.json");
        compare(path, &["base", &name])
            .exits(3)
            .says(&[&name, said]);
        compare(path, &[&name, "base"])
            .exits(3)
            .says(&[&name, said]);
    }
    fs::write(path.join("binary.json"), [0xff, 0xfe, 0x00]).expect("written");
    compare(path, &["base", "binary.json"])
        .exits(3)
        .says(&["can't read binary.json"]);
    compare(path, &["base", "/dev/zero"])
        .exits(3)
        .says(&["/dev/zero", "not a file"]);
    fs::create_dir(path.join("nothing")).expect("made");
    compare(path, &["base", "nothing"])
        .exits(3)
        .says(&["no result in this folder"]);
    compare(path, &["base", "missing.json"])
        .exits(2)
        .says(&["can't read missing.json"]);
    compare(path, &["base"]).exits(2);
    for (tolerance, said) in [
        ("p99", "METRIC=SHARE"),
        ("p99=5", "percent sign"),
        ("count=5%", "neither good nor bad"),
        ("p999=5%", "p99.9"),
    ] {
        compare(path, &["base", "base", "--tolerance", tolerance])
            .exits(2)
            .says(&[said]);
    }
}

#[test]
fn an_invalid_run_exits_with_97() {
    let folder = folder();
    let path = folder.path();
    version(path, "base", 10.0, 10);
    version(path, "slow", 20.0, 10);
    change(path, "base", |result| {
        result["validity"]["verdict"] = "invalid".into()
    });
    compare(path, &["base", "slow"])
        .exits(97)
        .says(&["--on-invalid warn"]);
    compare(path, &["base", "slow", "--on-invalid", "warn"]).exits(98);
}

/// Makes runs of a result invalid, each counted from 0.
fn invalidate(folder: &Path, name: &str, runs: impl IntoIterator<Item = usize>) {
    let check = json!({"name": "pacing", "verdict": "invalid", "observed": "p99 of lag 3.938 ms", "limit": "1.000 ms", "explanation": "late"});
    change(folder, name, |result| {
        for run in runs {
            result["runs"][run]["validity"] = json!({"verdict": "invalid", "checks": [check]});
        }
        result["validity"] = json!({"verdict": "invalid", "checks": [check]});
    });
}

#[test]
fn invalid_runs_are_listed_and_left_out_of_the_pairs() {
    let folder = folder();
    let path = folder.path();
    for (name, ms) in [("base", 10.0), ("slow", 45.7), ("same", 10.1)] {
        version(path, name, ms, 32);
    }
    invalidate(path, "base", [2, 5, 9, 30]);
    invalidate(path, "slow", [1, 2, 7, 20, 31]);
    // Eight invalid pairs of 32 do not hide what the others show.
    let ran = compare(path, &["base", "slow"])
        .exits(98)
        .says(&["error: regressed: p50"]);
    let named = "run 3 of base (started ";
    for said in [
        "24 pairs",
        "8 pairs left out",
        "8 of 32 pairs are left out",
        named,
        "simulated: pacing: p99 of lag 3.938 ms, limit 1.000 ms",
    ] {
        assert!(ran.stdout.contains(said), "no `{said}` in {}", ran.stdout);
    }
    let slow = json(&compare(path, &["base", "slow", "--json"]).exits(98));
    assert_eq!(
        (
            &slow["pairs"],
            &slow["left_out_pairs"],
            &slow["base"]["validity"]
        ),
        (&json!(24), &json!(8), &json!("valid"))
    );
    let invalid: Vec<(&str, u64)> = slow["invalid"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| {
            (
                run["source"].as_str().expect("a name"),
                run["run"].as_u64().expect("a number"),
            )
        })
        .collect();
    let of =
        |name: &'static str, runs: &[u64]| runs.iter().map(|run| (name, *run)).collect::<Vec<_>>();
    assert_eq!(
        invalid,
        [of("base", &[3, 6, 10, 31]), of("slow", &[2, 3, 8, 21, 32])].concat()
    );
    assert_eq!(
        slow["changes"][0]["pairs"].as_array().map(Vec::len),
        Some(24)
    );
    // Nor do they prevent a verdict of equivalence if the others are enough.
    compare(path, &["base", "same"]).exits(0);
    let all = json(&compare(path, &["base", "same", "--on-invalid", "warn", "--json"]).exits(0));
    assert_eq!(
        (&all["pairs"], &all["left_out_pairs"]),
        (&json!(32), &json!(0))
    );
    assert!(
        all["warnings"].to_string().contains("judged anyway"),
        "{all}"
    );
    // Two pairs are not enough, so the invalid ones decide the exit code.
    invalidate(path, "same", 0..30);
    compare(path, &["base", "same"]).exits(97).says(&[
        "run 3 of base",
        "pacing: p99 of lag",
        "the remaining pairs are inconclusive",
        "--on-invalid warn",
    ]);
}

#[test]
fn a_comparison_has_a_step_table_and_a_page_of_pairs() {
    let folder = folder();
    let path = folder.path();
    for (name, ms) in [("base", 10), ("slow", 20)] {
        let text = format!(
            "{{name: t, seed: 1, modes: [simulated], rounds: 10, mix: [{{name: m, flow: [{{sleep: {ms}ms, name: db}}, {{sleep: 30ms, name: page}}]}}], \
             load: {{vus: 2, iterations: 1000}}}}"
        );
        scenario(path, &text);
        run(
            path,
            &["run", "test.yaml", "-o", name, "--format", "none", "-q"],
        )
        .exits(0);
        change(path, name, |result| {
            result["scenario"]["fingerprint"] = "same".into()
        });
    }
    let ran = compare(path, &["base", "slow", "-o", "out"])
        .exits(98)
        .says(&["report: out/index.html"]);
    let table = ran
        .stdout
        .split("steps, for information")
        .nth(1)
        .expect("a table of steps");
    for step in ["m / db ", "m / page"] {
        assert!(table.contains(step), "no `{step}` in {table}");
    }
    let written: Value = serde_json::from_str(
        &fs::read_to_string(path.join("out/comparison.json")).expect("it exists"),
    )
    .expect("JSON");
    let change = |step: &str| {
        let all = written["steps"].as_array().expect("steps");
        let own = all
            .iter()
            .find(|change| change["selector"]["step"] == step && change["metric"] == "p50")
            .expect("its median");
        own["change"].as_f64().expect("a number")
    };
    assert!(
        (change("db") - 1.0).abs() < 0.01 && change("page").abs() < 0.01,
        "{written}"
    );
    let page = fs::read_to_string(path.join("out/index.html")).expect("a page");
    assert!(
        page.matches("<figure").count() >= 3
            && page.contains("pair by pair")
            && page.contains("m / page"),
        "{page}"
    );
    // A longer run is different work, and the message lists the flags that matter.
    run(
        path,
        &[
            "run",
            "test.yaml",
            "-o",
            "long",
            "--format",
            "none",
            "-q",
            "-i",
            "7",
        ],
    )
    .exits(0);
    compare(path, &["slow", "long"])
        .exits(3)
        .says(&["`-u`, `-r`, `-d`, `-i` and `--var` are part of the work"]);
}

#[test]
fn ab_repeats_pairs_with_an_invalid_run_and_lists_them() {
    let folder = folder();
    let path = folder.path();
    // More is planned than one slot can start, so some iterations never start, on any machine.
    let server = Server::start();
    scenario(
        path,
        "{name: t, targets: {shop: {url: builtin}}, mix: [{name: m, flow: [{get: /delay/0.05}]}], \
         load: {rate: 200/s, duration: 300ms, max_in_flight: 1, graceful_stop: 200ms}}",
    );
    let url = server.url();
    let ab = |more: &[&str]| {
        run(
            path,
            &[
                &[
                    "ab",
                    "test.yaml",
                    "--a",
                    &url,
                    "--b",
                    &url,
                    "--pairs",
                    "2",
                    "-o",
                    "out",
                ],
                more,
            ]
            .concat(),
        )
    };
    let ran = ab(&[]).exits(97).says(&[
        "the run A 1 is invalid (pacing",
        "the pair is repeated",
        "the pair is left out",
        "run 1 of A",
        "never started",
        "no pair is left without those",
    ]);
    assert!(
        ran.stdout
            .contains("nothing was compared: each pair has an invalid run"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("were repeated (repeats: 1)"),
        "{}",
        ran.stdout
    );
    for side in ["a", "b"] {
        assert_eq!(
            crate::support::files(&path.join("out").join(side)),
            ["01.json", "02.json", "invalid"]
        );
        assert_eq!(
            crate::support::files(&path.join("out").join(side).join("invalid")),
            ["01-1.json"]
        );
    }
    let written: Value = serde_json::from_str(
        &fs::read_to_string(path.join("out/comparison.json")).expect("it exists"),
    )
    .expect("JSON");
    assert_eq!(
        (
            &written["pairs"],
            &written["left_out_pairs"],
            &written["verdict"]
        ),
        (&json!(0), &json!(2), &Value::Null)
    );
    // If invalid runs are tolerated, none is repeated, and the runs that an earlier comparison set
    // aside are removed.
    ab(&["--on-invalid", "warn"]).exits(0);
    assert_eq!(
        crate::support::files(&path.join("out/a")),
        ["01.json", "02.json"]
    );
}

/// A port that was free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port()
}

fn to(folder: &Path, port: u16) {
    let text = format!(
        "{{name: t, mix: [{{name: m, flow: [{{get: /}}]}}], targets: {{shop: {{url: 'http://127.0.0.1:{port}'}}}}, \
         load: {{vus: 1, iterations: 5}}, thresholds: [{{check: p50, vs: baseline, confidence: 80%}}]}}"
    );
    scenario(folder, &text);
}

fn serve(port: u16, latency: &str) -> String {
    format!("'{PROGRAM}' serve --listen 127.0.0.1:{port} --latency {latency}")
}

#[test]
fn ab_starts_each_version_runs_both_in_turn_and_stops_them() {
    let (folder, port) = (folder(), port());
    let path = folder.path();
    to(path, port);
    let (a, b) = (serve(port, "2ms"), serve(port, "50ms"));
    let arguments = [
        "ab",
        "test.yaml",
        "--a-start",
        &a,
        "--b-start",
        &b,
        "--pairs",
        "3",
        "-o",
        "out",
        "--on-invalid",
        "warn",
    ];
    let ran = run(path, &arguments).exits(98).says(&[
        "pair 3 of 3\n",
        "pair 6 of 6\n",
        "error: regressed: p50",
        "results: out",
    ]);
    // A suspected regression is confirmed with as many pairs again.
    ran.stderr
        .find("regressed: p50")
        .filter(|at| ran.stderr[*at..].contains("? running as many pairs again to confirm it"))
        .expect("the message");
    assert!(
        ran.stdout
            .contains("6 pairs, interleaved, 3 of them to confirm"),
        "{}",
        ran.stdout
    );
    let written: Value = serde_json::from_str(
        &fs::read_to_string(path.join("out/comparison.json")).expect("it exists"),
    )
    .expect("JSON");
    assert_eq!(
        (&written["pairs"], &written["verdict"], &written["order"]),
        (&json!(6), &json!("regressed"), &json!("interleaved"))
    );
    assert_eq!(
        crate::support::files(&path.join("out/a")),
        (1..=6).map(|n| format!("{n:02}.json")).collect::<Vec<_>>()
    );
    assert!(
        fs::read_to_string(path.join("out/b.log"))
            .expect("it exists")
            .contains("listening")
    );
    TcpListener::bind(("127.0.0.1", port)).expect("the server is gone");
    // Comparing the folders gives the same verdict.
    compare(path, &["out/a", "out/b", "--on-invalid", "warn"]).exits(98);
}

#[test]
fn ab_compares_what_a_request_costs_the_servers_it_starts() {
    let (folder, port) = (folder(), port());
    let path = folder.path();
    let flow = |watch: &str| {
        format!(
            "{{name: t, mix: [{{name: m, flow: [{{get: /json}}]}}], targets: {{shop: {{url: 'http://127.0.0.1:{port}'}}}}, {watch}\
             load: {{vus: 4, iterations: 6000}}}}"
        )
    };
    scenario(path, &flow(""));
    let (a, b) = (serve(port, "0ms"), serve(port, "0ms"));
    let ab = |more: &[&str]| {
        let usual = ["ab", "test.yaml", "--a-start", &a, "--b-start", &b];
        run(
            path,
            &[&usual[..], &["--on-invalid", "warn", "-o", "out"], more].concat(),
        )
    };
    // Whether it regressed is not what this is about: there are too few pairs to tell.
    let ran = ab(&["--pairs", "2"]);
    assert!(
        ran.stdout.contains("2 pairs"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let written: Value = serde_json::from_str(
        &fs::read_to_string(path.join("out/comparison.json")).expect("it exists"),
    )
    .expect("JSON");
    let changes = written["changes"].as_array().expect("a list");
    for (metric, unit) in [
        ("watch.server.cpu.per_request", "ms"),
        ("watch.server.rss.max", "bytes"),
    ] {
        let change = changes.iter().find(|change| change["metric"] == metric);
        let change = change.unwrap_or_else(|| panic!("{metric}: {written:#}"));
        assert_eq!(change["unit"], unit);
        for side in ["base", "new"] {
            assert!(change[side].as_f64().expect("a figure") > 0.0, "{change}");
        }
    }
    // They can be compared again from the files, and named as other figures are.
    let tolerance = ["--tolerance", "watch.server.cpu.per_request=90%"];
    let all = [&["out/a", "out/b", "--on-invalid", "warn"], &tolerance[..]].concat();
    let again = compare(path, &all);
    assert!(
        again.stdout.contains("watch.server.cpu.per_request"),
        "{}{}",
        again.stdout,
        again.stderr
    );
    // The name is taken.
    scenario(path, &flow("watch: { server: { host: true } }, "));
    ab(&[])
        .exits(2)
        .says(&["the scenario watches something called `server`"]);
}

#[test]
fn a_regression_must_be_confirmed() {
    let folder = folder();
    let path = folder.path();
    let made = |name: &str, ms: f64| -> RunResult {
        serde_json::from_value(version(path, name, ms, 1)).expect("a result")
    };
    let (usual, slow) = (made("usual", 10.0), made("slow", 13.0));
    let base = vec![usual.clone(); 20];
    let terms = Terms {
        optional: Vec::new(),
        guards: Guard::all_usual(),
        same_machine: true,
        leave_out_invalid: true,
        order: Some(RunOrder::Interleaved),
    };
    let first = versions::compare(
        &Side::from_results("a", &base[..10]),
        &Side::from_results("b", &vec![slow.clone(); 10]),
        &terms,
    )
    .expect("comparable");
    let suspects = versions::suspects(&first);
    assert_eq!(
        suspects.len(),
        3,
        "p50, p99 and throughput: {:?}",
        first.changes
    );
    let confirm = |new: &[RunResult]| {
        let all = versions::confirm([&base[..new.len()], new], ["a", "b"], 10, &suspects, &terms)
            .expect("comparable");
        (all.verdict, all.pairs, all.confirming_pairs)
    };
    let then = |after: &RunResult, pairs: usize| {
        confirm(&[vec![slow.clone(); 10], vec![after.clone(); pairs]].concat())
    };
    assert_eq!(then(&slow, 10), (Some(Outcome::Regressed), 20, 10));
    assert_eq!(then(&usual, 10), (Some(Outcome::Inconclusive), 20, 10));
    // Inconclusive if it ended before the confirmation was complete.
    assert_eq!(then(&slow, 0), (Some(Outcome::Inconclusive), 10, 0));
    assert_eq!(then(&slow, 2), (Some(Outcome::Inconclusive), 12, 2));
}

#[test]
fn ab_reports_what_is_wrong_with_a_server() {
    let (folder, port) = (folder(), port());
    let path = folder.path();
    to(path, port);
    let ab = |more: &[&str]| {
        run(
            path,
            &[&["ab", "test.yaml", "--pairs", "2", "-o", "out"], more].concat(),
        )
    };
    ab(&["--a-start", "exit 7", "--b-start", "exit 7"])
        .exits(3)
        .says(&["--a-start ended (exit status: 7)", "a.log"]);
    ab(&[
        "--a-start",
        "sleep 60",
        "--b-start",
        "sleep 60",
        "--start-timeout",
        "100ms",
    ])
    .exits(3)
    .says(&["does not answer 100ms after --a-start"]);
    let held = TcpListener::bind(("127.0.0.1", port)).expect("free");
    ab(&["--a-start", "true", "--b-start", "true"])
        .exits(3)
        .says(&["something already listens where A is to listen"]);
    drop(held);
    let url = format!("http://127.0.0.1:{port}");
    ab(&["--a", &url, "--b", &url])
        .exits(3)
        .says(&["Connection refused"]);
    ab(&["--a", &url]).exits(2).says(&["--b"]);
    ab(&[]).exits(2).says(&["--a"]);
    scenario(
        path,
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {iterations: 1}}",
    );
    ab(&["--a-start", "true", "--b-start", "true"])
        .exits(2)
        .says(&["--a-start starts a server, but the scenario sends nothing to a URL"]);
}

#[test]
fn ab_keeps_its_results_when_it_is_interrupted() {
    let (folder, port) = (folder(), port());
    let path = folder.path();
    to(path, port);
    let (a, b) = (serve(port, "2ms"), serve(port, "3ms"));
    let arguments = [
        "ab",
        "test.yaml",
        "--a-start",
        &a,
        "--b-start",
        &b,
        "--pairs",
        "500",
        "-o",
        "out",
        "--on-invalid",
        "warn",
    ];
    let running = Running::start(&mut loadgen(path, &arguments), None);
    until("two pairs", || {
        path.join("out/a/02.json").exists() && path.join("out/b/02.json").exists()
    });
    let servers = children(running.id());
    running.signal(Signal::INT);
    let ran = running.finish().exits(130);
    assert!(ran.stdout.contains("interrupted"), "{}", ran.stdout);
    let written: Value = serde_json::from_str(
        &fs::read_to_string(path.join("out/comparison.json")).expect("it exists"),
    )
    .expect("JSON");
    assert!(
        written["end"] == "interrupted" && written["pairs"].as_u64() >= Some(2),
        "{written}"
    );
    assert!(servers.iter().all(|server| !is_alive(*server)));
}

/// Writes a scenario with operations of `ms` milliseconds; `more` adds sections.
pub(crate) fn simulated(folder: &Path, ms: f64, more: &str) {
    let text = format!(
        "{{name: t, seed: 1, modes: [simulated], rounds: 10, mix: [{{name: m, flow: [{{sleep: \"{{{{d}}}}\", name: s}}]}}], \
         vars: {{d: {ms}ms}}, load: {{vus: 2, iterations: 100}}{more}}}"
    );
    scenario(folder, &text);
}

#[test]
fn a_run_is_compared_with_a_baseline() {
    let folder = folder();
    let path = folder.path();
    simulated(path, 10.0, "");
    run(
        path,
        &["run", "test.yaml", "-o", "out", "--format", "none", "-q"],
    )
    .exits(0);
    let saved = run(path, &["baseline", "save", "main", "out"])
        .exits(0)
        .says(&["10 runs of t saved"]);
    assert_eq!(saved.stdout, "baselines/main\n");
    run(path, &["baseline", "save", "main", "out"])
        .exits(2)
        .says(&["already exists", "--replace"]);
    run(path, &["baseline", "save", "main", "out", "--replace"]).exits(0);
    run(path, &["baseline", "save", "Bad/name", "out"])
        .exits(2)
        .says(&["lowercase letters"]);
    run(path, &["baseline", "save", "other", "nowhere"])
        .exits(2)
        .says(&["can't read nowhere"]);
    run(path, &["baseline", "save", "other"])
        .exits(2)
        .says(&["no result in reports/"]);
    let listed = run(path, &["baseline", "list"]).exits(0);
    assert!(
        listed.stdout.contains("main") && listed.stdout.contains("10 runs of simulated"),
        "{}",
        listed.stdout
    );
    let held = |more: &[&str]| {
        run(
            path,
            &[
                &[
                    "run",
                    "test.yaml",
                    "-o",
                    "again",
                    "--format",
                    "none",
                    "--baseline",
                    "main",
                ],
                more,
            ]
            .concat(),
        )
    };
    let same = held(&[]).exits(0);
    assert!(
        same.stdout.contains("equivalent: nothing changed"),
        "{}",
        same.stdout
    );
    let result = crate::support::result(&path.join("again"));
    assert_eq!(
        (&result["baseline"]["verdict"], &result["baseline"]["pairs"]),
        (&json!("equivalent"), &json!(10))
    );
    // Incomparable baselines are rejected before anything is sent.
    held(&["--rounds", "1"]).exits(3).says(&[
        "10 runs of every mode, and this run has 1 run",
        "add `--rounds 10`",
    ]);
    held(&["--var", "d=20ms"])
        .exits(3)
        .says(&["did different work", "record the baseline again"]);
    held(&["--mode", "async"])
        .exits(3)
        .says(&["ran in the modes simulated"]);
    fs::write(path.join("cut.json"), "{").expect("written");
    run(path, &["run", "test.yaml", "--baseline", "cut.json"])
        .exits(3)
        .says(&["not a loadgen result"]);
    run(path, &["run", "test.yaml", "--baseline", "missing"])
        .exits(2)
        .says(&["can't read missing"]);
    // A baseline that was about three times as fast.
    simulated(path, 3.0, "");
    run(
        path,
        &["run", "test.yaml", "-o", "fast", "--format", "none", "-q"],
    )
    .exits(0);
    let own = result["scenario"]["fingerprint"].clone();
    change(path, "fast", |result| {
        result["scenario"]["fingerprint"] = own
    });
    simulated(path, 10.0, "");
    let worse = [
        "run",
        "test.yaml",
        "-o",
        "again",
        "--format",
        "none",
        "--baseline",
        "fast",
    ];
    run(path, &worse).exits(98).says(&["error: regressed: p50"]);
    run(path, &[&worse[..], &["--threshold", "max < 1ms"]].concat()).exits(99);
}

#[test]
fn thresholds_against_a_baseline_need_one_that_has_the_figure() {
    let folder = folder();
    let path = folder.path();
    simulated(path, 10.0, "");
    run(
        path,
        &["run", "test.yaml", "-o", "old", "--format", "none", "-q"],
    )
    .exits(0);
    simulated(
        path,
        10.0,
        ", thresholds: [{check: p90, vs: baseline, max_regression: 3%, step: s}, {check: throughput, vs: baseline}]",
    );
    run(path, &["run", "test.yaml"]).exits(2).says(&[
        "`vs: baseline`",
        "--baseline",
        "--no-thresholds",
    ]);
    run(path, &["run", "test.yaml", "--baseline", "old"])
        .exits(3)
        .says(&["no figure for `p90, step s`", "record the baseline again"]);
    // The run that creates the baseline judges nothing, but stores the figures that later runs
    // need.
    run(
        path,
        &[
            "run",
            "test.yaml",
            "-o",
            "new",
            "--format",
            "none",
            "-q",
            "--no-thresholds",
        ],
    )
    .exits(0);
    let held = [
        "run",
        "test.yaml",
        "-o",
        "held",
        "--format",
        "none",
        "--baseline",
        "new",
    ];
    run(path, &held).exits(0);
    let result = crate::support::result(&path.join("held"));
    let changes: Vec<String> = result["baseline"]["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| {
            format!(
                "{} {} {}",
                change["metric"], change["selector"]["step"], change["tolerance"]
            )
        })
        .collect();
    assert_eq!(changes, ["\"p90\" \"s\" 0.03", "\"throughput\" null 0.05"]);
}
