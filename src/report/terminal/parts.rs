//! The tables of the parts of a run: its steps, the groups that are measured as a whole, and the
//! stages of its load.

use super::layout::{right, table};
use crate::plan::Mode;
use crate::report::asked::{self, Percentile};
use crate::report::paint::Paint;
use crate::report::{tally, view};
use crate::result::{Counts, Group, ModeRun, RunResult};

/// Lists the steps.
pub(super) fn steps(result: &RunResult, mode: Mode, width: usize) -> String {
    let Some(run) = tally::rounds(result, mode).next() else {
        return String::new();
    };
    let several_mixes = run.mixes.len() > 1;
    let mut table = table(width);
    let percentiles = percentiles(result);
    let names = percentiles.iter().map(|one| one.name.to_owned());
    table.set_header(
        [first_of(result, run, ""), "ok".into(), "failed".into()]
            .into_iter()
            .chain(names),
    );
    for group in &run.steps {
        table.add_row(
            part(group, several_mixes)
                .into_iter()
                .chain(figures(group, &percentiles)),
        );
    }
    right(&mut table, 1);
    table.trim_fmt()
}

/// Lists the groups that are measured as a whole.
pub(super) fn groups(result: &RunResult, mode: Mode, width: usize) -> String {
    let Some(run) = tally::rounds(result, mode)
        .next()
        .filter(|run| !run.groups.is_empty())
    else {
        return String::new();
    };
    let several_mixes = run.mixes.len() > 1;
    let mut table = table(width);
    let percentiles = percentiles(result);
    let names = percentiles.iter().map(|one| one.name.to_owned());
    let head = [
        first_of(result, run, " as a whole"),
        "ok".into(),
        "failed".into(),
    ];
    table.set_header(head.into_iter().chain(names));
    table.add_rows(run.groups.iter().map(|group| {
        let mix = Some(&group.mix).filter(|_| several_mixes);
        let [name, ok, failed] = named(mix, &group.name, &group.counts);
        let times = percentiles
            .iter()
            .map(|one| one.show(group.response_ms.as_ref()));
        [name, ok, failed]
            .into_iter()
            .chain(times)
            .collect::<Vec<_>>()
    }));
    right(&mut table, 1);
    table.trim_fmt()
}

/// Describes how a load in stages changed from one to the next.
pub(super) fn stages(result: &RunResult, mode: Mode, width: usize) -> String {
    let Some(run) = tally::rounds(result, mode)
        .next()
        .filter(|run| !run.stages.is_empty())
    else {
        return String::new();
    };
    let mut table = table(width);
    let percentiles = percentiles(result);
    let names = percentiles.iter().map(|one| one.name.to_owned());
    let head = [
        first_of(result, run, " by stage"),
        "ok".into(),
        "failed".into(),
        "throughput".into(),
    ];
    table.set_header(head.into_iter().chain(names));
    table.add_rows(run.stages.iter().map(|group| {
        let [name, ok, failed] = part(group, false);
        [name, ok, failed, view::rate(group.throughput_rps)]
            .into_iter()
            .chain(figures(group, &percentiles))
            .collect::<Vec<_>>()
    }));
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

/// Returns the percentiles shown for parts of a run.
fn percentiles(result: &RunResult) -> Vec<Percentile> {
    asked::percentiles([result], &["p50", "p95", "p99"])
}

fn figures(group: &Group, percentiles: &[Percentile]) -> Vec<String> {
    percentiles
        .iter()
        .map(|one| one.show(group.times.response_ms.as_ref()))
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
