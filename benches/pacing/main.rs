//! How late operations start because of the load generator: lag against rate, for each driver. The
//! time that criterion shows is the mean lag of one operation; percentiles are printed next to it.
//! The second group asks a server instead, whose system timestamps each incoming request, however
//! late the server's own thread reads it. The third fails if a single request is delayed although
//! its answer has arrived.

#[path = "../support/job.rs"]
mod job;
#[cfg(target_os = "linux")]
mod server;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::engine::{Job, run_mode};
use loadgen::plan::Mode;

fn job(mode: Mode, rate: u64, iterations: u64) -> Job {
    let text = format!(
        "{{name: bench, seed: 1, workers: 1, mix: [{{name: m, flow: [{{sleep: 100us}}]}}], \
         load: {{rate: {rate}/s, iterations: {iterations}, max_in_flight: 50}}}}"
    );
    job::of(mode, &text)
}

fn lag(c: &mut Criterion) {
    let mut group = c.benchmark_group("lag");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for mode in Mode::REAL {
        for rate in [100, 1_000, 10_000] {
            // Run one after another, they reach at most 1 / 100 µs.
            if mode == Mode::Sequential && rate > 1_000 {
                continue;
            }
            let (mut p50, mut p99, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
            group.bench_function(format!("{mode} at {rate} a second"), |b| {
                b.iter_custom(|iterations| {
                    let run = run_mode(
                        &job(mode, rate, iterations.max(rate / 5)),
                        &|| None,
                        &|_| {},
                    )
                    .expect("it can run");
                    let lag = run.times.lag_ms.expect("operations");
                    p50.push(lag.p50);
                    p99.push(lag.p99);
                    cpu.extend(
                        run.resources
                            .cpu_user_s
                            .zip(run.resources.cpu_system_s)
                            .map(|(user, system)| (user + system) / run.wall_s),
                    );
                    Duration::from_secs_f64(lag.mean / 1e3 * iterations as f64)
                });
            });
            if p50.is_empty() {
                continue;
            }
            let median = |values: &mut Vec<f64>| {
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
            };
            let (p50, p99, cpu) = (
                median(&mut p50) * 1e3,
                median(&mut p99) * 1e3,
                median(&mut cpu) * 100.0,
            );
            eprintln!(
                "{mode} at {rate}/s: lag p50 {p50:.1} µs, p99 {p99:.1} µs; {cpu:.1} % of a processor (medians of all rounds)"
            );
        }
    }
    group.finish();
}

#[cfg(target_os = "linux")]
criterion_group!(benches, lag, server::lag, server::held_up);
#[cfg(not(target_os = "linux"))]
criterion_group!(benches, lag);
criterion_main!(benches);
