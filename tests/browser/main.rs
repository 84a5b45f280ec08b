//! Reports in a real browser: their controls work, and their content does nothing by itself.
//! `tests/browser/check.mjs` drives the browser; this file creates the reports and shows its
//! output.
//!
//! It is a separate binary, because binaries run one after another: a concurrent browser would take
//! the processor from timing tests.

mod recordings;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A run with data in every chart: steps that are fast, slow and failing, and a warm-up.
const RUN: &str = "\
name: pages
seed: 7
modes: [sequential, threaded, async]
targets: { t: { url: builtin } }
mix:
  - name: browse
    flow:
      - get: /items
      - get: /flaky?rate=0.2
        on_error: continue
      - get: /api/slow?delay=0.004
load: { vus: 4, duration: 1s, warmup: 200ms }
thresholds: [ p97 < 1m ]
trace: { propagate: w3c, sample: 10%, link: 'http://127.0.0.1:16686/trace/{trace_id}' }
";

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_loadgen");

/// Text with which a hostile server or scenario might attack a browser.
const HOSTILE: [&str; 5] = [
    "<script>hit=1</script>",
    "</script><script>hit=1</script>",
    "\"><img src=x onerror=hit=1>",
    "'--><svg onload=hit=1>{{7*7}}",
    "</style><iframe src=javascript:hit=1>\u{202e}",
];
/// The keys of a result whose texts have a fixed meaning.
const OURS: [&str; 17] = [
    "schema",
    "end",
    "profile",
    "fingerprint",
    "started_at",
    "mode",
    "baseline_mode",
    "stopped_by",
    "verdict",
    "unit",
    "plan",
    "source",
    "response",
    "response_ok",
    "service",
    "histograms",
    "check",
];
/// The time limit for the browser.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Replaces every text of a result with hostile text, in turn.
fn infect(value: &mut Value, n: &mut usize) {
    match value {
        Value::String(text) => {
            *n += 1;
            text.push_str(HOSTILE[*n % HOSTILE.len()]);
        }
        Value::Array(list) => list.iter_mut().for_each(|one| infect(one, n)),
        Value::Object(object) => object
            .iter_mut()
            .filter(|(key, _)| !OURS.contains(&key.as_str()))
            .for_each(|(_, one)| infect(one, n)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Creates the reports to inspect.
fn reports(at: &Path) {
    fs::write(at.join("test.yaml"), RUN).expect("written");
    run(
        at,
        &[
            "run",
            "test.yaml",
            "-o",
            "first",
            "-q",
            "--on-invalid",
            "warn",
            "--format",
            "html,html-dir,csv,hlog",
        ],
    );
    fs::create_dir_all(at.join("second")).expect("a folder");
    fs::copy(at.join("first/result.json"), at.join("second/result.json")).expect("it was written");
    run(
        at,
        &[
            "report",
            "first/result.json",
            "second/result.json",
            "-o",
            "overlaid",
            "--format",
            "html",
        ],
    );
    fs::copy(at.join("first/index.html"), at.join("index.html")).expect("it was written");
    fs::rename(at.join("first/html"), at.join("html")).expect("it was written");
    let text = fs::read_to_string(at.join("first/result.json")).expect("it was written");
    let mut result: Value = serde_json::from_str(&text).expect("it is JSON");
    let mut n = 0;
    infect(&mut result, &mut n);
    result["scenario"]["source"] = HOSTILE.concat().into();
    result["warnings"] = HOSTILE.to_vec().into();
    for run in result["runs"].as_array_mut().expect("runs") {
        run["failures"] = serde_json::json!({ HOSTILE[0]: 1, HOSTILE[1]: 2 });
        run["errors"] = serde_json::json!([{ "kind": HOSTILE[2], "message": HOSTILE[3], "count": 1, "example": HOSTILE[4] }]);
        for window in run["series"].as_array_mut().expect("a time line") {
            window["failures"] = serde_json::json!({ HOSTILE[0]: 1, HOSTILE[3]: 2 });
            window["status_codes"] = serde_json::json!({ HOSTILE[1]: 1, "200": 2 });
        }
    }
    assert!(n > 50, "{n} texts");
    fs::write(at.join("hostile.json"), result.to_string()).expect("written");
    run(
        at,
        &[
            "report",
            "hostile.json",
            "-o",
            "infected",
            "--format",
            "html",
        ],
    );
    fs::copy(at.join("infected/index.html"), at.join("hostile.html")).expect("it was written");
    let live = "name: live\nmix: [ { name: a, flow: [ { sleep: 2ms } ] } ]\nload: { vus: 2, duration: 6s }\nthresholds: [ p99 < 1m ]\n";
    fs::write(at.join("live.yaml"), live).expect("written");
}

#[test]
fn the_page_works_and_hostile_content_does_nothing() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let (Some(chromium), Some(node)) = (
        installed("chromium", "chromium"),
        installed("node", "nodejs"),
    ) else {
        return;
    };
    if !here.join("node_modules/playwright-core").is_dir() {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: playwright-core is not installed (npm ci --prefix tests/browser)"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let at = std::env::var_os("LOADGEN_LOOK").map_or_else(
        || folder.path().to_owned(),
        |look| Path::new(&look).join("browser"),
    );
    fs::create_dir_all(&at).expect("a folder");
    reports(&at);
    let script = here.join("check.mjs");
    let mut node = program(
        &node.to_string_lossy(),
        &at,
        &[
            &script.to_string_lossy(),
            &chromium.to_string_lossy(),
            &at.to_string_lossy(),
            PROGRAM,
        ],
    );
    let mut child = node
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts");
    let begun = Instant::now();
    while child.try_wait().expect("our own child").is_none() {
        if begun.elapsed() > TIMEOUT {
            child.kill().expect("our own child");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("it has ended");
    let (said, complaints) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{complaints}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        29,
        "{said}"
    );
}

/// A program in a folder, without environment variables that would affect loadgen.
fn program(name: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    for (key, _) in
        std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LOADGEN_"))
    {
        command.env_remove(key);
    }
    command
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// Runs loadgen in a folder; it must succeed.
#[track_caller]
fn run(folder: &Path, arguments: &[&str]) {
    let output = program(PROGRAM, folder, arguments)
        .output()
        .expect("it starts");
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the absolute path of a program, which the browser's driver needs. If it is missing, the
/// test is skipped with a message; in CI it fails.
fn installed(name: &str, package: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        let missing = format!("{name} is not installed (apt-get install {package})");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        // Bypasses the test's capture: a skipped test must not look like one that passed.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
    }
    found
}
