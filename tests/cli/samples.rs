//! `run --out samples=FILE`: every operation of the result has a row, and every row is of one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    REAL_MODES, Server, TO_RESULT, count, finish, folder, number, result, run, run_to_result,
    scenario,
};

/// Operations with every outcome, a warm-up, and a stage that is not measured.
const ALL_OUTCOMES: &str = r#"
name: t
seed: 3
workers: 2
rounds: 2
targets: { s: { url: builtin, retry: { attempts: 2, status: [503] } } }
mix:
  - name: a
    flow:
      - get: /json
      - { get: "/flaky?rate=0.3", on_error: continue }
      - { get: /status/503, chance: 10%, on_error: continue }
      - race: [{ sleep: 1ms, name: fast }, { sleep: 300ms, name: slow }]
      - { sleep: 20ms, name: nap, limits: { concurrency: 2, on_full: drop } }
      - { sleep: 1ms, name: last }
  - { name: 'b, "c"', flow: [{ get: /status/404 }, { get: /json, name: skipped }] }
load:
  warmup: 200ms
  start: 100/s
  stages:
    - { duration: 400ms, rate: 200/s, name: up }
    - { duration: 200ms, rate: 200/s, name: aside, measure: false }
    - { duration: 400ms, rate: 200/s, name: down }
"#;

/// Returns the rows of a file of lines of JSON.
fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("it is there");
    let row = |line: &str| serde_json::from_str(line).expect("JSON");
    text.lines().map(row).collect()
}

/// Returns how many rows have each value of a column.
fn counts<'a>(rows: impl IntoIterator<Item = &'a Value>, column: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let value = match &row[column] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        *counts.entry(value).or_default() += 1;
    }
    counts
}

/// Checks that rows have the counts of these figures: those of a run, or of a part of it.
#[track_caller]
fn have_the_counts(rows: &[&Value], figures: &Value) {
    assert_eq!(rows.len() as u64, count(figures, "planned"), "{figures}");
    let outcomes = counts(rows.iter().copied(), "outcome");
    for outcome in [
        "ok",
        "failed",
        "dropped",
        "skipped",
        "cancelled",
        "unfinished",
    ] {
        let rows = outcomes.get(outcome).copied().unwrap_or(0);
        assert_eq!(rows, count(figures, outcome), "{outcome}");
    }
    let failures = counts(rows.iter().copied(), "failure");
    assert_eq!(json!(failures), figures["failures"]);
    let sum = |column: &str| rows.iter().map(|row| count(row, column)).sum::<u64>();
    for column in ["bytes_in", "bytes_out"] {
        assert_eq!(sum(column), count(figures, column), "{column}");
    }
}

/// Checks that the times of rows are those of a summary, within the precision of histograms.
#[track_caller]
fn have_the_times(rows: &[&Value], figures: &Value, time: &str) {
    let mut times: Vec<f64> = rows.iter().filter_map(|row| row[time].as_f64()).collect();
    times.sort_by(f64::total_cmp);
    let summary = &figures[time];
    if times.is_empty() {
        assert!(summary.is_null(), "{time}: {summary}");
        return;
    }
    assert_eq!(times.len() as u64, count(summary, "count"), "{time}");
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-3 * b.max(1e-3);
    for (name, p) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let rank = (p * times.len() as f64).ceil() as usize;
        let expected = times[rank.max(1) - 1];
        let seen = number(summary, name);
        assert!(near(seen, expected), "{time} {name}: {seen} of {expected}");
    }
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    assert!(near(number(summary, "mean"), mean), "{time}: {mean}");
    assert!(
        near(number(summary, "max"), times[times.len() - 1]),
        "{time}"
    );
}

#[test]
fn rows_have_the_counts_and_the_times_of_the_result_in_every_mode() {
    let folder = folder();
    scenario(folder.path(), ALL_OUTCOMES);
    let modes = REAL_MODES.join(",");
    let flags = ["--mode", &modes, "--out", "samples=all.jsonl"];
    let ran = run(folder.path(), &[&TO_RESULT[..], &flags].concat()).exits(0);
    let result = result(&folder.path().join("out"));
    let rows = rows(&folder.path().join("all.jsonl"));
    let runs = result["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 8);
    for own in runs {
        let (mode, round) = (&own["mode"], &own["round"]);
        let of_run = |row: &&Value| row["mode"] == *mode && row["round"] == *round;
        let of_run: Vec<&Value> = rows.iter().filter(of_run).collect();
        have_the_counts(&of_run, own);
        for time in [
            "response_ms",
            "service_ms",
            "lag_ms",
            "connect_ms",
            "first_byte_ms",
        ] {
            have_the_times(&of_run, own, time);
        }
        let statuses = counts(of_run.iter().copied(), "status");
        assert_eq!(json!(statuses), own["status_codes"], "{mode}");
        let retries: u64 = of_run.iter().map(|row| count(row, "retries")).sum();
        assert_eq!(retries, count(own, "retries"), "{mode}");
        for (part, column) in [
            ("steps", "step"),
            ("mixes", "mix"),
            ("targets", "target"),
            ("stages", "stage"),
        ] {
            for figures in own[part].as_array().expect("a list") {
                let of_part = |row: &&&Value| {
                    row[column] == figures["name"]
                        && (part != "steps" || row["mix"] == figures["mix"])
                };
                let of_part: Vec<&Value> = of_run.iter().filter(of_part).copied().collect();
                have_the_counts(&of_part, figures);
            }
        }
        assert_eq!(of_run[0]["shard"].is_u64(), *mode == "processes");
        // Neither the warm-up nor the stage that is not measured.
        let intended = |row: &&Value| number(row, "intended_s");
        assert!(
            of_run
                .iter()
                .map(intended)
                .all(|at| (0.0..0.4).contains(&at) || at >= 0.6)
        );
    }
    let outcomes = counts(&rows, "outcome");
    for outcome in ["ok", "failed", "dropped", "skipped", "cancelled"] {
        assert!(outcomes.contains_key(outcome), "{outcomes:?}");
    }
    let written = rows.len() as u64;
    let output = json!([{"kind": "samples", "to": "all.jsonl", "written": written, "dropped": 0}]);
    assert_eq!(result["outputs"], output);
    ran.says(&["samples: all.jsonl ("]);
}

#[test]
fn virtual_time_has_samples_of_no_time_of_day() {
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, modes: [simulated], mix: [{name: m, flow: [{sleep: {exponential: {mean: 5ms}}}]}],
          load: {rate: 1000/s, duration: 20s}}",
    );
    let result = run_to_result(folder.path(), &["--out", "samples=s.jsonl"]);
    let rows = rows(&folder.path().join("s.jsonl"));
    let rows: Vec<&Value> = rows.iter().collect();
    assert_eq!(rows.len(), 20_000);
    have_the_counts(&rows, &result["runs"][0]);
    have_the_times(&rows, &result["runs"][0], "response_ms");
    assert!(rows.iter().all(|row| row["intended_at"].is_null()));
}

/// Returns the text of a file, whatever it is compressed with.
fn text(path: &Path) -> String {
    let file = File::open(path).expect("it is there");
    let mut text = String::new();
    let read = match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text),
        Some("zst") => zstd::Decoder::new(file)
            .expect("a decoder")
            .read_to_string(&mut text),
        _ => (&file).read_to_string(&mut text),
    };
    read.expect("text");
    text
}

/// The Python that `.ci/run` installs DuckDB for.
fn duckdb() -> Option<std::path::PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/duckdb/bin/python");
    if python.is_file() {
        return Some(python);
    }
    let missing = "DuckDB is not installed (python3 -m venv target/duckdb && target/duckdb/bin/pip install duckdb)";
    // Bypasses the test's capture: a skipped test must not look like one that passed.
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("SKIPPED: {missing}\n").as_bytes(),
    );
    None
}

#[test]
fn every_form_has_the_same_rows_and_duckdb_reads_them() {
    let folder = folder();
    let folder = folder.path();
    scenario(
        folder,
        "{name: t, seed: 7, targets: {s: {url: builtin}}, mix: [{name: 'a, b', flow: [{get: /json},
          {get: '/flaky?rate=0.2', on_error: continue}]}], load: {vus: 3, iterations: 400}}",
    );
    let python = duckdb();
    for form in ["jsonl", "csv", "jsonl.gz", "csv.gz", "jsonl.zst", "csv.zst"] {
        let name = format!("samples.{form}");
        // What is there is replaced.
        fs::write(folder.join(&name), "x".repeat(10_000_000)).expect("a file");
        let result = run_to_result(folder, &["--out", &format!("samples={name}")]);
        let own = &result["runs"][0];
        let text = text(&folder.join(&name));
        let has_header = form.starts_with("csv");
        let lines = text.lines().count() - usize::from(has_header);
        assert_eq!(lines as u64, count(own, "planned"), "{form}");
        let Some(python) = &python else { continue };
        let query = format!(
            "select outcome, count(*) n, quantile_disc(response_ms, 0.5) p50, min(epoch(intended_at)) since
             from '{name}' group by outcome order by outcome"
        );
        let script = format!(
            "import duckdb, json; print(json.dumps(duckdb.sql(\"\"\"{query}\"\"\").fetchall()))"
        );
        let mut command = Command::new(python);
        let read = finish(command.args(["-c", &script]).current_dir(folder)).exits(0);
        let read: Value = serde_json::from_str(&read.stdout).expect("JSON");
        let rows = read.as_array().expect("rows");
        assert_eq!(rows.len(), 2, "{form}");
        for row in rows {
            let outcome = row[0].as_str().expect("a name");
            assert_eq!(row[1], own[outcome], "{form} {outcome}");
            let since = row[3].as_f64().expect("seconds since 1970");
            assert!(since > 1.7e9, "{since}");
        }
        let p50 = rows[1][2].as_f64().expect("a time");
        let known = number(&own["response_ok_ms"], "p50");
        assert!(
            (p50 - known).abs() <= 1e-3 * known,
            "{form}: {p50} of {known}"
        );
    }
}

#[test]
fn a_file_that_can_t_be_written_is_refused_before_anything_is_sent() {
    let server = Server::start();
    let folder = folder();
    let text = format!(
        "{{name: t, targets: {{s: {{url: '{}'}}}}, mix: [{{name: m, flow: [{{get: /}}]}}], load: {{vus: 1, iterations: 5}}}}",
        server.url()
    );
    scenario(folder.path(), &text);
    let pipe = folder.path().join("pipe.csv");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .is_ok_and(|made| made.success())
    );
    let before = server.status();
    for (flags, says) in [
        (&["samples=a.parquet"][..], "must end with .jsonl or .csv"),
        (&["a.csv"], "samples=FILE"),
        (
            &["samples=nowhere/a.csv"],
            "can't write nowhere/a.csv; choose another file",
        ),
        (&["samples=pipe.csv"], "named pipe"),
        (&["samples=a.csv", "samples=b.csv"], "given twice"),
    ] {
        let flags = flags.iter().flat_map(|flag| ["--out", flag]);
        let arguments: Vec<&str> = TO_RESULT.into_iter().chain(flags).collect();
        run(folder.path(), &arguments).exits(2).says(&[says]);
    }
    assert_eq!(server.seen_since(before).requests, 0);
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_full_disk_is_said_and_the_run_goes_on() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = folder();
    scenario(
        folder.path(),
        "{name: t, rounds: 2, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 2, iterations: 300}}",
    );
    let full = folder.path().join("full.jsonl");
    std::os::unix::fs::symlink("/dev/full", &full).expect("a link");
    let flags = ["--out", "samples=full.jsonl"];
    let ran = run(folder.path(), &[&TO_RESULT[..], &flags].concat()).exits(1);
    ran.says(&[
        "can't write full.jsonl: No space left",
        "full.jsonl lacks 600 samples",
    ]);
    let result = result(&folder.path().join("out"));
    assert_eq!(result["end"], "complete");
    assert_eq!(result["runs"].as_array().map(Vec::len), Some(2));
    let output = &result["outputs"][0];
    assert_eq!(
        (count(output, "written"), count(output, "dropped")),
        (0, 600)
    );
    let error = output["error"].as_str().expect("a reason");
    assert!(error.contains("No space left"), "{error}");
}

#[test]
fn each_shard_has_its_own_file_and_the_merged_result_names_them() {
    let folder = folder();
    let folder = folder.path();
    scenario(
        folder,
        "{name: t, seed: 5, mix: [{name: m, flow: [{sleep: 1ms}]}], load: {vus: 4, iterations: 100}}",
    );
    for shard in ["0", "1"] {
        let (of, out) = (format!("{shard}/2"), format!("parts/{shard}"));
        let samples = format!("samples={shard}.jsonl");
        let flags = [
            "run",
            "test.yaml",
            "--shard",
            &of,
            "-o",
            &out,
            "--out",
            &samples,
        ];
        run(folder, &flags).exits(0);
    }
    run(folder, &["merge", "parts", "-o", "out", "--format", "none"]).exits(0);
    let result = result(&folder.join("out"));
    let all: Vec<Value> = ["0.jsonl", "1.jsonl"]
        .iter()
        .flat_map(|name| rows(&folder.join(name)))
        .collect();
    have_the_counts(&all.iter().collect::<Vec<_>>(), &result["runs"][0]);
    let by_shard = counts(&all, "shard");
    let output = |n: &str| json!({"kind": "samples", "to": format!("{n}.jsonl"), "written": by_shard[n], "dropped": 0});
    assert_eq!(result["outputs"], json!([output("0"), output("1")]));
}
