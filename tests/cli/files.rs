//! Steps that use files: the same work in every mode, inside their folders, and nothing left behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    REAL_MODES, Running, TO_RESULT, count, files, folder, loadgen, result, run, run_of,
    run_to_result, scenario, shipped, until,
};

/// Runs a scenario in every mode that does real work, with an empty folder for temporary files that
/// must be empty again at the end; returns its result.
fn run_all(folder: &Path, text: &str) -> Value {
    scenario(folder, text);
    let temporary = folder.join("temporary");
    fs::create_dir(&temporary).expect("made");
    let modes = REAL_MODES.join(",");
    let flags = [&TO_RESULT[..], &["--mode", &modes]].concat();
    let mut command = loadgen(folder, &flags);
    crate::support::finish(command.env("TMPDIR", &temporary)).exits(0);
    assert_eq!(files(&temporary), [] as [&str; 0], "nothing is left");
    result(&folder.join("out"))
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let mut steps = run["steps"].as_array().expect("steps").iter();
    let found = steps.find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step {name}"))
}

#[test]
fn files_hold_what_was_written_in_every_mode() {
    for mode in REAL_MODES {
        let folder = folder();
        let text = format!(
            "{{name: t, seed: 1, modes: [{mode}], workers: 2, mix: [{{name: m, flow: [
              {{file: {{write: 'out/{{{{seq()}}}}/a.bin', bytes: 100KB, in: scenario}}}},
              {{file: {{write: log, text: \"line {{{{seq()}}}}\\n\", append: true, in: scenario, fsync: true}}}},
              {{file: {{write: 'out/{{{{seq()}}}}/b', text: 'é{{{{seq()}}}}', in: scenario}}}},
              {{file: {{read: 'out/{{{{seq()}}}}/b'}}, expect: {{body: {{matches: '^é[0-9]+$'}}}}, capture: {{b: {{body: true}}}}}},
              {{file: {{write: 'out/{{{{seq()}}}}/c', text: '{{{{b}}}}', in: scenario}}}}]}}],
              load: {{vus: 6, iterations: 30}}}}"
        );
        scenario(folder.path(), &text);
        let result = run_to_result(folder.path(), &[]);
        let run = run_of(&result, mode);
        assert_eq!((count(run, "ok"), count(run, "failed")), (150, 0), "{mode}");
        let content = |path: String| fs::read(folder.path().join(path)).expect("it was written");
        let first = content("out/1/a.bin".into());
        assert!(first.len() == 100_000 && first.iter().any(|byte| *byte != first[0]));
        for number in 1..=30 {
            assert!(
                content(format!("out/{number}/a.bin")) == first,
                "{mode}: {number}"
            );
            let text = content(format!("out/{number}/c"));
            assert_eq!(text, format!("é{number}").as_bytes(), "{mode}");
        }
        let log = String::from_utf8(content("log".into())).expect("text");
        let mut lines: Vec<u32> = log
            .lines()
            .map(|line| line[5..].parse().expect("a whole line"))
            .collect();
        lines.sort_unstable();
        assert_eq!(lines, (1..=30).collect::<Vec<_>>(), "{mode}");
    }
}

#[test]
fn all_modes_move_the_same_bytes_and_leave_nothing() {
    let text = fs::read_to_string(shipped("scenarios/seed/29a-files.yaml")).expect("a scenario");
    let folder = folder();
    let result = run_all(folder.path(), &text);
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!(count(run, "ok"), 48, "{mode}: {}", run["errors"]);
        assert_eq!(count(run, "bytes_out"), 12 * (256_000 + 15), "{mode}");
        assert_eq!(count(run, "bytes_in"), 12 * 256_000, "{mode}");
        for name in ["write", "look", "read", "journal"] {
            assert_eq!(count(step(run, name), "ok"), 12, "{mode}: {name}");
        }
    }
    assert!(files(folder.path()).iter().all(|name| name != "data"));
}

#[test]
fn the_report_says_where_files_ran() {
    let folder = folder();
    let text = "{name: t, mix: [{name: m, flow: [{file: {write: a, text: x}, name: save it}]}], load: {vus: 2, iterations: 4}}";
    scenario(folder.path(), text);
    let ran = run(
        folder.path(),
        &[&TO_RESULT[..], &["--mode", "threaded,async"]].concat(),
    )
    .exits(0);
    let whole = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = "In async, `save it` ran on a thread pool, because an event loop can't wait for files and programs.";
    assert!(whole.contains(note), "{}", ran.stdout);
    let ran = run(
        folder.path(),
        &[&TO_RESULT[..], &["--mode", "threaded"]].concat(),
    )
    .exits(0);
    assert!(!ran.stdout.contains("thread pool"), "{}", ran.stdout);
}

#[test]
fn failures_are_data_and_no_path_leads_out() {
    let folder = folder();
    fs::create_dir(folder.path().join("in")).expect("made");
    fs::write(folder.path().join("secret"), "hidden").expect("written");
    symlink("../secret", folder.path().join("in/link")).expect("linked");
    symlink("..", folder.path().join("in/up")).expect("linked");
    let text = "{name: t, mix: [{name: m, flow: [
      {set: {up: '\"../\" if seq() > 0', li: '\"li\" if seq() > 0', p: '\"p\" if seq() > 0'}},
      {file: {read: '{{up}}secret'}, name: dots, on_error: continue},
      {file: {read: '{{li}}nk'}, name: link, on_error: continue},
      {file: {write: 'u{{p}}/new', text: x, in: scenario}, name: write, on_error: continue},
      {file: {write: '{{li}}nk', text: x, in: scenario}, name: overwrite, on_error: continue},
      {file: {stat: '/etc/{{li}}mits.conf'}, name: absolute, on_error: continue},
      {file: {read: 'missing-{{seq()}}'}, name: missing, on_error: continue},
      {file: {write: a, text: abc}, name: good},
      {file: {read: a, in: run}, name: check, expect: {body: {equals: abd}}, on_error: continue},
      {file: {read: a, in: run}, name: capture, capture: {x: {regex: 'z'}}, on_error: continue},
      {file: {write: '{{seq()}}/a', text: x}, retry: {attempts: 3, errors: [file]}, name: retried},
      ]}], load: {vus: 2, iterations: 4}}";
    let top = folder.path().join("in");
    let result = run_all(&top, text);
    for mode in REAL_MODES {
        let run = run_of(&result, mode);
        assert_eq!((count(run, "ok"), count(run, "failed")), (8, 32), "{mode}");
        let failures = &run["failures"];
        assert_eq!(count(failures, "file"), 24, "{mode}: {failures}");
        assert_eq!(
            (count(failures, "check"), count(failures, "capture")),
            (4, 4),
            "{mode}"
        );
        let errors = run["errors"].to_string();
        for part in ["leads out of", "No such file or directory"] {
            assert!(errors.contains(part), "{mode}: {errors}");
        }
        assert!(!errors.contains("hidden"), "{mode}: {errors}");
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("secret")).expect("there"),
        "hidden"
    );
    assert!(!folder.path().join("new").exists());
}

#[test]
fn a_link_that_leads_out_is_an_error_before_the_run() {
    let folder = folder();
    fs::create_dir(folder.path().join("in")).expect("made");
    fs::write(folder.path().join("secret"), "hidden").expect("written");
    symlink("../secret", folder.path().join("in/link")).expect("linked");
    let top = folder.path().join("in");
    scenario(
        &top,
        "{name: t, mix: [{name: m, flow: [{file: {read: link}}]}], load: {iterations: 1}}",
    );
    run(&top, &["run", "test.yaml"])
        .exits(2)
        .says(&["`link` leads out of the scenario's folder"]);
}

/// A file that takes far longer to write than any of these tests.
const HUGE: &str =
    "{name: t, mix: [{name: m, flow: [{file: {write: huge, bytes: 900GB}, timeout: TIMEOUT}]}],
    load: {vus: 2, iterations: 2, graceful_stop: 100ms}}";

#[test]
fn a_timeout_ends_a_write() {
    for mode in REAL_MODES {
        let folder = folder();
        scenario(folder.path(), &HUGE.replace("TIMEOUT", "100ms"));
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).expect("made");
        let flags = [&TO_RESULT[..], &["--mode", mode]].concat();
        let mut command = loadgen(folder.path(), &flags);
        crate::support::finish(command.env("TMPDIR", &temporary)).exits(0);
        let result = result(&folder.path().join("out"));
        let run = run_of(&result, mode);
        assert_eq!(
            count(&run["failures"], "timeout_total"),
            2,
            "{mode}: {}",
            run["errors"]
        );
        assert_eq!(files(&temporary), [] as [&str; 0], "{mode}");
    }
}

#[test]
fn an_interrupt_ends_a_write_and_removes_the_folder() {
    for mode in REAL_MODES {
        let folder = folder();
        scenario(folder.path(), &HUGE.replace("TIMEOUT", "1h"));
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).expect("made");
        let flags = [&TO_RESULT[..], &["--mode", mode]].concat();
        let mut command = loadgen(folder.path(), &flags);
        let running = Running::start(command.env("TMPDIR", &temporary), None);
        until("it writes", || {
            let mut folders = fs::read_dir(&temporary).expect("a folder");
            let first = folders.next().and_then(Result::ok);
            first.is_some_and(|folder| folder.path().join("huge").exists())
        });
        thread::sleep(Duration::from_millis(50));
        running.signal(Signal::INT);
        running.finish().exits(130);
        assert_eq!(files(&temporary), [] as [&str; 0], "{mode}");
    }
}
