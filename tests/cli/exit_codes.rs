//! The book's table of exit codes, row by row, with the real program: every distinct cause of a
//! code.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::readme::page;
use crate::support::{
    Ran, Running, children, folder, loadgen, result, run, scenario, side_by_side, until,
};
use crate::versions::{change, simulated};

/// One way to a code.
struct Row {
    code: i32,
    what: &'static str,
    ends: fn(&Path) -> Ran,
}

/// In the order of the table.
const ROWS: &[Row] = &[
    Row {
        code: 0,
        what: "no thresholds",
        ends: |path| sleeping(path, "", &[]),
    },
    Row {
        code: 0,
        what: "every threshold is met",
        ends: |path| held(path, 10.0, &["--threshold", "p99 < 1s"]),
    },
    Row {
        code: 0,
        what: "inconclusive without --fail-on-inconclusive",
        ends: |path| once(path, &[]),
    },
    Row {
        code: 1,
        what: "an output cannot be written",
        ends: |path| {
            fs::write(path.join("file"), "").expect("written");
            sleeping(path, "", &["-o", "file/below"])
        },
    },
    Row {
        code: 2,
        what: "bad usage",
        ends: |path| run(path, &["run"]),
    },
    Row {
        code: 2,
        what: "an invalid scenario",
        ends: |path| sleeping(path, ", wieght: 3", &[]),
    },
    Row {
        code: 2,
        what: "a missing scenario",
        ends: |path| run(path, &["run", "missing.yaml"]),
    },
    Row {
        code: 2,
        what: "a missing data file",
        ends: |path| sleeping(path, ", data: {users: {file: missing.csv}}", &[]),
    },
    Row {
        code: 2,
        what: "a missing variable",
        ends: |path| sleeping(path, ", vars: {key: \"${NOBODY_SETS_THIS}\"}", &[]),
    },
    Row {
        code: 2,
        what: "a missing baseline",
        ends: |path| sleeping(path, "", &["--baseline", "missing"]),
    },
    Row {
        code: 3,
        what: "the target refuses connections",
        ends: |path| {
            sleeping(
                path,
                ", targets: {shop: {url: 'http://127.0.0.1:9'}}, setup: [{get: /}]",
                &["--mode", "async"],
            )
        },
    },
    Row {
        code: 3,
        what: "the setup fails",
        ends: |path| {
            let setup = ", targets: {shop: {url: builtin}}, setup: [{get: /status/500, expect: {status: 200}}]";
            sleeping(path, setup, &["--mode", "async"])
        },
    },
    Row {
        code: 3,
        what: "results that cannot be compared",
        ends: |path| {
            sleeping(path, "", &[]).exits(0);
            fs::rename(path.join("out"), path.join("base")).expect("renamed");
            change(path, "base", |result| {
                result["scenario"]["fingerprint"] = "other".into()
            });
            sleeping(path, "", &["--baseline", "base"])
        },
    },
    Row {
        code: 3,
        what: "a baseline of another version of loadgen",
        ends: |path| {
            sleeping(path, "", &[]).exits(0);
            fs::rename(path.join("out"), path.join("base")).expect("renamed");
            change(path, "base", |result| {
                result["schema"] = "loadgen.result/2".into()
            });
            sleeping(path, "", &["--baseline", "base"])
        },
    },
    Row {
        code: 96,
        what: "inconclusive with --fail-on-inconclusive",
        ends: |path| once(path, &["--fail-on-inconclusive"]),
    },
    Row {
        code: 97,
        what: "an invalid baseline",
        ends: |path| {
            held(path, 10.0, &[]).exits(0);
            change(path, "base", |result| {
                result["validity"]["verdict"] = "invalid".into()
            });
            again(path, &[])
        },
    },
    Row {
        code: 98,
        what: "worse than the baseline",
        ends: |path| held(path, 3.0, &[]),
    },
    Row {
        code: 99,
        what: "a threshold is not met",
        ends: |path| sleeping(path, "", &["--threshold", "max < 1ms"]),
    },
    Row {
        code: 99,
        what: "a threshold aborts the run",
        ends: |path| {
            let abort = ", modes: [async], thresholds: [{check: max < 1ms, abort: true}]";
            sleeping(path, abort, &["-d", "50s", "--on-invalid", "warn"])
        },
    },
    Row {
        code: 130,
        what: "interrupted",
        ends: interrupted,
    },
    // If several apply, the first one in the book's order wins.
    Row {
        code: 97,
        what: "97 before 99 and 98",
        ends: |path| {
            held(path, 3.0, &[]).exits(98);
            change(path, "base", |result| {
                result["validity"]["verdict"] = "invalid".into()
            });
            again(path, &["--threshold", "max < 1ms"])
        },
    },
    Row {
        code: 99,
        what: "99 before 98",
        ends: |path| held(path, 3.0, &["--threshold", "max < 1ms"]),
    },
    Row {
        code: 99,
        what: "99 before 96",
        ends: |path| {
            once(
                path,
                &["--fail-on-inconclusive", "--threshold", "max < 1ms"],
            )
        },
    },
    Row {
        code: 98,
        what: "98 before 96",
        ends: |path| held(path, 3.0, &["--fail-on-inconclusive"]),
    },
    Row {
        code: 3,
        what: "3 before 97, 98 and 99",
        ends: |path| {
            held(path, 3.0, &[]).exits(98);
            change(path, "base", |result| {
                result["validity"]["verdict"] = "invalid".into();
                result["end"] = "interrupted".into();
            });
            again(path, &["--threshold", "max < 1ms"])
        },
    },
];

/// A run of a mock step in virtual time, with these sections and flags.
fn sleeping(path: &Path, more: &str, flags: &[&str]) -> Ran {
    let modes = if more.contains("modes:") {
        ""
    } else {
        ", modes: [simulated]"
    };
    scenario(
        path,
        &format!(
            "{{name: t{modes}, mix: [{{name: m, flow: [{{sleep: 10ms}}]}}], load: {{vus: 2, iterations: 20}}{more}}}"
        ),
    );
    let out: &[&str] = if flags.contains(&"-o") {
        &[]
    } else {
        &["-o", "out"]
    };
    run(
        path,
        &[
            &["run", "test.yaml", "--format", "none", "--no-progress"],
            out,
            flags,
        ]
        .concat(),
    )
}

/// A run of 10 ms, compared with a baseline of this duration.
fn held(path: &Path, base_ms: f64, flags: &[&str]) -> Ran {
    let written = |ms: f64, out: &str| {
        simulated(path, ms, "");
        run(
            path,
            &["run", "test.yaml", "-o", out, "--format", "none", "-q"],
        )
        .exits(0);
        result(&path.join(out))
    };
    written(base_ms, "base");
    let own = written(10.0, "own")["scenario"]["fingerprint"].clone();
    // The duration is part of the fingerprint, but here it stands for the server's speed.
    change(path, "base", |result| {
        result["scenario"]["fingerprint"] = own
    });
    again(path, flags)
}

/// Repeats the run against that baseline.
fn again(path: &Path, flags: &[&str]) -> Ran {
    run(
        path,
        &[
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--baseline",
                "base",
            ],
            flags,
        ]
        .concat(),
    )
}

/// Compares one run with another one, which is inconclusive.
fn once(path: &Path, flags: &[&str]) -> Ran {
    sleeping(path, "", &["-o", "base"]).exits(0);
    sleeping(path, "", &[&["--baseline", "base"], flags].concat())
}

fn interrupted(path: &Path) -> Ran {
    scenario(
        path,
        "{name: t, mix: [{name: m, flow: [{sleep: 10ms}]}], load: {duration: 50s}}",
    );
    let running = Running::start(
        &mut loadgen(path, &["run", "test.yaml", "-o", "out", "--format", "none"]),
        None,
    );
    until("the mode runs", || !children(running.id()).is_empty());
    running.signal(Signal::INT);
    running.finish()
}

#[test]
fn every_row_of_the_table_is_tested() {
    side_by_side(ROWS, |Row { code, what, ends }| {
        let folder = folder();
        let ran = ends(folder.path());
        assert_eq!(
            ran.status.code(),
            Some(*code),
            "{what}:\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        assert_eq!(
            ran.stderr.contains("error: "),
            !matches!(code, 0 | 130),
            "{what} is explained: {}",
            ran.stderr
        );
    });
}

#[test]
fn the_table_and_its_tests_have_the_same_rows() {
    let page = page("ci");
    let table = page.split_once("| exit code |").expect("the table").1;
    let rows = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    let told: Vec<i32> = rows.collect();
    let mut tested: Vec<i32> = ROWS.iter().map(|row| row.code).collect();
    tested.sort_unstable();
    tested.dedup();
    assert_eq!(told, tested);
}
