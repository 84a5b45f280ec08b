//! The interpreter alone: iterations of mock sleeps in virtual time, where nothing waits and nothing is sent.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::engine::{Ground, Job, run_mode};
use loadgen::plan::{Mode, Plan};
use loadgen::scenario::{Overrides, Source, compile};

const ITERATIONS: u64 = 10_000;

fn plan() -> Plan {
    let text = format!("{{name: bench, seed: 1, mix: [{{name: m, flow: [{{sleep: 1ms}}]}}], load: {{vus: 50, iterations: {ITERATIONS}}}}}");
    let source = Source::inline("bench.yaml", text);
    compile(&source, &Overrides::default(), &|_| None).expect("the scenario is good").plan
}

fn simulate(c: &mut Criterion) {
    let folder = ".".into();
    let job = Job { parent: 0, plan: plan(), mode: Mode::Simulated, round: 1, ground: Ground { folder, ..Ground::default() } };
    let mut group = c.benchmark_group("simulated");
    group.throughput(Throughput::Elements(ITERATIONS));
    group.sample_size(20);
    group.bench_function("iterations", |b| b.iter(|| run_mode(&job, &|| None, &|_| {}).expect("it can run")));
    group.finish();
}

criterion_group!(benches, simulate);
criterion_main!(benches);
