//! Generated scenarios: random combinations of steps, groups, limits, timeouts, retries, redirects
//! and loads, over mock work and over a scripted peer, each in every mode, checked against what
//! must be true of any.
//!
//! `cargo test` runs a hundred and twenty seeds, always the same ones. `LOADGEN_SEEDS` names
//! others:
//!
//! ```text
//! LOADGEN_SEEDS=0..20000 cargo test --release --test cli generated   # many
//! LOADGEN_SEEDS=4711 cargo test --test cli generated                 # one
//! LOADGEN_SCENARIO=small.yaml cargo test --test cli generated        # a scenario that was printed
//! ```
//!
//! [`generate`] creates a tree from a seed, which is a scenario in YAML; it is self-contained,
//! since the peer does what paths ask for ([`script`]) and behaves as the name of its target says.
//! [`trial`] runs it in a mode, in process; the [`oracle`] checks the result against the plan, the
//! peer's own log, and the other modes. A failing scenario is minimized ([`shrink`]) and printed
//! with its seed.
//!
//! No rule depends on the speed of the machine: times have lower bounds, and upper ones with
//! seconds to spare.

mod accounting;
mod caps;
mod connection;
mod draw;
mod expected;
mod generate;
mod load;
mod oracle;
mod outcomes;
mod peer;
mod requests;
mod script;
mod shapes;
mod shrink;
mod times;
mod traffic;
mod trial;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use loadgen::plan::Mode;
use serde_json::Value;

use generate::generate;
use oracle::{Finding, judge};
use trial::{Case, Trial, yaml};

/// The seeds that run by default.
const DEFAULT_SEEDS: Range<u64> = 0..120;
/// The number of concurrent scenarios: they sleep more than they work.
const CONCURRENCY: usize = 4;
/// Scenarios that take longer in all modes are reported: none is planned to take a second.
const SLOW: Duration = Duration::from_secs(4);
/// The memory limit for all seeds, however many: four at a time, with their peers.
const MAX_MEMORY_MB: u64 = 400;
/// The maximum number of failures that are minimized.
const MAX_SHRUNK: usize = 3;
/// The number of failures after which the search stops.
const MAX_FAILURES: usize = 40;

/// Runs a scenario in every mode; returns what is wrong with it.
///
/// # Errors
/// If it is not a valid scenario.
pub(crate) fn examine(tree: &Value) -> Result<Vec<Finding>, String> {
    let case = Case::new(tree)?;
    let (mut trials, mut findings): (Vec<Trial>, Vec<Finding>) = (Vec::new(), Vec::new());
    for mode in case.modes() {
        match case.run(mode) {
            Ok(trial) => trials.extend(trial),
            Err(said) => findings.push(Finding {
                rule: "runs",
                mode,
                said,
            }),
        }
    }
    if let Some(first) = trials.first().filter(|trial| trial.mode == Mode::Simulated) {
        findings.extend(is_exact(&case, first));
    }
    findings.extend(judge(&case, &trials));
    Ok(findings)
}

/// Returns what is wrong with a scenario of a seed. A machine that stalls for seconds makes times
/// too long, but not repeatedly: if times are the only finding, it has to recur three times.
fn findings_of(tree: &Value) -> Vec<Finding> {
    let look = || {
        examine(tree).unwrap_or_else(|said| {
            vec![Finding {
                rule: "compiles",
                mode: Mode::Simulated,
                said,
            }]
        })
    };
    let mut findings = look();
    for _ in 0..2 {
        if findings.iter().all(|finding| finding.rule == "too long") && !findings.is_empty() {
            findings = look();
        }
    }
    findings
}

/// Checks that virtual time is reproducible.
fn is_exact(case: &Case, first: &Trial) -> Option<Finding> {
    let text = |trial: &Trial| serde_json::to_string(&trial.run).expect("plain data");
    let again = case.run(first.mode).ok().flatten().as_ref().map(text);
    let same = again.as_ref() == Some(&text(first));
    (!same).then(|| Finding {
        rule: "exact",
        mode: first.mode,
        said: format!("{}\nand again\n{again:?}", text(first)),
    })
}

/// The name of threads whose panics are caught and reported as findings, and need not be printed as
/// well.
const WORKER_THREAD: &str = "generated";

/// Silences panics that are caught.
fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if thread::current().name() != Some(WORKER_THREAD) {
                loud(panic);
            }
        }));
    });
}

/// Returns the requested seeds.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("LOADGEN_SEEDS") else {
        return DEFAULT_SEEDS;
    };
    let number = |text: &str| {
        text.trim()
            .parse()
            .unwrap_or_else(|_| panic!("LOADGEN_SEEDS is `{text}`: it takes 17 or 0..100"))
    };
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    }
}

#[test]
fn generated_scenarios_keep_every_rule() {
    if let Ok(path) = std::env::var("LOADGEN_SCENARIO") {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let findings = examine(&serde_yaml::from_str(&text).expect("YAML"))
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(findings.is_empty(), "{}", listing(&findings));
        return;
    }
    silence_caught_panics();
    // By default other tests run concurrently in the same process.
    let before = std::env::var("LOADGEN_SEEDS").is_ok().then(descriptors);
    let (seeds, begun) = (seeds(), Instant::now());
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    if seeds.end - seeds.start == 1 {
        eprintln!("{}", yaml(&generate(seeds.start)));
    }
    thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            let work = || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failed.lock().expect("no panic").len() >= MAX_FAILURES {
                        return;
                    }
                    let (tree, begun) = (generate(seed), Instant::now());
                    let findings = findings_of(&tree);
                    if begun.elapsed() > SLOW {
                        eprintln!("seed {seed} took {:?}", begun.elapsed());
                    }
                    if !findings.is_empty() {
                        // Printed at once, because the run may take hours longer.
                        eprintln!("seed {seed}:\n{}", listing(&findings));
                        failed.lock().expect("no panic").insert(seed, findings);
                    }
                }
            };
            thread::Builder::new()
                .name(WORKER_THREAD.into())
                .spawn_scoped(scope, work)
                .expect("a thread");
        }
    });
    let failed = failed.into_inner().expect("no panic");
    eprintln!(
        "{} seeds in {:?}",
        next.into_inner().min(seeds.end) - seeds.start,
        begun.elapsed()
    );
    if let Some(before) = before {
        assert_eq!(
            descriptors(),
            before,
            "open descriptors after {} seeds, and before",
            seeds.end - seeds.start
        );
        let peak = peak_memory_mb();
        assert!(
            peak < MAX_MEMORY_MB,
            "peak memory of {peak} MB after {} seeds",
            seeds.end - seeds.start
        );
    }
    assert!(failed.is_empty(), "{}", report(&failed));
}

/// Returns the number of open descriptors of this process.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Returns the peak memory of this process.
fn peak_memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    peak.expect("in kB") / 1024
}

/// Reports each finding once, and the smallest scenarios of some.
fn report(failed: &BTreeMap<u64, Vec<Finding>>) -> String {
    let mut text = String::new();
    let mut known: Vec<(&str, Mode)> = Vec::new();
    for (seed, findings) in failed {
        let _ = writeln!(text, "seed {seed}:\n{}", listing(findings));
        let Some(first) = findings
            .iter()
            .find(|finding| !known.contains(&(finding.rule, finding.mode)))
        else {
            continue;
        };
        if known.len() < MAX_SHRUNK {
            known.push((first.rule, first.mode));
            let (small, finding) = shrink::shrink(&generate(*seed), first.rule);
            let _ = writeln!(
                text,
                "{}---\n{}---",
                finding
                    .map(|finding| listing(&[finding]))
                    .unwrap_or_default(),
                yaml(&small)
            );
        }
    }
    text
}

fn listing(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|Finding { rule, mode, said }| format!("  {mode}, {rule}: {said}\n"))
        .collect()
}

#[test]
fn every_seed_generates_a_valid_scenario() {
    for seed in 0..2000 {
        let tree = generate(seed);
        if let Err(problems) = Case::new(&tree) {
            panic!("seed {seed}: {problems}\n{}", yaml(&tree));
        }
    }
}
