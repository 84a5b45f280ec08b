//! Runs that several processes share: shards, their parts, and the merged result.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    Ran, Server, count, finish, finish_with, folder, loadgen, number, result, run, scenario,
};

const SIMULATED: &str = "{name: t, seed: 5, modes: [simulated], mix: [{name: m, flow: [{sleep: {exponential: {mean: 20ms}}}]}],
    load: {rate: 200/s, arrivals: poisson, duration: 5s, warmup: 1s}, thresholds: [p99 < 1s]}";

/// Runs each shard into a folder of its own.
fn shards(folder: &Path, count: u32, flags: &[&str]) {
    for index in 0..count {
        let (shard, out) = (format!("{index}/{count}"), format!("parts/{index}"));
        let own = ["run", "test.yaml", "--shard", &shard, "-o", &out];
        run(folder, &[&own[..], flags].concat()).exits(0);
    }
}

fn merge(folder: &Path, parts: &[&str]) -> Ran {
    let flags = [&["merge"], parts, &["-o", "out", "--format", "none"]].concat();
    run(folder, &flags)
}

#[test]
fn parts_in_files_and_on_standard_output_make_the_result_of_one_machine() {
    let folder = folder();
    let folder = folder.path();
    scenario(folder, SIMULATED);
    run(
        folder,
        &["run", "test.yaml", "-o", "whole", "--format", "none"],
    )
    .exits(0);
    let whole = result(&folder.join("whole"));
    shards(folder, 2, &[]);
    let last = run(
        folder,
        &["run", "test.yaml", "--shard", "1/2", "--part", "-", "-q"],
    )
    .exits(0);
    fs::remove_dir_all(folder.join("parts/1")).expect("it was there");
    let flags = ["merge", "parts", "-", "-o", "out"];
    finish_with(&mut loadgen(folder, &flags), &last.stdout).exits(0);
    let merged = result(&folder.join("out"));
    for key in [
        "series",
        "histograms",
        "iterations",
        "response_ms",
        "steps",
        "wall_s",
    ] {
        assert_eq!(merged["runs"][0][key], whole["runs"][0][key], "{key}");
    }
    assert_eq!(merged["shards"]["present"], 2);
    assert_eq!(merged["thresholds"][0]["verdict"], "pass");
    let page = fs::read_to_string(folder.join("out/index.html")).expect("a page");
    assert!(page.contains("Shards: 2 of 2"));
}

#[test]
fn the_server_sees_what_the_merged_result_says() {
    let server = Server::start();
    let folder = folder();
    let folder = folder.path();
    scenario(
        folder,
        "{name: t, seed: 5, mix: [{name: m, flow: [{get: \"/anything?seq={{seq()}}\"}]}],
          targets: {a: {url: \"http://127.0.0.1:1\"}}, load: {rate: 100/s, duration: 1s, max_in_flight: 50}}",
    );
    let before = server.status();
    let url = server.url();
    shards(folder, 3, &["--target", &url]);
    let seen = server.seen_since(before);
    merge(folder, &["parts"]).exits(0);
    let merged = result(&folder.join("out"));
    let run = &merged["runs"][0];
    assert_eq!(count(run, "planned"), 100);
    assert_eq!(count(run, "ok"), seen.requests);
    // One after another: far apart, and told.
    assert!(number(&merged["shards"], "skew_ms") > 500.0);
    assert_eq!(merged["validity"]["verdict"], "invalid");
}

#[test]
fn a_start_in_the_past_sends_nothing_and_one_to_come_is_kept() {
    let server = Server::start();
    let folder = folder();
    let folder = folder.path();
    scenario(
        folder,
        &format!(
            "{{name: t, seed: 5, mix: [{{name: m, flow: [{{get: {}/}}]}}], load: {{rate: 50/s, duration: 200ms}}}}",
            server.url()
        ),
    );
    let before = server.status();
    let own = [
        "run",
        "test.yaml",
        "--shard",
        "0/1",
        "-o",
        "out",
        "--start-at",
    ];
    let past = [&own[..], &["2020-01-01T00:00:00Z"]].concat();
    run(folder, &past).exits(3).says(&["in the past"]);
    assert_eq!(server.seen_since(before).requests, 0);
    assert!(!folder.join("out/part.json").exists());
    let soon = finish(std::process::Command::new("date").args([
        "-u",
        "-d",
        "+3 seconds",
        "+%Y-%m-%dT%H:%M:%SZ",
    ]));
    fs::write(folder.join("start"), &soon.stdout).expect("a file");
    run(folder, &[&own[..], &["@start"]].concat()).exits(0);
    let part = fs::read_to_string(folder.join("out/part.json")).expect("a part");
    let part: Value = serde_json::from_str(&part).expect("JSON");
    let late =
        part["epoch"].as_f64().expect("an epoch") - part["start_at"].as_f64().expect("a start");
    assert!((0.0..1e9).contains(&late), "{late} ns");
}

#[test]
fn what_cannot_be_divided_is_refused_with_its_key() {
    let folder = folder();
    let folder = folder.path();
    for (change, shard, key) in [
        (
            ("modes: [simulated]", "modes: [sequential]"),
            "0/2",
            "`modes`",
        ),
        (
            ("modes: [simulated]", "modes: [simulated, async]"),
            "0/2",
            "`modes`",
        ),
        (("seed: 5", "rounds: 2, seed: 5"), "0/2", "`rounds`"),
        (("seed: 5, ", ""), "0/2", "`seed`"),
        (
            ("rate: 200/s", "max_in_flight: 2, rate: 200/s"),
            "0/3",
            "`load.max_in_flight`",
        ),
        (
            ("thresholds: [p99 < 1s]", "limits: {concurrency: 2}"),
            "0/3",
            "`limits.concurrency`",
        ),
        (
            ("thresholds: [p99 < 1s]", "limits: {rate: 500/s}"),
            "0/3",
            "`limits.burst`",
        ),
        (
            (
                "thresholds: [p99 < 1s]",
                "thresholds: [{check: p99 < 1s, abort: true}]",
            ),
            "0/2",
            "--abort-alone",
        ),
        (
            ("warmup: 1s", "stop_when: [{check: error_rate > 50%}]"),
            "0/2",
            "`load.stop_when`",
        ),
        (
            (
                "warmup: 1s}",
                "warmup: 1s, max_in_flight: 4321}, secrets: {n: \"4321\"}",
            ),
            "0/2",
            "`secrets`",
        ),
        (("mix:", "setup: [{sleep: 1ms}], mix:"), "0/2", "`setup`"),
    ] {
        let text = SIMULATED.replace(change.0, change.1);
        assert_ne!(text, SIMULATED);
        scenario(folder, &text);
        let flags = ["run", "test.yaml", "-o", "out", "--shard", shard];
        run(folder, &flags).exits(2).says(&[key]);
        assert!(!folder.join("out").exists(), "{key}");
        if key != "`setup`" {
            let count = shard.rsplit('/').next().expect("a count");
            let validated = run(folder, &["validate", "test.yaml", "--shards", count]);
            validated.exits(2).says(&[key]);
        }
    }
    scenario(folder, SIMULATED);
    run(folder, &["validate", "test.yaml", "--shards", "4"]).exits(0);
    for (shard, said) in [
        ("4/4", "counted from 0"),
        ("auto", "no engine"),
        ("x", "I/N"),
    ] {
        run(folder, &["run", "test.yaml", "--shard", shard])
            .exits(2)
            .says(&[said]);
    }
    let mut two = loadgen(folder, &["run", "test.yaml", "--shard", "auto"]);
    two.envs([
        ("PMI_RANK", "0"),
        ("PMI_SIZE", "2"),
        ("JOB_COMPLETION_INDEX", "1"),
        ("LOADGEN_SHARDS", "2"),
    ]);
    finish(&mut two).exits(2).says(&["Kubernetes says 1/2"]);
    let mut one = loadgen(
        folder,
        &["run", "test.yaml", "--shard", "auto", "-o", "out"],
    );
    one.envs([("JOB_COMPLETION_INDEX", "1"), ("LOADGEN_SHARDS", "2")]);
    finish(&mut one).exits(0).says(&["shard 1/2"]);
}

#[test]
fn a_dry_run_prints_the_arrivals_of_the_shard() {
    let folder = folder();
    let folder = folder.path();
    scenario(folder, &SIMULATED.replace("arrivals: poisson, ", ""));
    let shown = run(folder, &["run", "test.yaml", "--shard", "1/4", "--dry-run"]).exits(0);
    for number in [1, 5, 9] {
        assert!(
            shown.stdout.contains(&format!("iteration {number}:")),
            "{}",
            shown.stdout
        );
    }
    assert!(!shown.stdout.contains("iteration 2:"));
    let whole = run(folder, &["run", "test.yaml", "--plan"]).exits(0);
    let slice = run(folder, &["run", "test.yaml", "--shard", "1/4", "--plan"]).exits(0);
    let fingerprint = |ran: &Ran| ran.stdout.lines().next().map(str::to_owned);
    assert_eq!(fingerprint(&whole), fingerprint(&slice));
}

#[test]
fn a_part_that_began_two_seconds_late_makes_the_run_invalid() {
    let folder = folder();
    let folder = folder.path();
    scenario(folder, SIMULATED);
    shards(folder, 2, &[]);
    let began = |index: u64, ms: u64| {
        let path = folder.join(format!("parts/{index}/part.json"));
        let text = fs::read_to_string(&path).expect("a part");
        let mut part: Value = serde_json::from_str(&text).expect("JSON");
        part["epoch"] = (1_795_705_200_000_000_000 + ms * 1_000_000).into();
        fs::write(&path, part.to_string()).expect("it is ours");
    };
    began(0, 0);
    for (ms, code, verdict) in [
        (20, 0, "valid"),
        (200, 0, "degraded"),
        (2000, 97, "invalid"),
    ] {
        began(1, ms);
        merge(folder, &["parts"]).exits(code);
        let merged = result(&folder.join("out"));
        assert_eq!(merged["validity"]["verdict"], verdict, "{ms} ms");
        assert!((number(&merged["shards"], "skew_ms") - ms as f64).abs() < 1e-6);
        assert_eq!(merged["thresholds"][0]["verdict"], "pass");
    }
}

#[test]
fn missing_parts_strangers_and_the_same_part_twice_end_with_3() {
    let folder = folder();
    let folder = folder.path();
    scenario(folder, SIMULATED);
    shards(folder, 3, &[]);
    let all = ["parts/0/part.json", "parts/1/part.json", "parts/2"];
    merge(folder, &[all[0], all[1], all[0]])
        .exits(3)
        .says(&["among the parts already"]);
    assert!(!folder.join("out").exists(), "nothing is written");
    scenario(folder, &SIMULATED.replace("seed: 5", "seed: 6"));
    run(
        folder,
        &["run", "test.yaml", "--shard", "2/3", "-o", "other"],
    )
    .exits(0);
    merge(folder, &[all[0], all[1], "other"])
        .exits(3)
        .says(&["seed"]);
    fs::write(folder.join("cut.json"), "{\"schema\": \"loadgen.part/1\"").expect("a file");
    merge(folder, &["cut.json"]).exits(3).says(&["not a part"]);
    merge(folder, &["none"]).exits(2);
    assert!(!folder.join("out").exists(), "nothing is written");
    merge(folder, &all[..2]).exits(3).says(&["missing: 2"]);
    let merged = result(&folder.join("out"));
    assert_eq!(
        (&merged["end"], &merged["shards"]["present"]),
        (&"failed".into(), &2.into())
    );
}

#[test]
fn setup_and_teardown_run_once_around_the_shards() {
    let server = Server::start();
    let folder = folder();
    let folder = folder.path();
    scenario(
        folder,
        &format!(
            "{{name: t, seed: 5, targets: {{a: {{url: \"{}\"}}}},
              setup: [{{get: \"/anything?who=setup\", capture: {{who: {{jsonpath: $.method}}}}}}],
              teardown: [{{get: \"/anything?was={{{{who}}}}\"}}],
              mix: [{{name: m, flow: [{{get: \"/anything?got={{{{who}}}}\", expect: {{body: {{contains: GET}}}}}}]}}],
              load: {{vus: 2, iterations: 10}}}}",
            server.url()
        ),
    );
    let before = server.status();
    run(folder, &["setup", "test.yaml", "-o", "values.json"]).exits(0);
    assert_eq!(server.seen_since(before).requests, 1);
    let before = server.status();
    shards(folder, 2, &["--setup-values", "values.json"]);
    assert_eq!(server.seen_since(before).requests, 10);
    let before = server.status();
    run(
        folder,
        &["teardown", "test.yaml", "--setup-values", "values.json"],
    )
    .exits(0);
    assert_eq!(server.seen_since(before).requests, 1);
    merge(folder, &["parts"]).exits(0);
    assert_eq!(count(&result(&folder.join("out"))["runs"][0], "ok"), 10);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let values = folder.join("values.json");
        let mode = fs::metadata(&values).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&values, fs::Permissions::from_mode(0o644)).expect("it is ours");
        let flags = [
            "run",
            "test.yaml",
            "--shard",
            "0/2",
            "--setup-values",
            "values.json",
        ];
        run(folder, &flags).exits(2).says(&["others can read it"]);
    }
}
