//! The cost of recording one sample: every histogram of its step and the time line. The goal is 50
//! ns per sample; criterion's throughput is in samples.

#[path = "support/sample.rs"]
mod sample;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::base::Nanos;
use loadgen::metrics::Recorder;

/// The number of samples on a full tape.
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
