//! The figures that a scenario asks for: Apdex and a list of percentiles, with known answers.

use serde_json::Value;

use crate::support::{Server, count, folder, number, result, run, run_of, scenario};

/// Sixty iterations of 5 ms, thirty of 20 ms and ten that fail: the example of the specification.
const SIXTY_THIRTY_TEN: &str = "name: sixty\nseed: 1\nmodes: [simulated]\nmix:\n  - name: m\n    flow:\n      - { sleep: 5ms, name: fast, when: seq() <= 60 }\n      - { sleep: 20ms, name: slow, when: seq() > 60 and seq() <= 90 }\n      - { sleep: 1ms, name: bad, fail: 100%, when: seq() > 90 }\nload: { vus: 1, iterations: 100 }\n";

fn of<'r>(run: &'r Value, list: &str, name: &str) -> &'r Value {
    let parts = run[list].as_array().expect("a list");
    let found = parts.iter().find(|part| part["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[track_caller]
fn check(apdex: &Value, counts: [u64; 3], score: f64) {
    let names = ["satisfied", "tolerating", "frustrated"];
    assert_eq!(names.map(|name| count(apdex, name)), counts, "{apdex}");
    assert_eq!(number(apdex, "score"), score);
}

#[test]
fn apdex_is_that_of_the_specification_in_every_part_and_form() {
    let folder = folder();
    let text = format!(
        "{SIXTY_THIRTY_TEN}thresholds: [ apdex == 0.75, {{ check: apdex == 1, step: fast }}, {{ check: apdex == 0.5, step: slow }}, {{ check: apdex < 0.1, step: bad }}, {{ check: apdex > 0.7, mix: m }} ]\nreport: {{ formats: [csv, openmetrics, markdown, html], apdex: 5ms }}\n"
    );
    scenario(folder.path(), &text);
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--no-progress"],
    );
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    let out = folder.path().join("out");
    let result = result(&out);
    let run = run_of(&result, "simulated");
    check(&run["apdex"], [60, 30, 10], 0.75);
    assert_eq!(number(&run["apdex"], "target_ms"), 5.0);
    check(&of(run, "steps", "fast")["apdex"], [60, 0, 0], 1.0);
    check(&of(run, "steps", "slow")["apdex"], [0, 30, 0], 0.5);
    check(&of(run, "steps", "bad")["apdex"], [0, 0, 10], 0.0);
    check(&of(run, "mixes", "m")["apdex"], [60, 30, 10], 0.75);
    check(
        &result["comparison"]["modes"][0]["apdex"],
        [60, 30, 10],
        0.75,
    );
    let line = |start: &str| {
        let mut lines = ran.stdout.lines().map(str::trim);
        let found = lines.find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("no {start} in {}", ran.stdout))
            .to_owned()
    };
    assert!(line("Apdex").ends_with("0.750"), "{}", line("Apdex"));
    assert!(
        line("slow").split_whitespace().any(|word| word == "0.500"),
        "{}",
        line("slow")
    );
    let file = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    let table = file("summary.csv");
    let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().expect("a head");
    let place = head
        .iter()
        .position(|name| *name == "apdex")
        .expect("a column");
    let slow = rows.find(|row| row.contains(&"slow")).expect("a row");
    assert_eq!(slow[place], "0.5");
    assert!(
        file("metrics.txt").contains("apdex_ratio{scenario=\"sixty\",mode=\"simulated\"} 0.75"),
        "{}",
        file("metrics.txt")
    );
    assert!(
        file("report.md").contains("| Apdex | 0.750"),
        "{}",
        file("report.md")
    );
    assert!(
        file("index.html").contains("<th scope=\"col\">Apdex</th>")
            || file("index.html").contains("Apdex")
    );
}

#[test]
fn apdex_adds_up_over_rounds_modes_and_shards_and_a_threshold_on_it_fails() {
    let folder = folder();
    let server = Server::start();
    let text = format!(
        "name: real\nseed: 1\ntargets: {{ shop: {{ url: \"{}\" }} }}\nmix:\n  - flow:\n      - {{ get: /json, name: good }}\n      - {{ get: /status/500, name: bad }}\nload: {{ vus: 2, iterations: 20 }}\nreport: {{ formats: [], apdex: 20s, percentiles: [60, 50] }}\n",
        server.url()
    );
    scenario(folder.path(), &text);
    let args = [
        "run",
        "test.yaml",
        "-q",
        "-o",
        "out",
        "--mode",
        "all",
        "--rounds",
        "2",
    ];
    let ran = run(folder.path(), &args);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let all = result(&folder.path().join("out"));
    for mode in all["comparison"]["modes"].as_array().expect("modes") {
        check(&mode["apdex"], [40, 0, 40], 0.5);
        assert!(
            mode["response_ms"]["percentiles"]["p60"].is_number(),
            "{mode}"
        );
    }
    for shard in ["0/2", "1/2"] {
        let out = format!("part{}", &shard[..1]);
        let ran = run(
            folder.path(),
            &["run", "test.yaml", "-q", "--shard", shard, "-o", &out],
        );
        assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    }
    let parts = ["merge", "part0/part.json", "part1/part.json", "-o", "whole"];
    assert_eq!(run(folder.path(), &parts).status.code(), Some(0));
    let whole = result(&folder.path().join("whole"));
    check(&run_of(&whole, "async")["apdex"], [20, 0, 20], 0.5);
    let failing = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-q",
            "-o",
            "out",
            "--threshold",
            "apdex >= 0.6",
        ],
    );
    assert_eq!(failing.status.code(), Some(99), "{}", failing.stderr);
}

/// A thousand times from 1 to 1000 ms, each once.
#[test]
fn listed_percentiles_take_the_place_of_the_usual_ones() {
    let folder = folder();
    let text = "name: listed\nseed: 1\nmodes: [simulated]\nmix:\n  - flow: [ { sleep: { uniform: [0ms, 1s] }, name: any } ]\nload: { vus: 1, iterations: 5000 }\nreport: { formats: [csv, markdown, html], percentiles: [99.5, 25, 90, 99.999] }\n";
    scenario(folder.path(), text);
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--no-progress"],
    );
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    let out = folder.path().join("out");
    let result = result(&out);
    let run = run_of(&result, "simulated");
    for summary in [&run["response_ms"], &of(run, "steps", "any")["service_ms"]] {
        let at = |name: &str| number(&summary["percentiles"], name);
        assert!((at("p25") - 250.0).abs() < 25.0, "{}", at("p25"));
        assert_eq!(at("p90"), number(summary, "p90"));
        assert!((at("p99.5") - 995.0).abs() < 5.0, "{}", at("p99.5"));
        assert!(at("p99.5") > number(summary, "p99"));
        assert!(
            summary["percentiles"]["p99.999"].is_null(),
            "too few samples"
        );
    }
    let rows: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| {
            word.starts_with('p') && word.len() > 1 && word.as_bytes()[1].is_ascii_digit()
        })
        .collect();
    assert_eq!(rows, ["p25", "p90", "p99.5", "p99.999"], "{}", ran.stdout);
    let file = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    let head = file("summary.csv")
        .lines()
        .next()
        .expect("a head")
        .to_owned();
    assert!(
        head.ends_with("response_p25_ms,response_p90_ms,response_p99.5_ms,response_p99.999_ms"),
        "{head}"
    );
    assert!(file("report.md").contains("| p99.5 |"));
    assert!(file("index.html").contains("p99.5"));
}
