//! Lag as seen by a server. The system timestamps what arrives, however late the server's own
//! thread reads it.

use std::io::{IoSliceMut, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use criterion::Criterion;
use loadgen::engine::{Environment, Job, run_mode};
use loadgen::plan::Mode;
use loadgen::result::ModeRun;
use loadgen::scenario::{Overrides, Source, compile};
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Seconds of warm-up: afterwards all connections exist.
const WARMUP: u64 = 1;
/// Seconds that are measured.
const SECONDS: u64 = 2;

/// Answers one request of `connection`; returns when it arrived, or `None` if the connection has
/// ended.
fn answer(connection: &mut TcpStream) -> Option<f64> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let mut buffer = [0; 4096];
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let mut space = nix::cmsg_space!(TimeSpec);
    let message = recvmsg::<()>(
        connection.as_raw_fd(),
        &mut parts,
        Some(&mut space),
        MsgFlags::empty(),
    )
    .ok()?;
    if message.bytes == 0 {
        return None;
    }
    let stamp = message.cmsgs().ok()?.find_map(|part| match part {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    // Data that arrived before the connection was accepted has no timestamp.
    let came = stamp.or_else(|| UNIX_EPOCH.elapsed().ok())?.as_secs_f64();
    connection.write_all(ANSWER).ok()?;
    Some(came)
}

/// Answers all requests on all connections, and records when they arrived, until it is told to
/// stop.
fn watch(listener: &TcpListener, stop: &AtomicBool) -> Vec<f64> {
    let (mut connections, mut times): (Vec<TcpStream>, Vec<f64>) = (Vec::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let mut waiting = vec![PollFd::new(listener, PollFlags::IN)];
        waiting.extend(
            connections
                .iter()
                .map(|connection| PollFd::new(connection, PollFlags::IN)),
        );
        poll(
            &mut waiting,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 50_000_000,
            }),
        )
        .expect("it can wait");
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            let (connection, _) = listener.accept().expect("a connection");
            setsockopt(&connection, ReceiveTimestampns, &true)
                .expect("the system stamps what comes in");
            connection.set_nodelay(true).expect("a socket");
            connections.push(connection);
        }
        // Newly accepted connections were not polled.
        connections.retain_mut(|connection| {
            if ready.next() != Some(true) {
                return true;
            }
            let came = answer(connection);
            times.extend(came);
            came.is_some()
        });
    }
    times
}

/// Runs `load` in a mode against a server that answers at once; returns the result, and when each
/// request arrived.
fn against_a_server(mode: Mode, load: &str) -> (ModeRun, Vec<f64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let stop = AtomicBool::new(false);
    let text = format!(
        "{{name: bench, seed: 1, workers: 1, targets: {{t: {{url: 'http://{address}', timeout: 2s}}}}, \
         mix: [{{name: m, flow: [{{get: /}}]}}], load: {{{load}}}}}"
    );
    let plan = compile(
        &Source::inline("bench.yaml", text),
        &Overrides::default(),
        &|_| None,
    )
    .expect("the scenario is good")
    .plan;
    let reached = vec![Some(
        loadgen::transport::endpoint::Endpoint::Tcp(address).into(),
    )];
    let job = Job {
        parent: 0,
        plan,
        mode,
        round: 1,
        environment: Environment {
            reached,
            ..Environment::default()
        },
    };
    thread::scope(|scope| {
        let server = scope.spawn(|| watch(&listener, &stop));
        let run = run_mode(&job, &|| None, &|_| {}).expect("it can run");
        stop.store(true, Ordering::Relaxed);
        (run, server.join().expect("it ends"))
    })
}

/// Returns the lag of requests as seen by the server, in seconds, sorted, and the achieved rate as
/// a multiple of the planned one. The delay common to all, that of the system, is subtracted.
fn seen_by_a_server(mode: Mode, rate: u64) -> (Vec<f64>, f64) {
    let load =
        format!("rate: {rate}/s, warmup: {WARMUP}s, duration: {SECONDS}s, max_in_flight: 50");
    let (_, mut times) = against_a_server(mode, &load);
    times.sort_by(f64::total_cmp);
    assert_eq!(
        times.len() as u64,
        rate * (WARMUP + SECONDS),
        "every planned request has come"
    );
    let times = &times[(rate * WARMUP) as usize..];
    let planned = |k: usize| k as f64 / rate as f64;
    let late: Vec<f64> = times
        .iter()
        .enumerate()
        .map(|(k, at)| at - times[0] - planned(k))
        .collect();
    let way = late.iter().copied().fold(f64::INFINITY, f64::min);
    let mut lags: Vec<f64> = late.iter().map(|late| late - way).collect();
    lags.sort_by(f64::total_cmp);
    let span = times.last().expect("requests") - times[0];
    (lags, planned(times.len() - 1) / span)
}

/// Measures the same lag by the system's timestamps.
pub(crate) fn lag(c: &mut Criterion) {
    let mut group = c.benchmark_group("lag seen by the server");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    for (mode, rate) in [
        (Mode::Sequential, 1_000),
        (Mode::Threaded, 1_000),
        (Mode::Threaded, 10_000),
        (Mode::Async, 1_000),
        (Mode::Async, 10_000),
    ] {
        let mut all: Vec<[f64; 3]> = Vec::new();
        group.bench_function(format!("{mode} at {rate} a second"), |b| {
            b.iter_custom(|iterations| {
                let (lags, achieved) = seen_by_a_server(mode, rate);
                let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
                all.push([at(0.50) * 1e6, at(0.99) * 1e6, (achieved - 1.0) * 100.0]);
                Duration::from_secs_f64(
                    lags.iter().sum::<f64>() / lags.len() as f64 * iterations as f64,
                )
            });
        });
        if all.is_empty() {
            continue;
        }
        let median = |part: usize| {
            let mut values: Vec<f64> = all.iter().map(|row| row[part]).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let (p50, p99, rate_off) = (median(0), median(1), median(2));
        eprintln!(
            "{mode} at {rate}/s, by the server: lag p50 {p50:.1} µs, p99 {p99:.1} µs, rate off by {rate_off:+.4} % (medians)"
        );
    }
    group.finish();
}

/// Runs requests that could wait for something other than their answer, which comes at once: none
/// of them may time out or take long.
pub(crate) fn held_up(c: &mut Criterion) {
    const RATE: u64 = 10_000;
    /// Longer than any stall of a machine that is fit for measurements.
    const LONG_MS: f64 = 1_000.0;
    let mut group = c.benchmark_group("requests held up");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    for mode in [Mode::Threaded, Mode::Async] {
        for slots in [50, 10] {
            let (mut requests, mut longest) = (0, 0.0_f64);
            group.bench_function(format!("{mode} over {slots} connections"), |b| {
                b.iter_custom(|iterations| {
                    let load = format!(
                        "rate: {RATE}/s, iterations: {}, max_in_flight: {slots}",
                        iterations.max(RATE)
                    );
                    let (run, _) = against_a_server(mode, &load);
                    let service = run.times.service_ms.expect("requests");
                    assert_eq!(
                        (run.counts.failed, run.counts.unfinished),
                        (0, 0),
                        "{:?}",
                        run.failures
                    );
                    assert!(service.max < LONG_MS, "a request took {} ms", service.max);
                    requests += run.counts.ok;
                    longest = longest.max(service.max);
                    Duration::from_secs_f64(service.mean / 1e3 * iterations as f64)
                });
            });
            if requests > 0 {
                eprintln!(
                    "{mode} over {slots} connections: {requests} requests, none held up; the longest took {longest:.1} ms"
                );
            }
        }
    }
    group.finish();
}
