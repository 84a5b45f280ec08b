//! What it costs to fold one sample into the figures: every histogram of its step and the time
//! line. The goal is 50 ns a sample; criterion's throughput is in samples.

#[path = "support/sample.rs"]
mod sample;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::base::Nanos;
use loadgen::metrics::Recorder;

/// As many samples as a full tape has.
const TAPE: u64 = 16;

fn record(c: &mut Criterion) {
    let mut group = c.benchmark_group("recorder");
    group.throughput(Throughput::Elements(TAPE));
    group.bench_function("operations", |b| {
        let mut recorder = Recorder::new(&[true], Nanos::ZERO, Nanos::from_secs(1));
        let mut k = 0;
        b.iter(|| {
            for _ in 0..TAPE {
                recorder.operation(&sample::of(k, 0, Nanos(k * 20_000)), Nanos::MAX);
                k += 1;
            }
        });
    });
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
