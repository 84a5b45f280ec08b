//! Rendering: the reports of a run of a million requests in each of three modes, with a time line
//! of 300 windows and ten steps. Also prints the size of the page and the memory used.

#[path = "support/job.rs"]
mod job;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::engine::{Job, run_mode};
use loadgen::plan::{Format, Mode};
use loadgen::report::html;
use loadgen::report::html::Delivery;
use loadgen::report::write_all;
use loadgen::result::{
    Build, Comparison, End, Host, ModeRun, RunResult, SCHEMA, ScenarioEcho, Validity,
};

/// Ten minutes of ten steps: 1,000,000 operations.
fn job() -> Job {
    let steps: Vec<String> = (0..10)
        .map(|i| {
            format!(
                "{{sleep: {{lognormal: {{p50: {}ms, p99: 80ms}}}}, name: GET /items/{i}}}",
                i + 2
            )
        })
        .collect();
    let text = format!(
        "{{name: bench, seed: 1, modes: [simulated], mix: [{{name: m, flow: [{}]}}], load: {{rate: 166.7/s, duration: 10m, max_in_flight: 1000}}}}",
        steps.join(", ")
    );
    job::of(Mode::Simulated, &text)
}

/// Creates the result of three modes: the same figures under three names.
fn result() -> RunResult {
    let job = job();
    let plan = &job.plan;
    let one = run_mode(&job, &|| None, &|_| {}).expect("it can run");
    let runs: Vec<ModeRun> = Mode::REAL
        .iter()
        .map(|mode| ModeRun {
            mode: *mode,
            ..one.clone()
        })
        .collect();
    RunResult {
        outputs: Vec::new(),
        exemplars: Vec::new(),
        watched: Vec::new(),
        shards: None,
        hosts: Vec::new(),
        schema: SCHEMA.into(),
        end: End::Complete,
        loadgen: Build::current(),
        scenario: ScenarioEcho {
            tags: std::collections::BTreeMap::new(),
            name: plan.name.clone(),
            description: None,
            fingerprint: "0".into(),
            seed: plan.seed,
            source: "name: bench\n".into(),
            file: None,
        },
        plan: serde_json::to_value(plan).expect("plain data"),
        host: Host::current(),
        started_at: "2026-11-21T08:15:00Z".into(),
        comparison: Comparison::from_runs(&runs, &Mode::REAL, None),
        runs,
        thresholds: Vec::new(),
        baseline: None,
        validity: Validity::default(),
        warnings: Vec::new(),
    }
}

/// Returns the peak memory of this process so far.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("unknown")
        .split_whitespace()
        .skip(1)
        .collect::<Vec<_>>()
        .join(" ")
}

fn render(c: &mut Criterion) {
    let result = result();
    let text = result.to_json().expect("plain data");
    let operations: u64 = result.runs.iter().map(|run| run.counts.completed).sum();
    let windows = result.runs[0].series.len();
    let page = html::render(&result, Delivery::Whole(&[])).expect("it can be made");
    println!(
        "{operations} operations, {windows} windows: result {} KB, page {} KB",
        text.len() / 1000,
        page.len() / 1000
    );
    println!("peak memory with the run itself: {}", peak());
    let folder = tempfile::tempdir().expect("a folder");
    let mut group = c.benchmark_group("report");
    group.sample_size(10);
    group.bench_function("read the result", |b| {
        b.iter(|| RunResult::from_json(&text).expect("its own"))
    });
    group.bench_function("page", |b| {
        b.iter(|| html::render(&result, Delivery::Whole(&[])).expect("it can be made"))
    });
    group.bench_function("page and pictures, written", |b| {
        b.iter(|| {
            assert!(
                write_all(&result, &[Format::Html, Format::Png], folder.path())
                    .failures
                    .is_empty()
            )
        });
    });
    group.finish();
    println!("peak memory in all: {}", peak());
}

criterion_group!(benches, render);
criterion_main!(benches);
