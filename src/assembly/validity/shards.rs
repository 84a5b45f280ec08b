//! Whether the figures of several shards are those of one run.

use super::judged::judged;
use crate::assembly::part::ClockState;
use crate::result::{Check, Verdict};

/// How far apart shards may begin, in milliseconds, before figures are degraded.
const APART_MS: f64 = 100.0;
/// How far apart they may begin before figures are invalid, at least.
const TOO_FAR_MS: f64 = 1000.0;
/// The same as a share of the run.
const TOO_FAR_SHARE: f64 = 0.01;

/// What is known of the shards of a run together.
#[derive(Clone, Copy, Debug)]
pub struct Together<'a> {
    /// Which shards are missing, in words, if any.
    pub missing: Option<&'a str>,
    /// The number of shards.
    pub count: u32,
    /// How far apart they began, in milliseconds, if known.
    pub skew_ms: Option<f64>,
    /// How long the run was.
    pub lasted_s: f64,
    /// What is known of their clocks.
    pub clocks: &'a [ClockState],
    /// The limits of which a shard reached its share.
    pub limits_reached: &'a [String],
}

/// Returns the checks of a run with those of its shards.
pub fn with_shards(checks: Vec<Check>, together: &Together<'_>) -> Vec<Check> {
    let clock = |check: Check| {
        if check.name == "clock" {
            clocks(check, together)
        } else {
            check
        }
    };
    checks
        .into_iter()
        .map(clock)
        .chain([shards(together), start(together), split(together)])
        .collect()
}

fn shards(together: &Together<'_>) -> Check {
    let count = together.count;
    judged(
        "shards",
        match together.missing {
            Some(_) => Verdict::Invalid,
            None => Verdict::Valid,
        },
        together
            .missing
            .map_or_else(|| format!("{count} of {count} shards"), str::to_owned),
        format!("all {count} shards"),
        "the work of the missing shards is in no figure: see their logs, and run the whole again",
    )
}

fn start(together: &Together<'_>) -> Check {
    let too_far = TOO_FAR_MS.max(TOO_FAR_SHARE * together.lasted_s * 1e3);
    let verdict = match together.skew_ms {
        Some(skew) if skew > too_far => Verdict::Invalid,
        Some(skew) if skew > APART_MS => Verdict::Degraded,
        _ => Verdict::Valid,
    };
    judged(
        "start",
        verdict,
        together.skew_ms.map_or_else(
            || "not known".into(),
            |skew| format!("the shards began within {skew:.1} ms"),
        ),
        format!("{APART_MS:.0} ms; invalid over {too_far:.0} ms"),
        "the shards did not load the target at the same time, so it had less load than the whole has; start them together with `--start-at`",
    )
}

/// Adds what is known of the synchronization of the clocks to the check of the clock.
fn clocks(check: Check, together: &Together<'_>) -> Check {
    let is_known = |state: &&ClockState| state.synchronized.is_some();
    let known = together.clocks.iter().filter(is_known).count();
    let free = together
        .clocks
        .iter()
        .filter(|state| state.synchronized == Some(false))
        .count();
    let ahead = || {
        let all = together.clocks.iter();
        all.filter_map(|state| state.start_file_ms)
    };
    let apart = ahead().fold(f64::NEG_INFINITY, f64::max) - ahead().fold(f64::INFINITY, f64::min);
    let is_bad = free > 0 || apart > APART_MS;
    let of_start_file = if apart.is_finite() {
        format!("; by the start file they are within {apart:.1} ms")
    } else {
        String::new()
    };
    let of_hosts = match (known, free) {
        (0, _) => "whether the hosts' clocks are synchronized is not known".to_owned(),
        (_, 0) => "the hosts' clocks are synchronized".to_owned(),
        (_, free) => format!("{free} of the hosts' clocks are not synchronized"),
    };
    let explanation = if is_bad {
        "the clocks of the hosts differ, so the shards' start and its skew are not known exactly; synchronize them (chrony, systemd-timesyncd)"
    } else {
        ""
    };
    Check {
        verdict: check.verdict.max(if is_bad {
            Verdict::Degraded
        } else {
            Verdict::Valid
        }),
        observed: format!("{}; {of_hosts}{of_start_file}", check.observed),
        explanation: [check.explanation.as_str(), explanation]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; "),
        ..check
    }
}

fn split(together: &Together<'_>) -> Check {
    let reached = together.limits_reached;
    judged(
        "split",
        if reached.is_empty() {
            Verdict::Valid
        } else {
            Verdict::Degraded
        },
        if reached.is_empty() {
            "no shard reached its share of a limit".into()
        } else {
            format!("a shard reached its share of: {}", reached.join(", "))
        },
        "none",
        "one process could have used what other shards had left of the limit: the figures are those of divided limits",
    )
}
