//! `loadgen run URL`, and the commands for getting started: `init`, `completions`, `man`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::recorder::Recorder;
use crate::support::{
    self, Server, count, finish, finish_with, folder, is_installed, loadgen, program, run, run_of,
};

/// Reads the head of a request, with names in lower case, and its body. The client sends nothing more
/// before the response, so the reader's buffer loses nothing when it is dropped.
fn request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a number");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).expect("UTF-8")))
}

#[test]
fn a_url_can_be_run_like_a_scenario() {
    let (folder, server) = (folder(), Server::start());
    let before = server.status();
    let url = format!("{}/anything/a?x=1", server.url());
    let ran = run(
        folder.path(),
        &[
            "run", &url, "-u", "3", "-i", "40", "-o", "out", "--format", "none",
        ],
    )
    .exits(0);
    assert!(ran.stdout.contains("quick-127.0.0.1"), "{}", ran.stdout);
    let result = support::result(&folder.path().join("out"));
    let mode = run_of(&result, "async");
    assert_eq!(
        (count(mode, "ok"), server.seen_since(before).requests),
        (40, 40)
    );
    assert_eq!(
        result["runs"].as_array().map(Vec::len),
        Some(1),
        "only async"
    );
    assert_eq!(result["scenario"]["name"], "quick-127.0.0.1");
    assert!(
        result["scenario"]["source"]
            .as_str()
            .is_some_and(|text| text.contains(r#"- get: "/anything/a?x=1""#)),
        "{result}"
    );
    // Without `-o` the run creates a folder named after the host.
    run(
        folder.path(),
        &["run", &url, "-i", "1", "-u", "1", "--format", "none", "-q"],
    )
    .exits(0);
    assert!(support::files(&folder.path().join("reports"))[0].starts_with("quick-127.0.0.1-"));
}

#[test]
fn method_headers_and_body_arrive_as_typed() {
    let folder = folder();
    for body in [
        "plain",
        r#"{"a": {"b": [1, "two"]}, "c": "it's"}"#,
        "{{x}} and {{{ uuid() }}}, ${HOME}, {% if %}",
        "a: b # no comment\n- list\n\ttab \"quoted\" 'single' \\ back\\n\r\nend\n",
        "*alias &anchor !tag %dir @at `tick` | > ? - ---",
        "🦀 ünï \u{2028} \u{feff} \u{7f} \u{1b}[0m",
        "-b",
        "null",
        "",
    ] {
        let recorder = Recorder::start(request);
        let url = format!("http://{}/a{{{{x}}}}b?q=\"'%20&y=", recorder.address);
        let header = "X-Hostile: \"it's\": {{x}} # 'no' \\ comment: 🦀";
        let body_flag = format!("--body={body}");
        let flags = [
            "-X", "PROPFIND", "-H", header, "-H", "accept:", &body_flag, "-i", "3", "-u", "1",
            "-o", "out", "--format", "none", "-q",
        ];
        run(folder.path(), &[&["run", &url], &flags[..]].concat()).exits(0);
        let seen = recorder.heard();
        assert_eq!(seen.len(), 3);
        for (head, sent) in &seen {
            assert_eq!(sent, body);
            assert!(
                head.starts_with("PROPFIND /a%7B%7Bx%7D%7Db?q=%22'%20&y= HTTP/1.1\r\n"),
                "{head}"
            );
            assert!(
                head.contains("\r\nx-hostile: \"it's\": {{x}} # 'no' \\ comment: 🦀\r\n"),
                "{head}"
            );
        }
    }
}

#[test]
fn the_printed_scenario_is_a_usable_starting_point() {
    let (folder, server) = (folder(), Server::start());
    let before = server.status();
    let url = format!("{}/anything", server.url());
    let flags = [
        "-H",
        "x-shop: a \"b\": {{c}}",
        "-b",
        "{{d}}\n# e",
        "-r",
        "200/s",
        "-d",
        "100ms",
        "--mode",
        "all",
        "--seed",
        "5",
    ];
    let ran = run(
        folder.path(),
        &[&["run", &url, "--print-scenario"], &flags[..]].concat(),
    )
    .exits(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(server.seen_since(before).requests, 0, "nothing is sent");
    assert_eq!(support::files(folder.path()).len(), 0, "nothing is written");
    let said = finish_with(&mut loadgen(folder.path(), &["validate", "-"]), &ran.stdout).exits(0);
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        (
            "<stdin>: ok (quick-127.0.0.1: 1 mix entry, 1 operation)\n",
            ""
        )
    );
    // The file and the URL have the same plan, and the server's echo shows that the file sends what
    // was typed.
    let plan = run(
        folder.path(),
        &[&["run", &url, "--plan"], &flags[..]].concat(),
    )
    .exits(0)
    .stdout;
    support::scenario(folder.path(), &ran.stdout);
    assert_eq!(
        run(folder.path(), &["run", "test.yaml", "--plan"])
            .exits(0)
            .stdout,
        plan
    );
    let expected = r#"        expect: { body: { contains: '"body":"OPENd}}\n# e"' } }"#
        .replace("OPEN", "{{brace}}{{brace}}");
    let checked = ran
        .stdout
        .replacen("        body:", &format!("{expected}\n        body:"), 1);
    support::scenario(folder.path(), &checked);
    let result = support::run_to_result(folder.path(), &[]);
    for mode in support::MODES {
        assert_eq!(count(run_of(&result, mode), "ok"), 20, "{mode}");
    }
}

#[test]
fn a_bad_url_is_reported_as_in_a_file() {
    let folder = folder();
    for arguments in [
        &["https://127.0.0.1:0/"][..],
        &["HTTP://127.0.0.1:0/"],
        &["http://u:secret@a/"],
        &["http://a/x\r\nhost: b"],
        &["http://a/", "-H", "x: a\r\nb: c"],
        &["http://a/", "-X", "GET\r\nx: y"],
        &["http://a/", "-u", "2", "-r", "2/s"],
        &["http://a/", "-d", "0s"],
    ] {
        for more in [&[][..], &["--print-scenario"], &["--dry-run"]] {
            let ran = run(folder.path(), &[&["run"], arguments, more].concat())
                .exits(2)
                .says(&["error: ", "--> <quick form>:", "help: "]);
            assert_eq!(ran.stdout, "");
        }
    }
    run(folder.path(), &["run", "https://127.0.0.1:1/"])
        .exits(3)
        .says(&["127.0.0.1:1", "refused"]);
    run(folder.path(), &["run", "http://a/", "-H", "no colon"])
        .exits(2)
        .says(&["--header", "write NAME: VALUE"]);
    assert_eq!(support::files(folder.path()).len(), 0);
}

#[test]
fn flags_for_urls_and_flags_for_files_are_distinguished() {
    let folder = folder();
    support::scenario(
        folder.path(),
        "{name: t, mix: [{name: a, flow: [{sleep: 0s}]}], load: {iterations: 1}}",
    );
    for flag in [
        &["-X", "GET"][..],
        &["-H", "a: b"],
        &["-b", "x"],
        &["--print-scenario"],
    ] {
        run(folder.path(), &[&["run", "test.yaml"], flag].concat())
            .exits(2)
            .says(&[flag[0], "only for `loadgen run URL`", "Usage: loadgen run"]);
    }
    for flag in [&["--target", "http://b"][..], &["--var", "brace=x"]] {
        run(folder.path(), &[&["run", "http://a/"], flag].concat())
            .exits(2)
            .says(&[flag[0], "only for scenario files"]);
    }
    run(
        folder.path(),
        &["run", "http://a/", "--print-scenario", "--dry-run"],
    )
    .exits(2)
    .says(&["cannot be used with"]);
}

#[test]
fn the_environment_never_conflicts_with_a_flag() {
    let folder = folder();
    support::scenario(
        folder.path(),
        "{name: t, mix: [{name: a, flow: [{sleep: 0s}]}], load: {vus: 2, duration: 1s}}",
    );
    let plan = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = loadgen(folder.path(), &[&["run"], arguments].concat());
        finish(command.envs(environment.iter().copied()))
            .exits(0)
            .stdout
    };
    let has = |environment: &[(&str, &str)], arguments: &[&str], part: &str| {
        let plan = plan(environment, &[arguments, &["--dry-run", "--plan"]].concat());
        assert!(
            plan.contains(part),
            "{environment:?} {arguments:?}: no `{part}` in:\n{plan}"
        );
    };
    has(
        &[("LOADGEN_VUS", "5")],
        &["test.yaml", "-r", "100/s"],
        "rate: 100/s",
    );
    has(
        &[("LOADGEN_RATE", "5/s")],
        &["test.yaml", "-u", "7"],
        "vus: 7",
    );
    has(
        &[("LOADGEN_RATE", "5/s"), ("LOADGEN_VUS", "5")],
        &["test.yaml", "--vus=7"],
        "vus: 7",
    );
    has(
        &[("LOADGEN_RATE", "no rate")],
        &["test.yaml", "-u7"],
        "vus: 7",
    );
    has(&[("LOADGEN_RATE", "5/s")], &["test.yaml"], "rate: 5/s");
    has(
        &[("LOADGEN_PRINT_SCENARIO", "1")],
        &["http://a/"],
        "# fingerprint",
    );
    // Options for URLs do not affect a file, and options for files do not affect a URL.
    let of_urls = [
        ("LOADGEN_METHOD", "PUT"),
        ("LOADGEN_HEADER", "bad"),
        ("LOADGEN_BODY", "x"),
        ("LOADGEN_PRINT_SCENARIO", "1"),
    ];
    has(&of_urls, &["test.yaml"], "vus: 2");
    has(
        &[
            ("LOADGEN_TARGET", "http://elsewhere"),
            ("LOADGEN_VAR", "a=b"),
        ],
        &["http://127.0.0.1:9"],
        "port: 9\n",
    );
    has(&[("LOADGEN_METHOD", "PUT")], &["http://a/"], "method: PUT");
    has(
        &[("LOADGEN_METHOD", "PUT")],
        &["http://a/", "-X", "PATCH"],
        "method: PATCH",
    );
    let printed = plan(
        &[("LOADGEN_DRY_RUN", "1"), ("LOADGEN_RATE", "5/s")],
        &["http://a/", "--print-scenario"],
    );
    assert!(
        printed.contains("load: { rate: 5/s, duration: 10s }"),
        "{printed}"
    );
    // The two variables have equal precedence: the user has to resolve the conflict.
    let both = finish(
        loadgen(folder.path(), &["run", "test.yaml"])
            .env("LOADGEN_VUS", "1")
            .env("LOADGEN_RATE", "1/s"),
    );
    both.exits(2).says(&["`--vus` and `--rate` together"]);
    let off = [
        ("LOADGEN_QUIET", "0"),
        ("LOADGEN_VERBOSE", "1"),
        ("LOADGEN_PRINT_SCENARIO", "false"),
    ];
    has(&off, &["test.yaml"], "vus: 2");
    has(&off, &["http://a/"], "vus: 50");
    for (variable, flag) in [("LOADGEN_VERBOSE", "-q"), ("LOADGEN_QUIET", "-v")] {
        let ran = finish(
            loadgen(
                folder.path(),
                &[
                    "run",
                    "test.yaml",
                    "-d",
                    "1ms",
                    "-o",
                    "out",
                    "--format",
                    "none",
                    flag,
                ],
            )
            .env(variable, "1"),
        );
        assert_eq!(
            ran.exits(0).stdout.is_empty(),
            flag == "-q",
            "{variable} {flag}"
        );
    }
}

#[test]
fn init_writes_a_scenario_that_runs_as_it_is() {
    let folder = folder();
    let ran = run(folder.path(), &["init"]).exits(0);
    assert_eq!(
        ran.stdout,
        "wrote loadgen.yaml and loadgen.schema.json\nrun it: loadgen run loadgen.yaml\n"
    );
    let starter = fs::read_to_string(folder.path().join("loadgen.yaml")).expect("written");
    assert!(
        starter.starts_with("# yaml-language-server: $schema=./loadgen.schema.json\n"),
        "{starter}"
    );
    let schema = fs::read_to_string(folder.path().join("loadgen.schema.json")).expect("written");
    assert_eq!(schema, run(folder.path(), &["schema"]).exits(0).stdout);
    let valid = run(folder.path(), &["validate", "loadgen.yaml"]).exits(0);
    assert_eq!(valid.stderr, "", "no warnings");
    run(
        folder.path(),
        &["run", "loadgen.yaml", "-o", "out", "--format", "none"],
    )
    .exits(0);
    let result = support::result(&folder.path().join("out"));
    for mode in support::MODES {
        let run = run_of(&result, mode);
        assert!(
            count(run, "ok") >= 200 && count(run, "failed") == 0,
            "{mode}: {run}"
        );
    }
    let ran = run(folder.path(), &["init", "a b/c"]).exits(0);
    assert_eq!(
        ran.stdout,
        "wrote a b/c/loadgen.yaml and a b/c/loadgen.schema.json\nrun it: loadgen run 'a b/c/loadgen.yaml'\n"
    );
    let mine = folder.path().join("loadgen.yaml");
    fs::write(&mine, "mine").expect("written");
    run(folder.path(), &["init"])
        .exits(1)
        .says(&["loadgen.yaml already exists", "loadgen init DIR"]);
    assert_eq!(fs::read_to_string(&mine).expect("there"), "mine");
    run(folder.path(), &["init", "loadgen.yaml"])
        .exits(1)
        .says(&["can't create the folder loadgen.yaml"]);
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran =
            finish(loadgen(folder.path(), &["completions", shell]).env("LOADGEN_BODY", "secret"))
                .exits(0);
        for word in ["validate", "print-scenario", "completions"] {
            assert!(ran.stdout.contains(word), "{shell}: no `{word}`");
        }
        assert!(
            !ran.stdout.contains("run-mode") && !ran.stdout.contains("secret"),
            "{shell}"
        );
    }
    run(folder.path(), &["completions", "tcsh"])
        .exits(2)
        .says(&["bash", "zsh", "fish", "elvish", "powershell"]);
    let page = run(folder.path(), &["man"]).exits(0).stdout;
    assert!(
        page.contains(".TH loadgen 1") && page.contains("init") && !page.contains("run\\-mode"),
        "{page}"
    );
    let ran =
        finish(loadgen(folder.path(), &["man", "run"]).env("LOADGEN_BODY", "secret")).exits(0);
    assert!(
        ran.stdout.contains("\\-\\-print\\-scenario") && !ran.stdout.contains("secret"),
        "{}",
        ran.stdout
    );
    run(folder.path(), &["man", "run-mode"])
        .exits(2)
        .says(&["unknown command `run-mode`", "validate"]);
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["init"],
        &["run", "http://a/", "--print-scenario"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = loadgen(folder.path(), arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(
            (
                ended.status.code(),
                String::from_utf8_lossy(&ended.stderr).as_ref()
            ),
            (Some(1), ""),
            "{arguments:?}"
        );
    }
    if is_installed("bash", "bash") {
        fs::write(
            folder.path().join("completions"),
            run(folder.path(), &["completions", "bash"]).exits(0).stdout,
        )
        .expect("written");
        let script = "source completions; COMP_WORDS=(loadgen run --print); COMP_CWORD=2; _loadgen loadgen --print run; echo \"${COMPREPLY[@]}\"";
        let ran = finish(&mut program("bash", folder.path(), &["-c", script])).exits(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("--print-scenario\n", "")
        );
    }
}
