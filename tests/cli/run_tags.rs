//! `tags` of a scenario: in its result and in every report, and what comparisons and merged shards
//! make of them.

use std::fs;

use serde_json::json;

use crate::support::{folder, result, run, scenario};

const TAGGED: &str = "name: tagged
seed: 1
vars: { build: \"1.2\" }
tags: { team: web, build: \"{{build}}\", count: 3 }
mix: [ { flow: [ { sleep: 1ms } ] } ]
load: { vus: 2, iterations: 20 }
thresholds: [ error_rate < 1% ]
report: { formats: [html, markdown, csv, junit, ctrf, openmetrics] }
";

#[test]
fn tags_are_in_the_result_and_in_every_report() {
    let folder = folder();
    scenario(folder.path(), TAGGED);
    let ran = run(folder.path(), &["run", "test.yaml", "-o", "out"]).exits(0);
    assert!(
        ran.stdout.contains("tags build=1.2, count=3, team=web"),
        "{}",
        ran.stdout
    );
    let out = folder.path().join("out");
    let found = result(&out);
    let wanted = json!({ "build": "1.2", "count": "3", "team": "web" });
    assert_eq!(found["scenario"]["tags"], wanted);
    let file = |name: &str| fs::read_to_string(out.join(name)).expect("a report");
    for (name, text) in [
        ("index.html", "build=1.2, count=3, team=web"),
        ("report.md", "Tags: build=1.2, count=3, team=web."),
        ("summary.csv", ",tag_build,tag_count,tag_team"),
        ("summary.csv", ",1.2,3,web"),
        ("junit.xml", "<property name=\"tag.team\" value=\"web\"/>"),
        (
            "metrics.txt",
            "loadgen_tags_info{scenario=\"tagged\",tag_build=\"1.2\",tag_count=\"3\",tag_team=\"web\"} 1",
        ),
    ] {
        assert!(file(name).contains(text), "{name}: {}", file(name));
    }
    let ctrf: serde_json::Value = serde_json::from_str(&file("ctrf-report.json")).expect("JSON");
    assert_eq!(ctrf["results"]["extra"]["tags"], wanted);
}

#[test]
fn runs_with_other_tags_are_comparable_and_both_are_shown() {
    let folder = folder();
    scenario(folder.path(), TAGGED);
    for (out, build) in [("a", "build=1.1"), ("b", "build=1.2")] {
        let arguments = [
            "run",
            "test.yaml",
            "-q",
            "-o",
            out,
            "--format",
            "none",
            "--var",
            build,
        ];
        run(folder.path(), &arguments).exits(0);
    }
    let fingerprint =
        |out: &str| result(&folder.path().join(out))["scenario"]["fingerprint"].clone();
    assert_eq!(fingerprint("a"), fingerprint("b"));
    let ran = run(
        folder.path(),
        &["compare", "a/result.json", "b/result.json"],
    );
    for tags in [
        "build=1.1, count=3, team=web",
        "build=1.2, count=3, team=web",
    ] {
        assert!(ran.stdout.contains(tags), "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn merged_shards_have_the_tags_that_all_of_them_have() {
    let folder = folder();
    scenario(folder.path(), TAGGED);
    for (shard, out, build) in [("0/2", "part0", "build=1.1"), ("1/2", "part1", "build=1.2")] {
        let arguments = [
            "run",
            "test.yaml",
            "-q",
            "--shard",
            shard,
            "-o",
            out,
            "--var",
            build,
        ];
        run(folder.path(), &arguments).exits(0);
    }
    let parts = ["merge", "part0/part.json", "part1/part.json", "-o", "out"];
    run(folder.path(), &parts).exits(0);
    let merged = result(&folder.path().join("out"));
    assert_eq!(
        merged["scenario"]["tags"],
        json!({ "count": "3", "team": "web" })
    );
}
