//! The tables of the parts of a run: its steps, the groups that are measured as a whole, and the
//! stages of its load.

use comfy_table::{ColumnConstraint, Table};

use super::layout::{right, table};
use crate::metrics::Summary;
use crate::plan::Mode;
use crate::report::asked::{self, ShownPercentile};
use crate::report::paint::Paint;
use crate::report::streams::{self, StreamTable};
use crate::report::{exemplars, measures, replayed, tally, view, watched};
use crate::result::{Counts, Group, ModeRun, RunResult, TimedGroup};

/// The most paths of a replayed log that are listed.
const MAX_PATHS: usize = 20;

/// The most slow operations that are listed.
const MAX_EXEMPLARS: usize = 5;

/// Lists the steps.
pub(super) fn steps(result: &RunResult, mode: Mode, width: usize) -> String {
    let rounds = || tally::rounds(result, mode);
    let has_apdex = rounds().any(|run| run.steps.iter().any(|step| step.apdex.is_some()));
    let columns = if has_apdex { &["Apdex"][..] } else { &[] };
    parts(result, mode, width, "", columns, |run, percentiles| {
        let several_mixes = run.mixes.len() > 1;
        let row = |group: &Group| {
            let apdex = has_apdex.then(|| view::apdex(group.apdex));
            [
                &part(group, several_mixes)[..],
                apdex.as_slice(),
                &figures(group, percentiles),
            ]
            .concat()
        };
        Some(run.steps.iter().map(row).collect())
    })
}

/// Lists the groups that are measured as a whole, with their pauses if some group has any.
pub(super) fn groups(result: &RunResult, mode: Mode, width: usize) -> String {
    let mut groups = tally::rounds(result, mode).flat_map(|run| &run.groups);
    let has_pauses = groups.any(|group| group.think_ms.as_ref().is_some_and(|own| own.max > 0.0));
    let columns = if has_pauses { &["mean pause"][..] } else { &[] };
    parts(
        result,
        mode,
        width,
        " as a whole",
        columns,
        |run, percentiles| {
            let several_mixes = run.mixes.len() > 1;
            let row = |group: &TimedGroup| {
                let mix = Some(&group.mix).filter(|_| several_mixes);
                let think = group.think_ms.as_ref().filter(|own| own.count > 0);
                let pause =
                    has_pauses.then(|| view::or_na(think, |own| view::duration_ms(own.mean)));
                let times = times(group.response_ms.as_ref(), percentiles);
                let named = named(mix, &group.name, &group.counts);
                [&named[..], pause.as_slice(), &times].concat()
            };
            (!run.groups.is_empty()).then(|| run.groups.iter().map(row).collect())
        },
    )
}

/// Describes how a load in stages changed from one to the next.
pub(super) fn stages(result: &RunResult, mode: Mode, width: usize) -> String {
    parts(
        result,
        mode,
        width,
        " by stage",
        &["throughput"],
        |run, percentiles| {
            let row = |group: &Group| {
                let throughput = [view::rate(group.throughput_rps)];
                let times = figures(group, percentiles);
                [&part(group, false)[..], &throughput, &times].concat()
            };
            (!run.stages.is_empty()).then(|| run.stages.iter().map(row).collect())
        },
    )
}

/// Lists the figures of answers that come in pieces, mode beside mode.
pub(super) fn streams(result: &RunResult, width: usize) -> String {
    streamed(streams::table(result), width)
}

/// Lists those of each stage.
pub(super) fn streams_by_stage(result: &RunResult, width: usize) -> String {
    streamed(streams::by_stage(result), width)
}

/// Lists the figures that the scenario reads from responses, mode beside mode.
pub(super) fn measures(result: &RunResult, width: usize) -> String {
    measures::by_step(result).map_or_else(String::new, |figures| {
        tabled(figures.head, figures.rows, width)
    })
}

/// Lists what went on beside the runs, mode beside mode.
pub(super) fn watched(result: &RunResult, width: usize) -> String {
    watched::narrow(result).map_or_else(String::new, |figures| {
        tabled(figures.head, figures.rows, width)
    })
}

/// Lists the slowest operations.
pub(super) fn exemplars(result: &RunResult, width: usize) -> String {
    let Some(figures) = exemplars::narrow(result, MAX_EXEMPLARS) else {
        return String::new();
    };
    let trace = figures.head.iter().position(|name| name == "trace");
    let mut table = filled(figures.head, figures.rows, width);
    if let Some(column) = trace.and_then(|place| table.column_mut(place)) {
        // An id that is broken in two can't be copied.
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt()
}

/// Lists what a replayed log says of the most frequent paths beside what was measured.
pub(super) fn replayed(result: &RunResult, width: usize) -> String {
    replayed::table(result, MAX_PATHS).map_or_else(String::new, |figures| {
        tabled(figures.head, figures.rows, width)
    })
}

fn streamed(figures: Option<StreamTable>, width: usize) -> String {
    figures.map_or_else(String::new, |figures| {
        tabled(figures.head, figures.rows, width)
    })
}

fn tabled(head: Vec<String>, rows: Vec<Vec<String>>, width: usize) -> String {
    filled(head, rows, width).trim_fmt()
}

fn filled(head: Vec<String>, rows: Vec<Vec<String>>, width: usize) -> Table {
    let mut table = table(width);
    table.set_header(head);
    table.add_rows(rows);
    right(&mut table, 1);
    table
}

/// Lists parts of the first run of a mode: `what` they are, and which columns they have before their
/// percentiles; `rows` returns `None` if there are no such parts.
fn parts(
    result: &RunResult,
    mode: Mode,
    width: usize,
    what: &str,
    columns: &[&str],
    rows: impl FnOnce(&ModeRun, &[ShownPercentile]) -> Option<Vec<Vec<String>>>,
) -> String {
    let percentiles = asked::percentiles([result], &["p50", "p95", "p99"]);
    let first = tally::rounds(result, mode).next();
    let Some((run, rows)) = first.and_then(|run| Some((run, rows(run, &percentiles)?))) else {
        return String::new();
    };
    let mut table = table(width);
    let names = percentiles.iter().map(|one| &*one.name);
    let names = ["ok", "failed"]
        .into_iter()
        .chain(columns.iter().copied())
        .chain(names);
    let head = std::iter::once(first_of(result, run, what)).chain(names.map(str::to_owned));
    table.set_header(head);
    table.add_rows(rows);
    right(&mut table, 1);
    table.trim_fmt()
}

/// Returns the mode of a run, and its round if it is the first of several.
fn first_of(result: &RunResult, run: &ModeRun, what: &str) -> String {
    let several = tally::rounds(result, run.mode).count();
    let round = if several > 1 {
        format!("{what} round {} of {several}", run.round)
    } else {
        what.to_owned()
    };
    format!(
        "{}{}",
        Paint::Mode(run.mode).on(run.mode.name()),
        Paint::Faint.on(&round)
    )
}

fn figures(group: &Group, percentiles: &[ShownPercentile]) -> Vec<String> {
    times(group.times.response_ms.as_ref(), percentiles)
}

fn times(response_ms: Option<&Summary>, percentiles: &[ShownPercentile]) -> Vec<String> {
    percentiles
        .iter()
        .map(|one| one.show(response_ms))
        .collect()
}

/// Returns the name of a part and how its operations ended.
fn part(group: &Group, several_mixes: bool) -> [String; 3] {
    let mix = group.mix.as_ref().filter(|_| several_mixes);
    named(mix, &group.name, &group.counts)
}

/// Returns the name of a part after that of its mix entry, and how it ended.
fn named(mix: Option<&String>, name: &str, counts: &Counts) -> [String; 3] {
    let name = match mix {
        Some(mix) => format!("{} / {}", view::plain(mix), view::plain(name)),
        None => view::plain(name),
    };
    let failed = view::count(counts.failed);
    [
        view::shortened(&name, 80),
        view::count(counts.ok),
        if counts.failed > 0 {
            Paint::Warn.on(&failed)
        } else {
            failed
        },
    ]
}
