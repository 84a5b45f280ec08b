//! [`Search`]: the highest rate that still meets a check, by bracketing and bisection. Pure: whoever asks for the next
//! rate tries it, and tells what came of it.

use crate::result::{LimitedBy, ProbeOutcome};

/// The bracket is narrow enough where its ends differ by no more than this factor.
const NARROW: f64 = 1.02;
/// Rates below this, a second, are not tried.
const LOWEST: f64 = 0.1;
/// A rate whose figures can't be believed is tried so often in all.
const TRIES: u32 = 3;

/// A search for the highest rate, a second.
#[derive(Clone, Debug)]
pub struct Search {
    next: f64,
    most: f64,
    /// The highest rate that met the check.
    met: Option<f64>,
    /// The lowest rate that did not, and whether that was the generator's fault.
    missed: Option<(f64, bool)>,
    invalid: u32,
    end: Option<LimitedBy>,
}

impl Search {
    /// Begins at `first`, and goes no higher than `most`.
    pub fn new(first: f64, most: f64) -> Self {
        let next = first.clamp(LOWEST, most.max(LOWEST));
        Self { next, most: most.max(LOWEST), met: None, missed: None, invalid: 0, end: None }
    }

    /// The rate to try; nothing at the end.
    pub fn next(&self) -> Option<f64> {
        self.end.is_none().then_some(self.next)
    }

    /// Takes what came of the rate that [`Self::next`] gave.
    pub fn take(&mut self, outcome: ProbeOutcome) {
        let rate = self.next;
        if outcome == ProbeOutcome::Invalid && self.invalid + 1 < TRIES {
            self.invalid += 1;
            return;
        }
        self.invalid = 0;
        match outcome {
            ProbeOutcome::Met => self.met = Some(self.met.map_or(rate, |met| met.max(rate))),
            ProbeOutcome::Missed | ProbeOutcome::Invalid => {
                let (known, _) = self.missed.unwrap_or((f64::INFINITY, false));
                if rate < known {
                    self.missed = Some((rate, outcome == ProbeOutcome::Invalid));
                }
            }
        }
        self.aim();
    }

    fn aim(&mut self) {
        match (self.met, self.missed) {
            (Some(met), None) if met >= self.most => self.end = Some(LimitedBy::Maximum),
            (Some(met), None) => self.next = (met * 2.0).min(self.most),
            (None, Some((missed, _))) if missed <= LOWEST => self.end = Some(LimitedBy::Nothing),
            (None, Some((missed, _))) => self.next = (missed / 2.0).max(LOWEST),
            (Some(met), Some((missed, generator))) if missed / met <= NARROW => {
                self.end = Some(if generator { LimitedBy::Generator } else { LimitedBy::Check });
            }
            // The middle of a ratio.
            (Some(met), Some((missed, _))) => self.next = (met * missed).sqrt(),
            (None, None) => {}
        }
    }

    /// The lowest rate that did not meet the check, where one did not.
    pub fn missed(&self) -> Option<f64> {
        self.missed.map(|(rate, _)| rate)
    }

    /// The highest rate that met the check, where one did.
    pub const fn found(&self) -> Option<f64> {
        self.met
    }

    /// Why it ended, where it has.
    pub const fn limited_by(&self) -> Option<LimitedBy> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(first: f64, most: f64, mut try_it: impl FnMut(f64) -> ProbeOutcome) -> (Search, u32) {
        let (mut search, mut probes) = (Search::new(first, most), 0);
        while let Some(rate) = search.next() {
            probes += 1;
            assert!(probes < 100, "it ends");
            search.take(try_it(rate));
        }
        (search, probes)
    }

    #[test]
    fn a_generator_that_gives_out_first_is_named() {
        let (search, _) = search(50.0, 1e6, |rate| if rate > 3_000.0 { ProbeOutcome::Invalid } else { ProbeOutcome::Met });
        assert_eq!(search.limited_by(), Some(LimitedBy::Generator));
        assert!(search.found().is_some_and(|found| (2_900.0..=3_000.0).contains(&found)));
    }

    #[test]
    fn one_bad_moment_of_the_machine_does_not_end_it() {
        let mut tries = 0;
        let (search, _) = search(50.0, 1e6, |rate| {
            tries += 1;
            if tries % 3 == 0 {
                ProbeOutcome::Invalid
            } else if rate > 800.0 {
                ProbeOutcome::Missed
            } else {
                ProbeOutcome::Met
            }
        });
        assert_eq!(search.limited_by(), Some(LimitedBy::Check));
        assert!(search.found().is_some_and(|found| (784.0..=800.0).contains(&found)), "{:?}", search.found());
    }

    #[test]
    fn all_or_nothing() {
        let (none, _) = search(50.0, 1000.0, |_| ProbeOutcome::Missed);
        assert_eq!((none.found(), none.limited_by()), (None, Some(LimitedBy::Nothing)));
        let (all, _) = search(50.0, 1000.0, |_| ProbeOutcome::Met);
        assert_eq!((all.found(), all.limited_by()), (Some(1000.0), Some(LimitedBy::Maximum)));
    }

    proptest! {
        #[test]
        fn the_capacity_is_found_within_two_percent(capacity in 0.2f64..90_000.0, first in 0.1f64..10_000.0) {
            let (search, probes) = search(first, 100_000.0, |rate| if rate <= capacity { ProbeOutcome::Met } else { ProbeOutcome::Missed });
            let found = search.found().expect("some rate meets it");
            prop_assert!(found <= capacity && capacity <= found * 1.021, "{} for {}", found, capacity);
            prop_assert!(probes < 40);
        }
    }
}
