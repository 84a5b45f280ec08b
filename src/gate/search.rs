//! [`Search`]: finds the highest rate that still meets a check, by bracketing and bisection. Pure:
//! the caller asks for the next rate, tries it and reports the outcome.
//!
//! Noise makes a target slow and hardly ever fast, and a rate that was given up by mistake is never
//! tried again, so the search would miss everything above it. So one probe is enough for a rate to
//! be met, and two of three for it to be missed, unless the first was conclusive.

use super::probe::Cause;
use crate::result::{LimitedBy, ProbeOutcome};

/// The bracket is narrow enough if its ends differ by no more than this factor.
const NARROW_FACTOR: f64 = 1.02;
/// The bracket is near enough to report if a rate within it was invalid.
const NEAR_FACTOR: f64 = 1.05;
/// Rates are rounded to this many digits, so that the reported rate is the one that was tried. The
/// steps are far finer than [`NARROW_FACTOR`].
const DIGITS: i32 = 4;
/// The maximum number of probes of a rate with invalid figures: a machine that is busy with other
/// work has bad moments at any rate, and a lower one does not help.
const MAX_INVALID_TRIES: u32 = 8;
/// The weight of a probe at which the rate was clearly too high for the generator: such a rate gets
/// only a third of the probes.
const TOO_HIGH_WEIGHT: u32 = 3;
/// The number of consecutive invalid probes, not caused by the rate, that ends the search: the
/// machine is too busy, and stays so. A probe counts twice if the machine is known to have been
/// busy with other work.
const MAX_INVALID_WEIGHT: u32 = 16;
/// The same limit before any probe was valid, which is lower: lower rates have not helped.
const MAX_INITIAL_INVALID_WEIGHT: u32 = 12;

/// A search for the highest rate per second.
#[derive(Clone, Debug)]
pub struct Search {
    next: f64,
    least: f64,
    most: f64,
    /// The highest rate that met the check.
    met: Option<f64>,
    /// The lowest rate that did not, and whether the generator was the cause.
    missed: Option<(f64, bool)>,
    /// The lowest rate that did not because of the target.
    too_much: Option<f64>,
    /// The probes of the current rate.
    tries: Tries,
    /// The invalid probes since the last valid one.
    invalid_tries: InvalidTries,
    end: Option<LimitedBy>,
}

/// The outcomes of one rate so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    met: u32,
    missed: u32,
    invalid: u32,
}

/// Consecutive invalid probes that were not caused by the rate.
#[derive(Clone, Copy, Debug, Default)]
struct InvalidTries {
    /// Probes during which the machine is known to have been busy with other work.
    busy: u32,
    /// All other probes.
    unclear: u32,
}

impl InvalidTries {
    /// Returns the weight that is compared with [`MAX_INVALID_WEIGHT`].
    const fn weight(self) -> u32 {
        2 * self.busy + self.unclear
    }
}

impl Tries {
    /// Returns the outcome of the rate, if decided.
    fn outcome(self) -> Option<ProbeOutcome> {
        match self {
            Self {
                missed: 0,
                met: 1..,
                ..
            }
            | Self { met: 2.., .. } => Some(ProbeOutcome::Met),
            Self { missed: 2.., .. } => Some(ProbeOutcome::Missed),
            Self {
                met,
                missed,
                invalid: MAX_INVALID_TRIES..,
            } if missed > met => Some(ProbeOutcome::Missed),
            Self {
                invalid: MAX_INVALID_TRIES..,
                ..
            } => Some(ProbeOutcome::Invalid),
            _ => None,
        }
    }
}

impl Search {
    /// Creates a search that begins at `first` and stays between `least` and `most`.
    pub fn new(first: f64, least: f64, most: f64) -> Self {
        let most = most.max(least);
        Self {
            next: round(first.clamp(least, most)),
            least,
            most,
            met: None,
            missed: None,
            too_much: None,
            tries: Tries::default(),
            invalid_tries: InvalidTries::default(),
            end: None,
        }
    }

    /// Returns the rate to try, or `None` at the end.
    pub fn next(&self) -> Option<f64> {
        self.end.is_none().then_some(self.next)
    }

    /// Records the outcome of the rate that [`Self::next`] returned, and its cause.
    pub fn take(&mut self, outcome: ProbeOutcome, cause: Cause) {
        let is_clear = cause == Cause::Rate;
        match outcome {
            ProbeOutcome::Met => self.tries.met += 1,
            ProbeOutcome::Missed => self.tries.missed += if is_clear { 2 } else { 1 },
            ProbeOutcome::Invalid => {
                self.tries.invalid += if is_clear { TOO_HIGH_WEIGHT } else { 1 }
            }
        }
        match (outcome, cause) {
            (ProbeOutcome::Invalid, Cause::Machine) => self.invalid_tries.busy += 1,
            (ProbeOutcome::Invalid, Cause::Unclear) => self.invalid_tries.unclear += 1,
            _ => self.invalid_tries = InvalidTries::default(),
        }
        if self.invalid_tries.weight()
            >= if self.met.is_some() {
                MAX_INVALID_WEIGHT
            } else {
                MAX_INITIAL_INVALID_WEIGHT
            }
        {
            self.give_up();
            return;
        }
        let Some(outcome) = self.tries.outcome() else {
            return;
        };
        self.tries = Tries::default();
        let rate = self.next;
        match outcome {
            ProbeOutcome::Met => self.met = Some(self.met.map_or(rate, |met| met.max(rate))),
            ProbeOutcome::Missed | ProbeOutcome::Invalid => {
                let (known, _) = self.missed.unwrap_or((f64::INFINITY, false));
                if rate < known {
                    self.missed = Some((rate, outcome == ProbeOutcome::Invalid));
                    if outcome == ProbeOutcome::Missed {
                        self.too_much = Some(rate);
                    }
                }
            }
        }
        self.aim();
    }

    /// Ends the search with the current bracket, because further probes would be invalid too. Above
    /// a rate that was met, the generator may be the limit if no other is known.
    fn give_up(&mut self) {
        let is_near = self
            .met
            .zip(self.too_much)
            .is_some_and(|(met, rate)| rate / met <= NEAR_FACTOR);
        let by_generator =
            self.met.is_some() && self.invalid_tries.busy <= self.invalid_tries.unclear;
        if is_near {
            self.missed = self.too_much.map(|rate| (rate, false));
        } else if self.missed.is_none_or(|(known, _)| self.next < known) {
            self.missed = Some((self.next, true));
        }
        self.end = Some(match () {
            () if is_near => LimitedBy::Check,
            () if by_generator => LimitedBy::Generator,
            () => LimitedBy::Machine,
        });
    }

    fn aim(&mut self) {
        match (self.met, self.missed) {
            (Some(met), None) if met >= self.most => self.end = Some(LimitedBy::Maximum),
            (Some(met), None) => self.next = round(met * 2.0).min(self.most),
            (None, Some((missed, generator))) if missed <= self.least => {
                self.end = Some(if generator {
                    LimitedBy::Generator
                } else {
                    LimitedBy::Nothing
                });
            }
            (None, Some((missed, _))) => self.next = round(missed / 2.0).max(self.least),
            (Some(met), Some((missed, generator))) if missed / met <= NARROW_FACTOR => {
                let is_near = self.too_much.is_some_and(|rate| rate / met <= NEAR_FACTOR);
                if is_near {
                    self.missed = self.too_much.map(|rate| (rate, false));
                }
                self.end = Some(if generator && !is_near {
                    LimitedBy::Generator
                } else {
                    LimitedBy::Check
                });
            }
            // The geometric mean.
            (Some(met), Some((missed, _))) => self.next = round((met * missed).sqrt()),
            (None, None) => {}
        }
    }

    /// Returns the lowest rate that did not meet the check, if any.
    pub fn missed(&self) -> Option<f64> {
        self.missed.map(|(rate, _)| rate)
    }

    /// Returns the highest rate that met the check, if any.
    pub const fn found(&self) -> Option<f64> {
        self.met
    }

    /// Returns why the search ended, if it has.
    pub const fn limited_by(&self) -> Option<LimitedBy> {
        self.end
    }
}

/// Rounds a rate to the reported digits.
fn round(rate: f64) -> f64 {
    let digits = DIGITS - 1 - rate.log10().floor() as i32;
    if digits <= 0 {
        rate.round()
    } else {
        (rate * 10f64.powi(digits)).round() / 10f64.powi(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a search that may try every rate down to 0.1 per second.
    fn search(first: f64, most: f64, mut try_it: impl FnMut(f64) -> ProbeOutcome) -> (Search, u32) {
        let (mut search, mut probes) = (Search::new(first, 0.1, most), 0);
        while let Some(rate) = search.next() {
            probes += 1;
            assert!(probes < 400, "it ends");
            search.take(try_it(rate), Cause::Unclear);
        }
        (search, probes)
    }

    #[test]
    fn a_generator_that_gives_out_first_is_named() {
        let (search, _) = search(50.0, 1e6, |rate| {
            if rate > 3_000.0 {
                ProbeOutcome::Invalid
            } else {
                ProbeOutcome::Met
            }
        });
        assert_eq!(search.limited_by(), Some(LimitedBy::Generator));
        assert!(
            search
                .found()
                .is_some_and(|found| (2_900.0..=3_000.0).contains(&found))
        );
    }

    #[test]
    fn bad_moments_between_a_met_and_a_missed_rate_do_not_hide_the_capacity() {
        let outcome = |rate: f64| match rate {
            _ if rate > 805.0 => ProbeOutcome::Missed,
            _ if rate > 795.0 => ProbeOutcome::Invalid,
            _ => ProbeOutcome::Met,
        };
        let (search, _) = search(70.0, 1e6, outcome);
        assert_eq!(search.limited_by(), Some(LimitedBy::Check));
        let (found, missed) = (
            search.found().expect("met"),
            search.missed().expect("missed"),
        );
        assert!(
            found <= 795.0 && missed > 805.0 && missed / found <= NEAR_FACTOR,
            "{found} {missed}"
        );
    }

    #[test]
    fn a_generator_that_is_never_to_be_believed_says_nothing_of_the_target() {
        let mut search = Search::new(50.0, 0.1, 1e6);
        while search.next().is_some() {
            search.take(ProbeOutcome::Invalid, Cause::Rate);
        }
        assert_eq!(
            (search.found(), search.missed(), search.limited_by()),
            (None, Some(0.1), Some(LimitedBy::Generator))
        );
    }

    #[test]
    fn a_machine_that_stays_busy_ends_it_with_what_is_known() {
        // Returns the number of further probes and the end of the search if every rate above `met`
        // is invalid.
        let ended = |met: f64, cause: Cause| {
            let (mut search, mut invalid_tries) = (Search::new(200.0, 4.0, 1e6), 0);
            while let Some(rate) = search.next() {
                if rate <= met {
                    search.take(ProbeOutcome::Met, Cause::Unclear);
                } else {
                    invalid_tries += 1;
                    search.take(ProbeOutcome::Invalid, cause);
                }
            }
            (
                invalid_tries,
                search.found(),
                search.limited_by().expect("it has ended"),
            )
        };
        assert_eq!(
            ended(0.0, Cause::Machine),
            (6, None, LimitedBy::Machine),
            "half a minute, and not five"
        );
        assert_eq!(
            ended(0.0, Cause::Unclear),
            (12, None, LimitedBy::Machine),
            "half the rate did not help"
        );
        assert_eq!(
            ended(400.0, Cause::Machine),
            (8, Some(400.0), LimitedBy::Machine)
        );
        assert_eq!(
            ended(400.0, Cause::Unclear),
            (16, Some(400.0), LimitedBy::Generator)
        );
    }

    #[test]
    fn bad_moments_of_the_machine_do_not_spoil_it() {
        for bad in [ProbeOutcome::Invalid, ProbeOutcome::Missed] {
            let mut tries = 0;
            let (search, _) = search(50.0, 1e6, |rate| {
                tries += 1;
                match () {
                    () if tries % 3 == 0 => bad,
                    () if rate > 800.0 => ProbeOutcome::Missed,
                    () => ProbeOutcome::Met,
                }
            });
            assert_eq!(search.limited_by(), Some(LimitedBy::Check), "{bad:?}");
            assert!(
                search
                    .found()
                    .is_some_and(|found| (784.0..=800.0).contains(&found)),
                "{bad:?}: {:?}",
                search.found()
            );
        }
    }

    #[test]
    fn a_rate_is_given_up_by_two_tries_of_three_or_beyond_doubt() {
        use ProbeOutcome::{Invalid, Met, Missed};
        // 100/s is tried until the next rate differs: twice or half of it.
        for (tries, next) in [
            (&[Met][..], 200.0),
            (&[Missed, Missed], 50.0),
            (&[Missed, Met, Met], 200.0),
            (&[Missed, Met, Missed], 50.0),
            (&[Invalid, Invalid, Met], 200.0),
            (&[Invalid, Missed, Invalid, Missed], 50.0),
            (
                &[
                    Missed, Invalid, Invalid, Invalid, Invalid, Invalid, Invalid, Invalid, Invalid,
                ],
                50.0,
            ),
            (&[Invalid; 8], 50.0),
        ] {
            let mut search = Search::new(100.0, 0.1, 1e6);
            for outcome in tries {
                assert_eq!(search.next(), Some(100.0), "{tries:?}");
                search.take(*outcome, Cause::Unclear);
            }
            assert_eq!(search.next(), Some(next), "{tries:?}");
        }
        for (outcome, tries) in [(Missed, 1), (Invalid, 3)] {
            let mut search = Search::new(100.0, 0.1, 1e6);
            for _ in 0..tries {
                assert_eq!(search.next(), Some(100.0), "{outcome:?}");
                search.take(outcome, Cause::Rate);
            }
            assert_eq!(search.next(), Some(50.0), "{outcome:?}");
        }
    }

    #[test]
    fn all_or_nothing() {
        let (none, _) = search(50.0, 1000.0, |_| ProbeOutcome::Missed);
        assert_eq!(
            (none.found(), none.missed(), none.limited_by()),
            (None, Some(0.1), Some(LimitedBy::Nothing))
        );
        let (all, _) = search(50.0, 1000.0, |_| ProbeOutcome::Met);
        assert_eq!(
            (all.found(), all.limited_by()),
            (Some(1000.0), Some(LimitedBy::Maximum))
        );
    }

    proptest! {
        #[test]
        fn the_capacity_is_found_within_two_percent(capacity in 0.2f64..90_000.0, first in 0.1f64..10_000.0) {
            let (search, probes) = search(first, 100_000.0, |rate| if rate <= capacity { ProbeOutcome::Met } else { ProbeOutcome::Missed });
            let found = search.found().expect("some rate meets it");
            prop_assert!(found <= capacity && capacity <= found * 1.021, "{} for {}", found, capacity);
            prop_assert!(probes < 80);
        }
    }
}
