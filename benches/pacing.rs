//! How late operations start, by the generator's own fault: lag against rate, for each driver. What criterion shows as
//! time is the mean lag of one operation; percentiles are printed beside it. The second group asks a server instead: it
//! polls its connections without pause and takes down when each request comes in.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use loadgen::base::Clock;
use loadgen::engine::{Ground, Job, run_mode};
use loadgen::plan::Mode;
use loadgen::scenario::{Overrides, Source, compile};

fn job(mode: Mode, rate: u64, iterations: u64) -> Job {
    let text = format!(
        "{{name: bench, seed: 1, workers: 1, mix: [{{name: m, flow: [{{sleep: 100us}}]}}], \
         load: {{rate: {rate}/s, iterations: {iterations}, max_in_flight: 50}}}}"
    );
    let source = Source::inline("bench.yaml", text);
    let plan = compile(&source, &Overrides::default(), &|_| None).expect("the scenario is good").plan;
    Job { parent: 0, plan, mode, round: 1, ground: Ground::default() }
}

fn lag(c: &mut Criterion) {
    let mut group = c.benchmark_group("lag");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for mode in Mode::REAL {
        for rate in [100, 1_000, 10_000] {
            // One after another there is room for 1 / 100 µs.
            if mode == Mode::Sequential && rate > 1_000 {
                continue;
            }
            let (mut p50, mut p99, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
            group.bench_function(format!("{mode} at {rate} a second"), |b| {
                b.iter_custom(|iterations| {
                    let run = run_mode(&job(mode, rate, iterations.max(rate / 5)), &|| None, &|_| {}).expect("it can run");
                    let lag = run.lag_ms.expect("operations");
                    p50.push(lag.p50);
                    p99.push(lag.p99);
                    cpu.extend(run.resources.cpu_user_s.zip(run.resources.cpu_system_s).map(|(user, system)| (user + system) / run.wall_s));
                    Duration::from_secs_f64(lag.mean / 1e3 * iterations as f64)
                });
            });
            let median = |values: &mut Vec<f64>| {
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
            };
            let (p50, p99, cpu) = (median(&mut p50) * 1e3, median(&mut p99) * 1e3, median(&mut cpu) * 100.0);
            eprintln!("{mode} at {rate}/s: lag p50 {p50:.1} µs, p99 {p99:.1} µs; {cpu:.1} % of a processor (medians of all rounds)");
        }
    }
    group.finish();
}

/// Answers whatever comes in over any connection, and takes down when it came, until it is told to stop.
fn watch(listener: &TcpListener, stop: &AtomicBool) -> Vec<f64> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    listener.set_nonblocking(true).expect("a socket");
    let clock = Clock::new();
    let (mut connections, mut times): (Vec<TcpStream>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((connection, _)) = listener.accept() {
            connection.set_nonblocking(true).expect("a socket");
            connection.set_nodelay(true).expect("a socket");
            connections.push(connection);
        }
        connections.retain_mut(|connection| match connection.read(&mut buffer) {
            Ok(0) => false,
            Ok(_) => {
                times.push(clock.now().as_secs_f64());
                connection.write_all(ANSWER).is_ok()
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
    }
    times
}

/// Lag of the requests as the server sees it, in seconds, in order of size, and the rate achieved as a multiple of the
/// planned one. What is common to all, the way through the system, is taken off.
fn seen_by_a_server(mode: Mode, rate: u64, seconds: u64) -> (Vec<f64>, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let stop = AtomicBool::new(false);
    let text = format!(
        "{{name: bench, seed: 1, workers: 1, targets: {{t: {{url: 'http://{address}'}}}}, mix: [{{name: m, flow: [{{get: /}}]}}], \
         load: {{rate: {rate}/s, duration: {seconds}s, max_in_flight: 50}}}}"
    );
    let plan = compile(&Source::inline("bench.yaml", text), &Overrides::default(), &|_| None).expect("the scenario is good").plan;
    let job = Job { parent: 0, plan, mode, round: 1, ground: Ground { addresses: vec![Some(address)], ..Ground::default() } };
    let mut times = thread::scope(|scope| {
        let server = scope.spawn(|| watch(&listener, &stop));
        run_mode(&job, &|| None, &|_| {}).expect("it can run");
        stop.store(true, Ordering::Relaxed);
        server.join().expect("it ends")
    });
    times.sort_by(f64::total_cmp);
    let planned = |k: usize| k as f64 / rate as f64;
    let late: Vec<f64> = times.iter().enumerate().map(|(k, at)| at - planned(k)).collect();
    let way = late.iter().copied().fold(f64::INFINITY, f64::min);
    let mut lags: Vec<f64> = late.iter().map(|late| late - way).collect();
    lags.sort_by(f64::total_cmp);
    let span = times.last().expect("requests") - times[0];
    (lags, planned(times.len() - 1) / span)
}

fn server(c: &mut Criterion) {
    let mut group = c.benchmark_group("lag seen by the server");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for (mode, rate) in
        [(Mode::Sequential, 1_000), (Mode::Threaded, 1_000), (Mode::Threaded, 10_000), (Mode::Async, 1_000), (Mode::Async, 10_000)]
    {
        let mut all: Vec<[f64; 3]> = Vec::new();
        group.bench_function(format!("{mode} at {rate} a second"), |b| {
            b.iter_custom(|iterations| {
                let (lags, achieved) = seen_by_a_server(mode, rate, 2);
                let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
                all.push([at(0.50) * 1e6, at(0.99) * 1e6, (achieved - 1.0) * 100.0]);
                Duration::from_secs_f64(lags.iter().sum::<f64>() / lags.len() as f64 * iterations as f64)
            });
        });
        let median = |part: usize| {
            let mut values: Vec<f64> = all.iter().map(|row| row[part]).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let (p50, p99, rate_off) = (median(0), median(1), median(2));
        eprintln!("{mode} at {rate}/s, by the server: lag p50 {p50:.1} µs, p99 {p99:.1} µs, rate off by {rate_off:+.4} % (medians)");
    }
    group.finish();
}

criterion_group!(benches, lag, server);
criterion_main!(benches);
