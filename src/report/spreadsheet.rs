//! Writes the figures as tables for a spreadsheet (RFC 4180): one of all parts of a run, one of the
//! time series.
//!
//! The names of columns are those of `result.json`, with their units. A value that is unknown, or
//! that the sample does not support, is an empty cell. No text from a scenario or a server becomes
//! a formula.

mod asked;
mod cells;
mod exemplars;
mod group_windows;
mod groups;
mod measures;
mod series;
mod step_windows;
mod streams;
mod watched;

use std::collections::BTreeMap;
use std::io;

use crate::metrics::Summary;
use crate::plan::Mode;
use crate::result::{Apdex, Counts, Group, ModeComparison, ModeRun, RunResult, Streaming};

pub(crate) use self::exemplars::exemplars;
pub(crate) use self::measures::measures;
pub(crate) use self::series::series;
pub(crate) use self::step_windows::steps_over_time;
pub(crate) use self::watched::watched;

use self::cells::{FEW_PERCENTILES, PERCENTILES, failures, known, table, text};
use super::tally::{self, Tally};
use super::view;

/// The columns that identify a part, and its counts.
const OF_PARTS: [&str; 16] = [
    "scenario",
    "mode",
    "round",
    "part",
    "mix",
    "name",
    "planned",
    "started",
    "completed",
    "ok",
    "failed",
    "dropped",
    "skipped",
    "cancelled",
    "unfinished",
    "retries",
];
/// The other figures of a part, except times.
const OF_WORK: [&str; 6] = [
    "wall_s",
    "measured_s",
    "throughput_rps",
    "bytes_in",
    "bytes_out",
    "failures",
];
/// The time with the most columns.
const RESPONSE: &str = "response";
/// The other times.
const TIMES: [&str; 9] = [
    "service",
    "lag",
    "queue",
    "connect",
    "tls",
    "send",
    "first_byte",
    "body",
    "think",
];
/// The columns of a whole mode, with all of its rounds together.
const OF_MODES: [&str; 10] = [
    "rounds",
    "speedup",
    "speedup_ci95_low",
    "speedup_ci95_high",
    "ideal_s",
    "efficiency",
    "cpu_us_per_operation",
    "peak_rss_bytes",
    "threads_peak",
    "ctx_per_operation",
];
/// Returns a row for each mode, and for each round its whole and every timed group, step (with the
/// values of its tags), mix entry, target and stage (with its timed groups).
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn summary(result: &RunResult) -> io::Result<String> {
    let mut rows = vec![header(result)];
    for mode in tally::modes(result) {
        let tally = Tally::from_result(result, mode);
        let compared = result
            .comparison
            .iter()
            .flat_map(|comparison| &comparison.modes)
            .find(|of| of.mode == mode);
        rows.push(part(result, &RunPart::of_mode(mode, &tally, compared)));
        for run in tally::rounds(result, mode) {
            rows.push(part(result, &RunPart::of_run(run)));
            rows.extend(
                run.groups
                    .iter()
                    .map(|group| part(result, &RunPart::of_timed_group(run, group))),
            );
            let groups = [
                ("step", &run.steps),
                ("mix", &run.mixes),
                ("target", &run.targets),
                ("stage", &run.stages),
            ];
            for (what, groups) in groups {
                for group in groups {
                    rows.push(part(result, &RunPart::of_group(run, what, group)));
                    rows.extend(
                        group
                            .tags
                            .iter()
                            .map(|tag| part(result, &RunPart::of_tag(run, group, tag))),
                    );
                    rows.extend(
                        group
                            .steps
                            .iter()
                            .map(|step| part(result, &RunPart::of_step_in_stage(run, group, step))),
                    );
                    rows.extend(
                        group.groups.iter().map(|timed| {
                            part(result, &RunPart::of_group_in_stage(run, group, timed))
                        }),
                    );
                }
            }
        }
    }
    for (index, row) in rows.iter_mut().enumerate() {
        let tags = result.scenario.tags.iter();
        row.extend(tags.map(|(name, value)| match index {
            0 => format!("tag_{name}"),
            _ => text(value),
        }));
    }
    table(&rows)
}

/// The data of a part; figures that do not apply are empty.
#[derive(Default)]
struct RunPart<'a> {
    mode: &'static str,
    round: Option<u32>,
    what: &'static str,
    mix: Option<&'a str>,
    name: String,
    counts: Counts,
    wall_s: Option<f64>,
    measured_s: Option<f64>,
    throughput_rps: Option<f64>,
    apdex: Option<Apdex>,
    bytes: Option<[u64; 2]>,
    failures: Option<&'a BTreeMap<String, u64>>,
    response: Option<&'a Summary>,
    times: [Option<&'a Summary>; TIMES.len()],
    streaming: Option<&'a Streaming>,
    compared: Option<&'a ModeComparison>,
}

impl<'a> RunPart<'a> {
    fn of_mode(mode: Mode, tally: &'a Tally, compared: Option<&'a ModeComparison>) -> Self {
        Self {
            mode: mode.name(),
            what: "mode",
            counts: tally.counts,
            wall_s: compared.map(|mode| mode.wall_s),
            throughput_rps: compared.map(|mode| mode.throughput_rps),
            apdex: compared.and_then(|mode| mode.apdex),
            failures: Some(&tally.failures),
            response: compared.and_then(|mode| mode.response_ms.as_ref()),
            compared,
            ..Self::default()
        }
    }

    fn of_run(run: &'a ModeRun) -> Self {
        Self {
            mode: run.mode.name(),
            round: Some(run.round),
            what: "round",
            counts: run.counts,
            wall_s: Some(run.wall_s),
            measured_s: Some(run.measured_s),
            throughput_rps: Some(run.throughput_rps),
            apdex: run.apdex,
            bytes: Some([run.bytes_in, run.bytes_out]),
            failures: Some(&run.failures),
            response: run.times.response_ms.as_ref(),
            streaming: Some(&run.streaming),
            times: [
                &run.times.service_ms,
                &run.times.lag_ms,
                &run.times.queue_ms,
                &run.times.connect_ms,
                &run.times.tls_ms,
                &run.times.send_ms,
                &run.times.first_byte_ms,
                &run.times.body_ms,
                &None,
            ]
            .map(Option::as_ref),
            ..Self::default()
        }
    }

    fn of_group(run: &ModeRun, what: &'static str, group: &'a Group) -> Self {
        Self {
            mode: run.mode.name(),
            round: Some(run.round),
            what,
            mix: group.mix.as_deref(),
            name: text(&group.name),
            counts: group.counts,
            throughput_rps: Some(group.throughput_rps),
            apdex: group.apdex,
            bytes: Some([group.bytes_in, group.bytes_out]),
            failures: Some(&group.failures),
            response: group.times.response_ms.as_ref(),
            streaming: Some(&group.streaming),
            times: [
                &group.times.service_ms,
                &group.times.lag_ms,
                &group.times.queue_ms,
                &group.times.connect_ms,
                &group.times.tls_ms,
                &group.times.send_ms,
                &group.times.first_byte_ms,
                &group.times.body_ms,
                &None,
            ]
            .map(Option::as_ref),
            ..Self::default()
        }
    }

    /// Creates the part of a step in a stage.
    fn of_step_in_stage(run: &ModeRun, stage: &Group, step: &'a Group) -> Self {
        Self {
            name: text(&format!("{} [{}]", step.name, stage.name)),
            ..Self::of_group(run, "step in stage", step)
        }
    }

    /// Creates the part of a tag value, which is identified together with its step.
    fn of_tag(run: &ModeRun, step: &'a Group, tag: &'a Group) -> Self {
        let name = text(&format!("{} [{}]", step.name, tag.name));
        Self {
            mix: step.mix.as_deref(),
            name,
            ..Self::of_group(run, "tag", tag)
        }
    }
}

fn header(result: &RunResult) -> Vec<String> {
    let mut names: Vec<String> = OF_PARTS
        .iter()
        .chain(&OF_WORK)
        .map(|name| (*name).to_owned())
        .collect();
    names.extend(
        ["mean", "sd", "min", "max"]
            .iter()
            .chain(&PERCENTILES)
            .map(|of| format!("{RESPONSE}_{of}_ms")),
    );
    names.extend(
        FEW_PERCENTILES
            .iter()
            .flat_map(|p| ["low", "high"].map(|end| format!("{RESPONSE}_{p}_ci95_{end}_ms"))),
    );
    let few = || ["mean", "max"].into_iter().chain(FEW_PERCENTILES);
    names.extend(
        TIMES
            .iter()
            .flat_map(|time| few().map(move |of| format!("{time}_{of}_ms"))),
    );
    names.extend(OF_MODES.map(str::to_owned));
    names.extend(streams::header().chain(asked::header(result)));
    names
}

fn part(result: &RunResult, part: &RunPart<'_>) -> Vec<String> {
    let round = part
        .round
        .map_or_else(String::new, |round| round.to_string());
    let mix = part.mix.map_or_else(String::new, text);
    let mut row = vec![
        text(&result.scenario.name),
        part.mode.into(),
        round,
        part.what.into(),
        mix,
        part.name.clone(),
    ];
    let c = &part.counts;
    let counts = [
        c.planned,
        c.started,
        c.completed,
        c.ok,
        c.failed,
        c.dropped,
        c.skipped,
        c.cancelled,
        c.unfinished,
        c.retries,
    ];
    row.extend(counts.map(|n| n.to_string()));
    row.extend([part.wall_s, part.measured_s, part.throughput_rps].map(known));
    row.extend([0, 1].map(|i| {
        part.bytes
            .map_or_else(String::new, |bytes| bytes[i].to_string())
    }));
    row.push(part.failures.map_or_else(String::new, failures));
    let moment = |of: Option<&Summary>, value: fn(&Summary) -> f64| {
        known(of.filter(|of| of.count > 0).map(value))
    };
    let moments: [fn(&Summary) -> f64; 4] = [|s| s.mean, |s| s.sd, |s| s.min, |s| s.max];
    row.extend(moments.map(|value| moment(part.response, value)));
    row.extend(PERCENTILES.map(|name| known(view::percentile_ms(part.response, name))));
    for name in FEW_PERCENTILES {
        let ends = part
            .response
            .and_then(|summary| summary.ci95.get(name).copied().flatten());
        row.extend([0, 1].map(|i| known(ends.map(|ends| ends[i]))));
    }
    for time in part.times {
        row.extend([moment(time, |s| s.mean), moment(time, |s| s.max)]);
        row.extend(FEW_PERCENTILES.map(|name| known(view::percentile_ms(time, name))));
    }
    let of = |value: fn(&ModeComparison) -> Option<f64>| known(part.compared.and_then(value));
    row.extend([
        of(|m| Some(m.rounds.into())),
        of(|m| m.speedup),
        of(|m| m.speedup_ci95.map(|ends| ends[0])),
        of(|m| m.speedup_ci95.map(|ends| ends[1])),
        of(|m| m.ideal_s),
        of(|m| m.efficiency),
        of(|m| m.cpu_us_per_operation),
        of(|m| m.peak_rss_bytes.map(|n| n as f64)),
        of(|m| m.threads_peak.map(|n| n as f64)),
        of(|m| m.ctx_per_operation),
    ]);
    row.extend(streams::cells(part.streaming));
    row.extend(asked::cells(result, part.apdex, part.response));
    row
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    /// Returns the cells of a table as a reader sees them: each row is as long as the header.
    fn read(table: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let header = reader.headers().unwrap().clone();
        let row = |row: csv::Result<csv::StringRecord>| -> BTreeMap<String, String> {
            header
                .iter()
                .map(str::to_owned)
                .zip(row.unwrap().iter().map(str::to_owned))
                .collect()
        };
        reader.records().map(row).collect()
    }

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(
                &format!("forms/{name}/summary.csv"),
                &summary(&result).unwrap(),
            );
            if name != "many_windows" {
                golden::check(
                    &format!("forms/{name}/series.csv"),
                    &series(&result).unwrap(),
                );
            }
        }
    }

    #[test]
    fn every_part_and_every_window_has_a_row() {
        for (name, result) in fixture::all().into_iter().chain(fixture::forms()) {
            let rows = read(&summary(&result).unwrap());
            let groups: usize = result
                .runs
                .iter()
                .map(|r| {
                    1 + r.groups.len()
                        + r.steps.len()
                        + r.mixes.len()
                        + r.targets.len()
                        + r.stages.len()
                        + r.stages
                            .iter()
                            .map(|own| own.steps.len() + own.groups.len())
                            .sum::<usize>()
                })
                .sum();
            assert_eq!(rows.len(), groups + tally::modes(&result).len(), "{name}");
            let rows = read(&series(&result).unwrap());
            assert_eq!(
                rows.len(),
                result.runs.iter().map(|r| r.series.len()).sum::<usize>(),
                "{name}"
            );
        }
    }

    #[test]
    fn no_text_is_a_formula_and_no_number_is_text() {
        for (name, mut result) in fixture::all() {
            for group in result.runs.iter_mut().flat_map(|run| &mut run.steps) {
                group.name = format!("=cmd|' /C calc'!A0{}", fixture::HOSTILE);
                group.tags = vec![Group {
                    name: "@tag=\t=1".into(),
                    ..group.clone()
                }];
            }
            for table in [summary(&result).unwrap(), series(&result).unwrap()] {
                for (column, cell) in read(&table).into_iter().flatten() {
                    let words =
                        ["scenario", "mode", "part", "mix", "name", "failures"].contains(&&*column);
                    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                    assert!(
                        if words {
                            !formula
                        } else {
                            cell.is_empty() || cell.parse::<f64>().is_ok_and(f64::is_finite)
                        },
                        "{name}: {cell}"
                    );
                }
                assert!(
                    !table.contains('\u{1b}')
                        && table.lines().count() == table.matches("\r\n").count(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn what_a_sample_does_not_carry_is_an_empty_cell() {
        let rows = read(&summary(&fixture::one_sample()).unwrap());
        assert_eq!(
            (
                rows[0]["response_p99_ms"].as_str(),
                rows[0]["completed"].as_str()
            ),
            ("", "1")
        );
        assert!(!rows[0]["response_max_ms"].is_empty());
        let rows = read(&summary(&fixture::no_samples()).unwrap());
        assert!(rows.iter().all(|row| row["response_max_ms"].is_empty()));
    }
}
