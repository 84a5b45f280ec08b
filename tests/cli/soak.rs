//! A soak test: a load generator at full speed against a peer that fails one request in a hundred
//! accumulates neither memory nor descriptors.
//!
//! It takes six seconds, with all modes at once. `LOADGEN_SOAK` sets another duration, and prints
//! the observations: `LOADGEN_SOAK=10m cargo test --test cli soak -- --nocapture`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::base::parse;

use crate::peer::{Line, Peer, Then, good};
use crate::support::{
    MODES, Running, children, count, folder, loadgen, result, run_of, scenario, until,
};

/// The default duration.
const DEFAULT_DURATION: &str = "6s";
/// One response in this many is a fault.
const RESPONSES_PER_FAULT: u64 = 100;
/// The number of parts of the duration: the second part is compared with the last one. In the first
/// part the generator allocates what it needs.
const PARTS: u32 = 10;
const VUS: u64 = 8;

/// The resources that a process holds.
#[derive(Clone, Copy, Debug, Default)]
struct Resources {
    rss: u64,
    descriptors: u64,
}

impl Resources {
    /// Returns those of a process, if it exists.
    fn of(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count() as u64;
        Some(Self {
            rss: kilobytes << 10,
            descriptors,
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            rss: self.rss.max(other.rss),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

/// Responds with each kind of fault in turn.
fn respond_with_fault(line: &mut Line, number: u64) -> Then {
    let says = |line: &mut Line, text: &str, then| {
        line.say(text);
        then
    };
    match number % 8 {
        0 => Then::Close,
        1 => Then::Reset,
        2 => says(line, "HTTP/1.1 200 OK\r\ncontent-le", Then::Close),
        3 => says(
            line,
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            Then::Reset,
        ),
        4 => says(
            line,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\ngood",
            Then::Listen,
        ),
        5 => says(line, "HTXP/1.1 200 OK\r\n\r\n", Then::Listen),
        6 => says(
            line,
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            Then::Listen,
        ),
        _ => {
            line.say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort");
            line.wait_for_close();
            Then::Close
        }
    }
}

/// Soaks one mode for this long; returns the peak resources of each part, the result, and the
/// number of faults.
fn soak(mode: &str, length: Duration) -> (Vec<Resources>, serde_json::Value, u64) {
    let (answers, faults) = (AtomicU64::new(0), Arc::<AtomicU64>::default());
    let account = faults.clone();
    let peer = Peer::start(move |line, _| {
        if answers.fetch_add(1, Ordering::Relaxed) % RESPONSES_PER_FAULT == RESPONSES_PER_FAULT - 1
        {
            return respond_with_fault(line, account.fetch_add(1, Ordering::Relaxed));
        }
        line.say(good("good"));
        Then::Listen
    });
    let folder = folder();
    scenario(
        folder.path(),
        &format!(
            "{{name: soak, workers: 1, targets: {{peer: {{url: builtin, timeout: 200ms}}}}, load: {{vus: {VUS}, duration: {}ms}}, \
             mix: [{{name: m, flow: [{{get: /, expect: {{body: {{equals: good}}}}, on_error: continue}}]}}]}}",
            length.as_millis()
        ),
    );
    let arguments = [
        "run",
        "test.yaml",
        "--target",
        &peer.url(),
        "--mode",
        mode,
        "-o",
        "out",
        "--format",
        "none",
    ];
    let mut running = Running::start(&mut loadgen(folder.path(), &arguments), None);
    until("the process of the mode has started", || {
        !children(running.id()).is_empty()
    });
    let (process, begun) = (children(running.id())[0], Instant::now());
    let mut held = vec![Resources::default(); PARTS as usize];
    while running.is_running() {
        assert!(
            begun.elapsed() < length + Duration::from_secs(60),
            "{mode}: the run does not end"
        );
        let part =
            (begun.elapsed().as_secs_f64() / length.as_secs_f64() * f64::from(PARTS)) as usize;
        if let (Some(most), Some(now)) = (held.get_mut(part), Resources::of(process)) {
            *most = most.max(now);
        }
        thread::sleep(length / 600);
    }
    running.finish().exits(0);
    until("all connections are closed", || peer.open() == 0);
    (
        held,
        result(&folder.path().join("out")),
        faults.load(Ordering::Relaxed),
    )
}

#[test]
fn requests_and_faults_leak_nothing() {
    let asked = std::env::var("LOADGEN_SOAK").ok();
    let length = parse::duration(asked.as_deref().unwrap_or(DEFAULT_DURATION))
        .expect("`LOADGEN_SOAK` is a duration, such as 10m");
    let length = Duration::from_secs_f64(length.as_secs_f64());
    let modes = MODES.map(|mode| thread::spawn(move || (mode, soak(mode, length))));
    let ended = modes.map(|running| running.join().expect("no panic"));
    if asked.is_some() {
        for (mode, (held, result, faults)) in &ended {
            let run = run_of(result, mode);
            let by_part: Vec<String> = held
                .iter()
                .map(|h| format!("{} kB {} fds", h.rss >> 10, h.descriptors))
                .collect();
            println!(
                "{mode}: {} requests, {faults} faults, {}\n  {}",
                count(run, "completed"),
                run["failures"],
                by_part.join(", ")
            );
        }
    }
    for (mode, (held, result, faults)) in &ended {
        let run = run_of(result, mode);
        let (early, late) = (held[1], held[held.len() - 1]);
        // On a busy machine a good response is late now and then.
        let (failed, late_ones) = (count(run, "failed"), count(run, "completed") / 1000);
        assert!(
            (*faults..=faults + late_ones).contains(&failed) && *faults > 0,
            "{mode}: {faults} faults, {}",
            run["failures"]
        );
        assert!(
            count(run, "ok") > 50 * faults,
            "{mode}: {} were ok",
            count(run, "ok")
        );
        // The time line grows meanwhile, up to a bound.
        assert!(
            late.rss < early.rss + (4 << 20),
            "{mode}: {early:?} became {late:?}"
        );
        assert!(
            late.descriptors <= early.descriptors + 2,
            "{mode}: {early:?} became {late:?}"
        );
    }
}
