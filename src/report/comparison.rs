//! [`Row`]: the table that compares modes, one row for each figure, as text; terminal and HTML show the same rows.

use crate::plan::Mode;
use crate::result::{Comparison, ModeComparison};

use super::view;

/// A figure of every mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// One for each mode, in the comparison's order.
    pub cells: Vec<Cell>,
}

/// A figure of one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The figure with its unit.
    pub text: String,
    /// Its 95 % interval, where there is one.
    pub interval: Option<String>,
    /// Whether no other mode's is as good.
    pub best: bool,
}

/// Which values of a row are good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Low,
    High,
    Neither,
}

/// What is known of one figure of one mode.
struct Figure {
    value: Option<f64>,
    text: String,
    interval: Option<String>,
}

impl Figure {
    fn of(value: Option<f64>, interval: Option<[f64; 2]>, show: impl Fn(f64) -> String) -> Self {
        Self { value, text: view::or_na(value, &show), interval: view::known_interval(interval, &show) }
    }

    fn percentile(mode: &ModeComparison, name: &str, value: Option<f64>) -> Self {
        let summary = mode.response_ms.as_ref();
        let value = value.filter(|_| summary.is_some_and(|s| view::carries(s, name)));
        Self { value, text: view::percentile(summary, name), interval: view::percentile_interval(summary, name) }
    }
}

type Source = (&'static str, &'static str, Better, fn(&ModeComparison) -> Figure);

const SOURCES: [Source; 14] = [
    ("wall time", "From the start to the last completion.", Better::Low, |m| Figure::of(Some(m.wall_s), m.wall_s_ci95, view::duration_s)),
    ("throughput", "Operations that completed well, a second.", Better::High, |m| {
        Figure::of(Some(m.throughput_rps), m.throughput_rps_ci95, view::rate)
    }),
    ("speedup", "How many times as fast as the baseline mode.", Better::High, |m| Figure::of(m.speedup, m.speedup_ci95, view::factor)),
    ("ideal", "Wall time of the same work with no overhead at all.", Better::Neither, |m| Figure::of(m.ideal_s, None, view::duration_s)),
    ("efficiency", "The ideal divided by the wall time.", Better::High, |m| Figure::of(m.efficiency, None, view::share)),
    ("p50", "Half of the responses took no longer.", Better::Low, |m| Figure::percentile(m, "p50", m.response_ms.as_ref().map(|s| s.p50))),
    ("p90", "90 % of the responses took no longer.", Better::Low, |m| Figure::percentile(m, "p90", m.response_ms.as_ref().map(|s| s.p90))),
    ("p99", "99 % of the responses took no longer.", Better::Low, |m| Figure::percentile(m, "p99", m.response_ms.as_ref().map(|s| s.p99))),
    ("max", "The longest response.", Better::Low, |m| {
        Figure::of(m.response_ms.as_ref().filter(|s| s.count > 0).map(|s| s.max), None, view::duration_ms)
    }),
    ("CPU per operation", "Processor time of the generator for each completed operation.", Better::Low, |m| {
        Figure::of(m.cpu_us_per_operation, None, |us| view::duration_ms(us / 1e3))
    }),
    ("peak memory", "Largest resident memory of the generator.", Better::Low, |m| {
        Figure::of(m.peak_rss_bytes.map(|b| b as f64), None, |b| view::bytes(b as u64))
    }),
    ("threads", "Most threads at once.", Better::Neither, |m| {
        Figure::of(m.threads_peak.map(|n| n as f64), None, |n| view::count(n as u64))
    }),
    ("switches per op", "Context switches for each completed operation.", Better::Low, |m| {
        Figure::of(m.ctx_per_operation, None, view::number)
    }),
    ("failed", "Operations that completed badly, of all that completed.", Better::Neither, |m| Figure {
        value: Some(m.failed as f64),
        text: if m.failed == 0 {
            format!("0 of {}", view::count(m.completed))
        } else {
            format!("{} of {} ({})", view::count(m.failed), view::count(m.completed), view::share(m.failed as f64 / m.completed as f64))
        },
        interval: None,
    }),
];

/// The rows of a comparison.
pub fn of(comparison: &Comparison) -> Vec<Row> {
    rows(&comparison.modes.iter().collect::<Vec<_>>(), Some(comparison.baseline_mode))
}

/// The rows of a comparison of these modes; those of which nothing is known are left out. Modes of several results have
/// no baseline in common, and then speedups say nothing.
pub fn rows(modes: &[&ModeComparison], baseline: Option<Mode>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, meaning, better, figure) in SOURCES {
        let figures: Vec<Figure> = modes.iter().map(|mode| figure(mode)).collect();
        let wanted = figures.iter().any(|f| f.value.is_some()) || matches!(name, "p50" | "p90" | "p99" | "max");
        // A mode alone is as fast as itself.
        if !wanted || (name == "speedup" && (figures.len() < 2 || baseline.is_none())) {
            continue;
        }
        let best = best(&figures, better);
        let cells = figures
            .into_iter()
            .enumerate()
            .map(|(i, f)| {
                // The baseline's speedup over itself is no estimate.
                let itself = name == "speedup" && modes.get(i).map(|m| m.mode) == baseline;
                Cell { text: f.text, interval: f.interval.filter(|_| !itself), best: best == Some(i) }
            })
            .collect();
        rows.push(Row { name, meaning, cells });
    }
    rows
}

fn best(figures: &[Figure], better: Better) -> Option<usize> {
    let sign = match better {
        Better::Low => 1.0,
        Better::High => -1.0,
        Better::Neither => return None,
    };
    let mut known: Vec<(usize, f64, &str)> =
        figures.iter().enumerate().filter_map(|(i, f)| f.value.filter(|v| !v.is_nan()).map(|v| (i, v * sign, f.text.as_str()))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    match known.as_slice() {
        // Figures that look the same are the same, to a reader.
        [first, second, ..] if first.2 != second.2 => Some(first.0),
        _ => None,
    }
}

/// Whether some percentile of these modes is left out because its sample is too small.
pub fn has_small_samples(modes: &[&ModeComparison]) -> bool {
    let small = |m: &&ModeComparison| m.response_ms.as_ref().is_some_and(|s| ["p50", "p90", "p99"].iter().any(|p| !view::carries(s, p)));
    modes.iter().any(small)
}

/// The names of the modes, in the order of the cells.
pub fn modes(comparison: &Comparison) -> Vec<Mode> {
    comparison.modes.iter().map(|m| m.mode).collect()
}
