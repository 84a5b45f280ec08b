//! What it costs to fold one sample into the figures: every histogram of its step and the time line.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::base::Nanos;
use loadgen::metrics::{Outcome, Recorder, Sample};

/// As many samples as a full tape has.
const TAPE: u64 = 64;

fn sample(k: u64) -> Sample {
    let started = Nanos(k * 20_000 + 150);
    Sample {
        operation: 0,
        intended: Nanos(k * 20_000),
        queue: Nanos::ZERO,
        started,
        // Spread over a decade, as the times of a busy service are.
        completed: started + Nanos(100_000 + k.wrapping_mul(0x9e37_79b9) % 900_000),
        outcome: Outcome::Ok,
        retries: 0,
        status: 200,
        connect: None,
        tls: None,
        send: Some(Nanos(9_000)),
        first_byte: Some(Nanos(90_000)),
        body: Some(Nanos(1_000)),
        bytes_in: 200,
        bytes_out: 80,
    }
}

fn record(c: &mut Criterion) {
    let mut group = c.benchmark_group("recorder");
    group.throughput(Throughput::Elements(TAPE));
    group.bench_function("operations", |b| {
        let mut recorder = Recorder::new(&[true], Nanos::ZERO, Nanos::from_secs(1));
        let mut k = 0;
        b.iter(|| {
            for _ in 0..TAPE {
                recorder.operation(&sample(k), Nanos::MAX);
                k += 1;
            }
        });
    });
    group.finish();
}

criterion_group!(benches, record);
criterion_main!(benches);
