//! [`ScheduledIteration`]: an iteration that its source has handed out.

use crate::base::Nanos;

/// One iteration to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledIteration {
    /// Its number: what all of its random draws depend on.
    pub number: u64,
    /// When the plan has it.
    pub intended: Nanos,
    /// How long it waited deliberately, for a virtual user's slot.
    pub queue: Nanos,
    /// When it was taken up: the clock was read then.
    pub begun: Nanos,
}
