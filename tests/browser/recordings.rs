//! What a real browser sends, recorded as a HAR or by `loadgen record`, and what the scenario that is made of it
//! sends. `site.mjs` is the site, which refuses what is not new, and `record.mjs` drives the browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{PROGRAM, installed, program, run};

/// How long a visit may take.
const TIMEOUT: Duration = Duration::from_secs(90);
/// The password that the browser types.
const PASSWORD: &str = "pa55 wörd";

/// The browser and what drives it.
struct Browser {
    chromium: PathBuf,
    node: PathBuf,
}

impl Browser {
    /// Returns it if everything is installed that it needs.
    fn find() -> Option<Self> {
        let chromium = installed("chromium", "chromium")?;
        let node = installed("node", "nodejs")?;
        let is_driven = here().join("node_modules/playwright-core").is_dir();
        if !is_driven {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: playwright-core is not installed (npm ci --prefix tests/browser)"
            );
        }
        is_driven.then_some(Self { chromium, node })
    }

    /// Visits a site, and writes a HAR if a file is named.
    #[track_caller]
    fn visit(&self, folder: &Path, visit: &str, url: &str, har: Option<&str>) {
        let script = here().join("record.mjs").display().to_string();
        let chromium = self.chromium.display().to_string();
        let mut arguments = vec![script.as_str(), &chromium, visit, url];
        arguments.extend(har);
        let mut child = program(&self.node.to_string_lossy(), folder, &arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        let begun = Instant::now();
        while child.try_wait().expect("our own child").is_none() {
            if begun.elapsed() > TIMEOUT {
                child.kill().expect("our own child");
            }
            thread::sleep(Duration::from_millis(50));
        }
        let output = child.wait_with_output().expect("it has ended");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{visit}: {said}");
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// A server that says its address first, and then a line for each request; it ends with the test.
struct Site {
    child: Child,
    _stdin: ChildStdin,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut first = String::new();
        output.read_line(&mut first).expect("a line");
        let url = first.trim().split(' ').next_back().unwrap_or_default();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let into = Arc::clone(&lines);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                into.lock().expect("no panic").push(line);
            }
        });
        Self {
            child,
            _stdin: stdin,
            url: url.to_owned(),
            lines,
        }
    }

    fn shop(browser: &Browser, folder: &Path) -> Self {
        let script = here().join("site.mjs").display().to_string();
        Self::start(program(&browser.node.to_string_lossy(), folder, &[&script]))
    }

    /// Returns what it received since the last call, each request without what is new each time,
    /// sorted.
    fn received(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.lines.lock().expect("no panic"));
        let mut all: Vec<String> = lines
            .iter()
            .map(|line| request(&serde_json::from_str(line).expect("JSON")))
            .collect();
        all.sort();
        all
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns what a request says, without what browsers and loadgen say of themselves, and without what
/// the site has made up.
fn request(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let header = |name: &str| line["headers"][name].as_str().unwrap_or_default();
    let media = header("content-type").split(';').next().unwrap_or_default();
    let body = if media.ends_with("urlencoded") {
        let pairs = form_urlencoded::parse(text("body").as_bytes());
        format!("{:?}", pairs.collect::<Vec<_>>())
    } else {
        text("body").to_owned()
    };
    // The origin has another port when a proxy is between.
    let has_origin = !header("origin").is_empty();
    let is_page = header("accept").starts_with("text/html");
    masked(&format!(
        "{} {} {} {media} {body} token:{} cookie:{} language:{} origin:{has_origin} page:{is_page}",
        text("method"),
        text("url"),
        line["status"],
        header("x-api-token"),
        header("cookie"),
        header("accept-language"),
    ))
}

/// Replaces tokens and numbers of orders.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(rest.len());
        let run = &rest[..end];
        let is_order = out.ends_with("orders/") && run.bytes().all(|byte| byte.is_ascii_digit());
        out.push_str(if run.len() >= 16 || is_order {
            "NEW"
        } else {
            run
        });
        rest = &rest[end..];
    }
    out + rest
}

/// Runs a scenario; all of its operations must succeed. Returns how many there were.
#[track_caller]
fn run_all(folder: &Path, scenario: &str, load: &[&str]) -> u64 {
    let arguments = [
        &[
            "run",
            scenario,
            "-o",
            "out",
            "-q",
            "--format",
            "none",
            "--on-invalid",
            "warn",
        ],
        load,
    ]
    .concat();
    let output = program(PROGRAM, folder, &arguments)
        .env("PASSWORD", PASSWORD)
        .output()
        .expect("it starts");
    let text = fs::read_to_string(folder.join(scenario)).expect("written");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
    let result = fs::read_to_string(folder.join("out/result.json")).expect("written");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    let run = &result["runs"][0];
    assert_eq!(run["failed"], 0, "{}\n{text}", run["errors"]);
    run["ok"].as_u64().expect("a count")
}

#[test]
fn a_har_of_the_built_in_target_becomes_a_load_test_in_one_command() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let folder = folder.path();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"];
    let target = Site::start(program(PROGRAM, folder, &serve));
    browser.visit(folder, "builtin", &target.url, Some("visit.har"));
    run(folder, &["import", "visit.har", "-o", "visit.yaml"]);
    run(folder, &["validate", "visit.yaml"]);
    // The page, its status, the login and what it opens, three calls at once, the order, and a page.
    assert_eq!(
        run_all(folder, "visit.yaml", &["-u", "3", "-i", "6"]),
        6 * 9
    );
    let text = fs::read_to_string(folder.join("visit.yaml")).expect("written");
    for part in [
        "left out 3 static resources (1 image, 1 script, 1 style sheet): --with-assets keeps them",
        "capture: { token: { jsonpath: \"$.token\" } }",
        "auth: { bearer: \"{{token}}\" }",
        "- parallel:",
        "json: { item: 7, amount: 19.9 }",
        "expect: { status: 201 }",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_scenario_of_a_har_sends_what_the_browser_sent() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let folder = folder.path();
    let site = Site::shop(&browser, folder);
    browser.visit(folder, "shop", &site.url, Some("shop.har"));
    let is_recorded = |line: &String| !line.contains("/favicon.ico");
    let sent: Vec<String> = site.received().into_iter().filter(is_recorded).collect();
    let is_asset = |line: &&String| {
        ["/style.css", "/app.js", "/logo.svg"]
            .iter()
            .any(|path| line.contains(path))
    };
    let without_assets: Vec<&String> = sent.iter().filter(|line| !is_asset(line)).collect();
    assert_eq!((sent.len(), without_assets.len()), (18, 9), "{sent:#?}");

    run(folder, &["import", "shop.har", "-o", "shop.yaml"]);
    run_all(folder, "shop.yaml", &[]);
    assert_eq!(site.received().iter().collect::<Vec<_>>(), without_assets);

    run(
        folder,
        &["import", "shop.har", "-o", "whole.yaml", "--with-assets"],
    );
    run_all(folder, "whole.yaml", &[]);
    assert_eq!(site.received(), sent);

    // Every user has tokens and orders of its own, in each iteration.
    assert_eq!(
        run_all(folder, "shop.yaml", &["-u", "4", "-i", "12"]),
        12 * 9
    );
}

#[test]
fn a_scenario_that_was_recorded_sends_what_the_browser_sent() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let folder = folder.path();
    let site = Site::shop(&browser, folder);
    let mut recorder = program(
        PROGRAM,
        folder,
        &[
            "record",
            "--target",
            &site.url,
            "--listen",
            "127.0.0.1:0",
            "-o",
            "shop.yaml",
        ],
    )
    .stderr(Stdio::piped())
    .spawn()
    .expect("it starts");
    let mut output = BufReader::new(recorder.stderr.take().expect("piped"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a line");
    let url = first
        .split(' ')
        .nth(2)
        .unwrap_or_default()
        .trim_end_matches('/');
    browser.visit(folder, "shop", url, None);
    let pid = Pid::from_raw(i32::try_from(recorder.id()).expect("small")).expect("a process");
    kill_process(pid, Signal::INT).expect("it runs");
    let said: String = output.lines().map_while(Result::ok).collect();
    assert!(recorder.wait().expect("our own child").success(), "{said}");
    let is_call = |line: &String| {
        let assets = ["/style.css", "/app.js", "/logo.svg", "/favicon.ico"];
        !assets.iter().any(|path| line.contains(path))
    };
    let sent: Vec<String> = site.received().into_iter().filter(is_call).collect();
    assert_eq!(sent.len(), 9, "{sent:#?}");
    run_all(folder, "shop.yaml", &[]);
    assert_eq!(site.received(), sent);
}
