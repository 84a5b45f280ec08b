//! The commands and flags of the program: its stdout, its stderr, and its files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use crate::support::{
    self, PROGRAM, Server, finish, finish_with, folder, loadgen, program, run, scenario, until,
};

const SLEEPS: &str = "{name: quick, seed: 3, modes: [sequential, async], workers: 1, mix: [{name: a, weight: 3, flow: [{sleep: 2ms}]}, \
                      {name: b, flow: [{sleep: 1ms}]}], load: {vus: 4, iterations: 20}}";

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    support::files(folder)
        .into_iter()
        .map(|name| (name.clone(), fs::read(folder.join(&name)).expect("a file")))
        .collect()
}

/// Only text: no escape sequence, no carriage return, no bell.
#[track_caller]
fn plain(text: &str) {
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn a_run_prints_a_comparison_and_writes_a_report_into_its_own_folder() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let ran = run(folder.path(), &["run", "test.yaml"]).exits(0);
    for word in [
        "quick",
        "sequential",
        "async",
        "wall time",
        "throughput",
        "speedup",
        "p99",
        "peak memory",
    ] {
        assert!(ran.stdout.contains(word), "no `{word}` in:\n{}", ran.stdout);
    }
    plain(&ran.stdout);
    plain(&ran.stderr);
    let reports = folder.path().join("reports");
    let names = support::files(&reports);
    let [name] = names.as_slice() else {
        panic!("{names:?}")
    };
    let time = name
        .strip_prefix("quick-")
        .unwrap_or_else(|| panic!("{name}"));
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "00000000T000000Z");
    assert!(
        ran.stderr
            .ends_with(&format!("report: reports/{name}/index.html\n")),
        "{}",
        ran.stderr
    );
    let written = contents(&reports.join(name));
    let expected = [
        "index.html",
        "latency.png",
        "modes.png",
        "result.json",
        "steps.png",
        "throughput.png",
        "timeline.png",
    ];
    assert!(written.keys().eq(expected), "{:?}", written.keys());
    for (name, bytes) in &written {
        if name.ends_with(".png") {
            assert!(
                bytes.starts_with(b"\x89PNG\r\n\x1a\n")
                    && bytes.ends_with(b"IEND\xaeB`\x82")
                    && bytes.len() > 1000,
                "{name}"
            );
        }
    }
    let page = String::from_utf8_lossy(&written["index.html"]);
    assert!(
        page.starts_with("<!DOCTYPE html>") || page.starts_with("<!doctype html>"),
        "{}",
        &page[..40]
    );
    let result = support::result(&reports.join(name));
    assert_eq!(
        (&result["end"], &result["scenario"]["seed"]),
        (&"complete".into(), &3.into())
    );
    assert_eq!(result["scenario"]["source"], SLEEPS);
    assert_eq!(result["comparison"]["baseline_mode"], "sequential");
}

#[test]
fn two_runs_in_the_same_second_do_not_share_a_folder() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: quick, mix: [{name: a, flow: [{sleep: 0s}]}], load: {iterations: 1}}",
    );
    for _ in 0..4 {
        run(
            folder.path(),
            &["run", "test.yaml", "--format", "none", "-q"],
        )
        .exits(0);
    }
    assert_eq!(support::files(&folder.path().join("reports")).len(), 4);
}

#[test]
fn an_output_folder_is_cleared_of_earlier_reports() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let out = folder.path().join("deep/er");
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "deep/er",
            "--mode",
            "async",
            "--format",
            "svg",
        ],
    )
    .exits(0);
    let first = contents(&out);
    assert!(
        first.contains_key("timeline.svg")
            && !first.contains_key("modes.svg")
            && !first.contains_key("index.html"),
        "{:?}",
        first.keys()
    );
    fs::write(out.join("notes.txt"), "mine").expect("written");
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "deep/er",
            "--mode",
            "sequential",
            "--format",
            "none",
        ],
    )
    .exits(0);
    let second = contents(&out);
    assert!(
        second.keys().eq(["notes.txt", "result.json"]),
        "{:?}",
        second.keys()
    );
    assert_ne!(first["result.json"], second["result.json"]);
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn json_on_stdout_is_only_the_result() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--json",
        ],
    )
    .exits(0);
    assert_eq!(
        ran.stdout.as_bytes(),
        fs::read(folder.path().join("out/result.json")).expect("a result")
    );
    support::result(&folder.path().join("out"));
}

#[test]
fn quiet_prints_nothing() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let ran = run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none", "-q"],
    )
    .exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(support::files(&folder.path().join("out")), ["result.json"]);
    let ran = run(folder.path(), &["run", "test.yaml", "-q", "-v"]).exits(2);
    assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
}

#[test]
fn a_plan_is_printed_in_full_and_nothing_is_sent() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, seed: 9, mix: [{name: a, weight: 2, flow: [{get: /}]}, {name: b, flow: [{get: /json}]}], load: {vus: 3, iterations: 50}}",
    );
    let before = server.status();
    let url = server.url();
    let dry = |more: &[&str]| {
        let arguments = [
            &["run", "test.yaml", "--target", &url, "--dry-run", "--plan"],
            more,
        ]
        .concat();
        let ran = run(folder.path(), &arguments).exits(0);
        plain(&ran.stdout);
        ran.stdout
    };
    let plan = dry(&[]);
    for part in [
        "# fingerprint ",
        "name: t",
        "seed: 9",
        "method: GET",
        "path: /json",
        "vus: 3",
        "iterations: 50",
        "iteration 9: ",
    ] {
        assert!(plan.contains(part), "no `{part}` in:\n{plan}");
    }
    assert_eq!(plan, dry(&[]), "the same seed gives the same plan");
    let choices = |plan: &str| {
        plan.lines()
            .filter(|l| l.starts_with("#   iteration"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(choices(&plan).len(), 10);
    assert_eq!(
        choices(&plan),
        choices(&dry(&["--workers", "5"])),
        "independent of the number of workers"
    );
    assert!(
        (10..20).any(|seed| choices(&dry(&["--seed", &seed.to_string()])) != choices(&plan)),
        "different seeds give different plans"
    );
    let open = dry(&["-r", "200/s", "-d", "1s"]);
    assert!(
        open.contains("# first planned arrivals, at 200/s:"),
        "{open}"
    );
    assert!(
        open.lines().any(|l| l.contains(" 5ms  iteration 1: ")),
        "{open}"
    );
    let seen = server.seen_since(before);
    assert_eq!((seen.requests, seen.connections), (0, 0));
    assert_eq!(
        support::files(folder.path()),
        ["test.yaml"],
        "nothing is written"
    );
}

#[test]
fn a_dry_run_summarizes_the_run_on_one_page() {
    let (folder, server) = (folder(), Server::start());
    fs::write(folder.path().join("users.csv"), "name\nann\nbob\n").expect("written");
    scenario(
        folder.path(),
        "name: shop\nseed: 9\nmodes: [threaded, async]\nrounds: 3\nvars: { size: 7 }\nsecrets: { key: a-secret-key }\n\
         targets: { shop: { url: 'http://a' } }\ndata: { users: { file: users.csv } }\n\
         mix:\n  - name: buy\n    data: users\n    flow:\n      - sleep: 1ms\n      - post: '/cart/{{users.name}}?key={{key}}'\n        \
         json: { size: '{{size}}', key: '{{key}}' }\n      - get: /items\n        chance: 50%\n\
         load: { rate: 200/s, duration: 10s, warmup: 2s }\nthresholds: [ p95 < 50ms ]\n",
    );
    let before = server.status();
    let url = server.url();
    let page = run(
        folder.path(),
        &["run", "test.yaml", "--target", &url, "--dry-run"],
    )
    .exits(0)
    .stdout;
    plain(&page);
    for line in [
        "modes         threaded, async, 3 rounds: 6 runs",
        "arrivals      200 iterations/s, evenly spaced, at most 1,000 in flight, for 10s, after 2s of warm-up",
        "iterations    2,000 per run",
        "operations    2.5 operations per iteration, 5,000 per run",
        "requests      1.5 requests per iteration, 3,000 per run: 300/s",
        "takes         6 runs of 12.0 s: about 72.0 s",
        "thresholds    p95 < 50ms",
        "First request, of buy / POST /cart/{{users.name}}?key={{key}} in iteration 0:",
        &format!("  POST {url}/cart/ann?key=***"),
        "  content-type: application/json",
        r#"  {"size":7,"key":"***"}"#,
        "First planned arrivals, at 200/s:",
    ] {
        assert!(
            page.lines().any(|own| own == line),
            "no `{line}` in:\n{page}"
        );
    }
    assert!(
        page.lines().count() < 40 && page.lines().all(|line| line.chars().count() <= 120),
        "{page}"
    );
    assert!(
        page.ends_with("Nothing was sent. `--dry-run --plan` prints the whole plan.\n"),
        "{page}"
    );
    let seen = server.seen_since(before);
    assert_eq!((seen.requests, seen.connections), (0, 0));
    assert_eq!(
        support::files(folder.path()),
        ["test.yaml", "users.csv"],
        "nothing is written"
    );
}

#[test]
fn a_dry_run_shows_the_request_that_the_run_sends() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, seed: 3, mix: [{flow: [{parallel: [{sleep: 1ms}, {repeat: {times: 2, flow: [\
         {post: /anything, headers: {x-id: '{{uuid()}}'}, json: {n: '{{random_int(1, 1000000)}}'}, capture: {id: {jsonpath: \"$.headers['x-id']\"}}}, \
         {get: '/users/{{id}}', expect: {status: 418}, on_error: continue}]}}]}]}], load: {vus: 1, iterations: 1}}",
    );
    let url = server.url();
    let page = run(
        folder.path(),
        &["run", "test.yaml", "--target", &url, "--dry-run"],
    )
    .exits(0)
    .stdout;
    let id = page
        .lines()
        .find_map(|line| line.strip_prefix("  x-id: "))
        .unwrap_or_else(|| panic!("{page}"));
    let result = support::run_to_result(folder.path(), &["--target", &url]);
    let errors = &result["runs"][0]["errors"];
    let urls: Vec<&str> = errors
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|error| error["url"].as_str())
        .collect();
    assert!(
        urls.contains(&format!("{url}/users/{id}").as_str()),
        "{page}\n{errors}"
    );
    // Values that come only from a response cannot be shown.
    scenario(
        folder.path(),
        "{name: t, mix: [{flow: [{repeat: {times: 1, flow: [{get: '/{{x}}'}, {get: /json, capture: {x: {jsonpath: $.a}}}]}}]}], load: {iterations: 1}}",
    );
    let page = run(
        folder.path(),
        &["run", "test.yaml", "--target", &url, "--dry-run"],
    )
    .exits(0)
    .stdout;
    assert!(
        page.contains("it uses a value that is known only during a run"),
        "{page}"
    );
}

#[test]
fn a_random_seed_is_printed_and_stored() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: a, flow: [{sleep: 0s}]}], load: {iterations: 1}}",
    );
    let result = support::run_to_result(folder.path(), &["-v"]);
    let seed = support::count(&result["scenario"], "seed").to_string();
    let again = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--seed",
            &seed,
        ],
    )
    .exits(0);
    assert!(
        again.stdout.contains(&format!("seed {seed}")),
        "{}",
        again.stdout
    );
}

#[test]
fn validate_checks_every_file_even_if_some_are_bad() {
    let folder = folder();
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("good.yaml", SLEEPS);
    write(
        "other.yaml",
        "{name: other, mix: [{name: a, flow: [{sleep: 1ms}]}], load: {iterations: 1}}",
    );
    write(
        "bad.yaml",
        "{name: bad, mix: [{name: a, wieght: 2, flow: [{sleep: 20}]}], load: {iterations: 1}}",
    );
    let ran = run(folder.path(), &["validate", "good.yaml", "other.yaml"]).exits(0);
    assert_eq!(
        ran.stdout,
        "good.yaml: ok (quick: 2 mix entries, 2 operations)\nother.yaml: ok (other: 1 mix entry, 1 operation)\n"
    );
    assert_eq!(ran.stderr, "");
    let ran = run(
        folder.path(),
        &["validate", "bad.yaml", "missing.yaml", "good.yaml"],
    )
    .exits(2);
    assert!(ran.stdout.starts_with("good.yaml: ok"), "{}", ran.stdout);
    ran.says(&[
        "bad.yaml:1:",
        "`wieght`",
        "did you mean `weight`",
        "20ms",
        "missing.yaml",
    ]);
    let ran = run(folder.path(), &["validate", "--plan", "good.yaml"]).exits(0);
    for part in [
        "# good.yaml\n",
        "# fingerprint ",
        "vus: 4",
        "# first iterations",
    ] {
        assert!(ran.stdout.contains(part), "no `{part}` in:\n{}", ran.stdout);
    }
}

#[test]
fn a_scenario_may_come_from_standard_input() {
    let folder = folder();
    let ran = finish_with(&mut loadgen(folder.path(), &["validate", "-"]), SLEEPS).exits(0);
    assert_eq!(
        ran.stdout,
        "<stdin>: ok (quick: 2 mix entries, 2 operations)\n"
    );
    finish_with(
        &mut loadgen(
            folder.path(),
            &["run", "-", "-o", "out", "--format", "none"],
        ),
        SLEEPS,
    )
    .exits(0);
    assert_eq!(
        support::result(&folder.path().join("out"))["scenario"]["source"],
        SLEEPS
    );
    finish_with(&mut loadgen(folder.path(), &["validate", "-"]), "name: [")
        .exits(2)
        .says(&["<stdin>:1:"]);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, seed: 1, vars: {n: 2ms}, mix: [{name: a, flow: [{sleep: '{{n}}'}]}], load: {vus: 2, iterations: 8}}",
    );
    let plan = |environment: &[(&str, &str)], flags: &[&str]| {
        let mut command = loadgen(
            folder.path(),
            &[&["run", "test.yaml", "--plan"], flags].concat(),
        );
        command.envs(environment.iter().copied());
        finish(&mut command).exits(0).stdout
    };
    let environment = [
        ("LOADGEN_VUS", "7"),
        ("LOADGEN_ITERATIONS", "70"),
        ("LOADGEN_SEED", "77"),
        ("LOADGEN_MODE", "threaded,async"),
        ("LOADGEN_ROUNDS", "3"),
        ("LOADGEN_WORKERS", "5"),
        ("LOADGEN_VAR", "n=9ms"),
        ("LOADGEN_FORMAT", "svg"),
    ];
    let has = |plan: &str, parts: &[&str]| {
        for part in parts {
            assert!(plan.contains(part), "no `{part}` in:\n{plan}");
        }
    };
    has(
        &plan(&[], &[]),
        &[
            "vus: 2",
            "iterations: 8",
            "seed: 1\n",
            "- async",
            "rounds: 1",
            "2ms",
        ],
    );
    let from_environment = plan(&environment, &[]);
    has(
        &from_environment,
        &[
            "vus: 7",
            "iterations: 70",
            "seed: 77",
            "- threaded\n- async",
            "rounds: 3",
            "workers: 5",
            "9ms",
            "- svg",
        ],
    );
    let flags = [
        "-u",
        "3",
        "-i",
        "30",
        "--seed",
        "33",
        "--mode",
        "sequential",
        "--var",
        "n=4ms",
        "--format",
        "none",
    ];
    let from_flags = plan(&environment, &flags);
    has(
        &from_flags,
        &[
            "vus: 3",
            "iterations: 30",
            "seed: 33",
            "- sequential",
            "rounds: 3",
            "4ms",
            "formats: []",
        ],
    );
    assert!(!from_flags.contains("- async"), "{from_flags}");
    has(
        &plan(&[("LOADGEN_RATE", "50/s"), ("LOADGEN_DURATION", "2s")], &[]),
        &["rate: 50/s", "duration: 2s"],
    );
}

#[test]
fn switches_may_be_set_by_the_environment() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    for yes in ["1", "true", "yes"] {
        let ran = finish(loadgen(folder.path(), &["run", "test.yaml"]).env("LOADGEN_DRY_RUN", yes))
            .exits(0);
        assert!(
            ran.stdout.starts_with("scenario "),
            "LOADGEN_DRY_RUN={yes}: {}",
            ran.stdout
        );
    }
    for no in ["0", "false"] {
        let ran = finish(
            loadgen(
                folder.path(),
                &["run", "test.yaml", "--format", "none", "-o", "out"],
            )
            .env("LOADGEN_QUIET", no),
        )
        .exits(0);
        assert!(ran.stdout.contains("wall time"), "LOADGEN_QUIET={no}");
    }
}

#[test]
fn regenerated_reports_are_identical_to_the_byte() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "first",
            "--format",
            "html,png,svg",
        ],
    )
    .exits(0);
    let ran = run(
        folder.path(),
        &["report", "first/result.json", "-o", "second"],
    )
    .exits(0);
    let (first, second) = (
        contents(&folder.path().join("first")),
        contents(&folder.path().join("second")),
    );
    assert!(
        first.keys().eq(second.keys()),
        "{:?} {:?}",
        first.keys(),
        second.keys()
    );
    assert_eq!(first.len(), 12);
    for (name, bytes) in &first {
        assert!(bytes == &second[name], "{name} differs");
        assert!(
            ran.stdout.contains(&format!("second/{name}\n")),
            "{}",
            ran.stdout
        );
    }
    run(
        folder.path(),
        &[
            "report",
            "first/result.json",
            "-o",
            "third",
            "--format",
            "png",
        ],
    )
    .exits(0);
    let third = contents(&folder.path().join("third"));
    assert!(
        third.keys().eq([
            "latency.png",
            "modes.png",
            "result.json",
            "steps.png",
            "throughput.png",
            "timeline.png"
        ]),
        "{:?}",
        third.keys()
    );
    fs::remove_file(folder.path().join("first/index.html")).expect("it exists");
    run(folder.path(), &["report", "first/result.json"]).exits(0);
    assert!(
        contents(&folder.path().join("first")) == first,
        "regenerated in its own folder"
    );
    fs::write(
        folder.path().join("no.json"),
        "{\"schema\": \"loadgen.result/9\"}",
    )
    .expect("written");
    run(folder.path(), &["report", "no.json"])
        .exits(2)
        .says(&["no.json", "loadgen.result/9"]);
    run(folder.path(), &["report", "missing.json"])
        .exits(2)
        .says(&["missing.json"]);
}

#[test]
fn several_results_become_one_report() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    for name in ["before", "after"] {
        run(
            folder.path(),
            &["run", "test.yaml", "-o", name, "--format", "none"],
        )
        .exits(0);
    }
    let both = ["report", "before/result.json", "after/result.json"];
    let with = |more: &[&'static str]| [&both[..], more].concat();
    run(
        folder.path(),
        &with(&["-o", "both", "--format", "html,html-dir,png,svg"]),
    )
    .exits(0);
    let page = fs::read_to_string(folder.path().join("both/index.html")).expect("it was written");
    assert!(
        page.contains("2 results side by side")
            && page.contains("before · async")
            && page.contains("after · async")
    );
    let is_there = |name: &str| folder.path().join("both").join(name).is_file();
    assert!(
        is_there("timeline.png")
            && is_there("modes.svg")
            && is_there("html/script.js")
            && !is_there("result.json")
    );
    run(folder.path(), &both).exits(2).says(&["--output"]);
    run(folder.path(), &with(&["-o", "both", "--format", "junit"]))
        .exits(2)
        .says(&["junit", "html-dir"]);
    let many: Vec<&str> = ["report", "-o", "both"]
        .into_iter()
        .chain(std::iter::repeat_n("before/result.json", 13))
        .collect();
    run(folder.path(), &many).exits(2).says(&["at most 12"]);
    run(
        folder.path(),
        &["report", "before/result.json", "none.json", "-o", "both"],
    )
    .exits(2)
    .says(&["none.json"]);
}

#[test]
fn a_live_page_needs_a_usable_address() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    run(folder.path(), &["run", "test.yaml", "--live", "here"])
        .exits(2)
        .says(&["--live", "127.0.0.1:8090"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken
        .local_addr()
        .expect("a bound socket")
        .port()
        .to_string();
    run(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--live", &port],
    )
    .exits(3)
    .says(&["can't serve the live page", "--live"]);
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--live",
            "127.0.0.1:0",
        ],
    )
    .exits(0);
    assert!(
        ran.stderr.contains("live: http://127.0.0.1:"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_live_page_of_a_finished_run_shows_how_it_ended() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{flow: [{sleep: 1ms}]}], load: {vus: 1, duration: 1s}, thresholds: [p50 > 1h]}",
    );
    let arguments = [
        "run",
        "test.yaml",
        "-o",
        "out",
        "--format",
        "none",
        "--live",
        "127.0.0.1:0",
        "--no-progress",
        "--on-invalid",
        "warn",
    ];
    let mut child = loadgen(folder.path(), &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"))
        .lines()
        .map(|line| line.expect("UTF-8"));
    let address = said
        .find_map(|line| {
            Some(
                line.strip_prefix("live: http://")?
                    .trim_end_matches('/')
                    .to_owned(),
            )
        })
        .expect("an address");
    let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .expect("a timeout");
    write!(
        stream,
        "GET /events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("it is heard");
    let pages: Vec<String> = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.contains("<html"))
        .collect();
    // A reader that waits for the end must not prevent the run from reporting its result.
    said.for_each(drop);
    assert_eq!(child.wait().expect("it ends").code(), Some(99));
    let (first, last) = (
        pages.first().expect("a page"),
        pages.last().expect("a page"),
    );
    assert!(
        first.contains("Under way:") && !first.contains("Thresholds:"),
        "{first}"
    );
    assert!(!last.contains("Under way"), "{last}");
    assert!(
        last.contains("Complete:") && last.contains("not all of them were met"),
        "{last}"
    );
}

#[test]
fn a_reader_that_disconnects_causes_no_panic() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    for arguments in [
        &["run", "test.yaml", "-o", "out", "--format", "none"][..],
        &[
            "run",
            "test.yaml",
            "-o",
            "out",
            "--format",
            "none",
            "--json",
        ],
        &["run", "test.yaml", "--dry-run"],
        &["validate", "test.yaml", "--plan"],
        &["report", "out/result.json"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = loadgen(folder.path(), arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(
            ended.status.code(),
            Some(1),
            "{arguments:?}: an output could not be written: {said}"
        );
        assert!(
            !said.contains("panicked") && !said.contains("rror"),
            "{arguments:?}: {said}"
        );
        if arguments[0] == "run" && arguments.contains(&"-o") {
            support::result(&folder.path().join("out"));
        }
    }
}

#[test]
fn colour_is_used_only_if_wanted() {
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let arguments = ["run", "test.yaml", "-o", "out", "--format", "none"];
    let colour = |more: &[&str], environment: &[(&str, &str)]| {
        let mut command = loadgen(folder.path(), &[&arguments, more].concat());
        command.envs(environment.iter().copied());
        finish(&mut command).exits(0).stdout.contains('\u{1b}')
    };
    assert!(!colour(&[], &[]), "stdout is not a terminal");
    assert!(colour(&["--color", "always"], &[]));
    assert!(
        colour(&["--color", "always"], &[("NO_COLOR", "1")]),
        "a flag overrides the environment"
    );
    assert!(colour(&[], &[("LOADGEN_COLOR", "always")]));
    assert!(!colour(
        &["--color", "never"],
        &[("LOADGEN_COLOR", "always")]
    ));
    let bad = run(folder.path(), &["run", "none.yaml", "--color", "always"]).exits(2);
    assert!(bad.stderr.contains("\u{1b}[1;31merror"), "{:?}", bad.stderr);
}

#[test]
fn no_color_is_respected_on_a_terminal() {
    if !support::is_installed("script", "bsdutils") {
        return;
    }
    let folder = folder();
    scenario(folder.path(), SLEEPS);
    let on_a_terminal = |no_color: &str| {
        let line = format!(
            "'{}' run test.yaml -o out --format none --no-progress",
            PROGRAM
        );
        let mut command = program("script", folder.path(), &["-qec", &line, "typescript"]);
        command.env("TERM", "xterm").env("NO_COLOR", no_color);
        finish(&mut command).exits(0).stdout
    };
    let colours = |text: &str| text.contains("\u{1b}[");
    assert!(
        colours(&on_a_terminal("")),
        "an empty NO_COLOR has no effect"
    );
    assert!(!colours(&on_a_terminal("1")));
}

#[test]
fn a_server_serves_until_it_is_stopped() {
    let server = Server::start();
    let before = server.status();
    assert_eq!(
        (before.requests, before.connections, before.open),
        (1, 1, 0)
    );
    until("its own connection is closed", || server.status().open == 0);
    let taken = server.address.to_string();
    let folder = folder();
    run(folder.path(), &["serve", "--listen", &taken])
        .exits(3)
        .says(&["can't listen on", &taken]);
}

#[test]
fn help_and_version() {
    let folder = folder();
    let ran = run(folder.path(), &["--version"]).exits(0);
    let built = Path::new(PROGRAM).parent().and_then(Path::file_name);
    let profile = built.and_then(|name| name.to_str()).expect("a folder");
    assert_eq!(
        ran.stdout,
        format!("loadgen {} ({profile})\n", env!("CARGO_PKG_VERSION"))
    );
    let written = support::run_to_result;
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 1, iterations: 1}}",
    );
    assert_eq!(written(folder.path(), &[])["loadgen"]["profile"], profile);
    let ran = run(folder.path(), &["--help"]).exits(0);
    for command in ["run", "validate", "serve", "report"] {
        assert!(ran.stdout.contains(command), "{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("run-mode"), "{}", ran.stdout);
    run(folder.path(), &[]).exits(2);
}
