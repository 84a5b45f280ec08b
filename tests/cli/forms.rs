//! The machine-readable forms of the report, and the output for GitHub Actions.

use std::fs;
use std::path::Path;

use loadgen::plan::Format;
use serde_json::Value;

use crate::support::{
    files, finish, folder, is_installed, loadgen, program, run, scenario, shipped,
};

/// In virtual time, the threshold in line 4 is met, and that in line 5 is not.
const SCENARIO: &str = "name: forms
modes: [simulated]
thresholds:
  - p50 < 1s
  - { check: 'p99 < 11ms', mix: a|b }
mix: [ { name: a|b, flow: [ { sleep: 20ms } ] } ]
load: { vus: 2, iterations: 400 }
";
const ALL: &str = "markdown,csv,hlog,junit,ctrf,openmetrics,github-benchmark";
const FILES: [&str; 12] = [
    "benchmark-bigger.json",
    "benchmark-smaller.json",
    "ctrf-report.json",
    "exemplars.csv",
    "histograms.hlog",
    "junit.xml",
    "metrics.txt",
    "report.md",
    "result.json",
    "series.csv",
    "steps_over_time.csv",
    "summary.csv",
];

fn ran() -> tempfile::TempDir {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", ALL],
    )
    .exits(99);
    folder
}

#[test]
fn every_form_is_written_by_the_run_and_regenerated_from_its_result() {
    let folder = ran();
    assert_eq!(files(&folder.path().join("out")), FILES);
    run(
        folder.path(),
        &["report", "out/result.json", "-o", "again", "--format", ALL],
    )
    .exits(0);
    for name in FILES {
        let [made, again] = ["out", "again"]
            .map(|dir| fs::read(folder.path().join(dir).join(name)).expect("written"));
        assert!(made == again, "{name}");
    }
    run(
        folder.path(),
        &[
            "report",
            "out/result.json",
            "-o",
            "again",
            "--format",
            "junit",
        ],
    )
    .exits(0);
    assert_eq!(
        files(&folder.path().join("again")),
        ["junit.xml", "result.json"]
    );
}

#[test]
fn a_scenario_selects_its_forms() {
    let folder = folder();
    scenario(
        folder.path(),
        &format!("{SCENARIO}report: {{ formats: [junit, markdown] }}\n"),
    );
    run(folder.path(), &["run", "test.yaml", "-o", "out"]).exits(99);
    assert_eq!(
        files(&folder.path().join("out")),
        ["junit.xml", "report.md", "result.json"]
    );
    run(folder.path(), &["run", "test.yaml", "--format", "pdf"])
        .exits(2)
        .says(&["unknown format `pdf`", "github-benchmark"]);
}

#[test]
fn junit_conforms_to_its_schema() {
    if !is_installed("xmllint", "libxml2-utils") {
        return;
    }
    let folder = ran();
    let golden: Vec<String> = files(Path::new(&shipped("tests/golden/forms")))
        .iter()
        .map(|name| shipped(&format!("tests/golden/forms/{name}/junit.xml")))
        .collect();
    assert!(golden.len() > 4);
    let schema = shipped("tests/schemas/junit.xsd");
    let check = |file: &str| {
        finish(&mut program(
            "xmllint",
            folder.path(),
            &["--noout", "--nonet", "--schema", &schema, file],
        ))
    };
    for file in golden.iter().map(String::as_str).chain(["out/junit.xml"]) {
        check(file).exits(0);
    }
    let bad = fs::read_to_string(folder.path().join("out/junit.xml"))
        .expect("written")
        .replace("classname", "klass");
    fs::write(folder.path().join("bad.xml"), bad).expect("written");
    assert!(!check("bad.xml").status.success());
}

#[test]
fn github_gets_annotations_and_the_summary() {
    let folder = folder();
    let inside = folder.path().join("load");
    fs::create_dir(&inside).expect("made");
    scenario(&inside, SCENARIO);
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "of the step before\n").expect("written");
    let mut command = loadgen(
        &inside,
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "markdown",
            "--json",
        ],
    );
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", folder.path())
        .env("GITHUB_STEP_SUMMARY", &summary);
    let ran = finish(&mut command).exits(99).says(&[
        "::error file=load/test.yaml,line=5,title=loadgen%3A p99 < 11ms%2C mix a|b (simulated)::observed 20.0 ms, limit 11.0 ms, margin -9.",
        "the report was appended to the summary of the job",
    ]);
    assert_eq!(ran.stderr.matches("::error ").count(), 1, "{}", ran.stderr);
    // Output for GitHub must not be mixed with machine-readable output.
    serde_json::from_str::<Value>(&ran.stdout).expect("the result alone");
    let page = fs::read_to_string(inside.join("out/report.md")).expect("written");
    assert_eq!(
        fs::read_to_string(&summary).expect("there"),
        format!("of the step before\n{page}\n")
    );
    // A regenerated report is not announced.
    let mut again = loadgen(
        &inside,
        &["report", "out/result.json", "--format", "markdown"],
    );
    finish(again.env("GITHUB_STEP_SUMMARY", &summary)).exits(0);
    assert_eq!(
        fs::read_to_string(&summary)
            .expect("there")
            .matches("### ")
            .count(),
        1
    );
}

/// A name, a description and a response that imitate commands, with words that line wrapping could
/// put at the start of a line.
const HOSTILE: &str = "name: t
description: '::add-mask::a ##[error]b'
targets: { shop: { url: builtin } }
mix:
  - name: m
    flow:
      - { post: /anything, name: '::error::step ##[warning]c', json: { a: '::error::x ::error::x ::error::x ::error::x ::error::x ::error::x ##[error]y' },
          expect: { json: { '$.json.a': 'no' } }, on_error: continue }
      - { sleep: 1ms, name: '::set-output name=a::b' }
load: { vus: 1, iterations: 3 }
thresholds: [ { check: error_rate < 1%, step: '::error::step ##[warning]c' } ]
";

/// Returns the lines that the runner would take for commands, except loadgen's own annotations.
fn commands(text: &str) -> Vec<&str> {
    let ours = |line: &str| {
        line.starts_with("::error file=test.yaml") || line.starts_with("::warning file=test.yaml")
    };
    text.split(['\n', '\r'])
        .filter(|line| line.contains("##[") || (line.trim_start().starts_with("::") && !ours(line)))
        .collect()
}

#[test]
fn no_text_of_a_server_or_scenario_becomes_a_github_command() {
    let folder = folder();
    scenario(folder.path(), HOSTILE);
    let told = |arguments: &[&str], github: bool| {
        let mut command = loadgen(folder.path(), arguments);
        if github {
            command.env("GITHUB_ACTIONS", "true");
        }
        finish(&mut command)
    };
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        "none",
        "--on-invalid",
        "warn",
    ];
    let outside = told(&arguments, false).exits(99);
    assert!(
        commands(&outside.stdout).len() >= 3,
        "the test finds nothing: {}",
        outside.stdout
    );
    for flags in [&[][..], &["--color", "always"], &["-v"]] {
        let ran = told(&[&arguments[..], flags].concat(), true).exits(99);
        assert!(
            ran.stdout.contains("add-mask::a") && ran.stdout.contains("error::step"),
            "{}",
            ran.stdout
        );
        for text in [&ran.stdout, &ran.stderr] {
            assert!(
                commands(text).is_empty(),
                "{flags:?}: {:#?}",
                commands(text)
            );
        }
        assert_eq!(
            ran.stderr
                .matches("\n::error file=test.yaml,line=11")
                .count(),
            1,
            "its own annotation is recognized: {}",
            ran.stderr
        );
    }
    let json = told(&[&arguments[..], &["--json"]].concat(), true)
        .exits(99)
        .stdout;
    assert!(commands(&json).is_empty(), "{json}");
    let description =
        &serde_json::from_str::<Value>(&json).expect("JSON")["scenario"]["description"];
    assert_eq!(description, "::add-mask::a ##[error]b");
    // Other commands that print names.
    for arguments in [
        &["validate", "test.yaml", "--plan"][..],
        &["run", "test.yaml", "--dry-run"],
        &["run", "test.yaml", "--plan"],
        &["run", "::error::x"],
    ] {
        let ran = told(arguments, true);
        assert!(
            commands(&ran.stdout).is_empty() && commands(&ran.stderr).is_empty(),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
}

#[test]
fn nothing_is_annotated_outside_github() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    )
    .exits(99);
    assert!(
        !ran.stderr.contains("::error") && !ran.stderr.contains("summary of the job"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_summary_that_cannot_be_written_is_an_error() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let mut command = loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    );
    finish(command.env("GITHUB_STEP_SUMMARY", folder.path()))
        .exits(1)
        .says(&["can't write to $GITHUB_STEP_SUMMARY"]);
    assert!(folder.path().join("out/result.json").exists());
}

#[test]
fn github_gets_the_problems_of_a_scenario_without_secrets() {
    let folder = folder();
    let validated = |mix: &str| {
        let text = format!(
            "name: t\nsecrets: {{ token: \"${{TOKEN}}\" }}\nmix: [ {{ {mix}, flow: [ {{ sleep: 1ms }} ] }} ]\n"
        );
        let rest =
            "load: { iterations: 3 }\nthresholds:\n  - { check: p99 < 1s, mix: '100%:a,b' }\n";
        scenario(folder.path(), &(text + rest));
        let mut command = loadgen(folder.path(), &["validate", "test.yaml"]);
        finish(
            command
                .env("GITHUB_ACTIONS", "true")
                .env("TOKEN", "100%:a,b"),
        )
        .exits(2)
        .stderr
    };
    let said = validated("name: m, wieght: 3");
    assert!(said.contains("::error file=test.yaml,line=3,title=loadgen::unknown key `wieght`%0Adid you mean `weight`?\n"), "{said}");
    let said = validated("name: m");
    assert!(
        said.contains(
            "::error file=test.yaml,line=6,title=loadgen::there is no mix entry `***`%0A"
        ),
        "{said}"
    );
}

#[test]
fn every_form_is_listed_wherever_forms_are_listed() {
    let folder = folder();
    let help = |command: &str| {
        run(folder.path(), &[command, "--help"])
            .exits(0)
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let read = |path: &str| fs::read_to_string(shipped(path)).expect("it exists");
    let places = [
        help("run"),
        help("report"),
        read("docs/src/report.md"),
        read("scenarios/LANGUAGE.md"),
        read("src/scenario/schema.json"),
    ];
    for format in Format::ALL {
        for place in &places {
            let named = |name: &str| {
                place
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                    .any(|word| word == name)
            };
            assert!(named(format.name()), "{}: {place}", format.name());
        }
    }
}
