//! A simulation of comparisons of two versions on a machine that drifts and fluctuates: how often
//! each method raises a false alarm, and how often it detects a real change. A test runs a small
//! one, and `cargo bench --bench alarms` a large one.

use std::fmt;

use loadgen::gate::shift::Shift;
use loadgen::gate::verdict::{Paired, verdicts};
use loadgen::plan::{Guard, Metric, Mode, Quantity, Statistic};
use loadgen::result::Outcome;
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64Mcg;
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Pairs of runs in a comparison.
const PAIRS: usize = 10;
/// Requests of a run.
const REQUESTS: usize = 400;
/// The relative slowdown of the machine from the first run of a comparison to the last.
const DRIFT: f64 = 0.10;
/// The spread of its fluctuations, which persist: the correlation is that of one run with the next.
const MOOD: f64 = 0.05;
const CORRELATION: f64 = 0.95;
/// The spread of individual runs, for a figure that suits a gate.
pub(crate) const OWN: f64 = 0.015;
/// The same for a figure that varies far more than is tolerated, such as processor time on a busy
/// machine.
pub(crate) const NOISY: f64 = 0.4;
/// The spread of the requests of a run.
const SPREAD: f64 = 0.3;

/// The order of the runs of both versions.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// A B, B A, A B, …
    Abba,
    /// All of one, then all of the other.
    Blocks,
}

/// A method of deciding whether B is worse than A.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    /// Like `loadgen ab`: an apparent regression is measured again.
    Loadgen,
    /// The same, without measuring again.
    Once,
    /// The same, without a tolerance.
    NoTolerance,
    /// The same, but with the versions one after the other.
    NotInterleaved,
    /// Welch's t-test on the runs, one version after the other.
    Welch,
    /// The medians of one run each differ by more than the tolerance.
    OneRatio,
    /// The Mann–Whitney test on the requests of one run each.
    MannWhitney,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loadgen => {
                "loadgen: 10 pairs in ABBA order, with a tolerance, and 10 more to be sure"
            }
            Self::Once => "the same, without 10 more",
            Self::NoTolerance => "10 pairs in ABBA order without a tolerance",
            Self::NotInterleaved => "10 pairs with a tolerance, one version after the other",
            Self::Welch => "Welch's t on 10 runs each, one version after the other",
            Self::OneRatio => "medians of one run each, more than 5 % apart",
            Self::MannWhitney => "Mann-Whitney on the requests of one run each",
        })
    }
}

/// The machine: its current slowness, as a logarithm.
struct Machine {
    chance: Pcg64Mcg,
    mood: f64,
    own: f64,
    runs: usize,
}

impl Machine {
    fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.chance)
    }

    /// Returns the times of one run's requests, sorted.
    fn run(&mut self, factor: f64) -> Vec<f64> {
        self.mood = CORRELATION * self.mood
            + (1.0 - CORRELATION * CORRELATION).sqrt() * MOOD * self.normal();
        let drift = DRIFT * self.runs as f64 / (2 * PAIRS) as f64;
        self.runs += 1;
        let level = factor.ln() + self.mood + drift + self.own * self.normal();
        let mut times: Vec<f64> = (0..REQUESTS)
            .map(|_| (level + SPREAD * self.normal()).exp())
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }

    /// Returns the runs of both versions, pair by pair.
    fn pairs(&mut self, order: Order, factor: f64) -> Vec<[Vec<f64>; 2]> {
        match order {
            Order::Blocks => {
                let base: Vec<_> = (0..PAIRS).map(|_| self.run(1.0)).collect();
                base.into_iter()
                    .map(|base| [base, self.run(factor)])
                    .collect()
            }
            Order::Abba => (0..PAIRS)
                .map(|pair| {
                    if pair % 2 == 0 {
                        let base = self.run(1.0);
                        [base, self.run(factor)]
                    } else {
                        let new = self.run(factor);
                        [self.run(1.0), new]
                    }
                })
                .collect(),
        }
    }
}

fn p50(run: &[f64]) -> f64 {
    run[run.len() / 2]
}

/// Returns the verdict on the medians of these runs.
fn outcome(pairs: &[[Vec<f64>; 2]]) -> Outcome {
    let metric = Metric::Time(Quantity::Response, Statistic::Percentile(50_000));
    let pairs = pairs
        .iter()
        .map(|[base, new]| [p50(base), p50(new)])
        .collect();
    verdicts(&[Paired {
        guard: Guard::usual(metric),
        mode: Mode::Async,
        pairs,
    }])[0]
        .verdict
}

/// Returns loadgen's verdict, after measuring an apparent regression again.
fn outcome_to_be_sure(machine: &mut Machine, factor: f64) -> Outcome {
    match outcome(&machine.pairs(Order::Abba, factor)) {
        Outcome::Regressed
            if outcome(&machine.pairs(Order::Abba, factor)) != Outcome::Regressed =>
        {
            Outcome::Inconclusive
        }
        first => first,
    }
}

fn is_worse(method: Method, machine: &mut Machine, factor: f64) -> bool {
    match method {
        Method::Loadgen => outcome_to_be_sure(machine, factor) == Outcome::Regressed,
        Method::Once => outcome(&machine.pairs(Order::Abba, factor)) == Outcome::Regressed,
        Method::NotInterleaved => {
            outcome(&machine.pairs(Order::Blocks, factor)) == Outcome::Regressed
        }
        Method::NoTolerance => {
            let differences: Vec<f64> = machine
                .pairs(Order::Abba, factor)
                .iter()
                .map(|[base, new]| (p50(new) / p50(base)).ln())
                .collect();
            Shift::from_differences(&differences).is_some_and(|shift| shift.p_above(0.0) <= 0.05)
        }
        Method::Welch => {
            let pairs = machine.pairs(Order::Blocks, factor);
            welch(
                &pairs.iter().map(|[base, _]| p50(base)).collect::<Vec<_>>(),
                &pairs.iter().map(|[_, new]| p50(new)).collect::<Vec<_>>(),
            )
        }
        Method::OneRatio => {
            let base = p50(&machine.run(1.0));
            p50(&machine.run(factor)) / base > 1.05
        }
        Method::MannWhitney => {
            let base = machine.run(1.0);
            mann_whitney(&base, &machine.run(factor))
        }
    }
}

/// One-sided, at 5 %.
fn welch(base: &[f64], new: &[f64]) -> bool {
    let n = base.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let error = |values: &[f64]| {
        values
            .iter()
            .map(|v| (v - mean(values)).powi(2))
            .sum::<f64>()
            / (n - 1.0)
            / n
    };
    let (a, b) = (error(base), error(new));
    let freedom = (a + b).powi(2) / ((a * a + b * b) / (n - 1.0));
    let student = StudentsT::new(0.0, 1.0, freedom).expect("a positive number");
    student.sf((mean(new) - mean(base)) / (a + b).sqrt()) < 0.05
}

/// One-sided, at 5 %; both are sorted.
fn mann_whitney(base: &[f64], new: &[f64]) -> bool {
    let wins: usize = new
        .iter()
        .map(|time| base.partition_point(|other| other < time))
        .sum();
    let (n, m) = (base.len() as f64, new.len() as f64);
    let z = (wins as f64 - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    Normal::standard().sf(z) < 0.05
}

fn machine(seed: u64, own: f64) -> Machine {
    let mut machine = Machine {
        chance: Pcg64Mcg::seed_from_u64(seed),
        mood: 0.0,
        own,
        runs: 0,
    };
    machine.mood = MOOD * machine.normal();
    machine
}

/// Returns in how many of `comparisons` a method reports that B, `factor` times as slow, is worse,
/// by a figure whose individual runs vary by `own`.
pub(crate) fn alarms(method: Method, factor: f64, own: f64, comparisons: u64) -> u64 {
    (0..comparisons)
        .filter(|seed| is_worse(method, &mut machine(*seed, own), factor))
        .count() as u64
}

/// Counts loadgen's verdicts in this many comparisons.
pub(crate) fn outcomes(factor: f64, comparisons: u64) -> impl Fn(Outcome) -> usize {
    let all: Vec<Outcome> = (0..comparisons)
        .map(|seed| outcome_to_be_sure(&mut machine(seed, OWN), factor))
        .collect();
    move |wanted| all.iter().filter(|outcome| **outcome == wanted).count()
}
