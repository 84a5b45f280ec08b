//! [`PlanPlaces`]: where the parts of a plan stand in its scenario.

use super::diagnostic::{Place, Span};
use super::tree::Node;

/// Where things stand in the scenario.
pub(super) struct PlanPlaces<'a> {
    /// The whole scenario.
    pub root: &'a Node,
    /// Each operation, by its number.
    pub operations: &'a [Span],
    /// Whether each operation has a timeout of its own.
    pub timed: &'a [bool],
    /// The operations of the setup and of the teardown, by their numbers there.
    pub around: [&'a [Span]; 2],
}

impl PlanPlaces<'_> {
    /// The value at this path, or the flag that took its place.
    pub(super) fn of(&self, path: &[&str], flag: &'static str) -> Place {
        let found = path.iter().try_fold(self.root, |node, key| node.get(key));
        found.map_or(Place::Flag(flag), |node| Place::At(node.span))
    }
}
