//! The seed systems with groups, retries and queues: their known answers, unchanged in virtual time
//! and shortened in every real mode.

use loadgen::base::{Nanos, Rate, parse};
use loadgen::plan::{Mode, Plan};
use loadgen::result::ModeRun;
use loadgen::scenario::{Overrides, Source, compile};

use crate::engine::{near, run};
use crate::support::{patiently, shipped, side_by_side};

/// A seed system: its file below `scenarios/seed/`, its sequential and concurrent wall times in
/// seconds, if they are fixed, and the factor by which it is shortened.
pub(crate) struct Seed {
    file: &'static str,
    sequential: Option<f64>,
    concurrent: Option<f64>,
    shorter: u64,
}

const fn seed(file: &'static str, sequential: f64, concurrent: f64) -> Seed {
    Seed {
        file,
        sequential: Some(sequential),
        concurrent: Some(concurrent),
        shorter: 10,
    }
}

/// A seed system with random times, for which virtual time gives the answer.
const fn drawn(file: &'static str) -> Seed {
    Seed {
        file,
        sequential: None,
        concurrent: None,
        shorter: 10,
    }
}

pub(crate) const SEEDS: &[Seed] = &[
    seed("02a-unequal-pair.yaml", 3.0, 2.0),
    seed("02b-unequal-three.yaml", 4.5, 2.0),
    seed("02c-equal-pair.yaml", 4.0, 2.0),
    drawn("05a-gather-and-continue.yaml"),
    drawn("05b-gather-and-cancel.yaml"),
    drawn("06-first-completed.yaml"),
    seed("07-as-completed.yaml", 7.5, 3.0),
    seed("08a-timeouts.yaml", 7.5, 3.5),
    seed("09-cancellation.yaml", 12.0, 4.0),
    drawn("10a-retry-linear.yaml"),
    drawn("10b-retry-exponential.yaml"),
    drawn("10c-retry-in-vain.yaml"),
    seed("12a-task-queue.yaml", 10.0, 4.0),
    // Arrivals and completions are 50 ms apart: shortened further, a busy machine would change
    // which arrivals find room in the queue.
    Seed {
        file: "12b-queue-overflow.yaml",
        sequential: Some(21.0),
        concurrent: Some(4.3),
        shorter: 2,
    },
    drawn("13-coroutine-pool.yaml"),
    drawn("14-users.yaml"),
    seed("16-dashboard.yaml", 3.7, 1.5),
    seed("18-downloads.yaml", 5.0, 1.5),
    drawn("19-profile-by-name.yaml"),
    drawn("27-resources.yaml"),
];

/// Returns the files, for the test that checks that every shipped scenario is tested.
pub(crate) fn files() -> impl Iterator<Item = String> {
    SEEDS.iter().map(|seed| format!("seed/{}", seed.file))
}

/// Compiles a file with every duration divided, and every rate multiplied, by `shorter`.
fn plan(file: &str, shorter: u64) -> Plan {
    let source =
        Source::read(shipped(&format!("scenarios/seed/{file}")).as_ref()).expect("it exists");
    let document: serde_yaml::Value = serde_yaml::from_str(&source.text).expect("it is YAML");
    let vars = document
        .get("vars")
        .and_then(|vars| vars.as_mapping())
        .cloned()
        .unwrap_or_default();
    let scaled = vars.iter().filter_map(|(name, value)| {
        let value = value.as_str()?;
        let scaled = match (parse::duration(value), parse::rate(value)) {
            (Ok(duration), _) => Nanos(duration.0 / shorter).to_string(),
            (_, Ok(rate)) => Rate {
                events: rate.events * shorter,
                ..rate
            }
            .to_string(),
            _ => return None,
        };
        Some((name.as_str()?.to_owned(), scaled))
    });
    let overrides = Overrides {
        vars: scaled.collect(),
        ..Overrides::default()
    };
    match compile(&source, &overrides, &|_| None) {
        Ok(compiled) => {
            assert!(
                compiled.warnings.is_empty(),
                "{}",
                compiled.warnings.render(&source, false)
            );
            compiled.plan
        }
        Err(problems) => panic!("{}", problems.render(&source, false)),
    }
}

fn outcome(run: &ModeRun) -> [u64; 7] {
    let counts = run.counts;
    [
        counts.planned,
        counts.ok,
        counts.failed,
        counts.dropped,
        counts.skipped,
        counts.cancelled,
        counts.retries,
    ]
}

#[test]
fn in_virtual_time_each_seed_is_exact_to_the_nanosecond() {
    for seed in SEEDS {
        let run = run(&plan(seed.file, 1), Mode::Simulated);
        if let Some(ideal) = seed.concurrent {
            assert!(
                (run.wall_s - ideal).abs() < 1e-9,
                "{}: {} s",
                seed.file,
                run.wall_s
            );
        }
    }
}

#[test]
fn concurrent_modes_take_the_ideal_time_with_the_same_outcome() {
    side_by_side(SEEDS, |seed| {
        let plan = plan(seed.file, seed.shorter);
        let ideal = run(&plan, Mode::Simulated);
        patiently(|| {
            for mode in [Mode::Threaded, Mode::Async] {
                let real = run(&plan, mode);
                assert_eq!(
                    outcome(&real),
                    outcome(&ideal),
                    "{} {mode}: {:?}",
                    seed.file,
                    real.errors
                );
                near(mode, real.wall_s, ideal.wall_s);
            }
        });
    });
}

#[test]
fn sequential_mode_takes_the_sum() {
    side_by_side(SEEDS, |seed| {
        let Some(sum) = seed.sequential else { return };
        let shorter = seed.shorter.max(10);
        patiently(|| {
            near(
                Mode::Sequential,
                run(&plan(seed.file, shorter), Mode::Sequential).wall_s,
                sum / shorter as f64,
            )
        });
    });
}

#[test]
fn random_seeds_have_the_documented_outcome() {
    let outcome_of = |file, mode| outcome(&run(&plan(file, 10), mode));
    // In sequential mode the first branch of the race wins and four are skipped; in async mode four
    // are cancelled.
    assert_eq!(
        outcome_of("06-first-completed.yaml", Mode::Sequential)[4..6],
        [4, 0]
    );
    assert_eq!(
        outcome_of("06-first-completed.yaml", Mode::Async)[4..6],
        [0, 4]
    );
    let cancel = run(&plan("05b-gather-and-cancel.yaml", 1), Mode::Simulated);
    assert_eq!((cancel.counts.planned, cancel.counts.skipped), (50, 0));
    assert!(cancel.counts.cancelled > 0 && cancel.counts.failed <= 10);
    let users = run(&plan("14-users.yaml", 1), Mode::Simulated);
    assert_eq!(
        users
            .steps
            .iter()
            .map(|step| step.counts.ok)
            .collect::<Vec<_>>(),
        [5, 5, 5]
    );
    let queue = run(&plan("12b-queue-overflow.yaml", 1), Mode::Simulated);
    assert_eq!((queue.counts.ok, queue.counts.dropped), (11, 9));
    assert_eq!(
        (queue.limits[0].peak_in_flight, queue.limits[0].peak_queue),
        (3, 5)
    );
}

#[test]
fn each_name_of_a_profile_counts_its_calls() {
    for mode in [Mode::Sequential, Mode::Threaded, Mode::Async] {
        patiently(|| {
            let run = run(&plan("19-profile-by-name.yaml", 10), mode);
            let calls: Vec<_> = run
                .steps
                .iter()
                .map(|step| (step.name.as_str(), step.counts.ok))
                .collect();
            assert_eq!(calls, [("quick", 10), ("slow", 5), ("mixed", 8)], "{mode}");
            let quick = run.steps[0].times.response_ms.as_ref().expect("ten calls");
            assert!(quick.min >= 10.0 && quick.mean < 15.0, "{mode}: {quick:?}");
            // The short calls come first and the long ones last: that is due to the flow, not a
            // trend of the target.
            let settled = run
                .validity
                .checks
                .iter()
                .find(|check| check.name == "settled")
                .expect("every run has it");
            assert!(
                settled
                    .observed
                    .starts_with("not applicable: iterations per virtual user: 1,"),
                "{mode}: {}",
                settled.observed
            );
        });
    }
}
