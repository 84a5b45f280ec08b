//! The interpreter's overhead for a step of a flow: iterations in virtual time, where nothing waits
//! and nothing is sent. The figure is the time of one iteration; the overhead of one step of a kind
//! is the difference to `one sleep`, divided by the number of added steps. It includes recording
//! every operation and every iteration.

#[path = "support/job.rs"]
mod job;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::engine::run_mode;
use loadgen::plan::Mode;

const ITERATIONS: u64 = 10_000;

/// Flows, by their content.
const FLOWS: [(&str, &str); 5] = [
    ("one sleep", "{sleep: 1ms}"),
    ("ten sleeps", "{repeat: {times: 10, flow: [{sleep: 1ms}]}}"),
    (
        "one sleep, and one that is never drawn",
        "{sleep: 1ms}, {sleep: 1ms, chance: 0%}",
    ),
    (
        "one sleep, and one by an expression",
        "{sleep: 1ms}, {sleep: 1ms, when: 'n > 1'}",
    ),
    (
        "two sleeps in parallel",
        "{parallel: [{sleep: 1ms}, {sleep: 1ms}]}",
    ),
];

fn iterations(c: &mut Criterion) {
    let mut group = c.benchmark_group("flow");
    group
        .throughput(Throughput::Elements(ITERATIONS))
        .sample_size(20);
    for (name, steps) in FLOWS {
        let text = format!(
            "{{name: bench, seed: 1, vars: {{n: 2}}, mix: [{{name: m, flow: [{steps}]}}], load: {{vus: 50, iterations: {ITERATIONS}}}}}"
        );
        let job = job::of(Mode::Simulated, &text);
        group.bench_function(name, |b| {
            b.iter(|| run_mode(&job, &|| None, &|_| {}).expect("it can run"))
        });
    }
    group.finish();
}

criterion_group!(benches, iterations);
criterion_main!(benches);
