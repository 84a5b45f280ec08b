//! The rows of groups that are measured as a whole.

use super::{RunPart, TIMES};
use crate::report::spreadsheet::cells::text;
use crate::result::{ModeRun, TimedGroup};

impl<'a> RunPart<'a> {
    /// Creates the part of a timed group, which has fewer figures than a step.
    pub(super) fn of_timed_group(run: &ModeRun, group: &'a TimedGroup) -> Self {
        let mut times = [None; TIMES.len()];
        if let Some(think) = times.last_mut() {
            *think = group.think_ms.as_ref();
        }
        Self {
            mode: run.mode.name(),
            round: Some(run.round),
            what: "group",
            mix: Some(&group.mix),
            name: text(&group.name),
            counts: group.counts,
            throughput_rps: Some(group.throughput_rps),
            failures: Some(&group.failures),
            response: group.response_ms.as_ref(),
            times,
            ..Self::default()
        }
    }
}
