//! The outputs of a run: each is independent, a folder belongs to one run at a time, and a closed
//! terminal loses nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{
    MODES, PROGRAM, Running, children, files, folder, loadgen, program, result, run, scenario,
    until,
};

const SHORT: &str =
    "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 2, iterations: 20}}";
const LONG: &str =
    "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, duration: 60s}}";

/// Creates folders in place of these files, so that they cannot be written.
fn in_the_way(folder: &Path, names: &[&str]) {
    for name in names {
        fs::create_dir_all(folder.join(name)).expect("made");
    }
}

/// Starts a run into `out`, and waits until it measures.
fn started(folder: &Path, command: &mut Command) -> Running {
    let running = Running::start(command, None);
    until("the output folder exists", || {
        fs::read_dir(folder.join("out")).is_ok()
    });
    // The folder is created before signals are handled, and the child is started after that.
    until("its child has started", || {
        !children(running.id()).is_empty()
    });
    running
}

#[test]
fn a_failed_output_does_not_affect_the_others() {
    let folder = folder();
    scenario(folder.path(), SHORT);
    let out = folder.path().join("out");
    in_the_way(&out, &["summary.csv", "throughput.png"]);
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "html,png,csv,junit",
        ],
    )
    .exits(1);
    assert!(ran.stdout.contains("throughput"), "{}", ran.stdout);
    ran.says(&[
        "can't write out/summary.csv",
        "can't write out/throughput.png",
    ]);
    let left = files(&out);
    for file in [
        "index.html",
        "junit.xml",
        "timeline.png",
        "result.json",
        "series.csv",
    ] {
        assert!(
            left.iter().any(|name| name == file),
            "no {file} in {left:?}"
        );
    }
    result(&out);
}

#[test]
fn stdout_has_the_result_even_if_no_file_can_be_written() {
    let folder = folder();
    scenario(folder.path(), SHORT);
    let out = folder.path().join("out");
    in_the_way(&out, &["result.json", "capacity.json", "comparison.json"]);
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    )
    .exits(1);
    assert!(ran.stdout.contains("throughput"), "{}", ran.stdout);
    ran.says(&["can't write out/result.json"]);
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--json",
        ],
    )
    .exits(1);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("the result");
    assert_eq!(json["runs"][0]["ok"], 20);
    let target = crate::support::Server::start();
    let text = format!(
        "{{name: t, targets: {{t: {{url: '{}'}}}}, mix: [{{name: m, flow: [{{get: /}}]}}], load: {{vus: 1, iterations: 5}}}}",
        target.url()
    );
    scenario(folder.path(), &text);
    let search = [
        "capacity",
        "test.yaml",
        "--slo",
        "p99 < 10s",
        "--probe",
        "1s",
        "--from",
        "20/s",
        "--most",
        "20/s",
        "-o",
        "out",
    ];
    let ran = run(folder.path(), &search).exits(1);
    assert!(ran.stdout.contains("20"), "{}", ran.stdout);
    ran.says(&["can't write out/capacity.json"]);
    let (url, other) = (target.url(), target.url());
    let ran = run(
        folder.path(),
        &[
            "ab",
            "test.yaml",
            "--a",
            &url,
            "--b",
            &other,
            "--pairs",
            "2",
            "-o",
            "out",
        ],
    )
    .exits(1);
    assert!(!ran.stdout.is_empty());
    ran.says(&["can't write out/comparison.json"]);
    assert_eq!(
        files(&out.join("b")),
        ["01.json", "02.json"],
        "the other outputs exist"
    );
}

#[test]
fn a_regenerated_report_writes_what_it_can() {
    let folder = folder();
    scenario(folder.path(), SHORT);
    run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    )
    .exits(0);
    in_the_way(&folder.path().join("again"), &["summary.csv"]);
    let ran = run(
        folder.path(),
        &[
            "report",
            "out/result.json",
            "-o",
            "again",
            "--format",
            "csv,markdown",
        ],
    )
    .exits(1);
    assert_eq!(
        ran.stdout,
        "again/result.json\nagain/report.md\nagain/series.csv\nagain/steps_over_time.csv\nagain/exemplars.csv\n"
    );
    ran.says(&["can't write again/summary.csv"]);
}

#[test]
fn a_folder_belongs_to_one_run_at_a_time() {
    let folder = folder();
    scenario(folder.path(), LONG);
    let arguments = ["run", "test.yaml", "-o", "out", "--format", "none"];
    let first = started(folder.path(), &mut loadgen(folder.path(), &arguments));
    scenario(folder.path(), SHORT);
    run(
        folder.path(),
        &["run", "test.yaml", "-o", "other", "--format", "none"],
    )
    .exits(0);
    for arguments in [
        &arguments[..],
        &["report", "other/result.json", "-o", "out"],
        &[
            "report",
            "other/result.json",
            "other/result.json",
            "-o",
            "out",
        ],
        &[
            "compare",
            "other/result.json",
            "other/result.json",
            "-o",
            "out",
        ],
    ] {
        run(folder.path(), arguments)
            .exits(1)
            .says(&["another loadgen is writing to out", "--output"]);
    }
    first.signal(Signal::TERM);
    let ran = first.finish().exits(130);
    assert!(
        ran.stderr.contains("report: out/result.json\n"),
        "the folder is new: {}",
        ran.stderr
    );
    assert_eq!(
        files(&folder.path().join("out")),
        ["result.json"],
        "no lock file is left"
    );
    let began = result(&folder.path().join("out"))["started_at"]
        .as_str()
        .expect("a time")
        .to_owned();
    run(folder.path(), &arguments).exits(0).says(&[&format!(
        "report: out/result.json (replaced the run of {began})"
    )]);
}

#[test]
fn runs_started_in_the_same_second_get_separate_folders() {
    let folder = folder();
    scenario(folder.path(), SHORT);
    let start = || {
        Running::start(
            &mut loadgen(folder.path(), &["run", "test.yaml", "--format", "none"]),
            None,
        )
    };
    let runs: Vec<Running> = (0..4).map(|_| start()).collect();
    for run in runs {
        run.finish().exits(0);
    }
    let reports = folder.path().join("reports");
    let folders = files(&reports);
    assert_eq!(folders.len(), 4, "{folders:?}");
    for name in folders {
        result(&reports.join(name));
    }
}

#[test]
fn a_closed_terminal_ends_a_run_like_an_interrupt() {
    for mode in MODES {
        let folder = folder();
        scenario(folder.path(), LONG);
        // The test runner's environment may ignore the signal.
        let whole = [
            "--default-signal=HUP",
            PROGRAM,
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--mode",
            mode,
        ];
        let running = started(folder.path(), &mut program("env", folder.path(), &whole));
        // Both the shell and the system send it.
        running.signal(Signal::HUP);
        running.signal(Signal::HUP);
        let ran = running.finish().exits(130);
        assert!(ran.stdout.contains("throughput"), "{}", ran.stdout);
        assert_eq!(
            result(&folder.path().join("out"))["end"],
            "interrupted",
            "{mode}"
        );
    }
}

#[test]
fn a_run_under_nohup_continues() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, duration: 500ms}}",
    );
    let line = format!(
        "trap '' HUP; exec {} run test.yaml -o out --format none",
        PROGRAM
    );
    let running = started(
        folder.path(),
        &mut program("sh", folder.path(), &["-c", &line]),
    );
    running.signal(Signal::HUP);
    running.finish().exits(0);
    assert_eq!(result(&folder.path().join("out"))["end"], "complete");
}
