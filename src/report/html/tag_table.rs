//! [`of_run`]: the figures of steps by the values of their tags.

use super::tables::{self, Table};
use crate::result::{Group, ModeRun, RunResult};

/// The most rows: each tag of each step may have a hundred values.
const MAX_ROWS: usize = 200;

/// Creates the table of the values of tags of a run of a result, each after its step.
pub(super) fn of_run(result: &RunResult, run: &ModeRun) -> Option<Table> {
    let of_step = |step: &Group| {
        let own = step.tags.iter().cloned().map(|tag| Group {
            name: format!("{}, {}", step.name, tag.name),
            mix: step.mix.clone(),
            ..tag
        });
        own.collect::<Vec<_>>()
    };
    let mut values: Vec<Group> = run.steps.iter().flat_map(of_step).collect();
    let more = match values.len().saturating_sub(MAX_ROWS) {
        0 => String::new(),
        more => format!("; {more} more are in the result"),
    };
    values.truncate(MAX_ROWS);
    let percentiles = tables::percentiles([result]);
    tables::parts(&format!("Values of tags{more}"), &values, 1, &percentiles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn each_value_of_a_tag_has_a_row_after_its_step() {
        let mut result = fixture::one_mode();
        assert_eq!(of_run(&result, &result.runs[0]), None);
        let own = result.runs[0].steps[0].clone();
        let value = |n: u32| Group {
            name: format!("cache=v{n}"),
            ..own.clone()
        };
        result.runs[0].steps[0].tags = (0..250).map(value).collect();
        let table = of_run(&result, &result.runs[0]).expect("a table");
        assert_eq!(table.caption, "Values of tags; 50 more are in the result");
        assert_eq!(table.rows.len(), MAX_ROWS);
        assert!(
            table.rows[7][0].ends_with(&format!("{}, cache=v7", own.name)),
            "{:?}",
            table.rows[7]
        );
    }
}
