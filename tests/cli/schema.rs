//! The JSON Schema is correct: it accepts what ships, rejects what is broken, and has exactly the
//! compiler's keys.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use loadgen::scenario::{self, Overrides, Source, compile};
use serde_json::{Value, json};

use crate::readme::{LANGUAGE, book, completed, examples};
use crate::support::{folder, run};

fn schema() -> Value {
    serde_json::from_str(scenario::schema()).expect("JSON")
}

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).expect("a schema")
}

/// Parses YAML as an editor sees it, with anchors and merges resolved.
fn tree(text: &str) -> Value {
    let mut tree: serde_yaml::Value = serde_yaml::from_str(text).expect("YAML");
    tree.apply_merge().expect("good merges");
    serde_json::to_value(tree).expect("text keys")
}

fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            yaml_files(&path, into);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            into.push(path);
        }
    }
}

#[track_caller]
fn good(validator: &Validator, what: &str, instance: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(instance)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {}", errors.join("\n"));
}

#[test]
fn the_schema_is_valid_draft_7_and_printed_unchanged() {
    assert_eq!(
        schema()["$schema"],
        "http://json-schema.org/draft-07/schema#"
    );
    assert!(jsonschema::meta::is_valid(&schema()));
    assert_eq!(
        run(folder().path(), &["schema"]).exits(0).stdout,
        scenario::schema()
    );
}

#[test]
fn the_address_of_the_schema_is_a_file_of_the_release_and_the_book_gives_it_to_catalogs() {
    let id = schema()["$id"].as_str().expect("an address").to_owned();
    let (_, file) = id.split_once("/releases/latest/download/").expect("a file");
    let text = |path: &str| fs::read_to_string(path).expect("the file is there");
    assert!(text("packaging/release.yml").contains(&format!("packages/{file}")));
    assert!(text("docs/src/scenario.md").contains(&format!("\"url\": \"{id}\"")));
}

#[test]
fn shipped_scenarios_match_the_schema() {
    let validator = validator();
    let mut paths = Vec::new();
    yaml_files(Path::new("scenarios"), &mut paths);
    // A manifest, and no scenario.
    paths.retain(|path| !path.ends_with("cluster/kubernetes.yaml"));
    paths.push("src/cli/starter.yaml".into());
    assert!(paths.len() >= 30, "only {} scenarios", paths.len());
    for path in paths {
        good(
            &validator,
            &path.display().to_string(),
            &tree(&fs::read_to_string(&path).expect("readable")),
        );
    }
}

#[test]
fn examples_of_the_reference_and_of_the_book_match_the_schema() {
    let validator = validator();
    let mut pages = book();
    let language = fs::read_to_string(LANGUAGE).expect("it exists");
    pages.push(("LANGUAGE.md".into(), language));
    for (name, page) in pages {
        for (mark, line, text) in examples(&page) {
            good(
                &validator,
                &format!("{name}:{line}"),
                &tree(&completed(mark, text)),
            );
        }
    }
}

#[test]
fn examples_in_the_schema_are_valid() {
    let schema = schema();
    let mut seen = 0;
    each(&schema, "", &mut |path, part| {
        let Some(examples) = part.get("examples").and_then(Value::as_array) else {
            return;
        };
        let mut alone = part.clone();
        alone["definitions"] = schema["definitions"].clone();
        let validator = jsonschema::draft7::new(&alone).expect("a schema");
        for example in examples {
            good(&validator, path, example);
            seen += 1;
        }
    });
    assert!(seen >= 50, "only {seen} examples");
}

/// Calls `visit` with every part of the schema and its path.
fn each(part: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match part {
        Value::Object(fields) => {
            visit(path, part);
            for (key, value) in fields.iter().filter(|(key, _)| {
                !matches!(
                    key.as_str(),
                    "examples" | "default" | "defaultSnippets" | "enum"
                    // They narrow what is described elsewhere.
                    | "if" | "then" | "else"
                )
            }) {
                each(value, &format!("{path}/{key}"), visit);
            }
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, item)| each(item, &format!("{path}/{n}"), visit)),
        _ => {}
    }
}

#[test]
fn every_key_is_described_and_no_map_is_open_by_accident() {
    each(&schema(), "", &mut |path, part| {
        let Some(properties) = part
            .get("properties")
            .and_then(Value::as_object)
            .filter(|_| !path.ends_with("/properties"))
        else {
            return;
        };
        // The other keys of a map may be names that the author chooses.
        let is_named =
            part.get("propertyNames").is_some() && part["additionalProperties"].is_object();
        assert!(is_named || part["additionalProperties"] == false, "{path}");
        for (key, value) in properties {
            let own = value["description"].as_str().unwrap_or_default();
            let there = value["$ref"]
                .as_str()
                .map(|to| schema().pointer(&to[1..]).expect(to)["description"].clone());
            assert!(
                !own.is_empty() || there.is_some_and(|d| d.is_string()),
                "{path}: `{key}` has no description"
            );
        }
    });
}

const GOOD: &str = "name: x\nmix: [ { flow: [ { get: /, name: a } ] } ]\ntargets: { t: { url: builtin } }\nload: { vus: 1, iterations: 1 }\n";

#[test]
fn broken_scenarios_do_not_match_the_schema() {
    let validator = validator();
    good(&validator, "the scenario that is broken below", &tree(GOOD));
    for (typed, broken) in [
        ("name: x\n", ""),
        ("name: x\n", "name: Bad Name\n"),
        ("name: x\n", "name: x\nverison: 1\n"),
        ("name: x\n", "name: x\nmodes: [asynk]\n"),
        ("name: x\n", "name: x\nmodes: []\n"),
        ("name: x\n", "name: x\nrounds: 0\n"),
        ("name: x\n", "name: x\nlimits: { rate: 500 }\n"),
        ("name: x\n", "name: x\nlimits: { on_full: explode }\n"),
        ("name: x\n", "name: x\nvars: { a: [1] }\n"),
        ("name: x\n", "name: x\nsecrets: { 1a: x }\n"),
        ("name: x\n", "name: x\ndata: { users: { order: random } }\n"),
        ("name: x\n", "name: x\nthresholds: [ p99 ]\n"),
        ("name: x\n", "name: x\nreport: { formats: [pdf] }\n"),
        ("name: x\n", "name: x\nallow_targets: host\n"),
        (
            "mix: [ {",
            "mix: [ { load: { vus: 1, duration: 1s, stop_after: 2s },",
        ),
        (
            "mix: [ {",
            "mix: [ { weight: 2, load: { vus: 1, duration: 1s },",
        ),
        ("mix: [ {", "mix: [ { weight: 0,"),
        ("url: builtin", "url: ftp://a"),
        ("url: builtin", "url: unix:a"),
        ("url: builtin", "url: 'https://a', tls: { insecure: maybe }"),
        ("url: builtin", "url: 'http://a', resolve: { a: b }"),
        ("url: builtin", "url: builtin, http: { protocol: http3 }"),
        ("url: builtin", "url: builtin, http: { keep_alive: true }"),
        ("url: builtin", "url: builtin, http: { redirects: 21 }"),
        (
            "url: builtin",
            "url: builtin, auth: { bearer: a, basic: { user: a, password: b } }",
        ),
        ("get: /", "get: /, post: /"),
        ("get: /, name: a", "name: a"),
        ("url: builtin", "url: udp://a"),
        ("get: /", "websocket: /"),
        ("get: /", "websocket: /, flow: []"),
        (
            "get: /",
            "websocket: /, flow: [ { send: a, send_json: {} } ]",
        ),
        (
            "get: /",
            "websocket: /, flow: [ { send: a, receive: line } ]",
        ),
        ("get: /", "websocket: /, flow: [ { receive: {} } ]"),
        ("get: /", "exec: ls"),
        ("get: /", "exec: []"),
        ("get: /", "exec: { env: { A: b } }"),
        ("get: /", "exec: { command: [a], exit: 256 }"),
        ("get: /", "crawl: /"),
        ("get: /", "crawl: { depth: 3 }"),
        ("get: /", "crawl: { start: /, same_host: false }"),
        ("get: /", "file: {}"),
        ("get: /", "file: { read: a, stat: b }"),
        ("get: /", "file: { write: a }"),
        ("get: /", "file: { write: a, text: b, bytes: 1KB }"),
        ("get: /", "file: { read: a, in: temp }"),
        ("get: /", "tcp: {}"),
        ("get: /", "grpc: Orders.Get"),
        ("get: /", "grpc: [a]"),
        ("get: /", "grpc: a.B/C, send: { id: 7 }"),
        ("get: /", "grpc: a.B/C, stream: { as: sse }"),
        ("get: /", "grpc: a.B/C, stream: { until: '[DONE]' }"),
        ("get: /", "get: /, stream: { until: '[DONE]' }"),
        ("get: /", "redis: PING"),
        ("get: /", "redis: []"),
        ("get: /", "sql: ''"),
        ("get: /", "sql: [ a ]"),
        ("get: /", "redis: { pipeline: [] }"),
        ("get: /", "redis: { pipeline: [ PING ] }"),
        ("get: /", "tcp: { send: a, receive: all }"),
        (
            "get: /",
            "tcp: { send: a, receive: { bytes: 4, until: a } }",
        ),
        ("get: /", "tcp: { send: a }, get: /"),
        ("get: /", "get: /, timeout: 5"),
        ("get: /", "get: /, timeout: 5 parsecs"),
        ("get: /", "get: /, chance: 30"),
        ("get: /", "get: /, expect: { status: 99 }"),
        ("get: /", "get: /, expect: { json: { $.a: { minlen: 3 } } }"),
        ("get: /", "get: /, retry: { backoff: { constant: 1s } }"),
        (
            "get: /",
            "get: /, retry: { attempts: 2, backoff: { constant: 1s, linear: { step: 1s } } }",
        ),
        (
            "get: /",
            "get: /, capture: { a: { jsonpath: $.a, header: b } }",
        ),
        ("get: /", "get: /, capture: { a: { default: b } }"),
        ("get: /", "get: /, measure: { a: { header: b } }"),
        (
            "get: /",
            "get: /, measure: { a: { header: b, unit: hours } }",
        ),
        (
            "get: /",
            "get: /, measure: { a-b: { header: b, unit: ms } }",
        ),
        ("get: /", "sleep: { exponential: { median: 3ms } }"),
        ("get: /", "choose: []"),
        ("get: /", "choose: [ { weight: 0, flow: [ { get: / } ] } ]"),
        ("get: /", "repeat: { flow: [ { get: / } ] }"),
        (
            "get: /",
            "repeat: { times: 2, until: a, flow: [ { get: / } ] }",
        ),
        ("get: /", "repeat: { over: a, flow: [ { get: / } ] }"),
        ("get: /", "parallel: []"),
        ("vus: 1", "vus: 1, rate: 5/s"),
        ("vus: 1", "vus: 0"),
        ("vus: 1", "arrivalRate: 5"),
        ("vus: 1", "stages: [ { duration: 1s, rate: 5/s, vus: 5 } ]"),
        (
            "vus: 1",
            "stages: [ { duration: 1s, hold: 1s, rate: 5/s } ]",
        ),
        ("vus: 1", "stages: [ { rate: 5/s } ]"),
        ("vus: 1", "stop_when: [ { window: 10s } ]"),
    ] {
        let text = GOOD.replacen(typed, broken, 1);
        assert_ne!(text, GOOD, "{typed}");
        assert!(
            !validator.is_valid(&tree(&text)),
            "{broken} is valid by the schema"
        );
    }
}

/// The parts of the schema, each with a scenario snippet whose `@` stands for its keys.
const PLACES: &[(&str, &str)] = &[
    ("", "@"),
    ("/properties/load", "load: { @ }"),
    (
        "/properties/load/properties/replay",
        "load: { replay: { @ } }",
    ),
    ("/properties/report", "report: { @ }"),
    ("/properties/trace", "trace: { @ }"),
    (
        "/properties/data/additionalProperties",
        "data: { f: { @ } }",
    ),
    (
        "/properties/data/additionalProperties/properties/range",
        "data: { f: { range: { @ } } }",
    ),
    ("/definitions/target", "targets: { t: { @ } }"),
    (
        "/definitions/target/properties/resolve/anyOf/2",
        "targets: { t: { url: 'http://localhost', resolve: { @ } } }",
    ),
    (
        "/definitions/target/properties/http",
        "targets: { t: { url: builtin, http: { @ } } }",
    ),
    (
        "/definitions/target/properties/tls",
        "targets: { t: { url: 'https://127.0.0.1', tls: { @ } } }",
    ),
    (
        "/definitions/auth",
        "targets: { t: { url: builtin, auth: { @ } } }",
    ),
    (
        "/definitions/auth/properties/basic",
        "targets: { t: { url: builtin, auth: { basic: { @ } } } }",
    ),
    (
        "/definitions/auth/properties/digest",
        "targets: { t: { url: builtin, auth: { digest: { @ } } } }",
    ),
    (
        "/definitions/auth/properties/oauth2",
        "targets: { t: { url: builtin, auth: { oauth2: { @ } } } }",
    ),
    (
        "/definitions/auth/properties/aws_sigv4",
        "targets: { t: { url: builtin, auth: { aws_sigv4: { @ } } } }",
    ),
    (
        "/definitions/timeout/anyOf/1",
        "targets: { t: { url: builtin, timeout: { @ } } }",
    ),
    (
        "/definitions/retry",
        "targets: { t: { url: builtin, retry: { @ } } }",
    ),
    (
        "/definitions/retry/properties/backoff",
        "targets: { t: { url: builtin, retry: { attempts: 2, backoff: { @ } } } }",
    ),
    (
        "/definitions/retry/properties/backoff/properties/linear",
        "targets: { t: { url: builtin, retry: { attempts: 2, backoff: { linear: { @ } } } } }",
    ),
    (
        "/definitions/retry/properties/backoff/properties/exponential",
        "targets: { t: { url: builtin, retry: { attempts: 2, backoff: { exponential: { @ } } } } }",
    ),
    ("/definitions/limits", "limits: { @ }"),
    ("/definitions/mixEntry", "mix: [ { @ } ]"),
    ("/definitions/step", "mix: [ { flow: [ { @ } ] } ]"),
    (
        "/definitions/step/properties/request",
        "mix: [ { flow: [ { request: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/redis/anyOf/1",
        "mix: [ { flow: [ { redis: { @ } } ] } ]",
    ),
    (
        "/definitions/target/properties/grpc",
        "targets: { t: { url: 'grpc://a', grpc: { @ } } }",
    ),
    (
        "/definitions/target/properties/sql",
        "targets: { t: { url: 'postgres://u@a/b', sql: { @ } } }",
    ),
    (
        "/definitions/expect/properties/rows/anyOf/1",
        "mix: [ { flow: [ { get: /, expect: { rows: { @ } } } ] } ]",
    ),
    (
        "/definitions/target/properties/redis",
        "targets: { t: { url: 'redis://a', redis: { @ } } }",
    ),
    (
        "/definitions/step/properties/tcp",
        "mix: [ { flow: [ { tcp: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/tcp/properties/receive/anyOf/1",
        "mix: [ { flow: [ { tcp: { receive: { @ } } } ] } ]",
    ),
    (
        "/definitions/step/properties/exec/anyOf/1",
        "mix: [ { flow: [ { exec: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/crawl",
        "mix: [ { flow: [ { crawl: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/file",
        "mix: [ { flow: [ { file: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/receive",
        "mix: [ { flow: [ { websocket: /, flow: [ { receive: { @ } } ] } ] } ]",
    ),
    (
        "/definitions/step/properties/choose/items",
        "mix: [ { flow: [ { choose: [ { @ } ] } ] } ]",
    ),
    (
        "/definitions/step/properties/repeat",
        "mix: [ { flow: [ { repeat: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/transaction",
        "mix: [ { flow: [ { transaction: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/multipart/additionalProperties/anyOf/1",
        "mix: [ { flow: [ { post: /, multipart: { f: { @ } } } ] } ]",
    ),
    (
        "/definitions/expect",
        "mix: [ { flow: [ { get: /, expect: { @ } } ] } ]",
    ),
    (
        "/definitions/expect/properties/body",
        "mix: [ { flow: [ { get: /, expect: { body: { @ } } } ] } ]",
    ),
    (
        "/definitions/expect/properties/size",
        "mix: [ { flow: [ { get: /, expect: { size: { @ } } } ] } ]",
    ),
    (
        "/definitions/expect/properties/stream",
        "mix: [ { flow: [ { get: /, stream: { as: sse }, expect: { stream: { @ } } } ] } ]",
    ),
    (
        "/definitions/step/properties/stream",
        "mix: [ { flow: [ { get: /, stream: { @ } } ] } ]",
    ),
    (
        "/definitions/step/properties/stream/properties/stop_after",
        "mix: [ { flow: [ { get: /, stream: { as: sse, stop_after: { @ } } } ] } ]",
    ),
    (
        "/definitions/jsonRule/anyOf/1",
        "mix: [ { flow: [ { get: /, expect: { json: { $.a: { @ } } } } ] } ]",
    ),
    (
        "/definitions/capture",
        "mix: [ { flow: [ { get: /, capture: { a: { @ } } } ] } ]",
    ),
    ("/properties/watch", "watch: { @ }"),
    ("/definitions/watched", "watch: { a: { @ } }"),
    (
        "/definitions/measure",
        "mix: [ { flow: [ { get: /, measure: { a: { unit: ms, @ } } } ] } ]",
    ),
    (
        "/definitions/tag",
        "mix: [ { flow: [ { get: /, tag: { a: { @ } } } ] } ]",
    ),
    (
        "/definitions/delay/anyOf/1",
        "mix: [ { flow: [ { sleep: { @ } } ] } ]",
    ),
    (
        "/definitions/delay/anyOf/1/properties/exponential",
        "mix: [ { flow: [ { sleep: { exponential: { @ } } } ] } ]",
    ),
    (
        "/definitions/delay/anyOf/1/properties/normal",
        "mix: [ { flow: [ { sleep: { normal: { @ } } } ] } ]",
    ),
    (
        "/definitions/delay/anyOf/1/properties/lognormal",
        "mix: [ { flow: [ { sleep: { lognormal: { @ } } } ] } ]",
    ),
    (
        "/definitions/ownLoad",
        "mix: [ { load: { @ }, flow: [ { sleep: 1ms } ] } ]",
    ),
    ("/definitions/stage", "load: { stages: [ { @ } ] }"),
    (
        "/properties/load/properties/stop_when/items/anyOf/2",
        "load: { stop_when: [ { @ } ] }",
    ),
    ("/definitions/threshold/anyOf/2", "thresholds: [ { @ } ]"),
];

/// Returns the diagnostics of a scenario in which a part has only this key.
fn said(place: &str, key: &str) -> String {
    let source = Source::inline("x.yaml", place.replace('@', &format!("{key}: ~")));
    compile(&source, &Overrides::default(), &|_| None)
        .map(|c| c.warnings)
        .unwrap_or_else(|problems| problems)
        .render(&source, false)
}

#[test]
fn the_compiler_knows_every_key_of_the_schema() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, place) in PLACES {
        seen.insert((*path).to_owned());
        let part = schema
            .pointer(path)
            .unwrap_or_else(|| panic!("nothing at {path}"));
        for key in part["properties"]
            .as_object()
            .unwrap_or_else(|| panic!("no properties at {path}"))
            .keys()
        {
            let said = said(place, key);
            if [
                "unknown key",
                "does not run it yet",
                "unknown distribution",
                "unknown backoff",
            ]
            .iter()
            .any(|word| said.contains(word))
            {
                wrong.push(format!("{path}: `{key}`"));
            }
        }
    }
    // Every map with its own keys is one of those places.
    each(&schema, "", &mut |path, part| {
        if part.get("properties").is_some() && !path.ends_with("/properties") {
            assert!(seen.contains(path), "{path} is not covered by this test");
        }
    });
    assert!(
        wrong.is_empty(),
        "the compiler does not know these keys of the schema:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_schema_knows_every_key_of_the_compiler() {
    let schema = schema();
    for (path, place) in PLACES {
        let said = said(place, "xyzzyxyzzy");
        let Some(list) = said
            .split("known here: ")
            .nth(1)
            .and_then(|rest| rest.lines().next())
        else {
            continue;
        };
        let known: BTreeSet<&str> = list.split('`').skip(1).step_by(2).collect();
        assert!(!known.is_empty(), "{path}: {said}");
        let properties: BTreeSet<&str> = schema
            .pointer(path)
            .and_then(|part| part["properties"].as_object())
            .expect("properties")
            .keys()
            .map(String::as_str)
            .collect();
        let missing: Vec<_> = known.difference(&properties).collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}");
    }
    assert!(
        said("@", "xyzzyxyzzy").contains("known here"),
        "the test finds nothing"
    );
    assert_eq!(schema["required"], json!(["name", "mix"]));
}
