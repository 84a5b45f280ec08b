//! What a run leaves while it goes on: `partial.json`, and the report that follows it.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Running, count, files, folder, loadgen, result, run, scenario, until};

/// Starts a run of this duration, whose secret no file may hold.
fn started(folder: &Path, duration: &str) -> Running {
    scenario(
        folder,
        &format!(
            "{{name: t, secrets: {{token: \"${{WORD}}\"}}, targets: {{s: {{url: builtin}}}},\n\
             mix: [{{name: m, flow: [{{get: /json, auth: {{bearer: \"{{{{token}}}}\"}}}}, {{think: 10ms}}]}}],\n\
             load: {{vus: 2, duration: {duration}}}, thresholds: [p50 < 10s]}}"
        ),
    );
    let mut command = loadgen(
        folder,
        &["run", "test.yaml", "-o", "out", "--format", "html"],
    );
    Running::start(command.env("WORD", "sw0rdfish"), None)
}

fn partial(folder: &Path) -> Option<Value> {
    let text = fs::read_to_string(folder.join("out/partial.json")).ok()?;
    assert!(!text.contains("sw0rdfish"), "a secret is in it");
    // It is replaced as a whole, so whoever reads it never sees a part.
    Some(serde_json::from_str(&text).expect("whole JSON"))
}

#[test]
fn a_run_that_is_killed_leaves_what_it_has_measured() {
    let folder = folder();
    let running = started(folder.path(), "60s");
    until("it is written", || partial(folder.path()).is_some());
    let mut command = loadgen(folder.path(), &["report", "--follow", "out"]);
    let following = Running::start(&mut command, None);
    until("the report is there", || {
        folder.path().join("out/running/index.html").exists()
    });
    running.signal(Signal::KILL);
    let _ = running.finish();
    let followed = following.finish().exits(0);
    followed.says(&[
        "following the run: out/running/index.html",
        "ended without a result",
    ]);

    let left = partial(folder.path()).expect("it stays");
    assert_eq!(left["end"], "running");
    let measured = &left["runs"][0];
    assert!(
        measured["wall_s"].as_f64().expect("a time") >= 8.0,
        "{}",
        measured["wall_s"]
    );
    assert!(count(measured, "ok") > 100, "{}", measured["ok"]);
    assert_eq!(
        left["thresholds"][0]["verdict"], "pass",
        "{}",
        left["thresholds"]
    );
    let page = fs::read_to_string(folder.path().join("out/running/index.html")).expect("a page");
    assert!(page.contains("Running:") && page.contains("had not ended"));
    assert!(!page.contains("sw0rdfish"));

    // The same by hand, and it is not a result to compare with.
    run(
        folder.path(),
        &["report", "out/partial.json", "--format", "csv"],
    )
    .exits(0);
    assert!(files(&folder.path().join("out")).contains(&"summary.csv".into()));
    assert!(!folder.path().join("out/result.json").exists());
    run(
        folder.path(),
        &["compare", "out/partial.json", "out/partial.json"],
    )
    .exits(3)
    .says(&["had not ended when this was written"]);
}

#[test]
fn a_report_follows_a_run_to_its_result() {
    let folder = folder();
    let running = started(folder.path(), "12s");
    until("its folder is there", || folder.path().join("out").exists());
    let mut command = loadgen(
        folder.path(),
        &["report", "--follow", "out", "-o", "seen", "--format", "csv"],
    );
    let following = Running::start(&mut command, None);
    until("figures are followed", || {
        folder.path().join("seen/partial.json").exists()
    });
    let so_far = fs::read_to_string(folder.path().join("seen/partial.json")).expect("there");
    let so_far: Value = serde_json::from_str(&so_far).expect("JSON");
    running.finish().exits(0);
    following.finish().exits(0);
    assert_eq!(partial(folder.path()), None, "the result says more");
    assert!(!folder.path().join("seen/partial.json").exists());
    let end = result(&folder.path().join("out"));
    assert_eq!(result(&folder.path().join("seen")), end);
    assert_eq!(end["end"], "complete");
    let ok = |result: &Value| count(&result["runs"][0], "ok");
    assert!(
        0 < ok(&so_far) && ok(&so_far) < ok(&end),
        "{} {}",
        ok(&so_far),
        ok(&end)
    );
    // A run that has ended is an ordinary result.
    run(
        folder.path(),
        &["report", "--follow", "out", "--format", "csv"],
    )
    .exits(0);
}

/// Starts a shard of this duration, which writes to a folder.
fn shard(folder: &Path, index: u32, duration: &str) -> Running {
    let shard = format!("{index}/3");
    let out = format!("out-{index}");
    let duration = ["--duration", duration];
    let arguments = ["run", "test.yaml", "--shard", &shard, "-o", &out];
    let mut command = loadgen(folder, &[&arguments[..], &duration].concat());
    Running::start(command.env("WORD", "sw0rdfish"), None)
}

#[test]
fn a_shard_can_be_followed_too_and_leaves_what_it_has_measured() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, seed: 1, secrets: {token: \"${WORD}\"}, mix: [{name: m, flow: [{sleep: 10ms}]}],
          load: {vus: 4, duration: 60s}, thresholds: [count > 1000000]}",
    );
    let (killed, short) = (
        shard(folder.path(), 1, "60s"),
        shard(folder.path(), 2, "12s"),
    );
    let of = |index: u32| folder.path().join(format!("out-{index}/partial.json"));
    until("they are written", || of(1).exists() && of(2).exists());
    let mut command = loadgen(
        folder.path(),
        &["report", "--follow", "out-2", "-o", "seen"],
    );
    let following = Running::start(&mut command, None);
    until("the report is there", || {
        folder.path().join("seen/index.html").exists()
    });
    killed.signal(Signal::KILL);
    let _ = killed.finish();
    short.finish().exits(0);
    following
        .finish()
        .exits(0)
        .says(&["loadgen merge out-2/part.json"]);
    assert!(!of(2).exists(), "the part says more");

    let text = fs::read_to_string(of(1)).expect("it stays");
    assert!(!text.contains("sw0rdfish"), "a secret is in it");
    let left: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(left["end"], "running");
    assert!(
        count(&left["runs"][0], "ok") > 100,
        "{}",
        left["runs"][0]["ok"]
    );
    assert_eq!(
        left["thresholds"],
        serde_json::json!([]),
        "they are about the run"
    );
    let warnings = left["warnings"].to_string();
    assert!(warnings.contains("of shard 1/3 alone"), "{warnings}");
    run(
        folder.path(),
        &["report", "--follow", "out-1", "--format", "csv"],
    )
    .exits(0)
    .says(&["ended without a result"]);
}

#[test]
fn a_folder_without_a_run_is_an_error() {
    let folder = folder();
    fs::create_dir(folder.path().join("out")).expect("made");
    for name in ["out", "absent"] {
        run(folder.path(), &["report", "--follow", name])
            .exits(2)
            .says(&["there is no run in", "--output"]);
    }
    run(folder.path(), &["report", "--follow", "out", "result.json"]).exits(2);
    assert_eq!(files(&folder.path().join("out")), Vec::<String>::new());
}
