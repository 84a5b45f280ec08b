//! [`Row`]: the table that compares modes, one row per figure; terminal and HTML show the same
//! rows.

use crate::plan::Mode;
use crate::result::{Comparison, ModeComparison, RunResult};

use super::asked::{self, Percentile};
use super::view;

/// A figure for every mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The name of the figure.
    pub name: &'static str,
    /// The meaning of the figure, in a sentence.
    pub meaning: &'static str,
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

/// Which values of a row are better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Low,
    High,
    Neither,
}

/// The data of one figure of one mode.
struct Figure {
    value: Option<f64>,
    text: String,
    interval: Option<String>,
}

impl Figure {
    fn labelled(
        value: Option<f64>,
        interval: Option<[f64; 2]>,
        show: impl Fn(f64) -> String,
    ) -> Self {
        Self {
            value,
            text: view::or_na(value, &show),
            interval: view::known_interval(interval, &show),
        }
    }

    fn percentile(mode: &ModeComparison, key: &str) -> Self {
        let summary = mode.response_ms.as_ref();
        let value = view::percentile_ms(summary, key);
        Self {
            value,
            text: view::percentile(summary, key),
            interval: view::percentile_interval(summary, key),
        }
    }
}

/// The row of the generator's own lag.
const LAG: &str = "lag p99";

type Source = (
    &'static str,
    &'static str,
    Better,
    fn(&ModeComparison) -> Figure,
);

const SOURCES: [Source; 19] = [
    (
        "wall time",
        "From the start to the last completion.",
        Better::Low,
        |m| Figure::labelled(Some(m.wall_s), m.wall_s_ci95, view::duration_s),
    ),
    (
        "throughput",
        "Successful operations per second.",
        Better::High,
        |m| Figure::labelled(Some(m.throughput_rps), m.throughput_rps_ci95, view::rate),
    ),
    (
        "speedup",
        "How many times as fast as the baseline mode.",
        Better::High,
        |m| Figure::labelled(m.speedup, m.speedup_ci95, view::factor),
    ),
    (
        "ideal",
        "Wall time of the same work with no overhead at all.",
        Better::Neither,
        |m| Figure::labelled(m.ideal_s, None, view::duration_s),
    ),
    (
        "efficiency",
        "The ideal divided by the wall time.",
        Better::High,
        |m| Figure::labelled(m.efficiency, None, view::share),
    ),
    (
        "p50",
        "Half of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p50"),
    ),
    (
        "p75",
        "75 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p75"),
    ),
    (
        "p90",
        "90 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p90"),
    ),
    (
        "p95",
        "95 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p95"),
    ),
    (
        "p99",
        "99 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p99"),
    ),
    (
        "p99.9",
        "99.9 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p999"),
    ),
    (
        "p99.99",
        "99.99 % of the responses took no longer.",
        Better::Low,
        |m| Figure::percentile(m, "p9999"),
    ),
    ("max", "The longest response.", Better::Low, |m| {
        Figure::labelled(
            m.response_ms
                .as_ref()
                .filter(|s| s.count > 0)
                .map(|s| s.max),
            None,
            view::duration_ms,
        )
    }),
    (
        LAG,
        "99 % of the operations were started by the generator no later than this after they were due.",
        Better::Low,
        |m| {
            Figure::labelled(
                view::percentile_ms(m.lag_ms.as_ref(), "p99"),
                None,
                view::duration_ms,
            )
        },
    ),
    (
        "CPU per operation",
        "Processor time of the generator for each completed operation.",
        Better::Low,
        |m| {
            Figure::labelled(m.cpu_us_per_operation, None, |us| {
                view::duration_ms(us / 1e3)
            })
        },
    ),
    (
        "peak memory",
        "Largest resident memory of the generator.",
        Better::Low,
        |m| {
            Figure::labelled(m.peak_rss_bytes.map(|b| b as f64), None, |b| {
                view::bytes(b as u64)
            })
        },
    ),
    ("threads", "Most threads at once.", Better::Neither, |m| {
        Figure::labelled(m.threads_peak.map(|n| n as f64), None, |n| {
            view::count(n as u64)
        })
    }),
    (
        "switches per op",
        "Context switches for each completed operation.",
        Better::Low,
        |m| Figure::labelled(m.ctx_per_operation, None, view::number),
    ),
    (
        "failed",
        "Failed operations, of all that completed.",
        Better::Neither,
        |m| Figure {
            value: Some(m.failed as f64),
            text: if m.failed == 0 {
                format!("0 of {}", view::count(m.completed))
            } else {
                format!(
                    "{} of {} ({})",
                    view::count(m.failed),
                    view::count(m.completed),
                    view::share(m.failed as f64 / m.completed as f64)
                )
            },
            interval: None,
        },
    ),
];

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
    let mut rows = Vec::new();
    for (name, meaning, better, figure) in SOURCES {
        let figures: Vec<Figure> = modes.iter().map(|mode| figure(mode)).collect();
        let is_percentile = asked::PERCENTILES.iter().any(|one| one.name == name);
        let is_known = figures.iter().any(|f| f.value.is_some());
        let wanted = match name {
            // A single mode has nothing to be compared with, and planned arrivals come equally fast
            // in every mode.
            "speedup" => is_known && figures.len() > 1 && baseline.is_some() && !is_open,
            LAG => is_open,
            "max" => true,
            _ if is_percentile => shown.iter().any(|one| one.name == name),
            _ => is_known,
        };
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
            name,
            meaning,
            cells,
        });
    }
    rows
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
fn percentiles(results: &[&RunResult]) -> Vec<Percentile> {
    asked::percentiles(results.iter().copied(), &["p50", "p90", "p99"])
}

/// Returns whether some percentile of these modes is omitted because its sample is too small.
pub(crate) fn has_small_samples(modes: &[&ModeComparison], results: &[&RunResult]) -> bool {
    let shown = percentiles(results);
    let small = |m: &&ModeComparison| {
        m.response_ms
            .as_ref()
            .is_some_and(|s| shown.iter().any(|p| !view::carries(s, p.key)))
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
