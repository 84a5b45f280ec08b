//! [`Bucket`]: the token bucket of a rate limit, as a pure function of time.

use crate::base::{Nanos, Rate};

/// A token bucket in the form of the generic cell rate algorithm (ITU-T I.371, "virtual
/// scheduling"): it keeps one number, the theoretical arrival time, in units of 1/`events` of a
/// nanosecond, so nothing is ever rounded. It starts full.
///
/// In any period t it grants at most rate·t + burst.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The theoretical arrival time of the next token.
    tat: u128,
    /// The distance between two tokens.
    interval: u128,
    /// How far ahead of its theoretical time a token may be taken.
    tolerance: u128,
    /// The number of units per nanosecond.
    scale: u128,
}

impl Bucket {
    /// Creates a full bucket of `burst` tokens (at least 1), refilled at `rate`.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let interval = u128::from(rate.per.0);
        Self {
            tat: 0,
            interval,
            tolerance: interval * u128::from(burst.max(1) - 1),
            scale: u128::from(rate.events.max(1)),
        }
    }

    /// Returns when a token may be used if `ahead` others are taken before it, none of them before
    /// `now`. It may be a moment in the past.
    pub fn next(&self, ahead: u64, now: Nanos) -> Nanos {
        let tat = match ahead {
            0 => self.tat,
            _ => self.tat.max(u128::from(now.0) * self.scale) + self.interval * u128::from(ahead),
        };
        let at = tat.saturating_sub(self.tolerance).div_ceil(self.scale);
        Nanos(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Takes a token, to be used at `at`, which must not be before [`Self::next`].
    pub fn take(&mut self, at: Nanos) {
        self.tat = self.tat.max(u128::from(at.0) * self.scale) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grant(bucket: &mut Bucket, now: Nanos) -> Nanos {
        let at = bucket.next(0, now).max(now);
        bucket.take(at);
        at
    }

    #[test]
    fn ten_operations_through_five_a_second_with_a_burst_of_five_take_one_second() {
        let mut bucket = Bucket::new(Rate::per_second(5), 5);
        let times: Vec<_> = (0..10)
            .map(|_| grant(&mut bucket, Nanos::ZERO).0 / 1_000_000)
            .collect();
        assert_eq!(times, [0, 0, 0, 0, 0, 200, 400, 600, 800, 1000]);
    }

    #[test]
    fn a_bucket_left_alone_fills_up_to_its_burst_and_no_further() {
        let mut bucket = Bucket::new(Rate::per_second(10), 3);
        for _ in 0..3 {
            grant(&mut bucket, Nanos::ZERO);
        }
        let later = Nanos::from_secs(100);
        let times: Vec<_> = (0..4)
            .map(|_| (grant(&mut bucket, later) - later).0 / 1_000_000)
            .collect();
        assert_eq!(times, [0, 0, 0, 100]);
    }

    #[test]
    fn a_token_behind_others_is_there_when_they_have_been_taken() {
        let mut bucket = Bucket::new(Rate::per_second(10), 3);
        let now = Nanos::from_secs(100);
        let times = |bucket: &Bucket| {
            (0..5)
                .map(|ahead| bucket.next(ahead, now).max(now).0 / 1_000_000 - 100_000)
                .collect::<Vec<_>>()
        };
        assert_eq!(times(&bucket), [0, 0, 0, 100, 200]);
        bucket.take(now);
        assert_eq!(times(&bucket), [0, 0, 100, 200, 300]);
        bucket.take(now);
        bucket.take(now);
        assert_eq!(times(&bucket), [100, 200, 300, 400, 500]);
    }

    proptest! {
            #[test]
            fn never_more_than_rate_times_t_plus_burst(
                events in 1u64..1000, per in 1_000u64..2_000_000_000, burst in 1u32..20,
                gaps in prop::collection::vec(0u64..500_000_000, 1..200),
            ) {
                let rate = Rate { events, per: Nanos(per) };
                let mut bucket = Bucket::new(rate, burst);
                let mut now = Nanos::ZERO;
                let grants: Vec<Nanos> = gaps.iter().map(|gap| { now += Nanos(*gap); grant(&mut bucket, now) }).collect();
                prop_assert!(grants.is_sorted());
                for (i, from) in grants.iter().enumerate() {
                    for (n, to) in grants[i..].iter().enumerate() {
                        let allowed = u128::from((*to - *from).0) * u128::from(events) / u128::from(per) + u128::from(burst);
    prop_assert!((n as u128) < allowed, "{} grants from {from} to {to}", n + 1);
                    }
                }
            }
        }
}
