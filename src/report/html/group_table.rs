//! [`grouped`]: the groups of steps that are measured as a whole, mode beside mode.

use super::super::chart::trace::Cast;
use super::super::groups;
use super::figures::data;
use super::tables::{self, Table};
use crate::result::ModeRun;

/// Creates the table of every group of every trace, from the first round.
pub(crate) fn grouped(cast: &Cast<'_>) -> Option<Table> {
    let traces = cast.traces.iter();
    let traces: Vec<(&str, (String, &ModeRun))> = traces
        .filter_map(|trace| Some((trace.key.as_str(), (trace.label.clone(), trace.run()?))))
        .collect();
    let (keys, runs): (Vec<&str>, Vec<(String, &ModeRun)>) = traces.into_iter().unzip();
    let figures = groups::table(&runs, &tables::percentiles(cast.results()))?;
    let rounds = if cast.has_rounds() {
        ", first round"
    } else {
        ""
    };
    let more = match figures.more {
        0 => String::new(),
        more => format!("; {more} more are in the result"),
    };
    let head: Vec<&str> = figures.head.iter().map(String::as_str).collect();
    let (places, rows): (Vec<usize>, Vec<Vec<String>>) = figures.rows.into_iter().unzip();
    let caption = format!("Groups, whose steps are counted below too{rounds}{more}");
    let table = Table::new(&caption, "steps", &head, rows)?;
    Some(Table {
        id: data::GROUPS.into(),
        keys: places.iter().map(|place| keys[*place].to_owned()).collect(),
        ..table
    })
}
