//! [`ScheduledIteration`]: an iteration that its source has handed out.

use crate::base::Nanos;

/// One iteration to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledIteration {
    /// Its number, which all of its random draws depend on.
    pub number: u64,
    /// Its intended start in the plan.
    pub intended: Nanos,
    /// How long it waited deliberately, for a virtual user's slot.
    pub queue: Nanos,
    /// When it was taken up, as read from the clock.
    pub begun: Nanos,
}
