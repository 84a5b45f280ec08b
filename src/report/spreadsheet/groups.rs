//! The rows of groups that are measured as a whole.

use super::{RunPart, TIMES};
use crate::report::spreadsheet::cells::text;
use crate::result::{Group, ModeRun, TimedGroup};

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

    /// Creates the part of a timed group in a stage, which is identified together with the stage.
    pub(super) fn of_group_in_stage(run: &ModeRun, stage: &Group, group: &'a TimedGroup) -> Self {
        Self {
            what: "group in stage",
            name: text(&format!("{} [{}]", group.name, stage.name)),
            ..Self::of_timed_group(run, group)
        }
    }
}
