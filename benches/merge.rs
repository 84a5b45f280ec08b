//! Merging separate measurements: two histograms, the recorders of two workers, and the rounds of
//! three modes. A worker's recorder is merged with the others' at the end, and each time the
//! figures are read during a run.

#[path = "support/job.rs"]
mod job;
#[path = "support/sample.rs"]
mod sample;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::base::Nanos;
use loadgen::engine::run_mode;
use loadgen::metrics::{Recorder, histogram};
use loadgen::plan::Mode;
use loadgen::result::{Comparison, ModeRun};

/// Samples in each recorder.
const SAMPLES: u64 = 100_000;
/// Steps of each recorder; each has six histograms.
const STEPS: u64 = 10;
/// Rounds of the run that is compared.
const ROUNDS: u32 = 5;

/// Creates the recorder of a worker that was busy for a minute.
fn recorder() -> Recorder {
    let mut recorder = Recorder::new(&[true; STEPS as usize], Nanos::ZERO, Nanos::from_secs(1));
    for k in 0..SAMPLES {
        let sample = sample::of(k, (k % STEPS) as u32, Nanos(k * 60_000_000_000 / SAMPLES));
        recorder.operation(&sample, Nanos::MAX);
    }
    recorder
}

/// Creates the rounds of three modes: the same figures under three names.
fn rounds() -> Vec<ModeRun> {
    let text = "{name: bench, seed: 1, modes: [simulated], mix: [{name: m, flow: [{sleep: 5ms}]}], load: {rate: 100/s, duration: 60s}}";
    let one = run_mode(&job::of(Mode::Simulated, text), &|| None, &|_| {}).expect("it can run");
    (1..=ROUNDS)
        .flat_map(|round| {
            Mode::REAL.map(|mode| ModeRun {
                mode,
                round,
                ..one.clone()
            })
        })
        .collect()
}

fn merge(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge");
    let (mut sum, mut other) = (histogram::empty(), histogram::empty());
    (0..SAMPLES).for_each(|k| {
        other
            .record(100_000 + k.wrapping_mul(0x9e37_79b9) % 900_000)
            .expect("within its range")
    });
    group.bench_function("two histograms", |b| {
        b.iter(|| histogram::add(&mut sum, &other))
    });
    let (mut sum, other) = (recorder(), recorder());
    group.bench_function("two recorders of ten steps and sixty windows", |b| {
        b.iter(|| sum.add(&other))
    });
    let runs = rounds();
    group.bench_function("five rounds of three modes", |b| {
        b.iter(|| Comparison::from_runs(&runs, &Mode::REAL, None).expect("there are runs"))
    });
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
