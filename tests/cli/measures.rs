//! Figures that a scenario reads from responses: known answers in every mode, shards and rounds.

use serde_json::Value;

use crate::support::{
    REAL_MODES, Server, TO_RESULT, count, folder, number, patiently, result, run, run_of, scenario,
    side_by_side,
};

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
    let windows = run["series"].as_array().expect("windows");
    let of_windows = |name: &str| {
        let all = windows.iter().flat_map(|w| w["measures"].as_array());
        let own = all.flatten().filter(|measure| measure["name"] == name);
        own.cloned().collect::<Vec<Value>>()
    };
    let counts = |name, figure| of_windows(name).iter().map(|own| count(own, figure)).sum();
    let [read, unread]: [u64; 2] = [counts("n", "count"), counts("absent", "unread")];
    assert_eq!([read, unread], [100, 100]);
    let sold = of_windows("sold");
    let sold: f64 = sold.iter().map(|own| number(own, "total")).sum();
    assert_eq!(sold, 5050.0);
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
        table.contains("measured,async,1,m,echo,,,,sold,total,100,0,,5050,"),
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

/// Runs a scenario in every real mode until its thresholds fail in these windows.
fn judged(text: &str, known: &[Vec<f64>], also: impl Fn(&Value) + Sync) {
    side_by_side(REAL_MODES, |mode| {
        let folder = folder();
        scenario(folder.path(), text);
        patiently(|| {
            let arguments = [&TO_RESULT[..], &["--mode", mode]].concat();
            run(folder.path(), &arguments);
            let result = result(&folder.path().join("out"));
            let thresholds = result["thresholds"].as_array().expect("thresholds");
            let failing = |threshold: &Value| {
                let windows = threshold["failing_windows"].as_array().cloned();
                let windows = windows.unwrap_or_default();
                windows.iter().map(|w| number(w, "t_s")).collect()
            };
            let failing: Vec<Vec<f64>> = thresholds.iter().map(failing).collect();
            assert_eq!(failing, known, "{mode}: {thresholds:?}");
            let whole = thresholds.iter().filter(|one| one["window_s"].is_null());
            whole.for_each(|one| assert_eq!(one["verdict"], "pass", "{mode}: {one}"));
            also(&result["runs"][0]);
        });
    });
}

#[test]
fn windows_of_the_time_line_have_measures_and_thresholds_judge_those_of_parts() {
    let server = Server::start();
    let step = |name: &str, target: &str, n: u32| {
        format!(
            "{{ post: /anything, name: {name}, target: {target}, json: {{ n: {n} }}, tag: {{ kind: {{ jsonpath: $.json.n }} }},
             measure: {{ n: {{ jsonpath: $.json.n, unit: count }}, any: {{ jsonpath: $.json.n, unit: share }}, sold: {{ jsonpath: $.json.n, unit: total }} }} }}"
        )
    };
    let text = format!(
        "name: t
workers: 1
targets: {{ a: {{ url: '{0}' }}, b: {{ url: '{0}' }} }}
mix:
- {{ name: early, load: {{ rate: 20/s, duration: 500ms }}, flow: [ {1} ] }}
- {{ name: late, load: {{ rate: 20/s, start_after: 1s, duration: 1s }}, flow: [ {2} ] }}
thresholds:
- {{ check: measure.n.p50 < 20, window: 500ms }}
- {{ check: measure.n.max < 20, window: 500ms, mix: early }}
- {{ check: measure.n.mean > 20, window: 500ms, target: a }}
- {{ check: measure.n.p99 < 20, window: 500ms, tag: kind=30 }}
- {{ check: measure.sold.total < 200, window: 500ms }}
- {{ check: measure.any.share == 100%, window: 500ms }}
- {{ check: measure.n.p99 == 30, target: b }}
- {{ check: measure.n.p50 == 10, tag: kind=10 }}
- {{ check: measure.sold.total == 600, step: slow }}
- {{ check: measure.sold.total == 700 }}
",
        server.url(),
        step("quick", "a", 10),
        step("slow", "b", 30),
    );
    let late = || vec![1.0, 1.5];
    let whole = || vec![vec![]; 5];
    let windows = vec![late(), vec![], vec![0.0], late(), late()];
    judged(&text, &[windows, whole()].concat(), |run| {
        let windows = run["series"].as_array().expect("windows");
        let of = |window: &Value| {
            let own = window["measures"].as_array()?.first()?.clone();
            Some((number(window, "t_s") >= 1.0, number(&own["value"], "p50")))
        };
        let medians: Vec<(bool, f64)> = windows.iter().filter_map(of).collect();
        assert!(medians.len() > 2, "{windows:?}");
        for (is_late, median) in medians {
            assert_eq!(median, if is_late { 30.0 } else { 10.0 });
        }
    });
}

#[test]
fn stages_have_measures() {
    let server = Server::start();
    let text = format!(
        "name: t
workers: 1
targets: {{ a: {{ url: '{}' }} }}
mix: [ {{ flow: [ {{ post: /anything, json: {{ n: 2.5 }}, measure: {{ sold: {{ jsonpath: $.json.n, unit: total }}, n: {{ jsonpath: $.json.n, unit: ms }} }} }} ] }} ]
load: {{ stages: [ {{ hold: 500ms, rate: 20/s, name: one }}, {{ hold: 500ms, rate: 40/s, name: two }} ] }}
thresholds:
- {{ check: measure.sold.total == 25, stage: one }}
- {{ check: measure.sold.total == 50, stage: two }}
- {{ check: measure.n.p90 == 2500us, stage: two }}
",
        server.url()
    );
    judged(&text, &vec![vec![]; 3], |run| {
        let stages = run["stages"].as_array().expect("stages");
        let counts = stages
            .iter()
            .map(|stage| count(&stage["measures"][0], "count"));
        assert_eq!(counts.collect::<Vec<_>>(), [10, 20]);
    });
}
