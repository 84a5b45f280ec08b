//! Nothing that the program writes contains secrets, and public hosts are not load-tested by
//! accident.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::peer::Peer;
use crate::support::{
    PROGRAM, Ran, Running, Server, finish, folder, loadgen, result, run, scenario, until,
};

/// A secret for each place in which one may occur; their base64 forms must not occur either.
const DECLARED: &str = "tok-declared-7f3a&<x>";
const ENVIRONMENT: &str = "tok environment/9b1c\"q";
const NUMBER: &str = "918273645546";
const HEADER: &str = "tok-header-55d2";
const COOKIE: &str = "tok-cookie-6e21";
const KEY: &str = "tok-key-0c4b";
const PASSWORD: &str = "tok-password-e8f7";
/// `somebody:tok-password-e8f7`
const BASIC: &str = "c29tZWJvZHk6dG9rLXBhc3N3b3JkLWU4Zjc=";
const TEMPLATED: &str = "tok-templated-31aa";
const VARIABLE: &str = "plain-variable-1234";

fn text() -> String {
    format!(
        r#"name: quiet
description: "uses {{{{declared}}}}"
seed: 1
vars: {{ open: {VARIABLE} }}
secrets:
  declared: '{DECLARED}'
  environment: "${{QUIET_TOKEN}}"
  number: {NUMBER}
  templated: {TEMPLATED}
modes: [threaded, async]
targets:
  api:
    url: builtin
    headers: {{ X-Api-Key: {KEY}, Cookie: "SID={COOKIE}; theme=dark" }}
mix:
  - name: "entry {{{{declared}}}}"
    flow:
      - post: "/anything/{{{{declared}}}}"
        name: "step {{{{environment}}}} {{{{open}}}}"
        query: {{ q: "{{{{environment}}}}" }}
        headers: {{ authorization: "Bearer {HEADER}", x-coded: "{{{{base64('me:' ~ declared)}}}}" }}
        json: {{ n: "{{{{number}}}}", t: "{{{{environment}}}}", later: "{{{{declared ~ random_int(1, 1)}}}}" }}
        expect: {{ body: {{ equals: "{{{{declared}}}}" }} }}
        on_error: continue
      - get: /headers
        headers: {{ proxy-authorization: "Basic {BASIC}", x-y: "{{{{templated}}}}" }}
        expect: {{ body: {{ contains: "no such text" }}, headers: {{ x-request: "{{{{templated}}}}" }} }}
        on_error: continue
      - tcp: {{ send: "{{{{declared}}}} {{{{templated}}}}\n", receive: line }}
        expect: {{ body: {{ equals: "{{{{environment}}}}" }} }}
        on_error: continue
      - websocket: "/ws/echo?{{{{templated}}}}"
        flow:
          - send: "{{{{environment}}}} {{{{templated}}}}"
            receive: {{ matches: .* }}
            expect: {{ body: {{ contains: "no such text {{{{declared}}}}" }} }}
            on_error: continue
          - send_json: {{ t: "{{{{templated}}}}", n: "{{{{number}}}}" }}
            receive: {{ contains: "{{{{templated}}}}" }}
      - sleep: 1ms
        name: "sleep {{{{number}}}}"
load: {{ vus: 2, iterations: 4 }}
report: {{ formats: [html, png, svg] }}
"#
    )
}

fn all() -> Vec<&'static str> {
    vec![
        DECLARED,
        ENVIRONMENT,
        NUMBER,
        HEADER,
        COOKIE,
        KEY,
        PASSWORD,
        TEMPLATED,
    ]
}

/// Searches for every secret in every encoding; with `open`, a plain variable must be present, to
/// prove that there was content.
#[track_caller]
fn quiet(what: &str, bytes: &[u8], open: bool) {
    let text = String::from_utf8_lossy(bytes);
    let json = |secret: &str| {
        serde_json::Value::from(secret)
            .to_string()
            .trim_matches('"')
            .to_owned()
    };
    let percent = |secret: &str| {
        percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
            .to_string()
    };
    for secret in all() {
        for form in [
            secret.to_owned(),
            json(secret),
            percent(secret),
            secret.replace('&', "&amp;"),
            secret.replace('&', "&#38;"),
        ] {
            assert!(
                !text.contains(&form),
                "{what} reveals {form}:\n{}",
                &text[..text.len().min(20_000)]
            );
        }
    }
    for coded in [
        BASIC,
        "dG9rLWRlY2xhcmVk",
        "b2stZGVjbGFyZW",
        "OnRvay1kZWNsYXJl",
    ] {
        assert!(
            !text.contains(&coded[..coded.len() - 4]),
            "{what} reveals {coded}"
        );
    }
    // The middle of each secret, which would survive truncation or wrapping.
    for part in [
        "declared-7f3a",
        "environment/9b1c",
        "header-55d2",
        "cookie-6e21",
        "key-0c4b",
        "password-e8f7",
        "templated-31aa",
    ] {
        assert!(!text.contains(part), "{what} reveals {part}");
    }
    assert!(
        !open || text.contains(VARIABLE),
        "{what} has no `{VARIABLE}`"
    );
}

#[track_caller]
fn said(what: &str, ran: &Ran) {
    quiet(what, ran.stdout.as_bytes(), false);
    quiet(what, ran.stderr.as_bytes(), false);
}

fn with_token(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = loadgen(folder, arguments);
    command.env("QUIET_TOKEN", ENVIRONMENT);
    command
}

#[test]
fn no_written_byte_reveals_a_secret() {
    let folder = folder();
    scenario(folder.path(), &text());
    let ran = finish(&mut with_token(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "-v", "--no-progress"],
    ))
    .exits(0);
    said("run", &ran);
    let mut files = 0;
    for file in fs::read_dir(folder.path().join("out")).expect("written") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            let bytes = fs::read(&path).expect("readable");
            quiet(
                &path.display().to_string(),
                &bytes,
                path.extension().is_some_and(|e| e == "json" || e == "html"),
            );
            files += 1;
        }
    }
    assert!(files >= 5, "only {files} files");
    let result = result(&folder.path().join("out"));
    let errors = result["runs"][0]["errors"].as_array().expect("errors");
    assert!(
        errors
            .iter()
            .any(|e| e["message"].as_str().is_some_and(|m| m.contains("***"))),
        "{errors:?}"
    );
    assert!(
        result["scenario"]["source"]
            .as_str()
            .is_some_and(|s| s.contains("${QUIET_TOKEN}") && s.contains("***"))
    );
    let ran = finish(&mut with_token(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--json"],
    ))
    .exits(0);
    said("--json", &ran);
    assert!(ran.stdout.contains(VARIABLE));
    said(
        "report",
        &run(folder.path(), &["report", "out/result.json", "-o", "again"]).exits(0),
    );
    for arguments in [
        &["run", "test.yaml", "--plan"][..],
        &["validate", "test.yaml", "--plan"],
        &["run", "test.yaml", "--dry-run"],
        &["validate", "test.yaml"],
    ] {
        let ran = finish(&mut with_token(folder.path(), arguments)).exits(0);
        said(&arguments.join(" "), &ran);
        assert!(
            !arguments.contains(&"--plan")
                || (ran.stdout.contains("***") && ran.stdout.contains(VARIABLE)),
            "{}",
            ran.stdout
        );
    }
}

/// Every form of the report.
const FORMS: &str =
    "html,html-dir,png,svg,junit,markdown,csv,hlog,ctrf,openmetrics,github-benchmark";

/// Searches every file below a folder; returns the number of files.
#[track_caller]
fn quiet_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += quiet_files(&path);
        } else {
            let bytes = fs::read(&path).expect("readable");
            quiet(
                &path.display().to_string(),
                &bytes,
                path.extension().is_some_and(|e| e == "html"),
            );
            files += 1;
        }
    }
    files
}

/// The scenario with failing thresholds that select parts with secrets in their names.
fn gated() -> String {
    let thresholds = "thresholds:\n  - { check: p99 < 1ns, step: \"step {{environment}} {{open}}\" }\n  - { check: error_rate < 1%, mix: \"entry {{declared}}\" }\n";
    format!("{}{thresholds}", text())
}

#[test]
fn no_form_of_the_report_and_no_ci_output_reveals_a_secret() {
    let folder = folder();
    let path = folder.path();
    scenario(path, &gated());
    let mut command = with_token(
        path,
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            FORMS,
            "--color",
            "always",
            "--seed",
            "7",
        ],
    );
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", "summary.md");
    let ran = finish(&mut command).exits(99).says(&["::error", "***"]);
    said("run", &ran);
    quiet(
        "the job's summary",
        &fs::read(path.join("summary.md")).expect("written"),
        true,
    );
    let files = quiet_files(&path.join("out"));
    assert!(files >= 20, "only {files} files");
    for (what, arguments) in [
        (
            "report",
            &[
                "report",
                "out/result.json",
                "-o",
                "again",
                "--format",
                FORMS,
            ][..],
        ),
        (
            "overlaid",
            &[
                "report",
                "out/result.json",
                "again/result.json",
                "-o",
                "both",
                "--format",
                "html,html-dir,png,svg",
            ],
        ),
    ] {
        said(what, &run(path, arguments).exits(0));
    }
    assert!(quiet_files(&path.join("again")) >= 20 && quiet_files(&path.join("both")) >= 8);
    // Other problems of a scenario are reported to CI, too.
    scenario(
        path,
        &gated().replace("mix: \"entry {{declared}}\"", "mix: \"entri {{declared}}\""),
    );
    let ran = finish(with_token(path, &["run", "test.yaml"]).env("GITHUB_ACTIONS", "true"))
        .exits(2)
        .says(&["::error", "***"]);
    said("a broken threshold", &ran);
}

#[test]
fn no_comparison_baseline_or_search_reveals_a_secret() {
    let folder = folder();
    let path = folder.path();
    // Over plain HTTP only, so that any server works.
    let all = text();
    let (before, rest) = all.split_once("      - tcp:").expect("a step over TCP");
    let plain = format!(
        "{before}{}",
        &rest[rest.find("      - sleep:").expect("a step behind it")..]
    );
    scenario(path, &plain);
    let server = Server::start();
    let url = server.url();
    for out in ["one", "two"] {
        finish(&mut with_token(
            path,
            &["run", "test.yaml", "-o", out, "--format", "none", "-q"],
        ))
        .exits(0);
    }
    let saved = [
        "baseline",
        "save",
        "main",
        "one/result.json",
        "--on-invalid",
        "warn",
    ];
    for arguments in [
        &saved[..],
        &["baseline", "list"],
        &["compare", "one", "two", "--on-invalid", "warn"],
        &["compare", "one", "two", "--json"],
    ] {
        let ran = run(path, arguments);
        assert!(
            matches!(ran.status.code(), Some(0 | 97 | 98)),
            "{arguments:?}: {}",
            ran.stderr
        );
        said(&arguments.join(" "), &ran);
    }
    let against = [
        "run",
        "test.yaml",
        "-o",
        "three",
        "--format",
        FORMS,
        "--baseline",
        "main",
        "--on-invalid",
        "warn",
    ];
    let ran = finish(&mut with_token(path, &against));
    assert!(matches!(ran.status.code(), Some(0 | 98)), "{}", ran.stderr);
    said("run --baseline", &ran);
    let ab = [
        "ab",
        "test.yaml",
        "--a",
        &url,
        "--b",
        &url,
        "--pairs",
        "2",
        "-o",
        "ab",
        "--on-invalid",
        "warn",
    ];
    let ran = finish(&mut with_token(path, &ab));
    assert!(matches!(ran.status.code(), Some(0 | 98)), "{}", ran.stderr);
    said("ab", &ran);
    let rates = ["--probe", "1s", "--from", "20/s", "--most", "40/s"];
    let search = [
        &[
            "capacity",
            "test.yaml",
            "--slo",
            "p99 < 10s",
            "--mode",
            "async",
            "-o",
            "search",
        ],
        &rates[..],
    ]
    .concat();
    let ran = finish(&mut with_token(path, &search));
    said("capacity", &ran);
    assert!(
        path.join("search/capacity.json").is_file(),
        "{}",
        ran.stderr
    );
    fs::remove_file(path.join("test.yaml")).expect("it exists");
    // All written files: results, baselines, `comparison.json`, `capacity.json`, images and logs.
    let files = quiet_files(path);
    assert!(
        files > 30 && path.join("ab/comparison.json").is_file(),
        "only {files} files"
    );
}

#[test]
fn a_failed_setup_or_teardown_reveals_no_secret() {
    let told = serde_json::json!({ "t": [DECLARED, ENVIRONMENT] }).to_string();
    let peer = Peer::start(move |line, _| line.answer(&told));
    let folder = folder();
    for part in ["setup", "teardown"] {
        for check in [
            "json: { $.t: other }",
            "body: { equals: other }",
            "body: { contains: other }",
            "body: { matches: ^other$ }",
        ] {
            scenario(
                folder.path(),
                &format!(
                    "name: x\ndescription: {VARIABLE}\nsecrets: {{ declared: '{DECLARED}', environment: '${{QUIET_TOKEN}}' }}\nmodes: [sequential, threaded, async]\n\
                     targets: {{ a: {{ url: '{}' }} }}\nmix: [ {{ flow: [ {{ sleep: 1ms }} ] }} ]\nload: {{ iterations: 1 }}\n\
                     {part}: [ {{ get: '/{{{{declared}}}}', expect: {{ {check} }} }} ]\n",
                    peer.url()
                ),
            );
            for more in [&["-q"][..], &[], &["-v", "--no-progress", "--json"]] {
                let arguments =
                    [&["run", "test.yaml", "-o", "out", "--format", "html"], more].concat();
                let ran = finish(&mut with_token(folder.path(), &arguments))
                    .exits(if part == "setup" { 3 } else { 0 });
                let ran = ran.says(&[
                    &format!("the {part} failed at `GET /{{{{declared}}}}`"),
                    "***",
                ]);
                said(&format!("{part}, {check} {more:?}"), &ran);
            }
        }
        if part == "teardown" {
            quiet_files(&folder.path().join("out"));
        }
    }
}

#[test]
fn an_expression_that_fails_outside_the_run_reveals_no_secret() {
    let folder = folder();
    for mode in ["sequential", "threaded", "async", "simulated"] {
        for part in ["setup", "teardown"] {
            scenario(
                folder.path(),
                &format!(
                    "name: x\nsecrets: {{ declared: '{DECLARED}' }}\nmix: [ {{ flow: [ {{ sleep: 1ms }} ] }} ]\nload: {{ iterations: 1 }}\n\
                     {part}: [ {{ set: {{ n: int(declared ~ seq()) }} }} ]\n"
                ),
            );
            let ran = run(
                folder.path(),
                &[
                    "run",
                    "test.yaml",
                    "-o",
                    "out",
                    "--format",
                    "none",
                    "--mode",
                    mode,
                ],
            );
            let ran = ran
                .exits(if part == "setup" { 3 } else { 0 })
                .says(&[&format!("the {part} failed"), "***"]);
            said(&format!("{part}, {mode}"), &ran);
        }
    }
}

#[test]
fn the_log_of_a_server_that_ab_starts_reveals_no_secret() {
    let folder = folder();
    let path = folder.path();
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port");
    scenario(
        path,
        &format!(
            "name: x\nsecrets: {{ declared: '{DECLARED}' }}\ntargets: {{ a: {{ url: 'http://{port}' }} }}\n\
             mix: [ {{ flow: [ {{ get: / }} ] }} ]\nload: {{ iterations: 2 }}\n"
        ),
    );
    let start = format!("echo 'GET /?t={DECLARED}'; exec '{PROGRAM}' serve --listen {port}");
    let url = format!("http://{port}");
    let sides = [
        "--a",
        url.as_str(),
        "--b",
        url.as_str(),
        "--a-start",
        start.as_str(),
        "--b-start",
        start.as_str(),
    ];
    let ran = run(
        path,
        &[
            &[
                "ab",
                "test.yaml",
                "--pairs",
                "2",
                "-o",
                "ab",
                "--on-invalid",
                "warn",
            ],
            &sides[..],
        ]
        .concat(),
    );
    assert!(matches!(ran.status.code(), Some(0 | 98)), "{}", ran.stderr);
    said("ab", &ran);
    for log in ["ab/a.log", "ab/b.log"] {
        let text = fs::read_to_string(path.join(log)).expect("written");
        assert!(
            text.starts_with("GET /?t=***\n") && text.contains("http://"),
            "{log}: {text}"
        );
        assert_eq!(
            text.matches("***").count(),
            2,
            "{log}, once per run: {text}"
        );
    }
    // The page of a comparison does not show the scenario, so the plain variable is not on it.
    let page = path.join("ab/index.html");
    quiet("ab/index.html", &fs::read(&page).expect("written"), false);
    fs::remove_file(page).expect("it exists");
    fs::remove_file(path.join("test.yaml")).expect("it exists");
    quiet_files(path);
}

#[test]
fn the_live_page_reveals_no_secret() {
    let folder = folder();
    scenario(
        folder.path(),
        &gated().replace(
            "load: { vus: 2, iterations: 4 }",
            "load: { vus: 2, duration: 3s }",
        ),
    );
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port");
    let at = port.to_string();
    let running = Running::start(
        &mut with_token(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--live",
                &at,
            ],
        ),
        None,
    );
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(port).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(answer)
    };
    until("the page is served", || ask("/").is_some());
    // Every version of the page, until the end of the run.
    let stream = ask("/events").expect("a stream");
    quiet("the stream of pages", &stream, true);
    assert!(
        String::from_utf8_lossy(&stream).matches("data:").count() > 10,
        "few pages: {} bytes",
        stream.len()
    );
    said("run --live", &running.finish().exits(99));
    quiet_files(folder.path().join("out").as_path());
}

#[test]
fn diagnostics_of_a_broken_scenario_reveal_no_secret() {
    let folder = folder();
    for (typed, broken) in [
        (
            "load: { vus: 2, iterations: 4 }",
            "load: { vus: \"{{declared}}\", duration: \"{{environment}}\", iterations: \"{{templated}}\", warmup: \"{{declared}}{{declared}}{{declared}}{{declared}}\" }",
        ),
        ("secrets:\n", "secrets:\n  open: tok-password-e8f7\n"),
        (
            "X-Api-Key: tok-key-0c4b,",
            "X-Api-Key: tok-key-0c4b, 'a b': c,",
        ),
        ("expect: { body: { contains", "expcet: { body: { contains"),
        (
            "headers: { authorization: \"Bearer tok-header-55d2\",",
            "headers: { authorization: \"Bearer tok-header-55d2\", authorization2: \"\\r\\n\",",
        ),
        (
            "modes: [threaded, async]",
            "modes: [threaded, \"{{templated}}\"]",
        ),
    ] {
        let text = text();
        assert!(text.contains(typed), "{typed}");
        scenario(folder.path(), &text.replacen(typed, broken, 1));
        for arguments in [
            &["run", "test.yaml"][..],
            &["run", "test.yaml", "--color", "always"],
            &["validate", "test.yaml", "--plan"],
        ] {
            said(
                broken,
                &finish(&mut with_token(folder.path(), arguments)).exits(2),
            );
        }
    }
    scenario(folder.path(), &text());
    run(folder.path(), &["validate", "test.yaml"])
        .exits(2)
        .says(&["the environment variable `QUIET_TOKEN` is not set"]);
}

#[test]
fn the_quick_form_reveals_no_secret() {
    let (folder, server) = (folder(), Server::start());
    let url = format!("{}/anything", server.url());
    let (bearer, basic) = (
        format!("Authorization: Bearer {HEADER}"),
        format!("proxy-authorization: Basic {BASIC}"),
    );
    let flags = [
        "-H",
        bearer.as_str(),
        "-H",
        basic.as_str(),
        "-i",
        "3",
        "-u",
        "1",
    ];
    for more in [
        &["-o", "out", "-v"][..],
        &["--dry-run"],
        &["--plan"],
        &["--print-scenario"],
        &["-o", "out", "--json"],
        &["-H", "a b: c"],
    ] {
        let ran = run(
            folder.path(),
            &[&["run", url.as_str()], &flags[..], more].concat(),
        );
        let ran = ran.exits(if more.contains(&"a b: c") { 2 } else { 0 });
        said(&more.join(" "), &ran);
    }
    quiet(
        "result.json",
        &fs::read(folder.path().join("out/result.json")).expect("written"),
        false,
    );
    let ran = finish(
        loadgen(folder.path(), &["run", "--help"])
            .env("LOADGEN_HEADER", &bearer)
            .env("LOADGEN_VAR", format!("a={DECLARED}")),
    );
    said("--help", &ran.exits(0));
}

#[test]
fn a_password_in_a_url_is_rejected_and_not_shown() {
    let (folder, server) = (folder(), Server::start());
    let host = server.address.to_string();
    let text = |url: &str, path: &str| {
        format!(
            "name: x\ntargets: {{ a: {{ url: '{url}' }} }}\nmix: [ {{ flow: [ {{ get: '{path}' }} ] }} ]\nload: {{ iterations: 1 }}\n"
        )
    };
    let auth = "auth: { basic: { user: …, password: … } }";
    let refused = |what: &str, arguments: &[&str], password: &str, says: &[&str]| {
        let ran = run(folder.path(), arguments).exits(2).says(says);
        assert!(
            !ran.stderr.contains(password) && !ran.stdout.contains(password),
            "{what}: {}{}",
            ran.stdout,
            ran.stderr
        );
    };
    let good = text(&server.url(), "/");
    for (scheme, pair, password) in [
        ("http://", "me:pw", "pw"),
        ("ws://", "me:tok-password-e8f7", "e8f7"),
        ("https://", "me:a/b@tok-e8f7", "e8f7"),
        ("http://", "tok-alone-e8f7", "e8f7"),
        ("", "me:tok-password-e8f7", "e8f7"),
    ] {
        let url = format!("{scheme}{pair}@{host}");
        scenario(folder.path(), &text(&url, "/"));
        for arguments in [
            &["run", "test.yaml"][..],
            &["validate", "test.yaml", "--plan"],
            &["run", "test.yaml", "--color", "always"],
        ] {
            refused(&url, arguments, password, &[auth]);
        }
        let ran =
            finish(loadgen(folder.path(), &["run", "test.yaml"]).env("GITHUB_ACTIONS", "true"))
                .exits(2)
                .says(&["::error"]);
        assert!(!ran.stderr.contains(password), "{}", ran.stderr);
        if !scheme.is_empty() {
            scenario(folder.path(), &text(&server.url(), &format!("{url}/x")));
            refused(&url, &["run", "test.yaml"], password, &[auth]);
        }
        scenario(folder.path(), &good);
        for flag in [url.clone(), format!("a={url}")] {
            refused(
                &url,
                &["run", "test.yaml", "--target", &flag],
                password,
                &[auth],
            );
            refused(
                &url,
                &["ab", "test.yaml", "--a", &flag, "--b", &server.url()],
                password,
                &[auth],
            );
            refused(
                &url,
                &["ab", "test.yaml", "--a", &server.url(), "--b", &flag],
                password,
                &[auth],
            );
            refused(
                &url,
                &[
                    "capacity",
                    "test.yaml",
                    "--slo",
                    "p99 < 1s",
                    "--target",
                    &flag,
                ],
                password,
                &[auth],
            );
        }
        if scheme.starts_with("http") {
            refused(
                &url,
                &["run", &url, "-i", "1"],
                password,
                &[auth, "-H 'authorization: Basic …'"],
            );
            refused(&url, &["run", &url, "--dry-run"], password, &[auth]);
            refused(
                &url,
                &["capacity", &url, "--slo", "p99 < 1s"],
                password,
                &["***@"],
            );
            refused(
                &url,
                &["run", "test.yaml", "--live", &url],
                password,
                &["***@"],
            );
        }
        if !scheme.is_empty() {
            let said = if scheme.starts_with("http") {
                "***@"
            } else {
                auth
            };
            refused(&url, &["validate", &url], password, &[said]);
            refused(
                &url,
                &["run", "test.yaml", "--not-a-flag", &url],
                password,
                &["--not-a-flag"],
            );
            let help =
                finish(loadgen(folder.path(), &["run", "--help"]).env("LOADGEN_TARGET", &url))
                    .exits(0);
            assert!(
                help.stdout.contains("***@") && !help.stdout.contains(password),
                "{}",
                help.stdout
            );
        }
        let variable = "vars: { base: 'http://a' }\n";
        scenario(
            folder.path(),
            &format!("{variable}{}", text("{{base}}", "/")),
        );
        refused(
            &url,
            &["run", "test.yaml", "--var", &format!("base={url}")],
            password,
            &[auth],
        );
    }
    scenario(folder.path(), &good);
    for arguments in [&["-H", HEADER][..], &["-H", ": tok-header-55d2"]] {
        let ran = run(
            folder.path(),
            &[&["run", "http://127.0.0.1:1"], arguments].concat(),
        )
        .exits(2)
        .says(&["***", "NAME: VALUE"]);
        said("a header without a name", &ran);
    }
    said(
        "a variable",
        &run(folder.path(), &["run", "test.yaml", "--var", HEADER])
            .exits(2)
            .says(&["***", "NAME=VALUE"]),
    );
}

#[test]
fn a_password_in_a_redirect_is_not_shown() {
    let folder = folder();
    let peer = Peer::start(|line, request| {
        let (status, name) = if request == "GET /x" {
            (200, "x-next")
        } else {
            (302, "location")
        };
        line.say(format!("HTTP/1.1 {status} X\r\n{name}: http://me:{PASSWORD}@127.0.0.1:1/x\r\ncontent-length: 0\r\n\r\n"));
        crate::peer::Then::Listen
    });
    scenario(
        folder.path(),
        &format!(
            "name: x\ndescription: {VARIABLE}\nmodes: [sequential, threaded, async]\ntargets: {{ a: {{ url: '{}', http: {{ redirects: 1 }} }} }}\n\
             mix: [ {{ flow: [ {{ get: /, on_error: continue }}, {{ get: /x, capture: {{ next: {{ header: x-next }} }} }}, \
             {{ get: '{{{{next}}}}' }} ] }} ]\nload: {{ iterations: 1 }}\n",
            peer.url()
        ),
    );
    said(
        "run",
        &run(
            folder.path(),
            &["run", "test.yaml", "-o", "out", "--format", "html"],
        )
        .exits(0),
    );
    let text = fs::read_to_string(folder.path().join("out/result.json")).expect("written");
    assert!(
        text.matches("http://***@127.0.0.1:1/x").count() >= 6 && !text.contains("e8f7"),
        "{text}"
    );
    quiet_files(&folder.path().join("out"));
}

#[test]
fn a_runtime_error_reveals_no_secret() {
    let folder = folder();
    let text = "name: x\nsecrets: { host: no-such-host-4242, path: sub-path-4343 }\ntargets: { a: { url: 'http://{{host}}.invalid/{{path}}' } }\n\
                mix: [ { flow: [ { get: / } ] } ]\nload: { iterations: 1 }\n";
    scenario(folder.path(), text);
    let ran = run(folder.path(), &["run", "test.yaml"])
        .exits(3)
        .says(&["***.invalid", "does not resolve"]);
    assert!(
        !ran.stderr.contains("4242") && !ran.stderr.contains("4343"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_fingerprint_does_not_depend_on_a_secret() {
    let folder = folder();
    scenario(folder.path(), &text());
    let fingerprint = |token: &str, more: &[&str]| {
        let ran = finish(
            loadgen(
                folder.path(),
                &[&["run", "test.yaml", "--plan"], more].concat(),
            )
            .env("QUIET_TOKEN", token),
        )
        .exits(0);
        ran.stdout.lines().next().expect("a line").to_owned()
    };
    let first = fingerprint("some token", &[]);
    assert_eq!(first, fingerprint("quite another token", &[]));
    assert_eq!(
        first,
        fingerprint(
            "some token",
            &["--var", "declared=elsewhere-5", "--var", "number=12345"]
        )
    );
    assert_ne!(first, fingerprint("some token", &["--var", "open=other"]));
}

#[test]
fn a_secret_must_be_declared_once_and_be_long_enough() {
    let folder = folder();
    let more = "mix: [ { flow: [ { sleep: 1ms } ] } ]\nload: { iterations: 1 }\nname: x\n";
    scenario(
        folder.path(),
        &format!("vars: {{ a: 1 }}\nsecrets: {{ a: long-enough }}\n{more}"),
    );
    let ran = run(folder.path(), &["validate", "test.yaml"])
        .exits(2)
        .says(&["`a` is in `vars` too"]);
    assert!(!ran.stderr.contains("long-enough"), "{}", ran.stderr);
    scenario(
        folder.path(),
        &format!("secrets: {{ a: abc, b: \"\" }}\n{more}"),
    );
    run(folder.path(), &["validate", "test.yaml"])
        .exits(0)
        .says(&[
            "the secret `a` has fewer than 4 characters",
            "move it to `vars`",
        ]);
    scenario(folder.path(), &format!("secrets: [a]\n{more}"));
    run(folder.path(), &["validate", "test.yaml"])
        .exits(2)
        .says(&["`secrets` must be a map"]);
}

#[test]
fn public_hosts_are_rejected_before_anything_is_sent() {
    let folder = folder();
    let text = |url: &str, more: &str| {
        format!(
            "name: x\n{more}targets: {{ shop: {{ url: '{url}' }} }}\nmix: [ {{ flow: [ {{ get: / }} ] }} ]\nload: {{ iterations: 1 }}\n"
        )
    };
    for url in ["http://192.0.2.1", "http://[2001:db8::1]:8080/x"] {
        scenario(folder.path(), &text(url, ""));
        run(folder.path(), &["run", "test.yaml"]).exits(2).says(&[
            "target `shop`",
            "--allow-target",
            "nothing was sent",
            "allow_targets",
        ]);
        for before in [
            &["validate", "test.yaml"][..],
            &["run", "test.yaml", "--dry-run"],
        ] {
            run(folder.path(), before)
                .exits(0)
                .says(&["a run would be refused", "--allow-target"]);
        }
        run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "--allow-target",
                "192.0.2.9,*.example.com",
            ],
        )
        .exits(2);
        run(folder.path(), &["run", url])
            .exits(2)
            .says(&["--allow-target"]);
    }
    assert!(
        !folder.path().join("reports").exists(),
        "no folder for a run that did not start"
    );
    for host in ["http://a", "*", "a:80"] {
        run(folder.path(), &["run", "test.yaml", "--allow-target", host])
            .exits(2)
            .says(&["from --allow-target", "is not a valid host"]);
        scenario(
            folder.path(),
            &text("builtin", &format!("allow_targets: ['{host}']\n")),
        );
        run(folder.path(), &["validate", "test.yaml"])
            .exits(2)
            .says(&["is not a valid host", "test.yaml:2"]);
    }
    // Local targets need no permission, by name or by address; allowed hosts are listed in the
    // plan.
    let server = Server::start();
    for host in ["127.0.0.1", "localhost"] {
        scenario(
            folder.path(),
            &text(
                &format!("http://{host}:{}", server.address.port()),
                "allow_targets: [b.example.com]\n",
            ),
        );
        run(
            folder.path(),
            &[
                "run",
                "test.yaml",
                "-o",
                "out",
                "--format",
                "none",
                "--allow-target",
                "A.example.com.",
            ],
        )
        .exits(0);
    }
    assert_eq!(
        result(&folder.path().join("out"))["plan"]["allow_targets"],
        serde_json::json!(["a.example.com", "b.example.com"])
    );
    let ran = finish(
        loadgen(folder.path(), &["run", "test.yaml", "--plan"])
            .env("LOADGEN_ALLOW_TARGET", "c.example.com,d.example.com"),
    );
    assert!(
        ran.exits(0)
            .stdout
            .contains("- c.example.com\n- d.example.com")
    );
    let printed = run(
        folder.path(),
        &[
            "run",
            "http://192.0.2.1",
            "--allow-target",
            "192.0.2.1",
            "--print-scenario",
        ],
    )
    .exits(0)
    .stdout;
    assert!(
        printed.contains("allow_targets: [\"192.0.2.1\"]"),
        "{printed}"
    );
}
