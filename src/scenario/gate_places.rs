//! [`GatePlaces`]: where the parts of a threshold stand.

use super::diagnostic::{Place, Span};

/// Where the parts of a threshold stand, as far as problems may be found there later.
#[derive(Clone, Debug)]
pub(super) struct GatePlaces {
    /// The check.
    pub check: Place,
    /// By key, the values that a map gives.
    pub keys: Vec<(&'static str, Span)>,
}

impl GatePlaces {
    /// Where the value of a key stands; the check, where there is none.
    pub(super) fn of(&self, key: &str) -> Place {
        self.keys
            .iter()
            .find(|(known, _)| *known == key)
            .map_or(self.check, |(_, span)| Place::At(*span))
    }
}
