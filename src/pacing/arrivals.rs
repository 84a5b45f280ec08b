//! [`Arrivals`]: the planned start times of the open model, as a pure sequence.

use crate::base::{Nanos, Rate};

/// Iteration numbers of the warm-up begin here, so that the measured part draws the same whether there was
/// a warm-up or not.
pub const WARMUP_NUMBERS: u64 = 1 << 63;

/// One planned start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Number of the iteration.
    pub number: u64,
    /// Its time, counted from the start of the warm-up.
    pub at: Nanos,
}

/// Planned times at a constant rate: `⌊k · per / events⌋` from the start of the warm-up, and again, from
/// k = 0, from the epoch.
#[derive(Clone, Debug)]
pub struct Arrivals {
    rate: Rate,
    warmup: Nanos,
    /// Arrivals of the warm-up.
    warm: u64,
    /// Arrivals of the measured part.
    measured: u64,
    next: u64,
}

impl Arrivals {
    /// Arrivals before `duration` is over, and no more than `iterations`; both count from the epoch, which
    /// comes after `warmup`. Without either it goes on for as long as 64 bits last.
    pub fn new(rate: Rate, warmup: Nanos, duration: Option<Nanos>, iterations: Option<u64>) -> Self {
        let before_end = duration.map_or(u64::MAX, |d| rate.events_before(d));
        let warm = rate.events_before(warmup);
        let measured = before_end.min(iterations.unwrap_or(u64::MAX)).min(u64::MAX - warm);
        Self { rate, warmup, warm, measured, next: 0 }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let k = self.next;
        let arrival = if k < self.warm {
            Arrival { number: WARMUP_NUMBERS + k, at: self.rate.time_of(k) }
        } else if k - self.warm < self.measured {
            let number = k - self.warm;
            Arrival { number, at: self.warmup + self.rate.time_of(number) }
        } else {
            return None;
        };
        self.next += 1;
        Some(arrival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_warm_up_comes_first_and_does_not_shift_the_measured_part() {
        let with: Vec<_> = Arrivals::new(Rate::per_second(10), Nanos::from_millis(250), Some(Nanos::from_millis(300)), None).collect();
        let ms = |n| Nanos::from_millis(n);
        assert_eq!(with.iter().map(|a| a.at).collect::<Vec<_>>(), [ms(0), ms(100), ms(200), ms(250), ms(350), ms(450)]);
        let without: Vec<_> = Arrivals::new(Rate::per_second(10), Nanos::ZERO, Some(Nanos::from_millis(300)), None).collect();
        assert_eq!(
            with[3..].iter().map(|a| (a.number, a.at - ms(250))).collect::<Vec<_>>(),
            without.iter().map(|a| (a.number, a.at)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn iterations_bound_it_too() {
        assert_eq!(Arrivals::new(Rate::per_second(1000), Nanos::ZERO, Some(Nanos::from_secs(1)), Some(7)).count(), 7);
        assert_eq!(Arrivals::new(Rate::per_second(1000), Nanos::ZERO, None, Some(7)).count(), 7);
    }

    proptest! {
        #[test]
        fn arrivals_before_t_are_the_integral_of_the_rate(events in 1u64..100_000, per in 1u64..10_000_000_000, t in 0u64..1_000_000_000) {
            let rate = Rate { events, per: Nanos(per) };
            let wanted = (u128::from(t) * u128::from(events)).div_ceil(u128::from(per));
            prop_assume!(wanted < 20_000);
            let count = Arrivals::new(rate, Nanos::ZERO, Some(Nanos(t)), None).count();
            prop_assert_eq!(count as u128, wanted);
        }

        #[test]
        fn they_never_run_backwards(events in 1u64..100_000, per in 1u64..10_000_000_000) {
            let times: Vec<_> = Arrivals::new(Rate { events, per: Nanos(per) }, Nanos(per / 3), None, Some(500)).map(|a| a.at).take(2_000).collect();
            prop_assert!(times.is_sorted());
        }
    }
}
