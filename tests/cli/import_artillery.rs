//! `loadgen import` of scripts of Artillery.

use std::fs;

use crate::import::{Request, request};
use crate::import_jmx::{fixture, is_as_before};
use crate::recorder::Recorder;
use crate::support::{finish, finish_with, folder, loadgen, run};

/// What a server is told: the line, what the script says of headers, and the body.
fn essence(request: &Request) -> String {
    let headers: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "accept" | "cookie" | "x-shop"))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let body = String::from_utf8_lossy(&request.body).into_owned();
    format!("{} [{}] {body}", request.line, headers.join(", "))
}

#[test]
fn the_requests_are_those_of_the_script() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("shop.yml"), fixture("shop-artillery.yml")).expect("written");
    fs::write(path.join("users.csv"), fixture("users.csv")).expect("written");
    let made = run(path, &["import", "shop.yml", "-o", "shop.yaml"]).exits(0);
    let scenario = fs::read_to_string(path.join("shop.yaml")).expect("written");
    is_as_before("shop-artillery.yaml", &scenario);
    for message in [
        "scenarios[0].flow[1].log: a message is not carried over",
        "scenarios[0].flow[6].get: `beforeRequest` is not carried over",
        "scenarios[0].flow[7].function: a function in JavaScript is not run",
    ] {
        assert!(made.stderr.contains(message), "{message}: {}", made.stderr);
        assert!(scenario.contains(message), "{message}: {scenario}");
    }
    let recorder = Recorder::start(request);
    let ran = finish(
        loadgen(
            path,
            &[
                "run",
                "shop.yaml",
                "--mode",
                "sequential",
                "--format",
                "none",
                "-q",
            ],
        )
        .env("PORT", recorder.address.port().to_string())
        .env("COOKIE", "theme=dark"),
    );
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let mut heard: Vec<String> = recorder.heard().iter().map(essence).collect();
    heard.sort();
    // What Artillery 2.0.21 sends, but for the numbers of a file in JSON, which it writes without quotes.
    let mut wanted = Vec::new();
    for (id, name, encoded) in [
        ("7", "Ada", "Ada"),
        ("8", "Bob & Co", "Bob%20%26%20Co"),
        ("9", "Zoë, the third", "Zo%C3%AB%2C%20the%20third"),
    ] {
        for _ in 0..2 {
            wanted.extend([
                "GET /items?kind=books HTTP/1.1 [accept: application/json, x-shop: main] ".to_owned(),
                format!("POST /orders HTTP/1.1 [x-shop: main] {{\"user\":\"{id}\",\"name\":\"{name}\",\"lines\":[{{\"item\":7,\"paid\":true}}]}}"),
                format!("PUT /tick/{id} HTTP/1.1 [x-shop: main] tick"),
                format!("PUT /tick/{id} HTTP/1.1 [x-shop: main] tick"),
                format!("POST /form HTTP/1.1 [x-shop: main] user={encoded}&note=a%20b%2Bc"),
                format!("GET /search?q=caf%C3%A9%20%26%20{encoded}&page=2 HTTP/1.1 [cookie: theme=dark, x-shop: main] "),
            ]);
        }
    }
    wanted.push("POST /reset HTTP/1.1 [x-shop: main] ".into());
    wanted.push("POST /clean HTTP/1.1 [x-shop: main] ".into());
    wanted.sort();
    assert_eq!(heard, wanted);
}

#[test]
fn phases_are_stages_and_conditions_are_thresholds() {
    let folder = folder();
    let script = r#"{
        "config": {
            "target": "http://127.0.0.1:8080/v1/",
            "phases": [
                { "pause": 5 },
                { "duration": "1m", "arrivalRate": 5, "rampTo": 50, "name": "warm up", "maxVusers": 100 },
                { "duration": 120, "arrivalRate": 50 },
                { "duration": 10, "arrivalRate": 0.5 }
            ],
            "ensure": {
                "thresholds": [{ "http.response_time.p95": 500 }, { "http.request_rate": 100 }],
                "conditions": [{ "expression": "http.response_time.median < 200 and vusers.failed == 0" }],
                "maxErrorRate": 1, "p99": 900
            },
            "environments": { "staging": {} }
        },
        "scenarios": [
            { "weight": 3, "flow": [{ "get": { "url": "/a", "capture": { "json": "$.ids", "as": "ids" },
                "expect": [{ "statusCode": [200, 201] }, { "contentType": "json" }, { "hasProperty": "ids" }] } },
                { "loop": [{ "get": "/b/{{ $loopElement }}" }], "over": "ids" }, { "think": "{{ $randomNumber(1, 3) }}" } ] },
            { "name": "chat", "engine": "ws", "flow": [{ "send": "hello" }] },
            { "name": "elsewhere", "flow": [{ "delete": { "url": "http://127.0.0.2:81/c?token=t0p-s3cret",
                "auth": { "user": "me", "pass": "hunter22" }, "followRedirect": false } }] }
        ]
    }"#;
    fs::write(folder.path().join("script.json"), script).expect("written");
    let made = run(
        folder.path(),
        &["import", "script.json", "-o", "script.yaml"],
    )
    .exits(0);
    let scenario = fs::read_to_string(folder.path().join("script.yaml")).expect("written");
    is_as_before("phases-artillery.yaml", &scenario);
    for secret in ["t0p-s3cret", "hunter22"] {
        assert!(
            !scenario.contains(secret) && !made.stderr.contains(secret),
            "{secret}"
        );
    }
    for message in [
        "config.environments: environments are not carried over",
        "config.ensure.conditions: a condition that is not a comparison is not carried over",
        "scenarios[1]: the engine `ws` is not carried over",
    ] {
        assert!(made.stderr.contains(message), "{message}: {}", made.stderr);
        assert!(scenario.contains(message), "{message}: {scenario}");
    }
    let validated = finish(
        loadgen(folder.path(), &["validate", "script.yaml"])
            .env("TOKEN", "t0p-s3cret")
            .env("PASSWORD", "hunter22"),
    );
    assert_eq!(validated.status.code(), Some(0), "{}", validated.stderr);
}

#[test]
fn what_is_not_a_script_or_has_no_request_is_refused() {
    let folder = folder();
    for (text, part) in [
        ("{", "it is not YAML"),
        ("a: 1", "`scenarios` is missing"),
        ("scenarios: []", "there is no request in it"),
        (
            "scenarios: [ { flow: [ { get: { url: / } } ] } ]",
            "`config.target` is missing",
        ),
        (
            "config: { target: 'ws://127.0.0.1' }\nscenarios: [ { flow: [ { get: { url: / } } ] } ]",
            "is not the URL of an HTTP server",
        ),
    ] {
        let refused = finish_with(
            &mut loadgen(folder.path(), &["import", "-", "--as", "artillery"]),
            text,
        )
        .exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    }
}

#[test]
fn a_file_whose_columns_only_the_script_names_is_copied_with_their_names() {
    let folder = folder();
    let path = folder.path();
    let recorder = Recorder::start(request);
    let script = format!(
        "config:\n  target: http://{}\n  payload:\n    path: ./users.csv\n    fields: [user, id]\n    order: sequence\n\
         scenarios: [ {{ flow: [ {{ get: {{ url: \"/{{{{ user }}}}/{{{{ id }}}}\" }} }} ] }} ]\n",
        recorder.address
    );
    fs::write(path.join("shop.yml"), script).expect("written");
    fs::write(path.join("users.csv"), "ada,1\nbob,2\n").expect("written");
    let made = run(path, &["import", "shop.yml", "-o", "shop.yaml"]).exits(0);
    assert!(!made.stderr.contains("config.payload"), "{}", made.stderr);
    let copy = fs::read_to_string(path.join("shop.bodies/1-users.csv")).expect("written");
    assert_eq!(copy, "user,id\nada,1\nbob,2\n");
    let mut command = crate::import::sends(path, "shop.yaml");
    finish(command.args(["--iterations", "3"])).exits(0);
    let heard: Vec<String> = recorder.heard().into_iter().map(|it| it.line).collect();
    let paths = ["/ada/1", "/bob/2", "/ada/1"];
    assert_eq!(heard, paths.map(|path| format!("GET {path} HTTP/1.1")));
}
