//! The cost of planning one start of the open model: at a constant rate, as a Poisson process, and
//! in stages, where the integral of the rate is inverted. Each iteration needs one, so this is part
//! of loadgen's overhead.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::base::{Nanos, Rate};
use loadgen::pacing::{Arrivals, Schedule};
use loadgen::plan::{Shard, Spread, Stage};

/// Arrivals per measurement.
const ARRIVALS: usize = 10_000;

fn stage(name: &str, from: f64, to: f64) -> Stage {
    Stage {
        name: name.into(),
        duration: Nanos::from_secs(3_600),
        from,
        to,
        measure: true,
    }
}

fn plan(c: &mut Criterion) {
    let stages = [
        stage("up", 10.0, 1_000.0),
        stage("hold", 1_000.0, 1_000.0),
        stage("down", 1_000.0, 0.0),
    ];
    let mut group = c.benchmark_group("arrivals");
    group.throughput(Throughput::Elements(ARRIVALS as u64));
    for (name, spread, stages) in [
        ("constant", Spread::Constant, &[][..]),
        ("poisson", Spread::Poisson, &[]),
        ("in stages", Spread::Constant, &stages),
        ("in stages, poisson", Spread::Poisson, &stages),
    ] {
        let schedule = Schedule {
            spread,
            rate: Rate::per_second(1_000),
            stages,
            seed: 1,
            warmup: Nanos::ZERO,
            duration: Some(Nanos::from_secs(3 * 3_600)),
            iterations: None,
            shard: Shard::WHOLE,
        };
        assert_eq!(
            Arrivals::new(&schedule).take(ARRIVALS).count(),
            ARRIVALS,
            "{name} plans as many as are counted"
        );
        group.bench_function(name, |b| {
            b.iter(|| Arrivals::new(&schedule).take(ARRIVALS).last())
        });
    }
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
