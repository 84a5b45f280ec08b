//! Writes the figures of which github-action-benchmark keeps a history, in its two custom formats:
//! one for bigger-is-better and one for smaller-is-better. Names are stable from run to run,
//! because they identify the history.

use serde::Serialize;

use crate::plan::Mode;
use crate::result::{ModeComparison, RunResult};

use super::view;

/// One figure of a history.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// A figure of a mode: its name, unit, value and 95 % interval.
type Figure = (&'static str, &'static str, Option<f64>, Option<[f64; 2]>);

/// Returns the figures that are better if bigger.
///
/// # Errors
/// Never in practice: the data are plain.
pub(crate) fn bigger(result: &RunResult) -> serde_json::Result<String> {
    entries(result, |mode, baseline| {
        vec![
            (
                "throughput",
                "op/s",
                Some(mode.throughput_rps),
                mode.throughput_rps_ci95,
            ),
            (
                "speedup",
                "×",
                mode.speedup.filter(|_| mode.mode != baseline),
                mode.speedup_ci95,
            ),
            (
                "efficiency",
                "%",
                mode.efficiency.map(|share| share * 100.0),
                None,
            ),
        ]
    })
}

/// Returns the figures that are better if smaller.
///
/// # Errors
/// Never in practice: the data are plain.
pub(crate) fn smaller(result: &RunResult) -> serde_json::Result<String> {
    entries(result, |mode, _| {
        let response = mode.response_ms.as_ref();
        let time = |name| {
            (
                view::percentile_ms(response, name),
                response.and_then(|r| r.ci95.get(name).copied().flatten()),
            )
        };
        let [p50, p90, p99] = ["p50", "p90", "p99"].map(time);
        let failed =
            (mode.completed > 0).then(|| mode.failed as f64 / mode.completed as f64 * 100.0);
        vec![
            ("p50", "ms", p50.0, p50.1),
            ("p90", "ms", p90.0, p90.1),
            ("p99", "ms", p99.0, p99.1),
            ("error rate", "%", failed, None),
            ("CPU per operation", "µs", mode.cpu_us_per_operation, None),
            (
                "peak memory",
                "MB",
                mode.peak_rss_bytes.map(|bytes| bytes as f64 / 1e6),
                None,
            ),
        ]
    })
}

fn entries(
    result: &RunResult,
    figures: impl Fn(&ModeComparison, Mode) -> Vec<Figure>,
) -> serde_json::Result<String> {
    // The baseline's speedup over itself is meaningless.
    let modes = result.comparison.iter().flat_map(|comparison| {
        comparison
            .modes
            .iter()
            .map(|mode| (mode, comparison.baseline_mode))
    });
    let scenario = view::plain(&result.scenario.name);
    let mut entries = Vec::new();
    for (mode, baseline) in modes {
        let extra = format!(
            "{}, {}, seed {}, loadgen {}",
            view::things(mode.completed, "operation"),
            view::things(mode.rounds.into(), "round"),
            result.scenario.seed,
            view::plain(&result.loadgen.version)
        );
        for (name, unit, value, interval) in figures(mode, baseline) {
            let Some(value) = value.and_then(rounded) else {
                continue;
            };
            let ends =
                interval.and_then(|[low, high]| Some([view::digits(low)?, view::digits(high)?]));
            entries.push(Entry {
                name: format!("{scenario} / {} / {name}", mode.mode),
                unit,
                value,
                range: ends.map(|[low, high]| format!("{low} to {high}")),
                extra: extra.clone(),
            });
        }
    }
    let mut text = serde_json::to_string_pretty(&entries)?;
    text.push('\n');
    Ok(text)
}

/// Rounds to the digits used in machine-readable output; returns `None` if the value is not a
/// number.
fn rounded(value: f64) -> Option<f64> {
    view::digits(value).and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(
                &format!("forms/{name}/benchmark-bigger.json"),
                &bigger(&result).unwrap(),
            );
            golden::check(
                &format!("forms/{name}/benchmark-smaller.json"),
                &smaller(&result).unwrap(),
            );
        }
    }

    #[test]
    fn every_entry_has_a_name_of_its_own_a_unit_and_a_number() {
        for (name, result) in fixture::all().into_iter().chain(fixture::forms()) {
            for text in [bigger(&result).unwrap(), smaller(&result).unwrap()] {
                let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
                let names: BTreeSet<&str> = entries
                    .iter()
                    .filter_map(|entry| entry["name"].as_str())
                    .collect();
                assert_eq!(names.len(), entries.len(), "{name}");
                for entry in &entries {
                    assert!(
                        entry["unit"].is_string()
                            && entry["value"].as_f64().is_some_and(f64::is_finite),
                        "{name}: {entry}"
                    );
                    assert!(
                        entry["extra"].is_string()
                            && (entry["range"].is_string() || entry.get("range").is_none()),
                        "{entry}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_a_sample_does_not_carry_has_no_entry() {
        let text = smaller(&fixture::one_sample()).unwrap();
        assert!(
            !text.contains("p99") && text.contains("error rate"),
            "{text}"
        );
        assert!(!bigger(&fixture::one_mode()).unwrap().contains("speedup"));
    }
}
