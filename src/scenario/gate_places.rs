//! [`GatePlaces`]: the source locations of the parts of a threshold.

use super::diagnostic::{Place, Span};

/// Source locations of the parts of a threshold in which later checks may find problems.
#[derive(Clone, Debug)]
pub(super) struct GatePlaces {
    /// Location of the check.
    pub check: Place,
    /// Locations of the values of a map, by key.
    pub keys: Vec<(&'static str, Span)>,
}

impl GatePlaces {
    /// Returns the location of a key's value, or that of the check if the key is not set.
    pub(super) fn of(&self, key: &str) -> Place {
        self.keys
            .iter()
            .find(|(known, _)| *known == key)
            .map_or(self.check, |(_, span)| Place::At(*span))
    }
}
