//! [`Arrivals`]: the planned start times of the open model, as a pure sequence.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Exp1};
use rand_pcg::Pcg64Mcg;

use super::{Levels, LoggedTimes};
use crate::base::{Nanos, Rate};
use crate::plan::{LoadModel, NumberedLoad, Shard, Spread, Stage};

/// The first iteration number of the warm-up. It is separate, so that the measured part draws the
/// same random numbers with or without a warm-up.
pub(crate) const WARMUP_NUMBERS: u64 = 1 << 63;

/// One planned start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The number of the iteration.
    pub number: u64,
    /// Its time, counted from the start of the warm-up.
    pub at: Nanos,
}

/// The times of one part of a run, counted from its start.
#[derive(Clone, Debug)]
enum Times {
    /// `⌊k · per / events⌋`.
    Constant(Rate),
    /// A Poisson process of this rate: exponential gaps from a seeded generator.
    Poisson {
        rate: Rate,
        gaps: Box<Gaps>,
        last: Nanos,
    },
    /// In stages: arrival k comes when the integral of the rate reaches k, or, if arrivals are
    /// random, the k-th arrival of a Poisson process of rate 1.
    Staged {
        levels: Levels,
        random: Option<Box<(Gaps, f64)>>,
    },
    /// Those of a log, from the request with this number on.
    Logged {
        times: Box<LoggedTimes>,
        first: u64,
        /// The start of this part, as the log has it.
        start: Nanos,
    },
}

/// The gaps of a Poisson process of rate 1.
#[derive(Clone, Debug)]
struct Gaps {
    generator: Pcg64Mcg,
    /// The number of gaps drawn.
    drawn: u64,
}

impl Gaps {
    fn new(seed: u64) -> Self {
        Self {
            generator: Pcg64Mcg::seed_from_u64(seed),
            drawn: 0,
        }
    }

    /// Adds up the gaps before the event with this number, from the last one on.
    fn each(&mut self, number: u64, mut add: impl FnMut(f64)) {
        while self.drawn <= number {
            add(Exp1.sample(&mut self.generator));
            self.drawn += 1;
        }
    }
}

impl Times {
    fn staged(levels: Levels, spread: Spread, seed: u64) -> Self {
        let random = (spread == Spread::Poisson).then(|| Box::new((Gaps::new(seed), 0.0)));
        Self::Staged { levels, random }
    }

    fn new(spread: Spread, rate: Rate, seed: u64) -> Self {
        match spread {
            // The times of a log come from elsewhere.
            Spread::Constant | Spread::Replay => Self::Constant(rate),
            Spread::Poisson => Self::Poisson {
                rate,
                gaps: Box::new(Gaps::new(seed)),
                last: Nanos::ZERO,
            },
        }
    }

    /// Returns the time of the event with this number; events must be requested in order, and some
    /// may be left out.
    fn next(&mut self, number: u64) -> Nanos {
        match self {
            Self::Constant(rate) => rate.time_of(number),
            Self::Poisson { rate, gaps, last } => {
                // The sum is of integer nanoseconds, so it does not drift with the size of the
                // clock.
                gaps.each(number, |gap| {
                    *last += Nanos::from_secs_f64(gap / rate.per_second_f64());
                });
                *last
            }
            Self::Staged { levels, random } => {
                let area = match random {
                    None => number as f64,
                    Some(process) => {
                        let (gaps, sum) = &mut **process;
                        gaps.each(number, |gap| *sum += gap);
                        *sum
                    }
                };
                levels.time_of(area).unwrap_or(Nanos::MAX)
            }
            Self::Logged {
                times,
                first,
                start,
            } => match times.at(first.saturating_add(number)) {
                Nanos::MAX => Nanos::MAX,
                at => at - *start,
            },
        }
    }
}

/// One part of a run: the warm-up or the measured part.
#[derive(Clone, Debug)]
struct Phase {
    times: Times,
    /// When it begins.
    start: Nanos,
    /// How long it is.
    length: Nanos,
    /// The maximum number of arrivals.
    most: u64,
    /// The number of the first arrival of the whole.
    first: u64,
    /// The next arrival, counted from the first one of the whole.
    next: u64,
    /// The distance between two arrivals.
    step: u64,
}

impl Iterator for Phase {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.next >= self.most {
            return None;
        }
        let at = self.times.next(self.next);
        if at >= self.length {
            self.most = self.next;
            return None;
        }
        let number = self.first + self.next;
        self.next += self.step;
        Some(Arrival {
            number,
            at: self.start + at,
        })
    }
}

/// The settings that determine the planned starts.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a> {
    /// The distribution of arrivals.
    pub spread: Spread,
    /// The rate, if there are no stages.
    pub rate: Rate,
    /// The stages of the rate in the measured part; the warm-up has their initial rate.
    pub stages: &'a [Stage],
    /// The seed of random arrivals.
    pub seed: u64,
    /// The length of the warm-up, which is not measured.
    pub warmup: Nanos,
    /// The length of the measured part, if limited.
    pub duration: Option<Nanos>,
    /// The number of measured arrivals of all shards, if limited.
    pub iterations: Option<u64>,
    /// Which of the arrivals these are.
    pub shard: Shard,
}

/// Planned times, from the start of the warm-up and anew from the epoch: the measured part does not
/// depend on the warm-up or the number of workers.
#[derive(Clone, Debug)]
pub struct Arrivals {
    warm: Phase,
    measured: Phase,
}

impl Arrivals {
    /// Returns the planned arrivals of a load, given the seed of the plan, and the times of the log that
    /// it replays, if it does; empty for a closed model, and for a log without times.
    pub fn of_load(own: &NumberedLoad<'_>, seed: u64, logged: Option<&LoggedTimes>) -> Self {
        let load = own.load;
        let (spread, rate, iterations) = match load.model {
            LoadModel::Open {
                arrivals: Spread::Replay,
                rate,
                ..
            } if logged.is_none() => (Spread::Constant, rate, Some(0)),
            LoadModel::Open { rate, arrivals, .. } => (arrivals, rate, load.iterations),
            LoadModel::Closed { .. } => (Spread::Constant, Rate::per_second(1), Some(0)),
        };
        let mut arrivals = Self::new(&Schedule {
            spread,
            rate,
            stages: &load.stages,
            seed: own.seed(seed),
            warmup: load.warmup,
            duration: load.duration,
            iterations,
            shard: load.shard(),
        });
        if let Some(logged) = logged.filter(|_| spread == Spread::Replay) {
            arrivals.follow(logged, load.warmup);
        }
        arrivals.warm.first += own.first_number();
        arrivals.measured.first += own.first_number();
        if load.start_after > Nanos::ZERO {
            // A load that starts later takes no part in the warm-up.
            arrivals.warm.most = 0;
            arrivals.measured.start += load.start_after;
        }
        arrivals
    }

    /// Takes the times of a log, which begins with the warm-up.
    fn follow(&mut self, logged: &LoggedTimes, warmup: Nanos) {
        let times = |first, start| Times::Logged {
            times: Box::new(logged.clone()),
            first,
            start,
        };
        self.warm.times = times(0, Nanos::ZERO);
        self.warm.most = logged.warm();
        self.warm.length = Nanos::MAX;
        self.measured.times = times(logged.warm(), warmup);
    }

    /// Creates the arrivals of a schedule.
    pub fn new(schedule: &Schedule<'_>) -> Self {
        let times = |part: u64| {
            let seed = schedule.seed.wrapping_mul(2).wrapping_add(part);
            if schedule.stages.is_empty() {
                return Times::new(schedule.spread, schedule.rate, seed);
            }
            let levels = Levels::new(schedule.stages);
            Times::staged(
                if part == 0 {
                    levels.beginning(schedule.warmup)
                } else {
                    levels
                },
                schedule.spread,
                seed,
            )
        };
        let (next, step) = (schedule.shard.nth(0), u64::from(schedule.shard.count));
        let warm = Phase {
            times: times(0),
            start: Nanos::ZERO,
            length: schedule.warmup,
            most: u64::MAX,
            first: WARMUP_NUMBERS,
            next,
            step,
        };
        let measured = Phase {
            times: times(1),
            start: schedule.warmup,
            length: schedule.duration.unwrap_or(Nanos::MAX),
            most: schedule.iterations.unwrap_or(u64::MAX),
            first: 0,
            next,
            step,
        };
        Self { warm, measured }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.warm.next().or_else(|| self.measured.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::fit::{CRITICAL, anderson_darling};
    use proptest::prelude::*;

    fn arrivals(
        rate: Rate,
        warmup: Nanos,
        duration: Option<Nanos>,
        iterations: Option<u64>,
    ) -> Arrivals {
        Arrivals::new(&Schedule {
            spread: Spread::Constant,
            rate,
            stages: &[],
            seed: 1,
            warmup,
            duration,
            iterations,
            shard: Shard::WHOLE,
        })
    }

    fn poisson(seed: u64, warmup: Nanos) -> Vec<Arrival> {
        let schedule = Schedule {
            spread: Spread::Poisson,
            rate: Rate::per_second(1000),
            stages: &[],
            seed,
            warmup,
            duration: Some(Nanos::from_secs(10)),
            iterations: None,
            shard: Shard::WHOLE,
        };
        Arrivals::new(&schedule).collect()
    }

    #[test]
    fn a_warm_up_comes_first_and_does_not_shift_the_measured_part() {
        let with: Vec<_> = arrivals(
            Rate::per_second(10),
            Nanos::from_millis(250),
            Some(Nanos::from_millis(300)),
            None,
        )
        .collect();
        let ms = |n| Nanos::from_millis(n);
        assert_eq!(
            with.iter().map(|a| a.at).collect::<Vec<_>>(),
            [ms(0), ms(100), ms(200), ms(250), ms(350), ms(450)]
        );
        let without: Vec<_> = arrivals(
            Rate::per_second(10),
            Nanos::ZERO,
            Some(Nanos::from_millis(300)),
            None,
        )
        .collect();
        assert_eq!(
            with[3..]
                .iter()
                .map(|a| (a.number, a.at - ms(250)))
                .collect::<Vec<_>>(),
            without.iter().map(|a| (a.number, a.at)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn iterations_bound_it_too() {
        assert_eq!(
            arrivals(
                Rate::per_second(1000),
                Nanos::ZERO,
                Some(Nanos::from_secs(1)),
                Some(7)
            )
            .count(),
            7
        );
        assert_eq!(
            arrivals(Rate::per_second(1000), Nanos::ZERO, None, Some(7)).count(),
            7
        );
    }

    fn gaps(arrivals: &[Arrival]) -> Vec<f64> {
        arrivals
            .windows(2)
            .take(1000)
            .map(|pair| (pair[1].at - pair[0].at).as_secs_f64())
            .collect()
    }

    #[test]
    fn poisson_arrivals_are_a_poisson_process_and_constant_ones_are_not() {
        for seed in 0..5 {
            let arrivals = poisson(seed, Nanos::ZERO);
            // 10,000 expected, with a standard deviation of 100.
            assert!(
                (9_500..10_500).contains(&arrivals.len()),
                "{}",
                arrivals.len()
            );
            let a2 = anderson_darling(&gaps(&arrivals), 1000.0);
            assert!(
                a2 < CRITICAL,
                "seed {seed}: {a2} is above the critical value at 1 %"
            );
        }
        let constant: Vec<_> = arrivals(
            Rate::per_second(1000),
            Nanos::ZERO,
            Some(Nanos::from_secs(2)),
            None,
        )
        .collect();
        assert!(anderson_darling(&gaps(&constant), 1000.0) > 100.0);
    }

    #[test]
    fn one_seed_gives_one_schedule_with_a_warm_up_or_without() {
        let measured = |warmup| -> Vec<_> {
            poisson(3, warmup)
                .into_iter()
                .filter(|a| a.number < WARMUP_NUMBERS)
                .map(|a| (a.number, a.at - warmup))
                .collect()
        };
        assert_eq!(measured(Nanos::ZERO), measured(Nanos::from_millis(700)));
        assert_ne!(poisson(3, Nanos::ZERO), poisson(4, Nanos::ZERO));
    }

    fn stage(ms: u64, from: f64, to: f64) -> Stage {
        Stage {
            name: String::new(),
            duration: Nanos::from_millis(ms),
            from,
            to,
            measure: true,
        }
    }

    fn staged(stages: &[Stage], spread: Spread, seed: u64, warmup: Nanos) -> Vec<Arrival> {
        let duration = stages
            .iter()
            .fold(Nanos::ZERO, |sum, stage| sum + stage.duration);
        let schedule = Schedule {
            spread,
            rate: Rate::per_second(1),
            stages,
            seed,
            warmup,
            duration: Some(duration),
            iterations: None,
            shard: Shard::WHOLE,
        };
        Arrivals::new(&schedule).collect()
    }

    #[test]
    fn each_stage_has_the_arrivals_of_its_own_integral() {
        let stages = [
            stage(1000, 0.0, 200.0),
            stage(500, 200.0, 200.0),
            stage(1000, 0.0, 0.0),
            stage(100, 900.0, 900.0),
            stage(300, 1e9 / 3e6, 0.0),
        ];
        let all = staged(&stages, Spread::Constant, 1, Nanos::ZERO);
        let within = |from, to| {
            all.iter()
                .filter(|a| (Nanos::from_millis(from)..Nanos::from_millis(to)).contains(&a.at))
                .count()
        };
        assert_eq!(
            [
                within(0, 1000),
                within(1000, 1500),
                within(1500, 2500),
                within(2500, 2600),
                within(2600, 2900)
            ],
            [100, 100, 0, 90, 50]
        );
        assert_eq!(all.len(), 340);
        assert_eq!(
            all[25].at,
            Nanos::from_millis(500),
            "a quarter of the ramp's arrivals come in its first half"
        );
        assert_eq!(
            (all[100].at, all[200].at),
            (Nanos::from_millis(1000), Nanos::from_millis(2500)),
            "a stage begins with an arrival"
        );
    }

    #[test]
    fn a_level_that_is_held_has_the_arrivals_of_a_rate() {
        let held = staged(
            &[stage(2000, 500.0, 500.0)],
            Spread::Constant,
            1,
            Nanos::from_millis(100),
        );
        assert_eq!(
            held,
            arrivals(
                Rate::per_second(500),
                Nanos::from_millis(100),
                Some(Nanos::from_secs(2)),
                None
            )
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_warm_up_has_the_level_that_the_stages_begin_with() {
        let warm = |stages: &[Stage]| {
            let all = staged(stages, Spread::Constant, 1, Nanos::from_millis(100));
            all.iter().filter(|a| a.number >= WARMUP_NUMBERS).count()
        };
        assert_eq!(warm(&[stage(0, 0.0, 50.0), stage(1000, 50.0, 500.0)]), 5);
        assert_eq!(warm(&[stage(1000, 0.0, 500.0)]), 0);
    }

    #[test]
    fn poisson_arrivals_in_stages_are_as_many_as_the_integral_says_and_the_same_for_one_seed() {
        let stages = [stage(10_000, 0.0, 1000.0), stage(5_000, 1000.0, 1000.0)];
        for seed in 0..3 {
            let all = staged(&stages, Spread::Poisson, seed, Nanos::ZERO);
            assert_eq!(all, staged(&stages, Spread::Poisson, seed, Nanos::ZERO));
            let ramp = all.iter().filter(|a| a.at < Nanos::from_secs(10)).count();
            // 5,000 of each expected, with a standard deviation of 71.
            assert!(
                (4_650..5_350).contains(&ramp) && (4_650..5_350).contains(&(all.len() - ramp)),
                "{ramp} of {}",
                all.len()
            );
            let held: Vec<_> = all
                .into_iter()
                .filter(|a| a.at >= Nanos::from_secs(10))
                .collect();
            let a2 = anderson_darling(&gaps(&held), 1000.0);
            assert!(
                a2 < 3.857,
                "seed {seed}: {a2} is above the critical value at 1 %"
            );
        }
    }

    proptest! {
        #[test]
        fn arrivals_in_stages_before_t_are_the_integral_of_the_rate(
            of in prop::collection::vec((0u64..2_000, 0u32..1_000, 0u32..1_000), 1..10), cut in 0u64..20_000,
        ) {
            let stages: Vec<Stage> = of.iter().map(|(ms, from, to)| stage(*ms, f64::from(*from), f64::from(*to))).collect();
            let mut begin = 0.0;
            let area: f64 = of.iter().map(|(ms, from, to)| {
                let (length, from, to) = (*ms as f64 / 1e3, f64::from(*from), f64::from(*to));
                let t = (cut as f64 / 1e3 - begin).clamp(0.0, length);
                begin += length;
                if length > 0.0 { from * t + (to - from) * t * t / (2.0 * length) } else { 0.0 }
            }).sum();
            let all = staged(&stages, Spread::Constant, 1, Nanos::ZERO);
            let count = all.iter().filter(|a| a.at < Nanos::from_millis(cut)).count();
            prop_assert!((count as f64 - area).abs() <= 1.001, "{count} and not {area}");
            prop_assert!(all.iter().map(|a| a.at).is_sorted());
            prop_assert!(staged(&stages, Spread::Poisson, 5, Nanos::ZERO).iter().map(|a| a.at).is_sorted());
        }

        #[test]
        fn arrivals_before_t_are_the_integral_of_the_rate(events in 1u64..100_000, per in 1u64..10_000_000_000, t in 0u64..1_000_000_000) {
            let rate = Rate { events, per: Nanos(per) };
            let wanted = (u128::from(t) * u128::from(events)).div_ceil(u128::from(per));
            prop_assume!(wanted < 20_000);
            let count = arrivals(rate, Nanos::ZERO, Some(Nanos(t)), None).count();
            prop_assert_eq!(count as u128, wanted);
        }

        #[test]
        fn they_never_run_backwards(events in 1u64..100_000, per in 1u64..10_000_000_000) {
            let times: Vec<_> = arrivals(Rate { events, per: Nanos(per) }, Nanos(per / 3), None, Some(500)).map(|a| a.at).take(2_000).collect();
            prop_assert!(times.is_sorted());
        }
    }
}
