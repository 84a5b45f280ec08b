//! The shipped CI pipelines: their commands are run as a CI server would, against a good and a bad
//! service.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::support::{
    PROGRAM, Ran, finish, folder, is_installed, patiently, program, shipped, side_by_side,
};

fn pipeline(name: &str) -> Value {
    serde_yaml::from_str(
        &fs::read_to_string(shipped(&format!("scenarios/ci/{name}"))).expect("a shipped file"),
    )
    .expect("YAML")
}

fn texts(list: &Value) -> Vec<String> {
    list.as_sequence()
        .expect("a list")
        .iter()
        .map(|text| text.as_str().expect("text").to_owned())
        .collect()
}

/// Returns the scripts of the steps that call loadgen itself.
fn github() -> Vec<String> {
    let pipeline = pipeline("github.yml");
    assert_eq!(
        pipeline["jobs"]["gate"]["defaults"]["run"]["shell"], "bash",
        "a pipe fails if any command in it fails"
    );
    let steps = pipeline["jobs"]["gate"]["steps"]
        .as_sequence()
        .expect("steps")
        .iter();
    steps
        .filter_map(|step| step["run"].as_str())
        .filter(|script| script.contains("loadgen run") || script.contains("loadgen ab"))
        .map(str::to_owned)
        .collect()
}

/// Creates two versions of a service, in the folders that the pipelines expect, and the scenario.
fn repository(path: &Path, port: u16, flags: &str) {
    let serve = |folder: PathBuf, flags: &str| {
        fs::create_dir_all(folder.join("load")).expect("made");
        fs::copy(
            shipped("scenarios/ci/gate.yaml"),
            folder.join("load/gate.yaml"),
        )
        .expect("copied");
        let file = folder.join("serve");
        fs::write(
            &file,
            format!("#!/bin/sh\nexec loadgen serve --listen 127.0.0.1:{port} {flags}\n"),
        )
        .expect("written");
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("allowed");
    };
    serve(path.join("old"), "");
    serve(path.join("new"), flags);
    serve(path.to_owned(), flags);
}

/// Runs the scripts one after another, as their CI server would.
fn ran(flags: &str, scripts: &[String]) -> (tempfile::TempDir, Vec<Ran>) {
    let folder = folder();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    repository(folder.path(), port, flags);
    let path = format!(
        "{}:{}",
        Path::new(PROGRAM).parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let step = |script: &String| {
        let mut command = program(
            "bash",
            folder.path(),
            &["--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        );
        // Short runs: whether the machine is quiet enough to tell versions apart does not matter
        // here.
        let short = [
            ("LOADGEN_PAIRS", "1"),
            ("LOADGEN_DURATION", "200ms"),
            ("LOADGEN_ON_INVALID", "warn"),
        ];
        finish(
            command
                .env("PATH", &path)
                .env("URL", format!("http://127.0.0.1:{port}"))
                .envs(short),
        )
    };
    let all = scripts.iter().map(step).collect();
    (folder, all)
}

fn codes(all: &[Ran]) -> Vec<Option<i32>> {
    all.iter().map(|ran| ran.status.code()).collect()
}

/// Checks the files that the next steps upload and show.
fn left(path: &Path, more: &str) {
    for file in [
        "load-report/index.html",
        "load-report/report.md",
        "load-report/junit.xml",
        "load-ab/comparison.json",
        more,
    ] {
        assert!(path.join(file).is_file(), "{file}");
    }
    let table = fs::read_to_string(path.join("load-ab.txt")).expect("written");
    assert!(
        table.contains("p50") && table.contains("inconclusive"),
        "{table}"
    );
}

#[test]
fn the_github_pipeline_passes_for_a_good_service_and_fails_for_a_bad_one() {
    if !is_installed("curl", "curl") {
        return;
    }
    let scripts = github();
    assert_eq!(scripts.len(), 2, "the limits, and old against new");
    let passes = || {
        let (folder, all) = ran("", &scripts);
        assert_eq!(codes(&all), [Some(0), Some(0)], "{}", all[0].stderr);
        left(folder.path(), "load-report/timeline.png");
    };
    let fails = || {
        let (folder, all) = ran("--fail 50%", &scripts);
        assert_eq!(codes(&all)[0], Some(99), "{}", all[0].stderr);
        all[0].stdout.find("✗ not met").expect("the message");
        let summary =
            fs::read_to_string(folder.path().join("load-report/report.md")).expect("written");
        assert!(
            summary.contains("❌") && summary.contains("`error_rate < 1%`"),
            "{summary}"
        );
    };
    side_by_side([true, false], |good| {
        if good { patiently(passes) } else { fails() }
    });
}

#[test]
fn the_gitlab_pipeline_passes_for_a_good_service_and_fails_for_a_bad_one() {
    if !is_installed("curl", "curl") {
        return;
    }
    let pipeline = pipeline("gitlab-ci.yml");
    let script = texts(&pipeline["load"]["script"]).join("\n");
    let passes = || {
        let (folder, all) = ran("", std::slice::from_ref(&script));
        assert_eq!(codes(&all), [Some(0)], "{}", all[0].stderr);
        left(folder.path(), "load-report/metrics.txt");
        // All artifacts exist.
        let handed_on = &pipeline["load"]["artifacts"];
        let reports = handed_on["reports"].as_mapping().expect("reports").values();
        for file in reports.chain(handed_on["paths"].as_sequence().expect("paths")) {
            assert!(
                folder.path().join(file.as_str().expect("text")).exists(),
                "{file:?}"
            );
        }
    };
    let fails = || {
        let (_folder, all) = ran("--fail 50%", std::slice::from_ref(&script));
        assert_eq!(codes(&all), [Some(99)], "{}", all[0].stderr);
    };
    side_by_side([true, false], |good| {
        if good { patiently(passes) } else { fails() }
    });
}

/// The book covers every file that a reader has to copy.
#[test]
fn the_book_names_each_file() {
    let page = crate::readme::page("ci");
    for file in fs::read_dir(shipped("scenarios/ci")).expect("a folder") {
        let name = file.expect("an entry").file_name();
        assert!(
            page.contains(&format!("scenarios/ci/{}", name.to_string_lossy())),
            "{name:?}"
        );
    }
}
