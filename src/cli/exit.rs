//! Every exit code, named and documented.

use std::process::ExitCode;

use crate::result::{End, LimitedBy, RunResult, ThresholdResult, Verdict};

/// How the program ends. Where several hold, the first of 1, 2, 3, 130, 97, 99 that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Ran; every gate was passed.
    Ok,
    /// An internal error, or an output that could not be written.
    Internal,
    /// Bad usage or an invalid scenario, a missing file or variable, a public address that nobody allowed; nothing was
    /// sent.
    Usage,
    /// Could not run: a target that is unreachable at the start, or whose name turned out to have a public address, limits of the machine.
    CouldNotRun,
    /// The generator set the figures, and a gate would have had to trust them; or it gave out before the target did.
    Invalid,
    /// A threshold failed, or aborted the run; or no rate was found that meets what it has to.
    Threshold,
    /// Interrupted; what was measured is kept.
    Interrupted,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Invalid => 97,
            Self::Threshold => 99,
            Self::Interrupted => 130,
        }
    }

    /// How a search for the highest rate ends.
    pub const fn of_search(limited_by: LimitedBy) -> Self {
        match limited_by {
            LimitedBy::Check | LimitedBy::Maximum => Self::Ok,
            LimitedBy::Generator => Self::Invalid,
            LimitedBy::Nothing => Self::Threshold,
            LimitedBy::Interrupt => Self::Interrupted,
            LimitedBy::Failure => Self::CouldNotRun,
        }
    }

    /// How a run ends that brought a result. `trusted` says whether anything relies on figures that can't be believed.
    pub fn of(result: &RunResult, trusted: bool) -> Self {
        let gates_hold = result.end != End::Aborted && result.thresholds.iter().all(ThresholdResult::is_met);
        match () {
            () if result.end == End::Interrupted => Self::Interrupted,
            () if trusted && result.validity.verdict == Verdict::Invalid => Self::Invalid,
            () if !gates_hold => Self::Threshold,
            () => Self::Ok,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command failed, with the code that says so.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The reason, with its causes.
    pub error: anyhow::Error,
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
            assert_eq!(Exit::of(&result(end, validity, verdicts), trusted).code(), code, "{end} {validity} {verdicts:?} {trusted}");
        }
    }
}
