//! Every exit code, with its name and documentation.

use std::process::ExitCode;

use crate::result::{
    End, LimitedBy, Outcome, RunResult, ThresholdResult, Verdict, VersionComparison,
};

/// How the program ends. If several apply, the first of 1, 2, 3, 130, 97, 99, 98, 96 wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The run completed and every gate passed.
    Ok,
    /// An internal error occurred, or an output could not be written.
    Internal,
    /// Bad usage, an invalid scenario, a missing file or variable, or a public address that was not
    /// allowed; nothing was sent.
    Usage,
    /// The run was not possible: a target was unreachable at the start or its name resolved to a
    /// public address, the machine's limits are too low, or results are not comparable.
    CouldNotRun,
    /// A comparison shows neither a regression nor the absence of one, and the caller asked to be
    /// told.
    Inconclusive,
    /// The generator limited the figures that a gate relies on, or reached its limit before the
    /// target did.
    Invalid,
    /// A figure became worse than in the baseline.
    Regression,
    /// A threshold failed or aborted the run, or no rate was found that meets the checks.
    Threshold,
    /// The run was interrupted; what was measured is kept.
    Interrupted,
}

/// Every exit code with its meaning, in order of precedence.
pub(crate) const MEANINGS: [(Exit, &str); 9] = [
    (Exit::Ok, "ran; every gate passed"),
    (
        Exit::Internal,
        "internal error, or an output could not be written",
    ),
    (
        Exit::Usage,
        "bad usage or scenario; a file or variable is missing; nothing was sent",
    ),
    (
        Exit::CouldNotRun,
        "could not run: nothing listens, a setup failed, a limit of the machine was reached, or the results are not comparable",
    ),
    (Exit::Interrupted, "interrupted"),
    (
        Exit::Invalid,
        "the run is invalid, and a gate depends on its figures",
    ),
    (
        Exit::Threshold,
        "a threshold was not met, or aborted the run",
    ),
    (Exit::Regression, "regression against the baseline"),
    (
        Exit::Inconclusive,
        "the comparison is inconclusive (with --fail-on-inconclusive)",
    ),
];

/// Explains which of several codes is used.
pub(crate) const ORDER: &str =
    "If several apply, the code is the first of 1, 2, 3, 130, 97, 99, 98, 96.";

/// Returns the text shown below the flags of a command.
pub(crate) fn in_help() -> String {
    let lines = MEANINGS
        .iter()
        .map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()));
    format!("Exit codes:\n{}{ORDER}", lines.collect::<String>())
}

/// Does the same for `try`, which has fewer codes.
pub(crate) fn in_help_of_try() -> String {
    let meanings = [
        (Exit::Ok, "every operation succeeded"),
        (
            Exit::Internal,
            "internal error, or stdout could not be written",
        ),
        (Exit::Usage, "bad usage or scenario; nothing was sent"),
        (Exit::CouldNotRun, "a target could not be reached"),
        (Exit::Interrupted, "interrupted"),
        (
            Exit::Threshold,
            "a check failed, or an operation failed otherwise",
        ),
    ];
    let lines = meanings.map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()));
    format!("Exit codes:\n{}", lines.concat().trim_end())
}

impl Exit {
    /// Returns the number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Inconclusive => 96,
            Self::Invalid => 97,
            Self::Regression => 98,
            Self::Threshold => 99,
            Self::Interrupted => 130,
        }
    }

    /// Returns the exit code of a search for the highest rate.
    pub const fn from_search(limited_by: LimitedBy) -> Self {
        match limited_by {
            LimitedBy::Check | LimitedBy::Maximum => Self::Ok,
            LimitedBy::Generator | LimitedBy::Machine => Self::Invalid,
            LimitedBy::Nothing => Self::Threshold,
            LimitedBy::Interrupt => Self::Interrupted,
            LimitedBy::Failure => Self::CouldNotRun,
        }
    }

    /// Returns the exit code of a run that produced a result. `gates` says what relies on it.
    pub fn from_result(result: &RunResult, gates: Gates) -> Self {
        let are_met =
            result.end != End::Aborted && result.thresholds.iter().all(ThresholdResult::is_met);
        let baseline = result.baseline.as_ref();
        // A comparison leaves out invalid rounds; thresholds cover all of them.
        let is_of_all = baseline.is_none() || !result.thresholds.is_empty();
        let is_invalid = is_of_all && result.validity.verdict == Verdict::Invalid;
        let doubted = is_invalid || baseline.is_some_and(VersionComparison::needs_invalid);
        match () {
            () if result.end == End::Interrupted => Self::Interrupted,
            () if gates.fail_on_invalid && doubted => Self::Invalid,
            () if !are_met => Self::Threshold,
            () => baseline.map_or(Self::Ok, |comparison| {
                Self::from_outcome(comparison.verdict, gates)
            }),
        }
    }

    /// Returns the exit code of a comparison of versions.
    pub fn from_comparison(comparison: &VersionComparison, gates: Gates) -> Self {
        match () {
            () if comparison.end == End::Interrupted => Self::Interrupted,
            () if gates.fail_on_invalid && comparison.needs_invalid() => Self::Invalid,
            () => Self::from_outcome(comparison.verdict, gates),
        }
    }

    fn from_outcome(outcome: Option<Outcome>, gates: Gates) -> Self {
        match outcome {
            Some(Outcome::Regressed) => Self::Regression,
            None | Some(Outcome::Inconclusive) if gates.fail_on_inconclusive => Self::Inconclusive,
            _ => Self::Ok,
        }
    }
}

/// The caller's settings for gates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// Whether invalid figures are a failure: a gate relies on them.
    pub fail_on_invalid: bool,
    /// Whether an inconclusive comparison is a failure.
    pub fail_on_inconclusive: bool,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command failed, with the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The reason, with its causes.
    pub error: anyhow::Error,
}

/// Maps an error to a failure with this exit code.
pub(crate) fn or_exit<T, E: Into<anyhow::Error>>(
    result: Result<T, E>,
    exit: Exit,
) -> Result<T, Failure> {
    result.map_err(|error| Failure {
        exit,
        error: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(end: &str, validity: &str, verdicts: &[&str]) -> RunResult {
        let selector = json!({"mix": null, "step": null, "target": null, "stage": null, "tag": null, "mode": null});
        let threshold = |verdict: &&str| {
            json!({"check": "p99 < 1s", "selector": selector, "mode": "async", "unit": "ms", "limit": 1000.0, "failing_windows": [],
                   "verdict": verdict})
        };
        let thresholds: Vec<_> = verdicts.iter().map(threshold).collect();
        let text = json!({
            "schema": crate::result::SCHEMA, "end": end, "loadgen": {"version": "0", "git": null, "profile": "debug"},
            "scenario": {"name": "t", "description": null, "fingerprint": "", "seed": 1, "source": ""}, "plan": null,
            "host": {"os": "linux", "kernel": null, "cpus": 1, "cpu_model": null, "cpu_quota": null, "memory_bytes": null},
            "started_at": "", "runs": [], "comparison": null, "thresholds": thresholds, "validity": {"verdict": validity, "checks": []},
        });
        RunResult::from_json(&text.to_string()).expect("a result")
    }

    #[test]
    fn the_table_says_the_order() {
        let order: Vec<String> = MEANINGS[1..]
            .iter()
            .map(|(exit, _)| exit.code().to_string())
            .collect();
        assert!(
            in_help().ends_with(&format!("the first of {}.", order.join(", "))),
            "{}",
            in_help()
        );
    }

    #[test]
    fn the_first_that_holds_is_said() {
        for (end, validity, verdicts, trusted, code) in [
            ("complete", "valid", &["pass"][..], true, 0),
            ("complete", "degraded", &["pass", "fail"], true, 99),
            ("complete", "valid", &["no_data"], true, 99),
            ("aborted", "valid", &["pass"], true, 99),
            ("stopped", "valid", &["pass"], true, 0),
            ("complete", "invalid", &["pass"], true, 97),
            ("complete", "invalid", &["fail"], true, 97),
            ("complete", "invalid", &["fail"], false, 99),
            ("complete", "invalid", &[], false, 0),
            ("interrupted", "invalid", &["fail"], true, 130),
        ] {
            assert_eq!(
                Exit::from_result(
                    &result(end, validity, verdicts),
                    Gates {
                        fail_on_invalid: trusted,
                        fail_on_inconclusive: false
                    }
                )
                .code(),
                code,
                "{end} {validity} {verdicts:?} {trusted}"
            );
        }
    }

    #[test]
    fn a_baseline_is_behind_thresholds() {
        let version = json!({"source": "x", "runs": 1, "started_at": null, "loadgen": null, "host": null, "validity": "valid"});
        let of = |end: &str, verdict: &str| -> VersionComparison {
            let text = json!({"schema": "", "end": end, "scenario": "t", "fingerprint": "", "base": version, "new": version, "pairs": 1,
                "order": "unpaired", "verdict": verdict, "changes": [], "calibration": null, "warnings": []});
            serde_json::from_value(text).expect("a comparison")
        };
        for (verdict, validity, threshold, fail_on_invalid, fail_on_inconclusive, code) in [
            ("equivalent", "valid", "pass", true, true, 0),
            ("improved", "valid", "pass", true, true, 0),
            ("inconclusive", "valid", "pass", true, false, 0),
            ("inconclusive", "valid", "pass", true, true, 96),
            ("regressed", "valid", "pass", true, false, 98),
            ("regressed", "valid", "fail", true, true, 99),
            ("regressed", "invalid", "fail", true, true, 97),
            ("regressed", "invalid", "pass", false, true, 98),
        ] {
            let mut run = result("complete", validity, &[threshold]);
            run.baseline = Some(of("complete", verdict));
            assert_eq!(
                Exit::from_result(
                    &run,
                    Gates {
                        fail_on_invalid,
                        fail_on_inconclusive
                    }
                )
                .code(),
                code,
                "{verdict} {validity} {threshold}"
            );
        }
        let gates = Gates {
            fail_on_invalid: true,
            fail_on_inconclusive: true,
        };
        assert_eq!(
            Exit::from_comparison(&of("interrupted", "regressed"), gates),
            Exit::Interrupted
        );
        assert_eq!(
            Exit::from_comparison(&of("complete", "regressed"), gates),
            Exit::Regression
        );
    }
}
