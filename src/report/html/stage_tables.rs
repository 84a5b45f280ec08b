//! The tables of the stages of a load, of their steps and of their timed groups.

use super::tables::{Table, group_table, parts};
use crate::report::asked::ShownPercentile;
use crate::result::{Group, ModeRun};

/// Creates the tables of the stages of a run, if it has any.
pub(super) fn of_run(run: &ModeRun, percentiles: &[ShownPercentile]) -> [Option<Table>; 3] {
    [
        parts("Stages", &run.stages, 1, percentiles),
        parts("Steps by stage", &steps_by_stage(run), 1, percentiles),
        groups_by_stage(run, percentiles),
    ]
}

/// Returns the steps of all stages, each under the names of both.
fn steps_by_stage(run: &ModeRun) -> Vec<Group> {
    let of_stage = |stage: &Group| {
        let named = |step: &Group| {
            let path = step.mix.iter().chain([&step.name]);
            let path: Vec<&str> = path.map(String::as_str).collect();
            Group {
                name: path.join(" / "),
                mix: Some(stage.name.clone()),
                ..step.clone()
            }
        };
        stage.steps.iter().map(named).collect::<Vec<_>>()
    };
    run.stages.iter().flat_map(of_stage).collect()
}

/// Creates the table of the groups of a run by stage of its load.
fn groups_by_stage<'r>(run: &'r ModeRun, percentiles: &[ShownPercentile]) -> Option<Table> {
    let of_stage = |stage: &'r Group| stage.groups.iter().map(|group| (Some(&stage.name), group));
    let rows = run.stages.iter().flat_map(of_stage);
    group_table("Groups by stage", percentiles, rows)
}
