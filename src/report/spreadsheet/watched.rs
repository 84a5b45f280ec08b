//! The table of what went on beside the runs.

use std::io;

use super::cells::{known, table, text};
use crate::report::view;
use crate::result::RunResult;

/// Returns a row for each sample, by figure, mode and round: long rather than wide, because each source
/// has moments of its own.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn watched(result: &RunResult) -> io::Result<String> {
    let head = [
        "scenario", "mode", "round", "shard", "watched", "unit", "source", "t_s", "value",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for own in &result.watched {
        for point in &own.series {
            rows.push(vec![
                text(&result.scenario.name),
                own.mode.map_or_else(String::new, |mode| mode.to_string()),
                own.round.to_string(),
                own.shard
                    .map_or_else(String::new, |shard| shard.to_string()),
                text(&view::plain(&own.name)),
                own.unit.as_str().to_owned(),
                text(&view::plain(&own.source)),
                known(Some(point.t_s)),
                known(Some(point.value)),
            ]);
        }
    }
    table(&rows)
}
