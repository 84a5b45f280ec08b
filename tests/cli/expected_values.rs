//! Values of rows and captures in `expect`: what is expected differs in every iteration.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::expectations::held;
use crate::support::{count, folder, result, run, run_of, scenario};

/// A secret that no output may contain.
const SECRET: &str = "tok-secret-81c5d0";
/// One row per iteration; the last number has more digits than a float, or a zero too many.
const ROWS: &str = r#"{"id": 1, "name": "Ada", "size": 10, "tags": ["a", 1.50], "big": 98765432101234567890}
{"id": 2, "name": "Bob \"B\"", "size": 200, "tags": [], "big": 98765432101234567891}
{"id": 3, "name": "Zoë", "size": 3000, "tags": [{"k": null}], "big": 10.00}
{"id": 4, "name": "it's {{id}}", "size": 40, "tags": [true], "big": -0.5e3}
"#;
const SCENARIO: &str = r#"
name: expected-values
seed: 1
modes: [sequential, threaded, async, processes]
secrets: { token: tok-secret-81c5d0 }
targets: { shop: { url: builtin } }
data: { users: { file: users.jsonl } }
mix:
  - name: m
    data: users
    flow:
      - post: /anything
        name: row
        json: { id: "{{users.id}}", name: "{{users.name}}", tags: "{{users.tags}}" }
        expect:
          status: 200
          body: { contains: "\"id\":{{users.id}}", not_contains: "no {{users.id}}", matches: POST }
          json:
            $.method: POST
            $.json.id: "{{users.id}}"
            $.json.name: { type: string, equals: "{{users.name}}" }
            $.json: { equals: { name: "{{users.name}}", id: "{{users.id}}", tags: "{{users.tags}}" } }
            $.json.tags: { equals: "{{users.tags}}", max_len: 2 }
        capture: { name: { jsonpath: $.json.name } }
      - get: "/bytes/{{users.size}}"
        name: header
        expect: { headers: { content-length: " {{users.size}} " } }
      - tcp: { send: "{{name}}\n", receive: line }
        name: captured
        expect: { body: { equals: "{{name}}" } }
      - tcp: { send: "{\"n\": {{users.big}}}\n", receive: line }
        name: digits
        expect: { json: { $.n: "{{users.big}}" } }
      - tcp: { send: "{\"n\": 98765432101234567891}\n", receive: line }
        name: other digits
        on_error: continue
        expect: { json: { $.n: "{{users.big}}" } }
      - post: /anything
        name: wrong
        on_error: continue
        json: { id: 5 }
        expect: { json: { $.json.id: "{{users.id + 2}}" } }
        capture: { never: { jsonpath: $.json.id } }
      - post: /anything
        name: a text
        on_error: continue
        json: { id: 5 }
        expect: { json: { $.json.id: "{{5|string}}{{''}}" } }
      - get: /bytes/5
        name: wrong header
        on_error: continue
        expect: { headers: { content-length: "{{users.id}}" } }
      - get: /html
        name: not json
        on_error: continue
        expect: { json: { $.a: "{{users.id}}" } }
      - get: /html
        name: secret
        on_error: continue
        expect: { body: { contains: "{{token ~ users.id}}" } }
      - set: { nothing: "''" }
      - get: /html
        name: empty
        on_error: continue
        expect: { body: { not_contains: "{{nothing}}" } }
      - get: /html
        name: soft
        expect: { soft: true, body: { contains: "{{users.name}}" }, max_response: 1m }
      - get: /status/404
        name: expected failure
        on_error: continue
        expect: { fail: 404, headers: { content-length: "{{users.id}}" }, max_response: 1m, when: status == 404 }
load: { vus: 2, iterations: 4 }
report: { formats: [] }
"#;

fn write(folder: &Path) {
    fs::write(folder.join("users.jsonl"), ROWS).expect("written");
    scenario(folder, SCENARIO);
}

/// Returns how many operations of a step were ok, and the kinds of the others.
#[track_caller]
fn ended(run: &Value, name: &str) -> (u64, Vec<(String, u64)>) {
    let steps = run["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == name).expect(name);
    let kinds = step["failures"].as_object().expect("failures");
    let count_of = |n: &Value| n.as_u64().expect("a count");
    let kinds = kinds.iter().map(|(kind, n)| (kind.clone(), count_of(n)));
    (count(step, "ok"), kinds.collect())
}

#[track_caller]
fn judged(run: &Value) {
    let failed = |kind: &str, n| vec![(kind.to_owned(), n)];
    for (step, ok, failures) in [
        ("row", 4, vec![]),
        ("header", 4, vec![]),
        ("captured", 4, vec![]),
        ("digits", 4, vec![]),
        ("other digits", 1, failed("check", 3)),
        ("wrong", 1, failed("check", 3)),
        ("a text", 0, failed("check", 4)),
        ("wrong header", 0, failed("check", 4)),
        ("not json", 0, failed("check", 4)),
        ("secret", 0, failed("check", 4)),
        ("empty", 0, failed("data", 4)),
        ("soft", 4, vec![]),
        ("expected failure", 0, failed("check", 4)),
    ] {
        assert_eq!(ended(run, step), (ok, failures), "{step}");
    }
    for (step, name, expected) in [
        ("row", "status 200", (4, 0)),
        ("row", "body matches \"POST\"", (4, 0)),
        ("row", r#"body contains "\"id\":{{users.id}}""#, (4, 0)),
        ("row", "body not_contains \"no {{users.id}}\"", (4, 0)),
        ("row", "json $.method equals \"POST\"", (4, 0)),
        ("row", "json $.json.name type string", (4, 0)),
        ("row", "json $.json.id equals \"{{users.id}}\"", (4, 0)),
        ("row", "json $.json.tags max_len 2", (4, 0)),
        ("row", "json $.json.tags equals \"{{users.tags}}\"", (4, 0)),
        ("header", "header content-length", (4, 0)),
        ("captured", "body equals \"{{name}}\"", (4, 0)),
        ("other digits", "json $.n equals \"{{users.big}}\"", (1, 3)),
        ("empty", "body not_contains \"{{nothing}}\"", (0, 4)),
        ("soft", "body contains \"{{users.name}}\"", (0, 4)),
        ("soft", "max_response 1m", (4, 0)),
        ("expected failure", "fail 404", (4, 0)),
        ("expected failure", "max_response 1m", (4, 0)),
        ("expected failure", "header content-length", (0, 4)),
        ("expected failure", "when status == 404", (4, 0)),
    ] {
        assert_eq!(held(run, step, name), expected, "{step}: {name}");
    }
}

#[test]
fn what_is_expected_follows_the_values_of_each_iteration_in_every_mode() {
    let folder = folder();
    write(folder.path());
    run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]).exits(0);
    let result = result(&folder.path().join("out"));
    for mode in ["sequential", "threaded", "async", "processes"] {
        judged(run_of(&result, mode));
    }
    let errors = run_of(&result, "async")["errors"].as_array();
    let messages: Vec<&str> = errors
        .expect("errors")
        .iter()
        .filter_map(|error| error["message"].as_str())
        .collect();
    for wanted in [
        "json $.json.id: expected \"5\", seen 5",
        "body not_contains \"{{nothing}}\": the value is empty, and an empty string is in every body",
    ] {
        assert!(messages.contains(&wanted), "{wanted} in {messages:#?}");
    }
    for (start, end) in [
        ("json $.json.id: expected ", ", seen 5"),
        (
            "json $.n: expected 98765432101234567890",
            ", seen 98765432101234567891",
        ),
        ("header content-length: expected \"", "\", seen \"5\""),
        ("json $.a: the body is not JSON", ""),
        ("body: expected to contain \"***", ""),
    ] {
        let is_said = |text: &&str| text.starts_with(start) && text.ends_with(end);
        assert!(messages.iter().any(is_said), "{start} in {messages:#?}");
    }
    let text = fs::read_to_string(folder.path().join("out/result.json")).expect("a result");
    assert!(!text.contains(SECRET));
}

#[test]
fn a_try_and_the_debug_log_show_the_value_that_was_expected() {
    let folder = folder();
    write(folder.path());
    let tried = run(folder.path(), &["try", "test.yaml", "--json"]).exits(99);
    let tried: Value = serde_json::from_str(&tried.stdout).expect("JSON");
    let exchanges = tried["passes"][0]["exchanges"].as_array();
    let of_step = |name: &str| {
        let mut exchanges = exchanges.expect("exchanges").iter();
        exchanges.find(|own| own["step"] == name).expect(name)
    };
    let check = |step: &str, name: &str| {
        let checks = of_step(step)["checks"].as_array().expect("checks");
        let found = checks.iter().find(|own| own["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name} in {checks:#?}"));
        let seen = found["seen"].as_str().expect("seen").to_owned();
        (found["passed"] == true, seen)
    };
    let seen = |passed, text: &str| (passed, text.to_owned());
    assert_eq!(check("row", "json $.json.id equals 1"), seen(true, "1"));
    let name = "json $.json.name equals \"Ada\"";
    assert_eq!(check("row", name), seen(true, "\"Ada\""));
    assert!(check("row", r#"body contains "\"id\":1""#).0);
    let name = "header content-length \"10\"";
    assert_eq!(check("header", name), seen(true, "\"10\""));
    assert_eq!(check("wrong", "json $.json.id equals 3"), seen(false, "5"));
    assert!(
        of_step("wrong")["captures"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    assert!(!check("secret", "body contains \"***1\"").0);
    assert!(!check("soft", "body contains \"Ada\"").0);
    let arguments = [
        "run",
        "test.yaml",
        "-q",
        "--mode",
        "async",
        "--debug-log",
        "log",
    ];
    run(folder.path(), &arguments).exits(0);
    let log = fs::read_to_string(folder.path().join("log")).expect("a log");
    assert!(log.contains("header content-length \"1\""), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}
