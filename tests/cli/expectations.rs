//! What makes an operation good or bad by the scenario's own words: conditions on responses, and
//! failures that are expected.

use serde_json::Value;

use crate::support::{Server, count, folder, result, run, run_of, scenario};

/// A hundred iterations that send 1 to 100, which the server echoes.
const SCENARIO: &str = r#"
name: own-words
seed: 1
modes: [sequential, threaded, async, processes]
vars: { least: 75 }
targets: { shop: { url: builtin } }
mix:
  - name: m
    flow:
      - post: /anything
        name: odd
        on_error: continue
        json: { n: "{{seq()}}" }
        expect: { when: json.json.n % 4 != 0 and json.json.n <= least }
      - set: { most: 10 }
      - get: /status/404
        name: lost
        on_error: continue
        expect: { when: "status == 404 and headers['content-length'] is defined and response_ms < 60000 and most == 10" }
      - get: /status/404
        name: lost all the same
        on_error: continue
        expect: { when: response_ms < 60000 }
      - get: /json
        name: absent
        on_error: continue
        expect: { when: json.no.such.thing }
      - get: /html
        name: not json
        on_error: continue
        expect: { when: json.a == 1 or status == 200 }
      - get: /html
        name: text
        on_error: continue
        expect: { when: "'<html' in body|lower" }
      - post: /anything
        name: without
        on_error: continue
        json: { say: "{{'good' if seq() % 5 else 'error'}}" }
        expect: { body: { not_contains: error } }
      - post: /anything
        name: soft
        json: { n: "{{seq()}}" }
        expect: { soft: true, status: 201, when: json.json.n <= 30, max_response: 1ns }
      - get: /status/404
        name: soft but bad
        on_error: continue
        expect: { soft: true, max_response: 1m }
      - get: /status/404
        name: expected
        on_error: continue
        expect: { fail: [404, timeout] }
        capture: { code: { status: true } }
      - get: /anything
        name: unexpected success
        on_error: continue
        expect: { fail: 4xx, max_response: 1m }
      - get: /status/500
        name: another failure
        on_error: continue
        expect: { fail: 4xx }
      - get: /delay/60
        name: late
        on_error: continue
        timeout: 30ms
        expect: { fail: timeout, json: { $.a: 1 }, max_response: 1m }
      - get: "/anything/{{code}}"
        name: captured
      - tcp: { send: "a\n", receive: line }
        name: echo
        expect: { when: body == 'a' }
load: { vus: 4, iterations: 100 }
report: { formats: [] }
"#;

fn step<'r>(run: &'r Value, name: &str) -> &'r Value {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}"))
}

/// Asserts how many operations of a step were ok, and the kind of the others.
#[track_caller]
fn ended(run: &Value, name: &str, ok: u64, failed: Option<(&str, u64)>) {
    let step = step(run, name);
    assert_eq!(count(step, "ok"), ok, "{name}: {}", step["failures"]);
    let kinds = step["failures"].as_object().expect("failures");
    let kinds: Vec<(&str, u64)> = kinds
        .iter()
        .map(|(kind, n)| (kind.as_str(), n.as_u64().expect("a count")))
        .collect();
    assert_eq!(kinds, failed.into_iter().collect::<Vec<_>>(), "{name}");
}

/// Returns how often a check passed and failed.
#[track_caller]
pub(crate) fn held(run: &Value, step: &str, check: &str) -> (u64, u64) {
    let checks = run["checks"].as_array().expect("checks");
    let found = checks
        .iter()
        .find(|own| own["step"] == step && own["name"] == check);
    let found = found.unwrap_or_else(|| panic!("no check {check} of {step} in {checks:?}"));
    (count(found, "passed"), count(found, "failed"))
}

#[track_caller]
fn check(run: &Value) {
    ended(run, "odd", 57, Some(("check", 43)));
    ended(run, "lost", 100, None);
    ended(run, "lost all the same", 0, Some(("status", 100)));
    ended(run, "absent", 0, Some(("check", 100)));
    ended(run, "not json", 0, Some(("check", 100)));
    ended(run, "text", 100, None);
    ended(run, "without", 80, Some(("check", 20)));
    ended(run, "soft", 100, None);
    ended(run, "soft but bad", 0, Some(("status", 100)));
    ended(run, "expected", 100, None);
    ended(run, "unexpected success", 0, Some(("check", 100)));
    ended(run, "another failure", 0, Some(("status", 100)));
    ended(run, "late", 100, None);
    ended(run, "captured", 100, None);
    ended(run, "echo", 100, None);
    for (step, name, expected) in [
        (
            "odd",
            "when json.json.n % 4 != 0 and json.json.n <= least",
            (57, 43),
        ),
        ("lost all the same", "when response_ms < 60000", (100, 0)),
        ("without", "body not_contains \"error\"", (80, 20)),
        ("soft", "status 201", (0, 100)),
        ("soft", "when json.json.n <= 30", (30, 70)),
        ("soft", "max_response 1ns", (0, 100)),
        ("expected", "fail 404, timeout", (100, 0)),
        ("unexpected success", "fail 4xx", (0, 100)),
        ("unexpected success", "max_response 1m", (100, 0)),
        ("another failure", "fail 4xx", (0, 100)),
        ("late", "fail timeout", (100, 0)),
        ("late", "max_response 1m", (100, 0)),
        ("late", "json $.a equals 1", (0, 0)),
    ] {
        assert_eq!(held(run, step, name), expected, "{step}: {name}");
    }
}

#[test]
fn conditions_and_expected_failures_decide_in_every_mode() {
    let folder = folder();
    scenario(folder.path(), SCENARIO);
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let result = result(&folder.path().join("out"));
    for mode in ["sequential", "threaded", "async", "processes"] {
        check(run_of(&result, mode));
    }
    let errors = run_of(&result, "async")["errors"]
        .as_array()
        .expect("errors");
    let message = |step: &str| {
        let found = errors
            .iter()
            .find(|error| error["example"] == format!("m › {step}"));
        found
            .and_then(|error| error["message"].as_str())
            .expect(step)
    };
    assert!(
        message("odd").starts_with("when \"json.json.n % 4 != 0"),
        "{}",
        message("odd")
    );
    assert!(
        message("absent").contains("it has no value: json "),
        "{}",
        message("absent")
    );
    assert!(
        message("not json").contains("the body is not JSON"),
        "{}",
        message("not json")
    );
    assert_eq!(
        message("unexpected success"),
        "expected to fail with 4xx, but it succeeded"
    );
    assert_eq!(
        message("another failure"),
        "status 500, expected 2xx or 3xx, and not 4xx"
    );
}

#[test]
fn conditions_and_expected_failures_add_up_over_shards() {
    let folder = folder();
    let server = Server::start();
    let url = format!("url: \"{}\"", server.url());
    let tcp = "      - tcp: { send: \"a\\n\", receive: line }\n        name: echo\n        expect: { when: body == 'a' }\n";
    let text = SCENARIO
        .replace("url: builtin", &url)
        .replace(tcp, "      - { get: /, name: echo }\n");
    scenario(
        folder.path(),
        &text.replace("[sequential, threaded, async, processes]", "[async]"),
    );
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

/// In virtual time, where every number is exact.
#[test]
fn mock_operations_have_conditions_and_expected_failures() {
    let folder = folder();
    let text = |expect: &str| {
        format!(
            "name: mocks\nseed: 7\nmodes: [simulated]\nmix:\n  - flow:\n      - {{ sleep: 10ms, name: exact, expect: {{ when: response_ms == 10 }} }}\n      - {{ sleep: 10ms, name: fails, fail: 30%, on_error: continue{expect} }}\n      - {{ sleep: 1s, name: late, timeout: 20ms, expect: {{ fail: [timeout_total], when: response_ms == 20, max_response: 20ms }} }}\nload: {{ vus: 2, iterations: 1000 }}\nreport: {{ formats: [] }}\n"
        )
    };
    let ran = |expect: &str| {
        scenario(folder.path(), &text(expect));
        let ran = run(folder.path(), &["run", "test.yaml", "-q", "-o", "out"]);
        assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
        result(&folder.path().join("out"))
    };
    let plain = ran("");
    let plain = run_of(&plain, "simulated");
    ended(plain, "exact", 1000, None);
    ended(plain, "late", 1000, None);
    assert_eq!(held(plain, "late", "fail timeout_total"), (1000, 0));
    assert_eq!(held(plain, "late", "max_response 20ms"), (1000, 0));
    assert_eq!(held(plain, "late", "when response_ms == 20"), (1000, 0));
    let failed = count(step(plain, "fails"), "failed");
    assert!((250..350).contains(&failed), "{failed}");
    let reversed = ran(", expect: { fail: mock }");
    let reversed = run_of(&reversed, "simulated");
    ended(reversed, "fails", failed, Some(("check", 1000 - failed)));
}
