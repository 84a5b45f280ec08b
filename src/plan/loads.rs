//! The loads of a plan, which run side by side: the shared one, and those of mix entries.

use super::{Load, LoadModel, Plan};
use crate::base::Nanos;

/// The distance between the first iteration numbers of two loads: more than a load can be asked
/// for.
pub const NUMBERS_PER_LOAD: u64 = 1_000_000_000_000;

/// A load, and its place among those of a plan. What its iterations do depends on their numbers
/// alone, so each load has numbers of its own, whatever the others do.
#[derive(Clone, Copy, Debug)]
pub struct NumberedLoad<'p> {
    /// The load.
    pub load: &'p Load,
    /// The mix entry that it belongs to; `None` for the one that all others share.
    pub mix: Option<usize>,
}

impl NumberedLoad<'_> {
    /// Returns the number of its first iteration.
    pub const fn first_number(&self) -> u64 {
        match self.mix {
            Some(mix) => (mix as u64 + 1) * NUMBERS_PER_LOAD,
            None => 0,
        }
    }

    /// Returns the seed of its random arrivals, which are independent of those of other loads.
    pub const fn seed(&self, seed: u64) -> u64 {
        // The golden ratio, as SplitMix64 uses it.
        seed.wrapping_add(
            (self.first_number() / NUMBERS_PER_LOAD).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    }
}

/// Returns the mix entry whose own load this iteration number belongs to, and its place in that
/// load, counted from 0; the number must not be one of a warm-up.
pub const fn own_load_of(number: u64) -> Option<(usize, u64)> {
    if number < NUMBERS_PER_LOAD {
        return None;
    }
    Some((
        (number / NUMBERS_PER_LOAD - 1) as usize,
        number % NUMBERS_PER_LOAD,
    ))
}

impl Plan {
    /// Returns the loads: the shared one, if an entry takes part in it, and those of entries.
    pub fn loads(&self) -> impl Iterator<Item = NumberedLoad<'_>> {
        let is_shared = self.mix.iter().any(|entry| entry.load.is_none());
        let shared = is_shared.then_some(NumberedLoad {
            load: &self.load,
            mix: None,
        });
        let own = self.mix.iter().enumerate().filter_map(|(mix, entry)| {
            entry.load.as_ref().map(|load| NumberedLoad {
                load,
                mix: Some(mix),
            })
        });
        shared.into_iter().chain(own)
    }

    /// Returns whether a mix entry has a load of its own.
    pub fn has_own_loads(&self) -> bool {
        self.mix.iter().any(|entry| entry.load.is_some())
    }

    /// Returns the maximum number of concurrent iterations of all loads.
    pub fn slots(&self) -> u32 {
        self.loads()
            .fold(0, |sum, own| sum.saturating_add(own.load.model.slots()))
    }

    /// Returns whether a load has planned arrivals.
    pub fn has_arrivals(&self) -> bool {
        self.loads()
            .any(|own| matches!(own.load.model, LoadModel::Open { .. }))
    }

    /// Returns the number of iterations of all loads, if each is limited by iterations.
    pub fn total_iterations(&self) -> Option<u64> {
        self.loads()
            .map(|own| own.load.total_iterations())
            .try_fold(0u64, |sum, own| Some(sum.saturating_add(own?)))
    }

    /// Returns the time from the end of the warm-up after which no iteration starts, if each load is
    /// limited by time.
    pub fn duration(&self) -> Option<Nanos> {
        self.loads()
            .map(|own| Some(own.load.start_after + own.load.duration?))
            .try_fold(Nanos::ZERO, |last, own| Some(last.max(own?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fixture::plan;

    #[test]
    fn each_load_has_numbers_of_its_own() {
        let plan = plan(
            "{name: t, mix: [
                {name: a, flow: [{sleep: 1ms}]},
                {name: b, load: {rate: 5/s, start_after: 2s, duration: 3s}, flow: [{sleep: 1ms}]},
                {name: c, load: {vus: 3, iterations: 9, stop_after: 4s}, flow: [{sleep: 1ms}]}],
              load: {vus: 2, duration: 1s}}",
        );
        let firsts: Vec<u64> = plan.loads().map(|own| own.first_number()).collect();
        assert_eq!(firsts, [0, 2 * NUMBERS_PER_LOAD, 3 * NUMBERS_PER_LOAD]);
        assert_eq!(own_load_of(2 * NUMBERS_PER_LOAD + 7), Some((1, 7)));
        assert_eq!(own_load_of(7), None);
        assert_eq!(plan.slots(), 2 + 1000 + 3);
        assert_eq!(plan.duration(), Some(Nanos::from_secs(5)));
        assert_eq!(plan.total_iterations(), None);
        let seeds: Vec<u64> = plan.loads().map(|own| own.seed(7)).collect();
        assert!(seeds[0] == 7 && seeds[1] != seeds[2], "{seeds:?}");
    }
}
