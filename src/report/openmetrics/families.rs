//! The metric families that a file and a scraper have in common.

use std::collections::BTreeMap;

use super::text::Text;
use super::values::label;
use crate::metrics::Summary;
use crate::report::{changes, thresholds};
use crate::result::{
    Comparison, Counts, End, ModeComparison, Outcome, RunResult, ThresholdVerdict, Verdict,
};

/// Writes what ran, and its tags.
pub(super) fn run(text: &mut Text, result: &RunResult) {
    text.family("run", "info", "", "What ran, and when.");
    let (seed, version) = (
        result.scenario.seed.to_string(),
        label(&result.loadgen.version),
    );
    let (fingerprint, started_at) = (
        label(&result.scenario.fingerprint),
        label(&result.started_at),
    );
    let labels = [
        ("seed", &*seed),
        ("version", &*version),
        ("fingerprint", &*fingerprint),
        ("started_at", &*started_at),
    ];
    text.line("run_info", &labels, Some(1.0));
    tags(text, result);
}

/// Writes whether the completed runs are valid.
pub(super) fn validity(text: &mut Text, result: &RunResult) {
    let help = "Whether the figures are reliable.";
    text.family("validity", "stateset", "", help);
    for (name, verdict) in [
        ("valid", Verdict::Valid),
        ("degraded", Verdict::Degraded),
        ("invalid", Verdict::Invalid),
    ] {
        text.line(
            "validity",
            &[("loadgen_validity", name)],
            Some(f64::from(u8::from(verdict == result.validity.verdict))),
        );
    }
}

/// Writes the tags of the scenario as an info metric, which queries join with the others by its label
/// `scenario`. The labels have a prefix, so that no tag hides another label.
fn tags(text: &mut Text, result: &RunResult) {
    let tags = &result.scenario.tags;
    if tags.is_empty() {
        return;
    }
    text.family("tags", "info", "", "The tags of the scenario.");
    let labels: Vec<(String, String)> = tags
        .iter()
        .map(|(name, value)| (format!("tag_{name}"), label(value)))
        .collect();
    let labels: Vec<(&str, &str)> = labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    text.line("tags_info", &labels, Some(1.0));
}

type Gauge = (
    &'static str,
    &'static str,
    &'static str,
    fn(&ModeComparison) -> Option<f64>,
);

const GAUGES: [Gauge; 8] = [
    (
        "wall_seconds",
        "seconds",
        "From the start to the last completion, mean of the rounds.",
        |m| Some(m.wall_s),
    ),
    (
        "throughput_operations_per_second",
        "operations_per_second",
        "Successful operations per second, mean of the rounds.",
        |m| Some(m.throughput_rps),
    ),
    (
        "speedup_ratio",
        "ratio",
        "How many times as fast as the baseline mode.",
        |m| m.speedup,
    ),
    (
        "efficiency_ratio",
        "ratio",
        "The wall time without any overhead divided by the wall time.",
        |m| m.efficiency,
    ),
    (
        "apdex_ratio",
        "ratio",
        "How satisfied users are with the response times, from 0 to 1 (Apdex).",
        |m| m.apdex.map(|apdex| apdex.score),
    ),
    (
        "cpu_per_operation_seconds",
        "seconds",
        "Processor time of the generator for each completed operation.",
        |m| m.cpu_us_per_operation.map(|us| us / 1e6),
    ),
    (
        "peak_memory_bytes",
        "bytes",
        "Largest resident memory of the generator.",
        |m| m.peak_rss_bytes.map(|bytes| bytes as f64),
    ),
    (
        "context_switches_per_operation",
        "",
        "Context switches for each completed operation.",
        |m| m.ctx_per_operation,
    ),
];

/// Writes the figures of each mode other than the times of operations.
pub(super) fn gauges(text: &mut Text, comparison: &Comparison) {
    for (name, unit, help, value) in GAUGES {
        let known = comparison
            .modes
            .iter()
            .any(|mode| value(mode).is_some_and(f64::is_finite));
        if !known || (name == "speedup_ratio" && comparison.modes.len() < 2) {
            continue;
        }
        text.family(name, "gauge", unit, help);
        for mode in &comparison.modes {
            text.line(name, &[("mode", mode.mode.name())], value(mode));
        }
    }
}

/// Returns the response times of the modes that have some.
pub(super) fn timed(comparison: &Comparison) -> Vec<(&'static str, &Summary)> {
    let modes = comparison
        .modes
        .iter()
        .filter_map(|mode| Some((mode.mode.name(), mode.response_ms.as_ref()?)));
    modes.filter(|(_, summary)| summary.count > 0).collect()
}

/// The name of the response times, and what they are.
pub(super) const RESPONSE: (&str, &str) = (
    "response_seconds",
    "From the planned moment to the end of the response.",
);

/// Writes the longest response of each mode.
pub(super) fn longest(text: &mut Text, comparison: &Comparison) {
    let modes = timed(comparison);
    if modes.is_empty() {
        return;
    }
    let help = "The longest response.";
    text.family("response_max_seconds", "gauge", "seconds", help);
    for (mode, summary) in modes {
        let max = Some(summary.max / 1e3);
        text.line("response_max_seconds", &[("mode", mode)], max);
    }
}

/// The counters of a part of a result, with its labels.
pub(super) struct Counted {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) counts: Counts,
    pub(super) failures: BTreeMap<String, u64>,
}

/// Writes how operations ended.
pub(super) fn counters<'a>(text: &mut Text, parts: impl IntoIterator<Item = &'a Counted>) {
    let parts: Vec<(&Counted, Vec<(&str, &str)>)> = parts
        .into_iter()
        .map(|part| {
            let labels = part.labels.iter();
            (part, labels.map(|(key, value)| (*key, &**value)).collect())
        })
        .collect();
    if parts.is_empty() {
        return;
    }
    text.family("operations", "counter", "", "Operations, by outcome.");
    for (part, labels) in &parts {
        for (outcome, n) in part.counts.by_outcome() {
            let labels = [&labels[..], &[("outcome", outcome)]].concat();
            text.line("operations_total", &labels, Some(n as f64));
        }
    }
    text.family("retries", "counter", "", "Tries after the first.");
    for (part, labels) in &parts {
        text.line("retries_total", labels, Some(part.counts.retries as f64));
    }
    if parts.iter().any(|(part, _)| !part.failures.is_empty()) {
        text.family("failures", "counter", "", "Failed operations, by kind.");
        for (part, labels) in &parts {
            for (kind, n) in &part.failures {
                let kind = label(kind);
                let labels = [&labels[..], &[("kind", kind.as_str())]].concat();
                text.line("failures_total", &labels, Some(*n as f64));
            }
        }
    }
}

/// Writes whether each threshold is met, in a family of this name.
pub(super) fn thresholds_met(text: &mut Text, result: &RunResult, name: &str, help: &str) {
    if result.thresholds.is_empty() {
        return;
    }
    text.family(name, "gauge", "", help);
    for (i, row) in thresholds::rows(result).into_iter().enumerate() {
        // The same check may occur twice, but a line may not.
        let number = (i + 1).to_string();
        let labels = [
            ("mode", row.mode.name()),
            ("threshold", &*number),
            ("check", &*label(&row.check)),
        ];
        // No data is a failure at the end only.
        let is_known = result.end != End::Running || row.verdict != ThresholdVerdict::NoData;
        let met = f64::from(u8::from(row.verdict == ThresholdVerdict::Pass));
        text.line(name, &labels, is_known.then_some(met));
    }
}

/// Writes how the figures compare with the baseline, if there is one.
pub(super) fn baseline(text: &mut Text, result: &RunResult) {
    let Some(comparison) = &result.baseline else {
        return;
    };
    text.family(
        "baseline",
        "stateset",
        "",
        "The outcome of the comparison with the baseline: the worst of its figures.",
    );
    for outcome in [
        Outcome::Regressed,
        Outcome::Inconclusive,
        Outcome::Improved,
        Outcome::Equivalent,
    ] {
        let value = f64::from(u8::from(comparison.verdict == Some(outcome)));
        text.line(
            "baseline",
            &[("loadgen_baseline", outcome.name())],
            Some(value),
        );
    }
    if comparison.changes.is_empty() {
        return;
    }
    text.family(
        "baseline_change_ratio",
        "gauge",
        "ratio",
        "The relative change of a figure since the baseline; for shares, the difference.",
    );
    for (i, change) in comparison.changes.iter().enumerate() {
        let number = (i + 1).to_string();
        let labels = [
            ("mode", change.mode.name()),
            ("number", &*number),
            ("figure", &*label(&changes::name(change))),
            ("verdict", change.verdict.name()),
        ];
        text.line("baseline_change_ratio", &labels, Some(change.change));
    }
}
