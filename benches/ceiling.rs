//! The highest rate of mock operations that never wait: the cost of the loop itself, for each
//! driver, and the gain from a second worker.

#[path = "support/job.rs"]
mod job;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::engine::{Job, run_mode};
use loadgen::plan::Mode;

const ITERATIONS: u64 = 200_000;

fn job(mode: Mode, workers: u32) -> Job {
    let text = format!(
        "{{name: bench, seed: 1, workers: {workers}, mix: [{{name: m, flow: [{{sleep: 0s}}]}}], load: {{vus: {workers}, iterations: {ITERATIONS}}}}}"
    );
    job::of(mode, &text)
}

fn ceiling(c: &mut Criterion) {
    let mut group = c.benchmark_group("ceiling");
    group
        .throughput(Throughput::Elements(ITERATIONS))
        .sample_size(10);
    for mode in Mode::REAL {
        for workers in [1, 2] {
            if mode == Mode::Sequential && workers > 1 {
                continue;
            }
            let job = job(mode, workers);
            let name = if workers == 1 {
                format!("{mode}")
            } else {
                format!("{mode}, {workers} workers")
            };
            group.bench_function(name, |b| {
                b.iter(|| run_mode(&job, &|| None, &|_| {}).expect("it can run"))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ceiling);
criterion_main!(benches);
