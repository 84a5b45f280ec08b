//! [`Entry`]: what all iterations of a mix entry have in common.

use crate::engine::draw::Position;
use crate::engine::schedule::limit::Limit;
use crate::plan::{MixEntry, Plan, Step};

/// What all iterations of a mix entry have in common, so that none has to find it again.
pub struct Entry {
    /// The limit of its iterations.
    pub limit: Option<Limit>,
    /// The place of the random draws in its flow.
    pub position: Position,
    /// The id of its first operation, or 0 if it has none.
    pub first_operation: u32,
}

/// Returns what the iterations of each mix entry have in common.
pub(super) fn entries(plan: &Plan) -> Vec<Entry> {
    let entry = |(index, own): (usize, &MixEntry)| Entry {
        limit: Limit::new(format!("mix {}", own.name), &own.limits),
        position: Position::default().inside(index),
        first_operation: own
            .flow
            .iter()
            .find_map(Step::first_operation)
            .map_or(0, |operation| operation.id),
    };
    plan.mix.iter().enumerate().map(entry).collect()
}
