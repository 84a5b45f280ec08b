//! Writes the gates of a run in the Common Test Report Format (<https://ctrf.io>), as JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::result::{RunResult, Verdict};

use super::cases::{self, Case, Outcome};
use super::view;

/// The version of the format.
const VERSION: &str = "1.0.0";

/// Returns the report as JSON.
///
/// # Errors
/// Never in practice: the data are plain.
pub(crate) fn render(result: &RunResult) -> serde_json::Result<String> {
    let cases = cases::all(result);
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let name = view::plain(&result.scenario.name);
    let duration = millis(cases::seconds(result, None));
    // A time is required; that of a damaged result is the Unix epoch.
    let start = result
        .started_at
        .parse::<Timestamp>()
        .map_or(0, |at| at.as_millisecond().max(0));
    let verdict = match result.validity.verdict {
        Verdict::Valid => "valid",
        Verdict::Degraded => "degraded",
        Verdict::Invalid => "invalid",
    };
    let mut environment =
        json!({ "testEnvironment": name, "osPlatform": view::plain(&result.host.os) });
    if let Some(kernel) = &result.host.kernel {
        environment["osRelease"] = view::plain(kernel).into();
    }
    let mut report = json!({
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "results": {
            "tool": { "name": "loadgen", "version": view::plain(&result.loadgen.version) },
            "summary": {
                "tests": cases.len(),
                "passed": count(Outcome::Passed),
                "failed": count(Outcome::Failed),
                "skipped": count(Outcome::Skipped),
                "pending": 0,
                "other": count(Outcome::Broken) + count(Outcome::Undecided),
                "start": start,
                "stop": start.saturating_add(duration),
                "duration": duration,
            },
            "tests": cases.iter().map(|one| case(one, &name, result.scenario.file.as_deref())).collect::<Vec<_>>(),
            "environment": environment,
            "extra": {
                "validity": verdict,
                "seed": result.scenario.seed,
                "fingerprint": view::plain(&result.scenario.fingerprint),
            },
        },
    });
    if !result.scenario.tags.is_empty() {
        let tags = result.scenario.tags.iter();
        let tags = tags.map(|(name, value)| (view::plain(name), view::plain(value)));
        report["results"]["extra"]["tags"] = tags.collect::<BTreeMap<_, _>>().into_iter().collect();
    }
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    Ok(text)
}

fn case(case: &Case, scenario: &str, file: Option<&str>) -> Value {
    let (status, raw) = match case.outcome {
        Outcome::Passed => ("passed", "met"),
        Outcome::Failed => ("failed", "not met"),
        Outcome::Broken => ("other", "broken"),
        Outcome::Skipped => ("skipped", "not judged"),
        Outcome::Undecided => ("other", "inconclusive"),
    };
    let mut suite = vec![scenario.to_owned()];
    suite.extend(case.mode.map(|mode| mode.to_string()));
    let mut test = json!({
        "name": case.name,
        "status": status,
        "duration": millis(case.seconds),
        "suite": suite,
        "message": case.message,
        "rawStatus": raw,
        "type": "load",
    });
    if !case.details.is_empty() {
        test["trace"] = case.details.join("\n").into();
    }
    if let Some(file) = file {
        test["filePath"] = view::plain(file).into();
    }
    if let Some(line) = case.line {
        test["line"] = line.into();
    }
    test
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1e3).round() as i64
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(
                &format!("forms/{name}/ctrf-report.json"),
                &render(&result).unwrap(),
            );
        }
    }

    /// Creates a validator of the format that also rejects unknown properties.
    fn format() -> jsonschema::Validator {
        let whole = json!({ "type": "integer", "minimum": 0 });
        let named = json!({ "type": "string", "minLength": 1 });
        let schema = json!({
            "type": "object",
            "required": ["results", "reportFormat", "specVersion"],
            "additionalProperties": false,
            "properties": {
                "reportFormat": { "const": "CTRF" },
                "specVersion": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$" },
                "results": {
                    "type": "object",
                    "required": ["tool", "summary", "tests"],
                    "additionalProperties": false,
                    "properties": {
                        "tool": {
                            "required": ["name"],
                            "additionalProperties": false,
                            "properties": { "name": named, "version": { "type": "string" } },
                        },
                        "summary": {
                            "required": ["tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"],
                            "additionalProperties": false,
                            "properties": {
                                "tests": whole, "passed": whole, "failed": whole, "skipped": whole, "pending": whole, "other": whole,
                                "start": whole, "stop": whole, "duration": whole,
                            },
                        },
                        "tests": {
                            "type": "array",
                            "items": {
                                "required": ["name", "status", "duration"],
                                "additionalProperties": false,
                                "properties": {
                                    "name": named,
                                    "status": { "enum": ["passed", "failed", "skipped", "pending", "other"] },
                                    "duration": whole,
                                    "suite": { "type": "array", "minItems": 1, "items": { "type": "string" } },
                                    "message": { "type": "string" },
                                    "trace": { "type": "string" },
                                    "rawStatus": { "type": "string" },
                                    "type": { "type": "string" },
                                    "filePath": { "type": "string" },
                                    "line": whole,
                                },
                            },
                        },
                        "environment": {
                            "additionalProperties": false,
                            "properties": {
                                "testEnvironment": { "type": "string" }, "osPlatform": { "type": "string" }, "osRelease": { "type": "string" },
                            },
                        },
                        "extra": { "type": "object" },
                    },
                },
            },
        });
        jsonschema::draft7::new(&schema).unwrap()
    }

    #[test]
    fn keeps_to_the_format_and_adds_up() {
        let format = format();
        for (name, mut result) in fixture::all().into_iter().chain(fixture::forms()) {
            result.started_at = if name == "huge" {
                fixture::HOSTILE.into()
            } else {
                result.started_at
            };
            let report: Value = serde_json::from_str(&render(&result).unwrap()).unwrap();
            let wrong: Vec<String> = format
                .iter_errors(&report)
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{name}: {wrong:?}");
            let summary = &report["results"]["summary"];
            let sum: u64 = ["passed", "failed", "skipped", "pending", "other"]
                .iter()
                .filter_map(|key| summary[key].as_u64())
                .sum();
            assert_eq!(summary["tests"].as_u64(), Some(sum), "{name}");
            assert_eq!(
                report["results"]["tests"].as_array().map(Vec::len),
                Some(sum as usize),
                "{name}"
            );
        }
    }
}
