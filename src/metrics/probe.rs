//! [`Probe`]: the time line of some of the operations, for whoever asks for it.

use super::Windows;

/// The operations that a time line of its own is kept of.
#[derive(Clone, Debug)]
pub struct ProbeOf {
    /// By operation, whether it is one of them.
    pub takes: Vec<TakenBy>,
    /// The mix entry that it is of, where it is of a whole one: its refused iterations count too.
    pub mix: Option<u32>,
}

/// What makes an operation one of those that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBy {
    /// Nothing: it is not.
    Nothing,
    /// What it is.
    Itself,
    /// The tag at this place, where it has this value.
    Tag(usize, String),
}

/// The time line of some of the operations.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub of: ProbeOf,
    pub windows: Windows,
}

impl Probe {
    /// What makes an operation one of those that it takes.
    pub(super) fn taken_by(&self, operation: u32) -> &TakenBy {
        self.of
            .takes
            .get(operation as usize)
            .unwrap_or(&TakenBy::Nothing)
    }
}
