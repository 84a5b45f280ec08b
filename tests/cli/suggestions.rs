//! Suggestions for likely mistakes: commands, flags of other tools, addresses in place of files,
//! public targets before a run.

use std::fs;

use crate::support::{folder, run};

#[test]
fn hidden_commands_and_flags_are_not_suggested() {
    let folder = folder();
    for (typed, near) in [
        ("run-mod", "'run'"),
        ("runmode", "'run'"),
        ("rn", "'run'"),
        ("valdate", "'validate'"),
        ("capcity", "'capacity'"),
    ] {
        let ran = run(folder.path(), &[typed, "x"]).exits(2).says(&[near]);
        assert!(!ran.stderr.contains("run-mode"), "{typed}: {}", ran.stderr);
    }
    run(folder.path(), &["baseline", "sav"])
        .exits(2)
        .says(&["'save'"]);
    let ran = run(folder.path(), &["serve", "--until"]).exits(2);
    assert!(!ran.stderr.contains("until-stdin-closes"), "{}", ran.stderr);
    run(folder.path(), &["man", "vaildate"])
        .exits(2)
        .says(&["did you mean `validate`?"]);
}

#[test]
fn flags_of_other_tools_are_explained() {
    let folder = folder();
    let url = "http://127.0.0.1:9";
    for (flags, cure) in [
        (&["-t", "4"][..], "`--workers N`"),
        (&["-q", "100"], "`-r 100/s`"),
        (&["--qps", "100"], "`-r 100/s`"),
        (&["-T", "text/plain"], "-H 'content-type"),
        (&["-D", "body.json"], "`body_file: FILE`"),
        (&["-a", "me:word"], "authorization"),
        (&["-d", "{\"a\": 1}"], "`-b BODY`"),
        (&["--disable-keepalive"], "`http: { keep_alive: never }`"),
    ] {
        run(folder.path(), &[&["run", url], flags].concat())
            .exits(2)
            .says(&[cure]);
    }
    let theirs = run(
        folder.path(),
        &[
            "run",
            url,
            "-c",
            "5",
            "-n",
            "9",
            "-m",
            "PUT",
            "-z",
            "3s",
            "-k",
            "--print-scenario",
        ],
    )
    .exits(0);
    let ours = run(
        folder.path(),
        &[
            "run",
            url,
            "-u",
            "5",
            "-i",
            "9",
            "-X",
            "PUT",
            "-d",
            "3s",
            "--print-scenario",
        ],
    )
    .exits(0);
    assert_eq!(theirs.stdout, ours.stdout);
}

#[test]
fn an_address_in_place_of_a_file_suggests_how_to_run_it() {
    let folder = folder();
    run(folder.path(), &["run", "localhost:8080"])
        .exits(2)
        .says(&[
            "looks like an address",
            "`loadgen run http://localhost:8080`",
        ]);
    run(folder.path(), &["run", "ws://127.0.0.1:9"])
        .exits(2)
        .says(&["a `websocket` step"]);
    for command in [
        &["validate"][..],
        &["capacity", "--slo", "p99 < 1s"],
        &["ab", "--a", "http://a", "--b", "http://b"],
    ] {
        for typed in ["localhost:8080", "http://localhost:8080"] {
            let arguments = [&command[..1], &[typed], &command[1..]].concat();
            run(folder.path(), &arguments)
                .exits(2)
                .says(&["`loadgen run http://localhost:8080 --print-scenario > scenario.yaml`"]);
        }
    }
    // An existing file is used as a file, even if its name looks like an address.
    fs::write(
        folder.path().join("localhost"),
        "{name: t, mix: [{flow: [{sleep: 1ms}]}], load: {iterations: 1}}",
    )
    .expect("written");
    run(folder.path(), &["validate", "localhost"]).exits(0);
}

#[test]
fn a_public_target_is_mentioned_before_the_run() {
    let folder = folder();
    let write = |host: &str, more: &str| {
        let text = format!(
            "{{name: t, targets: {{shop: {{url: 'http://{host}/'}}}}, mix: [{{flow: [{{get: /}}]}}], load: {{iterations: 1}}{more}}}"
        );
        fs::write(folder.path().join("t.yaml"), text).expect("written");
    };
    let validate = |parts: &[&str]| {
        run(folder.path(), &["validate", "t.yaml"])
            .exits(0)
            .says(parts)
    };
    let allow = "--allow-target 192.0.2.1";
    write("192.0.2.1", "");
    validate(&["a run would be refused", allow]);
    for flag in ["--dry-run", "--plan"] {
        run(folder.path(), &["run", "t.yaml", flag])
            .exits(0)
            .says(&["a run would be refused", allow]);
        let allowed = run(
            folder.path(),
            &["run", "t.yaml", flag, "--allow-target", "192.0.2.1"],
        )
        .exits(0);
        assert_eq!(allowed.stderr, "");
    }
    write("shop.example.com", "");
    validate(&[
        "shop.example.com resolves to a public address",
        "--allow-target shop.example.com",
    ]);
    run(folder.path(), &["run", "t.yaml", "--dry-run"])
        .exits(0)
        .says(&["--allow-target shop.example.com"]);
    for (host, more) in [
        ("127.0.0.1", ""),
        ("localhost", ""),
        ("shop", ""),
        ("shop.test", ""),
        ("shop.example.com", ", allow_targets: ['*.example.com']"),
        ("192.0.2.1", ", allow_targets: [192.0.2.1]"),
    ] {
        write(host, more);
        let ran = validate(&[]);
        assert_eq!(ran.stderr, "", "{host}");
    }
}

#[test]
fn exit_codes_are_in_the_help_and_in_the_manual() {
    let folder = folder();
    let page = include_str!("../../docs/src/ci.md");
    let table: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .collect();
    let codes: Vec<&str> = table
        .into_iter()
        .filter(|cell| cell.parse::<u8>().is_ok())
        .collect();
    assert_eq!(codes.len(), 9, "{codes:?}");
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["ab", "--help"],
        &["compare", "--help"],
        &["capacity", "--help"],
    ] {
        let help = run(folder.path(), arguments).exits(0).stdout;
        for code in &codes {
            let line = |line: &str| {
                line.trim_start()
                    .split_once("  ")
                    .is_some_and(|(first, _)| first == *code)
            };
            assert!(help.lines().any(line), "{arguments:?}: {code}: {help}");
        }
    }
    for arguments in [&["man"][..], &["man", "run"], &["man", "ab"]] {
        let page = run(folder.path(), arguments).exits(0).stdout;
        assert_eq!(page.matches("EXIT STATUS").count(), 1, "{page}");
        assert!(
            codes
                .iter()
                .all(|code| page.contains(&format!("\\fB{code}\\fR"))),
            "{page}"
        );
    }
}
