//! The repository's own lints: floors, banned calls, and the size of files.

use std::fs;
use std::path::{Path, PathBuf};

/// The floor of every module: a module uses only its own floor and those below.
const FLOORS: &[(&str, u32)] = &[
    ("base", 0),
    ("plan", 1),
    ("metrics", 1),
    ("result", 2),
    ("value", 2),
    ("scenario", 3),
    ("import", 3),
    ("transport", 3),
    ("pacing", 3),
    ("server", 3),
    ("watch", 3),
    ("assembly", 4),
    ("export", 4),
    ("record", 4),
    ("engine", 5),
    ("gate", 6),
    ("report", 7),
    ("cli", 8),
];

/// Code that is allowed only in the files named, with the reason.
const BANNED: &[(&str, &[&str], &str)] = &[
    (
        "Instant::now",
        &["src/base/clock.rs"],
        "time comes from a Clock or a Driver",
    ),
    (
        "SystemTime::now",
        &["src/base/clock.rs"],
        "results carry one time of day, taken by the command; a Clock notices if the time is set",
    ),
    (
        "Timestamp::now",
        &["src/cli/session.rs"],
        "results carry one time of day, taken by the command",
    ),
    (
        "println!",
        // A build script speaks to cargo on stdout.
        &["src/build.rs"],
        "stdout is the product: cli/output.rs writes it",
    ),
    (
        "print!(",
        &[],
        "stdout is the product: cli/output.rs writes it",
    ),
    // The outputs of the program, which must not contain secrets.
    (
        "stderr()",
        &[
            "src/cli/output.rs",
            "src/cli/panic.rs",
            "src/report/progress.rs",
        ],
        "messages go through Console, which redacts secrets; a panic shows no values, and a progress bar only text that Console has redacted",
    ),
    (
        "stdout()",
        &["src/cli/output.rs", "src/cli/run_mode.rs"],
        "the product is made of redacted results; what a mode says to its parent is redacted there",
    ),
    (
        "fs::write",
        &["src/cli/init.rs"],
        "files are written by report/sink.rs, of redacted results; the starter and its schema are ours",
    ),
    (
        "File::create",
        &[
            "src/cli/new_file.rs",
            "src/cli/ab/version.rs",
            "src/export/samples/file.rs",
        ],
        "files are written by report/sink.rs; those for people to change are made of no result, the log of a server is redacted by server/started.rs, and samples have only names, which are redacted",
    ),
    (
        "OpenOptions",
        &["src/cli/ci.rs"],
        "files are written by report/sink.rs; the summary of a CI job is made of a redacted result",
    ),
    (
        "NamedTempFile",
        &["src/report/sink.rs", "src/server/started.rs"],
        "files are written by report/sink.rs; and tests of started.rs",
    ),
    (
        "error.exit()",
        &[],
        "what clap says goes through Console too",
    ),
    ("dbg!", &[], "left over"),
    ("todo!", &[], "unfinished"),
    ("unimplemented!", &[], "unfinished"),
    ("TODO", &[], "without an owner issue"),
    ("#[allow", &[], "use #[expect(…, reason = \"…\")]"),
    (
        ".unwrap()",
        &[],
        "return an error, or `expect` with why it can't fail",
    ),
    (
        "plotters::",
        &["src/report/chart"],
        "the charts are its only users",
    ),
    (
        "serde_yaml::",
        &["src/scenario", "src/import", "src/cli/job.rs"],
        "YAML belongs to the scenario, and to what it is made of",
    ),
    (
        "granit_parser",
        &["src/scenario/yaml.rs", "src/scenario/trap.rs"],
        "YAML's events belong to one file, and its errors to another",
    ),
    (
        "clap::",
        &[
            "src/cli/args",
            "src/cli/environment.rs",
            "src/cli/suggestions.rs",
        ],
        "what was typed belongs to one folder, what goes before it to another file, and what was meant by it to a third",
    ),
    (
        "tokio::",
        &[
            "src/engine/driver/asynchronous.rs",
            "src/engine/driver/socket.rs",
            "src/engine/run/event_loop.rs",
            "src/engine/connection/streams.rs",
            "src/transport/counted.rs",
            "src/record",
            "src/server",
            "src/watch/scrape.rs",
            "src/export/otlp/post.rs",
        ],
        "a runtime belongs to one driver",
    ),
];

/// The maximum number of lines of a file, without tests; longer ones must be listed here with a
/// reason.
const LONGEST: usize = 400;

pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Adds the files with this ending in a folder and below it, relative to the top.
pub(crate) fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(top().join(folder)).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|e| e == ending) {
            into.push(path);
        }
    }
}

/// Returns every source file of the product with its path and its text.
pub(crate) fn texts() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    files(Path::new("src"), "rs", &mut paths);
    let text = |path: &Path| fs::read_to_string(top().join(path)).expect("it is text");
    paths
        .iter()
        .map(|path| (path.display().to_string(), text(path)))
        .collect()
}

/// The same without test files, tests and comments.
pub(crate) fn sources() -> Vec<(String, String)> {
    let product = |path: &str| {
        !["/tests", "/fixture", "golden.rs"]
            .iter()
            .any(|test_only| path.contains(test_only))
    };
    texts()
        .into_iter()
        .filter(|(path, _)| product(path))
        .map(|(path, text)| {
            let text = text
                .split("\n#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default();
            let code = text.lines().map(|line| {
                if line.trim_start().starts_with("//") {
                    ""
                } else {
                    line
                }
            });
            (path, code.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    inside
        .contains('/')
        .then(|| inside.split('/').next())
        .flatten()
}

fn floor(room: &str) -> Option<u32> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

#[test]
fn every_module_uses_only_the_floors_below_its_own() {
    let mut wrong = Vec::new();
    let mut references = 0;
    for (path, code) in sources() {
        let Some(here) = room(&path) else { continue };
        let own = floor(here)
            .unwrap_or_else(|| panic!("{path} is in a module without a floor: add it to FLOORS"));
        for (number, line) in code.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let there: String = part
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                let Some(other) = floor(&there) else { continue };
                references += 1;
                if there != here && other >= own {
                    wrong.push(format!(
                        "{path}:{}: {here} (floor {own}) uses {there} (floor {other})",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(
        references > 100,
        "the test finds only {references} references"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn banned_calls_appear_only_in_the_files_that_may_use_them() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (call, allowed, reason) in BANNED {
            if allowed.iter().any(|place| path.starts_with(place)) {
                continue;
            }
            for (number, line) in code
                .lines()
                .enumerate()
                .filter(|(_, line)| line.contains(call))
            {
                wrong.push(format!(
                    "{path}:{}: {call} ({reason}): {}",
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(path, code)| (path, code.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path}: {lines} lines; split it"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The maximum number of lines outside its own files that may name an operation kind: its module,
/// its variant and its arm in the plan; its module and its row in the scenario; its module and its
/// arm in the engine; and the connection that it keeps.
const MAX_LINES_OF_A_KIND: usize = 8;

#[test]
fn an_operation_kind_has_one_file_per_floor() {
    // URL schemes and options belong to targets, and the protocol itself to the transport.
    let elsewhere = [
        "src/plan/target.rs",
        "src/scenario/database.rs",
        "src/transport/",
        "src/server/",
    ];
    for kind in ["tcp", "redis", "sql", "sleep", "cpu", "block", "exec"] {
        let mut variant = kind.to_owned();
        variant[..1].make_ascii_uppercase();
        let names = [
            format!("Action::{variant}"),
            format!("Self::{variant}"),
            format!("    {variant}("),
            format!("\"{kind}\""),
            format!("{kind}::"),
            format!("mod {kind};"),
        ];
        let lines: Vec<String> = sources()
            .into_iter()
            .filter(|(path, _)| !path.ends_with(&format!("/{kind}.rs")))
            .filter(|(path, _)| !elsewhere.iter().any(|other| path.starts_with(other)))
            .filter(|(path, _)| {
                // Here the word means a network address, CPU time, a thread or a group of steps.
                ![
                    "src/engine/driver",
                    "src/metrics",
                    "src/report",
                    "src/base",
                    "src/import",
                    "src/watch",
                    "src/plan/watch.rs",
                ]
                .iter()
                .any(|other| path.starts_with(other))
            })
            .flat_map(|(path, code)| {
                let named: Vec<String> = code
                    .lines()
                    .enumerate()
                    .filter(|(_, line)| names.iter().any(|name| names_it(line, name)))
                    .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
                    .collect();
                named
            })
            .collect();
        assert!(
            (3..=MAX_LINES_OF_A_KIND).contains(&lines.len()),
            "{kind} is named in {} lines outside its files:\n{}",
            lines.len(),
            lines.join("\n")
        );
    }
}

/// Returns whether a line contains this name as a whole word.
fn names_it(line: &str, name: &str) -> bool {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let begins = name.starts_with([' ', '"']) || !line[..at].ends_with(is_of_word);
        let ends = name.ends_with(['(', ':', ';', '"'])
            || !line[at + name.len()..].starts_with(is_of_word);
        begins && ends
    })
}

#[test]
fn the_top_level_has_only_the_expected_entries() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "scenarios",
        "reports",
        "benches",
        "tests",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        assert!(top.join(name).exists(), "{name} is missing");
    }
    let main = fs::read_to_string(top.join("src/main.rs")).expect("it exists");
    assert!(main.lines().count() < 30, "main.rs has 30 lines or more");
}
