//! The table of the figures that a scenario reads from responses.

use std::io;

use super::cells::{PERCENTILES, known, table, text};
use crate::report::{tally, view};
use crate::result::RunResult;

/// The columns before the percentiles.
const HEAD: [&str; 15] = [
    "scenario", "mode", "round", "mix", "step", "measure", "unit", "count", "unread", "share",
    "total", "min", "mean", "sd", "max",
];

/// Returns a row for each measure of each step, mode and round; a result without measures has only
/// the names of the columns.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn measures(result: &RunResult) -> io::Result<String> {
    let names = HEAD.iter().chain(&PERCENTILES);
    let mut rows = vec![names.map(|name| (*name).to_owned()).collect()];
    for mode in tally::modes(result) {
        for run in tally::rounds(result, mode) {
            for own in &run.measures {
                let value = own.value.as_ref().filter(|value| value.count > 0);
                let mut row = vec![
                    text(&result.scenario.name),
                    run.mode.to_string(),
                    run.round.to_string(),
                    text(&own.mix),
                    text(&own.step),
                    own.name.clone(),
                    own.unit.clone(),
                    own.count.to_string(),
                    own.unread.to_string(),
                ];
                let moments = [
                    own.share,
                    own.total,
                    value.map(|value| value.min),
                    value.map(|value| value.mean),
                    value.map(|value| value.sd),
                    value.map(|value| value.max),
                ];
                let percentiles = PERCENTILES.map(|name| view::percentile_ms(value, name));
                row.extend(moments.into_iter().chain(percentiles).map(known));
                rows.push(row);
            }
        }
    }
    table(&rows)
}
