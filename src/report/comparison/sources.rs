//! [`SOURCES`]: what the rows of the comparison of modes show.

use crate::report::view;
use crate::result::ModeComparison;

/// Which values of a row are better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    Low,
    High,
    Neither,
}

/// The data of one figure of one mode.
pub(super) struct Figure {
    /// The value, if known.
    pub value: Option<f64>,
    /// The value with its unit.
    pub text: String,
    /// Its 95 % interval, if known.
    pub interval: Option<String>,
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
pub(super) const LAG: &str = "lag p99";

/// The name of a row, its meaning, which values are better, and its figures.
pub(super) type Source = (
    &'static str,
    &'static str,
    Better,
    fn(&ModeComparison) -> Figure,
);

/// The rows, in their order.
pub(super) const SOURCES: [Source; 20] = [
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
        "Apdex",
        "How satisfied users are, from 0 to 1: (satisfied + tolerating / 2) of all operations.",
        Better::High,
        |m| {
            Figure::labelled(m.apdex.map(|apdex| apdex.score), None, |score| {
                format!("{score:.3}")
            })
        },
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
