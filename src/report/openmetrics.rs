//! Writes the figures of each mode as OpenMetrics text, for GitLab's metrics report, a push gateway
//! or a textfile collector.
//!
//! Units are seconds, bytes and ratios, as the format requires. Unknown values have no line. There
//! are no timestamps: collectors add their own.

mod groups;
mod measures;
mod streams;
mod text;
mod watched;

use crate::plan::Mode;
use crate::result::{Comparison, ModeComparison, Outcome, RunResult, ThresholdVerdict, Verdict};

use self::text::{Text, label};
use super::tally::{self, Tally};
use super::{changes, thresholds};

/// Returns the metrics as text.
pub(crate) fn render(result: &RunResult) -> String {
    let mut text = Text::new(&result.scenario.name);
    run(&mut text, result);
    if let Some(comparison) = &result.comparison {
        gauges(&mut text, comparison);
        responses(&mut text, comparison);
    }
    counters(&mut text, result);
    streams::metrics(&mut text, result);
    measures::metrics(&mut text, result);
    watched::metrics(&mut text, result);
    groups::metrics(&mut text, result);
    thresholds_met(&mut text, result);
    baseline(&mut text, result);
    text.end()
}

fn run(text: &mut Text, result: &RunResult) {
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
    if !result.runs.is_empty() {
        text.family(
            "validity",
            "stateset",
            "",
            "Whether the figures are reliable.",
        );
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

fn gauges(text: &mut Text, comparison: &Comparison) {
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

fn responses(text: &mut Text, comparison: &Comparison) {
    let modes = comparison
        .modes
        .iter()
        .filter_map(|mode| Some((mode.mode, mode.response_ms.as_ref()?)));
    let modes: Vec<_> = modes.filter(|(_, summary)| summary.count > 0).collect();
    if modes.is_empty() {
        return;
    }
    text.family(
        "response_seconds",
        "summary",
        "seconds",
        "From the planned moment to the end of the response.",
    );
    for (mode, summary) in &modes {
        let mode = mode.name();
        text.summary("response_seconds", &[("mode", mode)], summary, 1e3);
    }
    text.family(
        "response_max_seconds",
        "gauge",
        "seconds",
        "The longest response.",
    );
    for (mode, summary) in &modes {
        text.line(
            "response_max_seconds",
            &[("mode", mode.name())],
            Some(summary.max / 1e3),
        );
    }
}

fn counters(text: &mut Text, result: &RunResult) {
    let tallies: Vec<(Mode, Tally)> = tally::modes(result)
        .into_iter()
        .map(|mode| (mode, Tally::from_result(result, mode)))
        .collect();
    if tallies.is_empty() {
        return;
    }
    text.family(
        "operations",
        "counter",
        "",
        "Operations of all rounds, by outcome.",
    );
    for (mode, tally) in &tallies {
        let c = &tally.counts;
        let outcomes = [
            ("ok", c.ok),
            ("failed", c.failed),
            ("dropped", c.dropped),
            ("skipped", c.skipped),
            ("cancelled", c.cancelled),
            ("unfinished", c.unfinished),
        ];
        for (outcome, n) in outcomes {
            text.line(
                "operations_total",
                &[("mode", mode.name()), ("outcome", outcome)],
                Some(n as f64),
            );
        }
    }
    text.family("retries", "counter", "", "Tries after the first.");
    for (mode, tally) in &tallies {
        text.line(
            "retries_total",
            &[("mode", mode.name())],
            Some(tally.counts.retries as f64),
        );
    }
    if tallies.iter().any(|(_, tally)| !tally.failures.is_empty()) {
        text.family(
            "failures",
            "counter",
            "",
            "Failed operations of all rounds, by kind.",
        );
        for (mode, tally) in &tallies {
            for (kind, n) in &tally.failures {
                text.line(
                    "failures_total",
                    &[("mode", mode.name()), ("kind", &label(kind))],
                    Some(*n as f64),
                );
            }
        }
    }
}

fn thresholds_met(text: &mut Text, result: &RunResult) {
    if result.thresholds.is_empty() {
        return;
    }
    text.family(
        "threshold_met",
        "gauge",
        "",
        "Whether a threshold was met: 1, or 0.",
    );
    for (i, row) in thresholds::rows(result).into_iter().enumerate() {
        // The same check may occur twice, but a line may not.
        let number = (i + 1).to_string();
        let labels = [
            ("mode", row.mode.name()),
            ("threshold", &*number),
            ("check", &*label(&row.check)),
        ];
        text.line(
            "threshold_met",
            &labels,
            Some(f64::from(u8::from(row.verdict == ThresholdVerdict::Pass))),
        );
    }
}

fn baseline(text: &mut Text, result: &RunResult) {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(&format!("forms/{name}/metrics.txt"), &render(&result));
        }
    }

    /// Parses the subset of the format's grammar that is used here, line by line.
    fn parse(text: &str) -> Result<usize, String> {
        let escaped = r#"(?:[^"\\\n]|\\["\\n])*"#;
        let sample = Regex::new(&format!(
            r#"^([a-z_]+)\{{((?:[a-z_]+="{escaped}",?)+)\}} (-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)$"#
        ))
        .unwrap();
        let pair = Regex::new(&format!(r#"([a-z_]+)="({escaped})""#)).unwrap();
        let about = Regex::new(r"^# (TYPE|UNIT|HELP) (loadgen_[a-z_]+) (.+)$").unwrap();
        let (mut families, mut samples, mut order) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let (mut family, mut kind) = (String::new(), String::new());
        let body = text.strip_suffix("# EOF\n").ok_or("no end")?;
        for line in body.lines() {
            if let Some(found) = about.captures(line) {
                let (what, name, rest) = (&found[1], &found[2], &found[3]);
                if what == "TYPE" {
                    (family, kind, order) = (name.into(), rest.into(), vec!["TYPE".to_owned()]);
                    if !families.insert(family.clone()) {
                        return Err(format!("a family comes twice: {line}"));
                    }
                } else if name != family
                    || order.contains(&what.to_owned())
                    || order.contains(&"sample".to_owned())
                {
                    return Err(format!("out of place: {line}"));
                }
                if what == "UNIT" && !name.ends_with(&format!("_{rest}")) {
                    return Err(format!("a name without its unit: {line}"));
                }
                order.push(what.to_owned());
                continue;
            }
            let found = sample
                .captures(line)
                .ok_or_else(|| format!("no sample: {line}"))?;
            let suffix = found[1]
                .strip_prefix(&family)
                .ok_or_else(|| format!("of another family: {line}"))?;
            let labels: Vec<&str> = pair
                .captures_iter(&found[2])
                .filter_map(|pair| pair.get(1))
                .map(|key| key.as_str())
                .collect();
            let value: f64 = found[3].parse().map_err(|e| format!("{e}: {line}"))?;
            let good = match (&*kind, suffix) {
                ("info", "_info") => value == 1.0,
                ("stateset", "") => labels.contains(&&*family) && (value == 0.0 || value == 1.0),
                ("gauge", "") => true,
                ("counter", "_total") => value >= 0.0,
                ("summary", "") => labels.contains(&"quantile"),
                ("summary", "_sum" | "_count") => value >= 0.0 && !labels.contains(&"quantile"),
                _ => false,
            };
            let distinct = labels.iter().collect::<BTreeSet<_>>().len() == labels.len();
            if !good || !distinct || !samples.insert((found[1].to_owned(), found[2].to_owned())) {
                return Err(format!("not as its family: {line}"));
            }
            order.push("sample".into());
        }
        Ok(samples.len())
    }

    #[test]
    fn keeps_to_the_grammar() {
        for (name, mut result) in fixture::all().into_iter().chain(fixture::forms()) {
            result.scenario.name = format!("a\\\"\n{}", fixture::HOSTILE);
            result.thresholds.extend(result.thresholds.clone());
            let text = render(&result);
            let samples = parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
            assert!(samples > 0 && !text.contains("NaN"), "{name}");
        }
        for wrong in [
            "loadgen_x{a=\"b\"} 1\n# EOF\n",
            "# TYPE loadgen_x gauge\nloadgen_x{a=\"b\"c\"} 1\n# EOF\n",
            "# TYPE loadgen_x counter\nloadgen_x{a=\"b\"} 1\n# EOF\n",
            "# TYPE loadgen_x gauge\nloadgen_x{a=\"b\"} 1\nloadgen_x{a=\"b\"} 2\n# EOF\n",
            "# TYPE loadgen_x gauge\n# UNIT loadgen_x seconds\n# EOF\n",
            "# TYPE loadgen_x gauge\n",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_sample_does_not_carry_has_no_quantile() {
        let text = render(&fixture::one_sample());
        assert!(
            text.contains("quantile=\"0.5\"") && !text.contains("quantile=\"0.9"),
            "a median is there always: {text}"
        );
        assert!(text.contains("response_seconds_count"), "{text}");
        assert!(!render(&fixture::no_samples()).contains("response_seconds"));
    }
}
