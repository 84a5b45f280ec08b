//! Figures that a scenario reads from responses: known answers in every mode, shards and rounds.

use serde_json::Value;

use crate::support::{Server, count, folder, number, result, run, run_of, scenario};

/// A hundred iterations that send 1 to 100, which the server echoes.
const SCENARIO: &str = r#"
name: measured
seed: 1
targets: { shop: { url: builtin } }
mix:
  - name: m
    flow:
      - post: /anything
        name: echo
        json: { n: "{{seq()}}", odd: "{{seq() is odd}}", list: [7, 8, 9] }
        measure:
          n: { jsonpath: $.json.n, unit: count }
          db: { jsonpath: $.json.n, unit: ms }
          odd: { jsonpath: $.json.odd, unit: share }
          sold: { jsonpath: $.json.n, unit: total }
          items: { jsonpath: "$.json.list|length", unit: count }
          absent: { jsonpath: $.absent, unit: count }
          kind: { header: content-type, unit: count }
      - get: /bytes/7
        name: bytes
        measure: { size: { header: content-length, regex: '^([0-9]+)$', unit: KiB } }
      - get: /status/404
        name: lost
        on_error: continue
        measure: { code: { status: true, unit: count } }
load: { vus: 4, iterations: 100 }
thresholds:
  - measure.n.mean == 50.5
  - measure.db.max == 100ms
  - measure.db.p50 < 50.1ms
  - measure.db.p50 > 49.9ms
  - measure.odd.share == 50%
  - measure.sold.total == TOTAL
  - measure.size.max == 7KiB
  - { check: measure.items.min == 3, mix: m, step: echo }
report: { formats: [] }
"#;

fn measure<'r>(run: &'r Value, name: &str) -> &'r Value {
    let measures = run["measures"].as_array().expect("measures");
    let found = measures.iter().find(|measure| measure["name"] == name);
    found.unwrap_or_else(|| panic!("no measure {name} in {measures:?}"))
}

#[track_caller]
fn check(run: &Value) {
    let of = |name: &str| {
        let own = measure(run, name);
        [count(own, "count"), count(own, "unread")]
    };
    for name in ["n", "db", "odd", "sold", "items", "size"] {
        assert_eq!(of(name), [100, 0], "{name}");
    }
    assert_eq!(of("absent"), [0, 100]);
    assert_eq!(of("kind"), [0, 100], "a text is not a number");
    assert_eq!(of("code"), [0, 0], "only of successful operations");
    for (name, unit, mean) in [
        ("n", "count", 50.5),
        ("db", "ms", 50.5),
        ("items", "count", 3.0),
        ("size", "bytes", 7168.0),
    ] {
        let own = measure(run, name);
        assert_eq!(own["unit"], unit);
        assert_eq!(number(&own["value"], "mean"), mean, "{name}");
    }
    assert_eq!(number(&measure(run, "n")["value"], "min"), 1.0);
    assert_eq!(number(&measure(run, "n")["value"], "max"), 100.0);
    assert_eq!(number(measure(run, "odd"), "share"), 0.5);
    assert_eq!(number(measure(run, "sold"), "total"), 5050.0);
    let absent = measure(run, "absent");
    assert!(absent["value"].is_null() && absent["histogram"].is_null());
}

#[test]
fn what_responses_say_is_in_the_figures_of_every_mode_and_judged_over_all_rounds() {
    let folder = folder();
    let modes = "sequential,threaded,async,processes";
    let twice = SCENARIO.replace("TOTAL", "10100");
    scenario(
        folder.path(),
        &twice.replace("seed: 1", "seed: 1\nrounds: 2"),
    );
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-q", "-o", "out", "--mode", modes],
    );
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    let result = result(&folder.path().join("out"));
    let runs = result["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 8);
    runs.iter().for_each(check);
    let judged = result["thresholds"].as_array().expect("thresholds");
    assert_eq!(judged.len(), 8 * 4);
}

#[test]
fn what_shards_read_adds_up() {
    let folder = folder();
    let server = Server::start();
    let text = SCENARIO.replace("TOTAL", "5050");
    let url = format!("url: \"{}\"", server.url());
    scenario(folder.path(), &text.replace("url: builtin", &url));
    for shard in ["0/2", "1/2"] {
        let out = format!("part{}", &shard[..1]);
        let ran = run(
            folder.path(),
            &["run", "test.yaml", "-q", "--shard", shard, "-o", &out],
        );
        assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    }
    let ran = run(
        folder.path(),
        &["merge", "part0/part.json", "part1/part.json", "-o", "out"],
    );
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    check(run_of(&result(&folder.path().join("out")), "async"));
}

#[test]
fn the_summary_lists_measures_and_what_could_not_be_read() {
    let folder = folder();
    scenario(folder.path(), &SCENARIO.replace("TOTAL", "5050"));
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "csv",
            "--no-progress",
        ],
    );
    let line = |start: &str| {
        let found = ran
            .stdout
            .lines()
            .find(|line| line.trim().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {}", ran.stdout))
    };
    let words: Vec<&str> = line("absent (echo)").split_whitespace().collect();
    assert_eq!(words[2..5], ["async", "0", "100"]);
    assert!(line("odd (echo)").contains("50.0 %"));
    assert!(line("sold (echo)").contains("5,050"));
    let table = std::fs::read_to_string(folder.path().join("out/measures.csv")).expect("a table");
    assert!(
        table.contains("measured,async,1,m,echo,sold,total,100,0,,5050,"),
        "{table}"
    );
}

#[test]
fn a_threshold_on_a_measure_fails_and_ends_a_run() {
    let folder = folder();
    let text = SCENARIO.split("thresholds:").next().expect("a part");
    let text = text.replace("iterations: 100", "iterations: 1000000, duration: 1m");
    scenario(
        folder.path(),
        &format!(
            "{text}thresholds: [ {{ check: measure.n.max < 50, abort: true }} ]\nreport: {{ formats: [] }}\n"
        ),
    );
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(99), "{}", ran.stderr);
    let result = result(&folder.path().join("out"));
    assert_eq!(result["end"], "aborted");
}

#[test]
fn what_is_measured_is_shown_when_it_is_tried() {
    let folder = folder();
    scenario(folder.path(), &SCENARIO.replace("TOTAL", "5050"));
    let ran = run(folder.path(), &["try", "test.yaml"]);
    for line in [
        "measure  n = 1",
        "measure  items = 3",
        "measure  absent: nothing at `$.absent`",
        "measure  kind: \"application/json\" at header `content-type` can't be measured",
        "measure  size = \"7\"",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
}
