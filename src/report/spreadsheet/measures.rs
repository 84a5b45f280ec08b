//! The table of the figures that a scenario reads from responses.

use std::io;

use super::cells::{PERCENTILES, known, table, text};
use crate::report::measures::{self, PartMeasure};
use crate::report::{tally, view};
use crate::result::{Measure, RunResult, Window};

/// The columns before the percentiles.
const HEAD: [&str; 18] = [
    "scenario", "mode", "round", "mix", "step", "target", "stage", "tag", "measure", "unit",
    "count", "unread", "share", "total", "min", "mean", "sd", "max",
];

/// Returns a row for each measure of each step, target, stage and value of a tag, and of each mode and
/// round: of a part that is not narrowed by something, its cell is empty. A result without measures has only
/// the names of the columns.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn measures(result: &RunResult) -> io::Result<String> {
    let names = HEAD.iter().chain(&PERCENTILES);
    let mut rows = vec![names.map(|name| (*name).to_owned()).collect()];
    for mode in tally::modes(result) {
        for run in tally::rounds(result, mode) {
            for PartMeasure { of, measure: own } in measures::of_run(run) {
                let value = own.value.as_ref().filter(|value| value.count > 0);
                let mut row = vec![
                    text(&result.scenario.name),
                    run.mode.to_string(),
                    run.round.to_string(),
                    text(of.mix),
                    text(of.step),
                    text(of.target),
                    text(of.stage),
                    text(of.tag),
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

/// A measure of the time series, with the end of its columns' names.
pub(super) struct WindowColumns {
    name: String,
    unit: String,
}

impl WindowColumns {
    /// Returns those of a result, in the order of the scenario.
    pub(super) fn of_result(result: &RunResult) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for own in result.runs.iter().flat_map(|run| &run.measures) {
            let Measure { name, unit, .. } = &own.measure;
            if !all.iter().any(|known| known.name == *name) {
                all.push(Self {
                    name: name.clone(),
                    unit: unit.clone(),
                });
            }
        }
        all
    }

    /// Returns the names of its columns, which end with the unit.
    pub(super) fn names(&self) -> Vec<String> {
        let figures: &[&str] = match self.unit.as_str() {
            "share" => &["share"],
            "total" => &["total"],
            "ms" => &["mean_ms", "p50_ms", "p99_ms", "max_ms"],
            "bytes" => &["mean_bytes", "p50_bytes", "p99_bytes", "max_bytes"],
            _ => &["mean", "p50", "p99", "max"],
        };
        let all = ["count", "unread"]
            .into_iter()
            .chain(figures.iter().copied());
        all.map(|figure| format!("measure_{}_{figure}", self.name))
            .collect()
    }

    /// Returns its cells in a window, as many as there are names.
    pub(super) fn cells(&self, window: &Window) -> Vec<Option<f64>> {
        let mut measures = window.measures.iter();
        let own = measures.find(|own| own.name == self.name && own.unit == self.unit);
        let mut cells = vec![
            own.map(|own| own.count as f64),
            own.map(|own| own.unread as f64),
        ];
        match self.unit.as_str() {
            "share" => cells.push(own.and_then(|own| own.share)),
            "total" => cells.push(own.and_then(|own| own.total)),
            _ => {
                let value = own.and_then(|own| own.value.as_ref());
                cells.extend([
                    value.map(|value| value.mean),
                    value.map(|value| value.p50),
                    value.map(|value| value.p99),
                    value.map(|value| value.max),
                ]);
            }
        }
        cells
    }
}
