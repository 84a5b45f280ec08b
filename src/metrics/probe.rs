//! [`Probe`]: an additional time line of selected operations.

use serde::{Deserialize, Serialize};

use super::Windows;

/// The operations of an additional time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeOf {
    /// For each operation, whether and why it is included.
    pub takes: Vec<TakenBy>,
    /// The mix entry, if the time line covers a whole one: its refused iterations count too.
    pub mix: Option<u32>,
    /// The timed groups that are included, each as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
}

/// Why an operation is included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TakenBy {
    /// It is not included.
    Nothing,
    /// The operation itself was selected.
    Itself,
    /// It is included if the tag at this index has this value.
    Tag(usize, String),
}

/// The time line of selected operations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Probe {
    pub of: ProbeOf,
    pub windows: Windows,
}

impl Probe {
    /// Returns whether and why an operation is included.
    pub(super) fn taken_by(&self, operation: u32) -> &TakenBy {
        self.of
            .takes
            .get(operation as usize)
            .unwrap_or(&TakenBy::Nothing)
    }
}
