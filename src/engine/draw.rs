//! Random draws as a function of their place, so that every mode, round and number of workers draws
//! the same for the same work.

use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

/// The purpose of a draw: two draws at one place must not give the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Which mix entry an iteration runs.
    Mix,
    /// How long a mock operation or a pause takes.
    Length,
    /// Whether a mock operation fails.
    Fail,
    /// Whether a step is run at all.
    Chance,
    /// How long a backoff is.
    Jitter,
    /// The results of functions in templates and in `set`.
    Value,
    /// The results of functions in conditions.
    Condition,
    /// Which row of a feed an iteration takes.
    Row,
    /// Which way of a choice is taken.
    Way,
    /// What the client adds to an answer to a challenge.
    ClientNonce,
    /// Which trace an operation is, and whether it is recorded.
    Trace,
}

/// The place in an iteration where something is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// The step, as a hash of its path through the groups of the flow.
    pub step: u64,
    /// The passes of the surrounding loops, as a hash of their numbers.
    pub pass: u64,
    /// The try, counted from 0.
    pub attempt: u32,
}

impl Position {
    /// Returns the place of the step with this index inside this group.
    #[must_use]
    pub const fn inside(self, index: usize) -> Self {
        Self {
            step: chain(self.step, index as u64),
            ..self
        }
    }

    /// Returns the place of this pass of this loop.
    #[must_use]
    pub const fn pass(self, number: u32) -> Self {
        Self {
            pass: chain(self.pass, number as u64),
            ..self
        }
    }

    /// Returns the place of this try.
    #[must_use]
    pub const fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }
}

/// Creates the generator for one draw: PCG XSL 128/64 (MCG), seeded with a mix of the run's seed
/// and the place.
pub(crate) fn generator(
    seed: u64,
    iteration: u64,
    position: Position,
    purpose: Purpose,
) -> Pcg64Mcg {
    let parts = [
        iteration,
        position.step,
        position.pass,
        u64::from(position.attempt),
        purpose as u64,
    ];
    Pcg64Mcg::seed_from_u64(parts.into_iter().fold(mix(seed), chain))
}

/// Returns the position of `index` after shuffling `length` rows (`index` must be less than
/// `length`). Each feed and each `pass` through it is shuffled differently.
///
/// A Feistel network over the smallest even number of bits that holds every index, applied until
/// the result is in range: a permutation that needs no memory, however many rows there are.
pub(crate) fn shuffled(seed: u64, feed: usize, pass: u64, index: u64, length: u64) -> u64 {
    const ROUNDS: u64 = 6;
    let key = [feed as u64, pass, Purpose::Row as u64]
        .into_iter()
        .fold(mix(seed), chain);
    let half = (u64::BITS - (length.saturating_sub(1) | 1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    let mut at = index;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ chain(chain(key, round), right) & mask);
        }
        at = left << half | right;
        if at < length {
            return at;
        }
    }
}

/// Mixes another part into a state. The state is mixed once more than the part; otherwise equal
/// ones would cancel out: seed 1 and iteration 1, seed 2 and iteration 2.
pub(crate) const fn chain(state: u64, part: u64) -> u64 {
    mix(mix(state) ^ mix(part))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators").
const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;
    use std::collections::HashSet;

    #[test]
    fn the_same_place_draws_the_same_and_another_place_something_else() {
        let draw = |seed, iteration, position, purpose| {
            generator(seed, iteration, position, purpose).next_u64()
        };
        assert_eq!(
            draw(1, 2, Position::default(), Purpose::Length),
            draw(1, 2, Position::default(), Purpose::Length)
        );
        let mut seen = HashSet::new();
        for seed in 0..5 {
            for iteration in 0..20 {
                for place in 0..5u32 {
                    let position = Position::default()
                        .inside(place as usize % 2)
                        .pass(place / 2)
                        .attempt(place);
                    for purpose in [Purpose::Mix, Purpose::Length, Purpose::Fail] {
                        assert!(seen.insert(draw(seed, iteration, position, purpose)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_shuffle_gives_every_index_once_and_another_order_each_time() {
        for length in [1, 2, 3, 10, 1000, 4097] {
            let order = |seed, feed, pass| {
                (0..length)
                    .map(|index| shuffled(seed, feed, pass, index, length))
                    .collect::<Vec<_>>()
            };
            let mut sorted = order(1, 0, 0);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..length).collect::<Vec<_>>(), "{length}");
            assert_eq!(order(1, 0, 0), order(1, 0, 0));
            if length >= 1000 {
                for other in [
                    order(2, 0, 0),
                    order(1, 1, 0),
                    order(1, 0, 1),
                    (0..length).collect(),
                ] {
                    assert_ne!(order(1, 0, 0), other, "{length}");
                }
            }
        }
    }
}
