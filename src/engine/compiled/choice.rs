//! [`Choice`]: which flow an iteration runs.

use rand::RngExt as _;

use crate::engine::draw::{Position, Purpose, generator};
use crate::pacing::arrivals::WARMUP_NUMBERS;
use crate::plan::{Plan, own_load_of};

/// Draws mix entries by weight; an iteration gets the same entry no matter who asks.
#[derive(Clone, Debug)]
pub struct Choice {
    seed: u64,
    /// The cumulative weights, each including its own entry.
    upper: Vec<f64>,
}

impl Choice {
    /// Creates the choice for a plan's mix.
    pub fn new(plan: &Plan) -> Self {
        let sums = plan.mix.iter().scan(0.0, |sum, entry| {
            // An entry with a load of its own takes no part in the shared one.
            *sum += if entry.load.is_none() {
                entry.weight
            } else {
                0.0
            };
            Some(*sum)
        });
        Self {
            seed: plan.seed,
            upper: sums.collect(),
        }
    }

    /// Returns the index of the mix entry that this iteration runs.
    pub fn mix_of(&self, iteration: u64) -> usize {
        let last = self.upper.len() - 1;
        if last == 0 {
            return 0;
        }
        if let Some((mix, _)) = own_load_of(iteration & !WARMUP_NUMBERS) {
            return mix.min(last);
        }
        let point = generator(self.seed, iteration, Position::default(), Purpose::Mix)
            .random::<f64>()
            * self.upper[last];
        self.upper
            .partition_point(|upper| *upper <= point)
            .min(last)
    }
}
