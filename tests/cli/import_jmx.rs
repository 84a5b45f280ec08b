//! `loadgen import` of test plans: what JMeter sends, and what the scenario that is made of its plan sends.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::import::{Request, request};
use crate::recorder::Recorder;
use crate::support::{finish, finish_with, folder, is_installed, loadgen, run, shipped};

/// Where Debian installs JMeter.
const HOME: &str = "/usr/share/jmeter";

/// Returns a file of this test.
pub(crate) fn fixture(name: &str) -> String {
    fs::read_to_string(shipped(&format!("tests/cli/import/{name}"))).expect("it ships")
}

/// Compares a scenario with what it was the last time.
pub(crate) fn is_as_before(name: &str, scenario: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/import")
        .join(name);
    if std::env::var_os("LOADGEN_BLESS").is_some() {
        fs::write(&path, scenario).expect("written");
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        scenario, before,
        "{name} has changed (LOADGEN_BLESS=1 rewrites it)"
    );
}

/// What a server is told, in what JMeter and loadgen can have in common.
fn essence(requests: Vec<Request>) -> Vec<String> {
    let mut all: Vec<String> = requests
        .into_iter()
        .map(|request| {
            let headers: Vec<String> = request
                .headers
                .iter()
                .filter(|(name, _)| name == "accept" || name.starts_with("x-"))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            let kind = request
                .headers
                .iter()
                .find(|(name, _)| name == "content-type");
            let kind = kind.map_or("", |(_, kind)| kind.split(';').next().unwrap_or_default());
            let body = String::from_utf8(request.body).expect("a text");
            // JMeter 2.13 gives every body that has no type the type of a form.
            let is_form = kind == "application/x-www-form-urlencoded" && body.contains('=');
            let spaced = |text: &str| text.replace('+', "%20");
            let body = if is_form { spaced(&body) } else { body };
            let kind = if body.is_empty() { "" } else { kind };
            format!(
                "{} [{}] {kind} {body}",
                spaced(&request.line),
                headers.join(", ")
            )
        })
        .collect();
    all.sort();
    all
}

/// Runs a plan with JMeter.
fn jmeter(folder: &Path, plan: &str, port: u16) {
    fs::write(folder.join("jmeter.js"), fixture("jmeter.js")).expect("written");
    let classes =
        format!("{HOME}/bin/ApacheJMeter.jar:{HOME}/lib/ext/*:{HOME}/lib/*:/usr/share/java/js.jar");
    let ran = Command::new("timeout")
        .args(["300", "java", "-Xmx256m", &format!("-Djmeter.home={HOME}")])
        .args([
            "-cp",
            &classes,
            "org.mozilla.javascript.tools.shell.Main",
            "jmeter.js",
        ])
        .args([
            "-n",
            "-t",
            plan,
            "-j",
            "jmeter.log",
            &format!("-Jport={port}"),
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("java");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let log = fs::read_to_string(folder.join("jmeter.log")).unwrap_or_default();
    assert!(
        ran.status.success() && said.contains("end of run"),
        "{said}\n{}\n{log}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn the_requests_are_those_that_jmeter_sends() {
    let http = format!("{HOME}/lib/ext/ApacheJMeter_http.jar");
    let has_jmeter = is_installed("jmeter", "jmeter") && is_installed(&http, "jmeter-http");
    let folder = folder();
    fs::write(folder.path().join("shop.jmx"), fixture("shop.jmx")).expect("written");
    fs::write(folder.path().join("users.csv"), fixture("users.csv")).expect("written");
    run(folder.path(), &["import", "shop.jmx", "-o", "shop.yaml"]).exits(0);
    let scenario = fs::read_to_string(folder.path().join("shop.yaml")).expect("written");
    is_as_before("shop.yaml", &scenario);
    let recorder = Recorder::start(request);
    let port = recorder.address.port();
    let ran = finish(
        loadgen(
            folder.path(),
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
        .env("PORT", port.to_string())
        .env("PASSWORD", "hunter22"),
    );
    // The server answers with nothing, so extractors take their defaults, in both.
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stderr);
    let heard = essence(recorder.heard());
    assert_eq!(heard.len(), 1 + 6 * 7 + 2 + 1 + 4 * 3 + 1, "{heard:#?}");
    if !has_jmeter {
        return;
    }
    jmeter(folder.path(), "shop.jmx", port);
    assert_eq!(heard, essence(recorder.heard()));
}

#[test]
fn parts_that_have_no_counterpart_are_named_in_their_place() {
    let folder = folder();
    fs::write(folder.path().join("features.jmx"), fixture("features.jmx")).expect("written");
    fs::write(folder.path().join("users.csv"), fixture("users.csv")).expect("written");
    let made = run(
        folder.path(),
        &["import", "features.jmx", "-o", "features.yaml"],
    )
    .exits(0);
    let scenario = fs::read_to_string(folder.path().join("features.yaml")).expect("written");
    is_as_before("features.yaml", &scenario);
    for secret in ["t0p-s3cret", "hunter22"] {
        assert!(
            !scenario.contains(secret) && !made.stderr.contains(secret),
            "{secret}"
        );
    }
    for (line, message) in [
        (30, "`CacheManager` is not carried over"),
        (64, "embedded resources are not fetched"),
        (78, "takes a later match in JMeter"),
        (91, "the extractor of `behind` is not carried over"),
        (165, "its parts take turns in JMeter"),
        (181, "scripts are not run"),
        (185, "nothing that was carried over sets `${computed}`"),
        (185, "the function `__groovy` is not carried over"),
        (192, "its condition is not carried over"),
        (237, "the test ends after an error in JMeter"),
        (262, "left out because they are disabled: `old`"),
    ] {
        let place = format!("line {line}: ");
        for output in [&scenario, &made.stderr] {
            let is_said = output
                .lines()
                .any(|said| said.contains(&place) && said.contains(message));
            assert!(is_said, "{place}{message}:\n{output}");
        }
    }
    let validated = finish(
        loadgen(folder.path(), &["validate", "features.yaml"])
            .env("API_TOKEN", "t0p-s3cret")
            .env("PASSWORD", "hunter22"),
    );
    assert_eq!(validated.status.code(), Some(0), "{}", validated.stderr);
}

#[test]
fn what_is_not_a_plan_or_has_no_request_is_refused() {
    let folder = folder();
    let plan = |inside: &str| {
        format!(
            "<jmeterTestPlan><hashTree><TestPlan testname='p'/><hashTree>{inside}</hashTree></hashTree></jmeterTestPlan>"
        )
    };
    let deep = "<hashTree>".repeat(300);
    for (text, part) in [
        ("<a/>".to_owned(), "it is not a test plan"),
        (
            "<jmeterTestPlan>\n<hashTree>".to_owned(),
            "line 2: `hashTree` is not closed",
        ),
        (
            "<jmeterTestPlan>\n</hashTree>".to_owned(),
            "line 2: it is not well-formed XML",
        ),
        (
            format!("<jmeterTestPlan>{deep}"),
            "is nested more than 200 deep",
        ),
        (plan(""), "there is no request in it"),
        (
            plan(
                "<ThreadGroup testname='g'/><hashTree><JDBCSampler testname='j'/><hashTree/></hashTree>",
            ),
            "`JDBCSampler` (j) is not carried over",
        ),
        (
            plan(
                "<ThreadGroup testname='g'/><hashTree><HTTPSamplerProxy testname='h'/><hashTree/></hashTree>",
            ),
            "the request `h` is left out: it has no server",
        ),
    ] {
        let refused = finish_with(
            &mut loadgen(folder.path(), &["import", "-", "--as", "jmx"]),
            &text,
        )
        .exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    }
}

#[test]
fn a_file_whose_columns_only_the_plan_names_is_copied_with_their_names() {
    let folder = folder();
    let path = folder.path();
    let recorder = Recorder::start(request);
    let text = |name: &str, value: &str| format!("<stringProp name='{name}'>{value}</stringProp>");
    let plan = format!(
        "<jmeterTestPlan><hashTree><TestPlan/><hashTree><ThreadGroup>{}<elementProp name='ThreadGroup.main_controller'>{}</elementProp></ThreadGroup>\
         <hashTree><CSVDataSet>{}{}{}<boolProp name='ignoreFirstLine'>true</boolProp></CSVDataSet><hashTree/>\
         <HTTPSamplerProxy>{}{}{}</HTTPSamplerProxy><hashTree/></hashTree></hashTree></hashTree></jmeterTestPlan>",
        text("ThreadGroup.num_threads", "1"),
        text("LoopController.loops", "2"),
        text("filename", "data/users.txt"),
        text("variableNames", "user;id"),
        text("delimiter", ";"),
        text("HTTPSampler.domain", "127.0.0.1"),
        text("HTTPSampler.port", &recorder.address.port().to_string()),
        text("HTTPSampler.path", "/${user}/${id}"),
    );
    fs::write(path.join("plan.jmx"), plan).expect("written");
    fs::create_dir(path.join("data")).expect("created");
    fs::write(path.join("data/users.txt"), "Name;Number\nada;1\nbob;2\n").expect("written");
    let made = run(path, &["import", "plan.jmx", "-o", "plan.yaml"]).exits(0);
    assert!(!made.stderr.contains("first line"), "{}", made.stderr);
    finish(&mut crate::import::sends(path, "plan.yaml")).exits(0);
    let heard: Vec<String> = recorder.heard().into_iter().map(|it| it.line).collect();
    assert_eq!(heard, ["GET /ada/1 HTTP/1.1", "GET /bob/2 HTTP/1.1"]);
}
