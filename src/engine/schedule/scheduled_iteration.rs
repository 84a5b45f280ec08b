//! [`ScheduledIteration`]: an iteration that its source has handed out.

use crate::base::Nanos;
use crate::metrics::StartPace;

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
    /// Whether it starts when the pace of its user says.
    pub pace: StartPace,
}
