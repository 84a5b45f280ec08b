//! [`Row`]: the table that compares modes, one row per figure; terminal and HTML show the same
//! rows.

mod sources;

use std::borrow::Cow;

use crate::plan::Mode;
use crate::result::{Comparison, ModeComparison, RunResult};

use self::sources::{Better, Figure, LAG, SOURCES};
use super::asked::{self, Percentile, ShownPercentile};
use super::view;

/// A figure for every mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The name of the figure.
    pub name: Cow<'static, str>,
    /// The meaning of the figure, in a sentence.
    pub meaning: Cow<'static, str>,
    /// One cell per mode, in the comparison's order.
    pub cells: Vec<Cell>,
}

/// A figure of one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The figure with its unit.
    pub text: String,
    /// Its 95 % interval, if known.
    pub interval: Option<String>,
    /// Whether it is better than that of every other mode.
    pub best: bool,
}

/// Returns the rows of a result's comparison.
pub(crate) fn rows_of(result: &RunResult, comparison: &Comparison) -> Vec<Row> {
    rows(
        &comparison.modes.iter().collect::<Vec<_>>(),
        &[result],
        Some(comparison.baseline_mode),
    )
}

/// Returns the rows of a comparison of these modes of some results, without rows in which nothing
/// is known. Modes of several results have no common baseline, so speedups would be meaningless.
pub(crate) fn rows(
    modes: &[&ModeComparison],
    results: &[&RunResult],
    baseline: Option<Mode>,
) -> Vec<Row> {
    let shown = percentiles(results);
    let is_open = !results.is_empty() && results.iter().all(|result| asked::is_open(result));
    let mut others = shown.iter().filter(|one| one.usual.is_none()).peekable();
    let mut rows = Vec::new();
    for (name, meaning, better, figure) in SOURCES {
        let figures: Vec<Figure> = modes.iter().map(|mode| figure(mode)).collect();
        let usual = asked::PERCENTILES.iter().find(|one| one.name == name);
        let is_known = figures.iter().any(|f| f.value.is_some());
        let wanted = match name {
            // A single mode has nothing to be compared with, and planned arrivals come equally fast
            // in every mode.
            "speedup" => is_known && figures.len() > 1 && baseline.is_some() && !is_open,
            LAG => is_open,
            "max" => true,
            _ if usual.is_some() => shown.iter().any(|one| one.name == name),
            _ => is_known,
        };
        // In ascending order, those that only the scenario asks for included.
        let end = match usual {
            _ if name == "max" => Some(u32::MAX),
            usual => usual.map(|one| one.thousandths),
        };
        while let Some(other) = others.next_if(|one| Some(one.thousandths) < end) {
            rows.push(percentile_row(other, modes));
        }
        if !wanted {
            continue;
        }
        // The time in which arrivals come does not depend on the mode.
        let better = if is_open && name == "wall time" {
            Better::Neither
        } else {
            better
        };
        let best = best(&figures, better);
        let cells = figures
            .into_iter()
            .enumerate()
            .map(|(i, f)| {
                // The baseline's speedup over itself is not an estimate.
                let itself = name == "speedup" && modes.get(i).map(|m| m.mode) == baseline;
                Cell {
                    text: f.text,
                    interval: f.interval.filter(|_| !itself),
                    best: best == Some(i),
                }
            })
            .collect();
        rows.push(Row {
            name: name.into(),
            meaning: meaning.into(),
            cells,
        });
    }
    rows
}

/// Returns the row of a percentile that not every summary has.
fn percentile_row(percentile: &ShownPercentile, modes: &[&ModeComparison]) -> Row {
    let figures: Vec<Figure> = modes
        .iter()
        .map(|mode| Figure {
            value: percentile.value(mode.response_ms.as_ref()),
            text: percentile.show(mode.response_ms.as_ref()),
            interval: None,
        })
        .collect();
    let best = best(&figures, Better::Low);
    let cells = figures.into_iter().enumerate().map(|(i, figure)| Cell {
        text: figure.text,
        interval: None,
        best: best == Some(i),
    });
    Row {
        name: percentile.name.clone(),
        meaning: format!(
            "{} % of the operations took at most this long.",
            percentile.name.trim_start_matches('p')
        )
        .into(),
        cells: cells.collect(),
    }
}

fn best(figures: &[Figure], better: Better) -> Option<usize> {
    let sign = match better {
        Better::Low => 1.0,
        Better::High => -1.0,
        Better::Neither => return None,
    };
    let mut known: Vec<(usize, f64, &str)> = figures
        .iter()
        .enumerate()
        .filter_map(|(i, f)| {
            f.value
                .filter(|v| !v.is_nan())
                .map(|v| (i, v * sign, f.text.as_str()))
        })
        .collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    match known.as_slice() {
        // Figures that look the same are equal to a reader.
        [first, second, ..] if first.2 != second.2 => Some(first.0),
        _ => None,
    }
}

/// Returns the percentiles shown in a comparison.
fn percentiles(results: &[&RunResult]) -> Vec<ShownPercentile> {
    asked::percentiles(results.iter().copied(), &["p50", "p90", "p99"])
}

/// Returns whether some percentile of these modes is omitted because its sample is too small.
pub(crate) fn has_small_samples(modes: &[&ModeComparison], results: &[&RunResult]) -> bool {
    let shown = percentiles(results);
    let small = |m: &&ModeComparison| {
        m.response_ms
            .as_ref()
            .is_some_and(|s| shown.iter().any(|p| !p.is_carried_by(s)))
    };
    modes.iter().any(small)
}

/// Returns the lag of the generator in each of these modes, in milliseconds, and which figure that
/// is: p99, or the maximum if some mode has too few samples for it. Returns `None` if some mode has
/// no lag at all.
pub(crate) fn lags(modes: &[&ModeComparison]) -> Option<(&'static str, Vec<f64>)> {
    let p99 = modes
        .iter()
        .map(|m| view::percentile_ms(m.lag_ms.as_ref(), "p99"))
        .collect::<Option<Vec<f64>>>();
    let longest = || {
        modes
            .iter()
            .map(|m| {
                m.lag_ms
                    .as_ref()
                    .filter(|lag| lag.count > 0)
                    .map(|lag| lag.max)
            })
            .collect::<Option<_>>()
    };
    p99.map(|lags| ("p99 of", lags))
        .or_else(|| Some(("at most", longest()?)))
}

/// Returns the highest percentile of response time for which all of these modes have enough
/// samples.
pub(crate) fn common_percentile(modes: &[&ModeComparison]) -> Option<Percentile> {
    let usual = asked::PERCENTILES
        .into_iter()
        .filter(|one| ["p50", "p90", "p95", "p99"].contains(&one.name));
    usual.rev().find(|one| {
        modes
            .iter()
            .all(|mode| view::percentile_ms(mode.response_ms.as_ref(), one.key).is_some())
    })
}

/// Returns the names of the modes, in the order of the cells.
pub(crate) fn modes(comparison: &Comparison) -> Vec<Mode> {
    comparison.modes.iter().map(|m| m.mode).collect()
}
