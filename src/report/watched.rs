//! What went on beside the runs, mode beside mode.

use super::{tally, view};
use crate::plan::{Mode, Unit};
use crate::result::{RunResult, Watched};

/// What was watched, over all rounds of each mode.
pub(crate) struct WatchedTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// A figure in a mode.
    pub rows: Vec<Vec<String>>,
}

/// Returns what was watched, if anything was.
pub(crate) fn table(result: &RunResult) -> Option<WatchedTable> {
    if result.watched.is_empty() {
        return None;
    }
    let several_modes = tally::modes(result).len() > 1;
    let mut head = vec!["watched"];
    head.extend(several_modes.then_some("mode"));
    head.extend(["mean", "min", "max", "per operation", "of"]);
    let mut rows = Vec::new();
    for name in names(result) {
        for mode in tally::modes(result) {
            let of_mode = |own: &&Watched| own.mode == Some(mode) && called(own) == name;
            let rounds: Vec<&Watched> = result.watched.iter().filter(of_mode).collect();
            let Some(first) = rounds.first() else {
                continue;
            };
            let shown = |value: Option<f64>| view::or_na(value, show(first.unit));
            let own = || rounds.iter();
            let means: Vec<f64> = own().filter_map(|own| own.mean).collect();
            let sum: f64 = means.iter().sum();
            let mut row = vec![view::plain(&name)];
            row.extend(several_modes.then(|| mode.to_string()));
            row.extend([
                shown((!means.is_empty()).then(|| sum / means.len() as f64)),
                shown(own().filter_map(|own| own.min).reduce(f64::min)),
                shown(own().filter_map(|own| own.max).reduce(f64::max)),
                per_operation(result, mode, &rounds),
                view::shortened(&view::plain(&first.source), 60),
            ]);
            rows.push(row);
        }
    }
    Some(WatchedTable {
        head: head.into_iter().map(str::to_owned).collect(),
        rows,
    })
}

/// Returns the same for a narrow place: without sources, which the names begin with.
pub(crate) fn narrow(result: &RunResult) -> Option<WatchedTable> {
    let mut table = table(result)?;
    for cells in table.rows.iter_mut().chain([&mut table.head]) {
        cells.pop();
    }
    Some(table)
}

/// Returns what the rounds of a mode add up to, by completed operation: time of processors, or a
/// number.
fn per_operation(result: &RunResult, mode: Mode, rounds: &[&Watched]) -> String {
    let runs = result.runs.iter().filter(|run| run.mode == mode);
    let completed: u64 = runs.map(|run| run.counts.completed).sum();
    let total: Option<f64> = rounds.iter().map(|own| own.total).sum();
    let each = total
        .filter(|_| completed > 0)
        .map(|total| total / completed as f64);
    match rounds.first().map(|own| own.unit) {
        Some(Unit::Share) => view::or_na(each, view::duration_s),
        _ => view::or_na(each, view::number),
    }
}

/// Returns the names of all figures, in the order of the scenario.
pub(crate) fn names(result: &RunResult) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in result.watched.iter().map(called) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns the name of a figure, with its shard if there are several.
pub(crate) fn called(watched: &Watched) -> String {
    match watched.shard {
        Some(shard) => format!("{} (shard {shard})", watched.name),
        None => watched.name.clone(),
    }
}

/// Returns what formats values in a unit.
pub(crate) fn show(unit: Unit) -> fn(f64) -> String {
    match unit {
        Unit::Millis => view::duration_ms,
        Unit::Share => view::share,
        Unit::PerSecond => view::rate,
        Unit::Bytes => |bytes| view::bytes(bytes as u64),
        Unit::Number => view::number,
    }
}

/// Describes what could not be sampled, a sentence for each figure or source that it concerns.
pub(crate) fn gaps(watched: &[Watched]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for own in watched {
        let name = view::plain(&called(own));
        let source = name.split('.').next().unwrap_or_default().to_owned();
        let mut said = Vec::new();
        if own.missing > 0 {
            let why = own.trouble.as_deref().map_or_else(
                || format!("{} did not have it", own.source),
                |why| format!("{}: {why}", own.source),
            );
            let why = view::shortened(&view::plain(&why), 160);
            let samples = view::things(own.missing, "sample");
            // Where the whole source was absent, its figures say the same.
            let what = if own.trouble.is_some() {
                &source
            } else {
                &name
            };
            said.push(format!("watch: {samples} of `{what}` missing ({why})"));
        }
        if own.resets > 0 {
            let times = view::things(own.resets, "time");
            said.push(format!(
                "watch: `{name}` was reset {times}: its increase then is missing"
            ));
        }
        if own.late > 0 {
            let turns = view::things(own.late, "turn");
            said.push(format!(
                "watch: `{source}` took longer than `every`, and left out {turns}"
            ));
        }
        for text in said {
            if !all.contains(&text) {
                all.push(text);
            }
        }
    }
    all
}
