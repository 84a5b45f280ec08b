//! The messages and files that go with exit codes, and how runs are interrupted; `exit_codes`
//! covers every code.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    MODES, PROGRAM, REAL_MODES, Running, Server, count, files, finish, folder, loadgen, number,
    pairs, program, result, run, run_of, scenario, side_by_side, until,
};

/// One request to the target that the test specifies.
const REQUEST: &str = "{name: t, mix: [{name: m, flow: [{get: /}]}], load: {iterations: 1}, targets: {shop: {url: 'http://127.0.0.1:9'}}}";

#[test]
fn failed_requests_without_a_threshold_exit_with_0() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /status/503}]}], load: {iterations: 3}, targets: {shop: {url: builtin}}}",
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
            "--target",
            &server.url(),
        ],
    )
    .exits(0);
    let result = result(&folder.path().join("out"));
    let run = run_of(&result, "async");
    assert_eq!(
        (
            count(run, "failed"),
            count(&run["failures"], "status"),
            count(&run["status_codes"], "503")
        ),
        (3, 3, 3)
    );
}

#[test]
fn an_unwritable_output_folder_exits_with_1_before_anything_is_sent() {
    let (folder, server) = (folder(), Server::start());
    scenario(folder.path(), REQUEST);
    fs::write(folder.path().join("file"), "mine").expect("written");
    let before = server.status();
    for out in ["file", "file/below", "file/far/below"] {
        let ran = run(
            folder.path(),
            &["run", "test.yaml", "--target", &server.url(), "-o", out],
        )
        .exits(1);
        assert_eq!(ran.stdout, "");
        ran.says(&["error: can't create the output folder", out, "--output"]);
    }
    let seen = server.seen_since(before);
    assert_eq!((seen.requests, seen.connections), (0, 0));
    assert_eq!(
        fs::read_to_string(folder.path().join("file")).expect("it exists"),
        "mine"
    );
}

#[test]
fn bad_usage_exits_with_2() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    let cases: [(&[&str], &[&str]); 12] = [
        (&["run"], &["<FILE|URL>"]),
        (&["rum", "test.yaml"], &["unrecognized subcommand", "run"]),
        (&["run", "test.yaml", "--vuss", "3"], &["--vuss", "--vus"]),
        (&["run", "test.yaml", "-u", "many"], &["many", "--vus"]),
        (&["run", "test.yaml", "-u", "-1"], &["-1"]),
        (&["run", "test.yaml", "-d", "30"], &["30s", "--duration"]),
        (&["run", "test.yaml", "-r", "500"], &["500/s", "--rate"]),
        (
            &["run", "test.yaml", "--mode", "asink"],
            &["asink", "threaded"],
        ),
        (&["run", "test.yaml", "--format", "pdf"], &["pdf", "png"]),
        (&["run", "test.yaml", "--var", "n"], &["NAME=VALUE"]),
        (
            &["run", "test.yaml", "--target", "nobody=http://127.0.0.1:1/"],
            &["nobody", "shop"],
        ),
        (
            &["run", "test.yaml", "-u", "3", "-r", "5/s"],
            &["vus", "rate"],
        ),
    ];
    for (arguments, said) in cases {
        let ran = run(folder.path(), arguments);
        assert_eq!(
            (ran.status.code(), ran.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            ran.stderr
        );
        for part in said {
            assert!(
                ran.stderr.contains(part),
                "{arguments:?}: no `{part}` in:\n{}",
                ran.stderr
            );
        }
    }
    assert_eq!(files(folder.path()), ["test.yaml"]);
}

#[test]
fn a_file_that_is_not_a_scenario_exits_with_2() {
    let folder = folder();
    let write =
        |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    fs::create_dir(folder.path().join("folder")).expect("made");
    write("empty", b"");
    write("latin1", b"name: caf\xe9\n");
    write("large", "# a comment\n".repeat(100_000).as_bytes());
    for (name, said) in [
        ("missing", "there is no file `missing`"),
        ("folder", "`folder` is a folder"),
        ("empty", "empty:1:1"),
        ("latin1", "`latin1` is not UTF-8 text (byte 9)"),
        ("large", "`large` is larger than 1 MB"),
    ] {
        for command in ["run", "validate"] {
            let ran = run(folder.path(), &[command, name]).exits(2);
            assert_eq!(ran.stdout, "", "{command} {name}");
            ran.says(&[said]);
        }
    }
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn an_invalid_scenario_exits_with_2_and_lists_every_problem_before_anything_is_sent() {
    let (folder, server) = (folder(), Server::start());
    let text = format!(
        "name: Not A Name\ntargets:\n  shop: {{ url: '{}' }}\nmix:\n  - name: m\n    wieght: 3\n    flow:\n      - get: /\n        timeout: 30\n\
         \x20     - sleep: 1 fortnight\nload: {{ vus: 0, rate: 5/s, iterations: 1 }}\n",
        server.url()
    );
    scenario(folder.path(), &text);
    let before = server.status();
    let ran = run(folder.path(), &["run", "test.yaml"]).exits(2);
    assert_eq!(ran.stdout, "");
    ran.says(&[
        "test.yaml:1:7",
        "test.yaml:6:5",
        "did you mean `weight`",
        "test.yaml:9:18",
        "test.yaml:10:16",
        "test.yaml:11:",
    ]);
    let seen = server.seen_since(before);
    assert_eq!((seen.requests, seen.connections), (0, 0));
    assert_eq!(files(folder.path()), ["test.yaml"]);
}

#[test]
fn network_operations_in_virtual_time_exit_with_2() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    run(folder.path(), &["run", "test.yaml", "--mode", "simulated"])
        .exits(2)
        .says(&["simulated"]);
}

#[test]
fn a_target_that_refuses_connections_exits_with_3() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    let server = Server::start();
    let (address, url) = (server.address.to_string(), server.url());
    server.kill();
    let begun = Instant::now();
    let ran = run(folder.path(), &["run", "test.yaml", "--target", &url]).exits(3);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr.matches("refused").count(),
        1,
        "the reason is printed once: {}",
        ran.stderr
    );
    ran.says(&[
        "error: target `shop`",
        &address,
        "Connection refused",
        "--target shop=",
    ]);
    assert_eq!(
        files(folder.path()),
        ["test.yaml"],
        "neither a report nor a folder for one exists"
    );
}

#[test]
fn exit_3_leaves_the_output_folder_unchanged() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    let server = Server::start();
    let url = server.url();
    server.kill();
    let run = |out: &str| {
        run(
            folder.path(),
            &["run", "test.yaml", "--target", &url, "-o", out],
        )
        .exits(3)
    };
    fs::create_dir(folder.path().join("empty")).expect("made");
    run("empty");
    assert_eq!(
        files(&folder.path().join("empty")),
        [""; 0],
        "an existing folder is kept"
    );
    fs::create_dir(folder.path().join("full")).expect("made");
    fs::write(folder.path().join("full/result.json"), "earlier").expect("written");
    run("full");
    assert_eq!(
        fs::read_to_string(folder.path().join("full/result.json")).expect("it exists"),
        "earlier"
    );
    run("empty/new/deep");
    assert_eq!(
        files(&folder.path().join("empty")),
        [""; 0],
        "the folder created for the run is removed"
    );
}

#[test]
fn a_host_that_does_not_resolve_exits_with_3() {
    let folder = folder();
    scenario(folder.path(), REQUEST);
    let ran = run(
        folder.path(),
        &[
            "run",
            "test.yaml",
            "--target",
            "http://no-such-host.invalid/",
        ],
    )
    .exits(3);
    ran.says(&[
        "target `shop`",
        "`no-such-host.invalid` does not resolve",
        "check the name",
    ]);
    assert_eq!(files(folder.path()), ["test.yaml"]);
}

/// loadgen with these limits on open files.
fn with_files(folder: &Path, soft: u32, hard: u32, arguments: &[&str]) -> std::process::Command {
    // The soft limit first: it must not be above the hard one.
    let line = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    program("sh", folder, &[&["-c", &line, PROGRAM], arguments].concat())
}

#[test]
fn too_few_allowed_descriptors_exit_with_3() {
    let (folder, server) = (folder(), Server::start());
    scenario(folder.path(), REQUEST);
    let before = server.status();
    let arguments = [
        "run",
        "test.yaml",
        "--target",
        &server.url(),
        "-u",
        "1000",
        "-d",
        "1s",
    ];
    for mode in MODES {
        let arguments = [&arguments[..], &["--mode", mode]].concat();
        let ran = finish(&mut with_files(folder.path(), 64, 64, &arguments)).exits(3);
        let words: Vec<&str> = ran.stderr.split_whitespace().collect();
        let needed = words
            .windows(2)
            .find(|w| w[0] == "needs")
            .and_then(|w| w[1].parse::<u32>().ok());
        assert!(
            needed.is_some_and(|n| (1000..1200).contains(&n)),
            "{}",
            ran.stderr
        );
        ran.says(&["allows 64", "ulimit -n"]);
    }
    assert_eq!(server.seen_since(before).requests, 0);
    assert_eq!(files(folder.path()), ["test.yaml"]);
}

#[test]
fn the_soft_limit_of_descriptors_is_raised_up_to_the_hard_one() {
    let (folder, server) = (folder(), Server::start());
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /delay/0.3}]}], load: {vus: 100, iterations_per_vu: 1}, targets: {shop: {url: builtin}}}",
    );
    for mode in ["threaded", "async"] {
        let arguments = [
            "run",
            "test.yaml",
            "--target",
            &server.url(),
            "--mode",
            mode,
            "-o",
            "out",
            "--format",
            "none",
        ];
        finish(&mut with_files(folder.path(), 40, 300, &arguments)).exits(0);
        let result = result(&folder.path().join("out"));
        assert_eq!(count(run_of(&result, mode), "ok"), 100, "{mode}");
    }
}

/// Runs `text` in one mode against a server, and sends it `signals` once the server has seen
/// `requests`.
fn interrupted(text: &str, mode: &str, requests: u64, signals: &[Signal]) -> (Value, Duration) {
    let (folder, server) = (folder(), Server::start());
    scenario(folder.path(), text);
    let before = server.status();
    // Images are slow in a debug build, and do not depend on the mode.
    let formats = if mode == "async" { "html,png" } else { "none" };
    let arguments = [
        "run",
        "test.yaml",
        "--target",
        &server.url(),
        "--mode",
        mode,
        "-o",
        "out",
        "--format",
        formats,
    ];
    let running = Running::start(&mut loadgen(folder.path(), &arguments), None);
    // Each query is a request itself.
    let mut looks = 0;
    until("requests", || {
        looks += 1;
        server.status().requests >= before.requests + looks + requests
    });
    let begun = Instant::now();
    for signal in signals {
        running.signal(*signal);
        // Two simultaneous signals would be merged.
        std::thread::sleep(Duration::from_millis(100));
    }
    let ran = running.finish().exits(130);
    let took = begun.elapsed();
    assert!(ran.stdout.contains("interrupted"), "{}", ran.stdout);
    let mut written = files(&folder.path().join("out"));
    if mode == "async" {
        assert!(
            ran.stderr.ends_with("report: out/index.html\n"),
            "{}",
            ran.stderr
        );
        // Of several steps only.
        written.retain(|file| file != "steps.png");
        assert_eq!(
            written,
            [
                "index.html",
                "latency.png",
                "result.json",
                "throughput.png",
                "timeline.png"
            ]
        );
    } else {
        assert!(
            ran.stderr.ends_with("report: out/result.json\n"),
            "{}",
            ran.stderr
        );
        assert_eq!(written, ["result.json"]);
    }
    let result = result(&folder.path().join("out"));
    assert_eq!(result["end"], "interrupted");
    let of_mode = run_of(&result, mode);
    assert_eq!(of_mode["stopped_by"], "interrupt");
    looks += 1;
    let seen = server.status().requests - before.requests - looks;
    assert_eq!(
        seen,
        crate::support::sent(of_mode),
        "{mode}: requests that the server has seen"
    );
    (of_mode.clone(), took)
}

const LONG: &str = "{name: t, mix: [{name: m, flow: [{get: /delay/0.2}]}], load: {vus: 4, duration: 50s, graceful_stop: 40s}, \
                    targets: {shop: {url: builtin}}}";

#[test]
fn an_interrupt_drains_and_writes_a_full_report() {
    side_by_side(
        pairs(&[Signal::INT, Signal::TERM], &REAL_MODES),
        |(signal, mode)| {
            let (run, took) = interrupted(LONG, mode, 8, &[signal]);
            assert!(count(&run, "ok") >= 8, "{mode}: {run}");
            assert_eq!(
                (
                    count(&run, "failed"),
                    count(&run, "unfinished"),
                    count(&run, "skipped")
                ),
                (0, 0, 0),
                "{mode}"
            );
            assert!(took < Duration::from_secs(10), "{mode}: {took:?}");
            assert!(
                number(&run, "wall_s") < 20.0
                    && number(&run, "measured_s") <= number(&run, "wall_s"),
                "{mode}"
            );
        },
    );
}

#[test]
fn an_interrupt_ends_waiting_for_the_next_arrival() {
    let text = "{name: t, mix: [{name: m, flow: [{get: /}]}], load: {rate: 1/40s, duration: 200s}, targets: {shop: {url: builtin}}}";
    for mode in REAL_MODES {
        let (run, took) = interrupted(text, mode, 1, &[Signal::INT]);
        assert_eq!(
            (count(&run, "planned"), count(&run, "ok")),
            (1, 1),
            "{mode}"
        );
        assert!(took < Duration::from_secs(10), "{mode}: {took:?}");
    }
}

#[test]
fn an_interrupt_ends_a_pause_between_steps() {
    let text = "{name: t, mix: [{name: m, flow: [{get: /}, {think: 45s}, {get: /json}]}], load: {vus: 2, iterations: 2, graceful_stop: 500ms}, \
                targets: {shop: {url: builtin}}}";
    for mode in REAL_MODES {
        let (run, took) = interrupted(text, mode, 1, &[Signal::INT]);
        assert!(count(&run, "ok") >= 1, "{mode}");
        assert_eq!(count(&run["iterations"], "ok"), 0, "{mode}");
        assert!(took < Duration::from_secs(10), "{mode}: {took:?}");
    }
}

#[test]
fn a_second_interrupt_ends_the_run_at_once_with_the_results_so_far() {
    let text = "{name: t, mix: [{name: m, flow: [{get: /}, {get: /delay/30}]}], load: {vus: 3, duration: 50s, graceful_stop: 40s}, \
                targets: {shop: {url: builtin}}}";
    for (mode, signals) in REAL_MODES.into_iter().zip([
        [Signal::INT, Signal::INT],
        [Signal::TERM, Signal::TERM],
        [Signal::INT, Signal::TERM],
        [Signal::INT, Signal::INT],
    ]) {
        let users = if mode == "sequential" { 1 } else { 3 };
        let (run, took) = interrupted(text, mode, 2 * users, &signals);
        assert_eq!(
            (count(&run, "ok"), count(&run, "unfinished")),
            (users, users),
            "{mode}"
        );
        assert!(took < Duration::from_secs(10), "{mode}: {took:?}");
    }
}

#[test]
fn modes_after_an_interrupted_one_do_not_run() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [sequential, threaded, async], mix: [{name: m, flow: [{sleep: 10ms}]}], load: {duration: 40s}}",
    );
    let running = Running::start(
        &mut loadgen(
            folder.path(),
            &["run", "test.yaml", "-o", "out", "--format", "none"],
        ),
        None,
    );
    until("a mode runs", || {
        !crate::support::children(running.id()).is_empty()
    });
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::INT);
    running.finish().exits(130);
    let result = result(&folder.path().join("out"));
    assert_eq!(result["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        result["comparison"]["modes"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn an_interrupt_works_while_a_mode_starts() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [threaded, async], mix: [{name: m, flow: [{sleep: 10ms}]}], load: {duration: 40s, vus: 2}}",
    );
    for delay in [0, 0, 1, 2, 3, 5, 8, 13, 21] {
        let running = Running::start(
            &mut loadgen(
                folder.path(),
                &["run", "test.yaml", "-o", "out", "--format", "none"],
            ),
            None,
        );
        until("a mode starts", || {
            !crate::support::children(running.id()).is_empty()
        });
        std::thread::sleep(Duration::from_millis(delay));
        running.signal(Signal::INT);
        let ran = running.finish().exits(130);
        assert!(
            !ran.stderr.contains("error"),
            "after {delay} ms: {}",
            ran.stderr
        );
        assert_eq!(
            result(&folder.path().join("out"))["end"],
            "interrupted",
            "after {delay} ms"
        );
    }
}

#[test]
fn ctrl_c_at_a_terminal_kills_neither_the_target_nor_the_running_mode() {
    use std::os::unix::process::CommandExt as _;
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, mix: [{name: m, flow: [{get: /}, {get: /delay/0.5}]}], load: {vus: 2, duration: 40s}, targets: {shop: {url: builtin}}}",
    );
    let mut command = loadgen(
        folder.path(),
        &["run", "test.yaml", "-o", "out", "--format", "none"],
    );
    let running = Running::start(command.process_group(0), None);
    until("both processes have started", || {
        crate::support::children(running.id()).len() == 2
    });
    std::thread::sleep(Duration::from_millis(300));
    // A terminal signals the whole group.
    rustix::process::kill_process_group(crate::support::pid(running.id()), Signal::INT)
        .expect("it exists");
    running.finish().exits(130);
    let result = result(&folder.path().join("out"));
    let run = run_of(&result, "async");
    assert_eq!(
        (count(run, "failed"), count(run, "unfinished")),
        (0, 0),
        "{}",
        run["errors"]
    );
    assert!(count(run, "ok") >= 4, "{run}");
}
