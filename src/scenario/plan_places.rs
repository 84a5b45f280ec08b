//! [`PlanPlaces`]: the source locations of the parts of a plan.

use super::diagnostic::{Place, Span};
use super::tree::Node;

/// Source locations of the parts of a plan.
pub(super) struct PlanPlaces<'a> {
    /// Root of the scenario's tree.
    pub root: &'a Node,
    /// Location of each operation, by number.
    pub operations: &'a [Span],
    /// Whether each operation has its own timeout, by number.
    pub timed: &'a [bool],
    /// Locations of the operations of setup and teardown, by their numbers there.
    pub lifecycle: [&'a [Span]; 2],
}

impl PlanPlaces<'_> {
    /// Returns the location of the value at this path, or the flag that replaced it.
    pub(super) fn of(&self, path: &[&str], flag: &'static str) -> Place {
        let found = path.iter().try_fold(self.root, |node, key| node.get(key));
        found.map_or(Place::Flag(flag), |node| Place::At(node.span))
    }
}
