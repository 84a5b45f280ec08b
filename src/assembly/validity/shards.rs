//! Whether the figures of several shards or processes are those of one run.

use super::judged::judged;
use crate::assembly::observations::Observations;
use crate::assembly::part::ClockState;
use crate::result::{Check, ModeRun, Verdict};

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
    /// The number of hosts that they ran on.
    pub hosts: usize,
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
        .chain([
            shards(together),
            start(together.skew_ms, together.lasted_s, &SHARDS),
            split(together.limits_reached, &SHARDS),
        ])
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

/// Returns the checks of a run by several processes of one machine.
pub(super) fn of_processes(run: &ModeRun, seen: &[Observations]) -> [Check; 2] {
    let epochs: Option<Vec<u64>> = seen.iter().map(|own| own.epoch).collect();
    let skew_ms = epochs.and_then(|epochs| skew_ms(epochs.into_iter()));
    [
        start(skew_ms, run.wall_s, &PROCESSES),
        split(&limits_reached(seen), &PROCESSES),
    ]
}

/// Returns how far apart epochs are, in milliseconds; they are times of day in nanoseconds.
pub fn skew_ms(epochs: impl Iterator<Item = u64> + Clone) -> Option<f64> {
    let (first, last) = (epochs.clone().min()?, epochs.max()?);
    Some((last - first) as f64 / 1e6)
}

/// Returns the limits of which a process reached its share.
pub fn limits_reached(seen: &[Observations]) -> Vec<String> {
    let mut reached: Vec<String> = Vec::new();
    for own in seen {
        let slots = own.waited_for_slot.then_some("max_in_flight");
        let limits = own.limits.iter();
        let limits = limits.filter(|limit| limit.peak_queue > 0 || limit.dropped > 0);
        for limit in slots
            .into_iter()
            .chain(limits.map(|limit| limit.scope.as_str()))
        {
            if !reached.iter().any(|known| known == limit) {
                reached.push(limit.to_owned());
            }
        }
    }
    reached
}

/// What a run is divided among, as messages call it.
struct Words {
    one: &'static str,
    several: &'static str,
    late: &'static str,
}

const SHARDS: Words = Words {
    one: "shard",
    several: "shards",
    late: "start them together with `--start-at`",
};

const PROCESSES: Words = Words {
    one: "process",
    several: "processes",
    late: "measure on a quieter machine",
};

fn start(skew_ms: Option<f64>, lasted_s: f64, words: &Words) -> Check {
    let Words { several, late, .. } = words;
    let too_far = TOO_FAR_MS.max(TOO_FAR_SHARE * lasted_s * 1e3);
    let verdict = match skew_ms {
        Some(skew) if skew > too_far => Verdict::Invalid,
        Some(skew) if skew > APART_MS => Verdict::Degraded,
        _ => Verdict::Valid,
    };
    judged(
        "start",
        verdict,
        skew_ms.map_or_else(
            || "not known".into(),
            |skew| format!("the {several} began within {skew:.1} ms"),
        ),
        format!("{APART_MS:.0} ms; invalid over {too_far:.0} ms"),
        format!(
            "the {several} did not load the target at the same time, so it had less load than the whole has; {late}"
        ),
    )
}

/// Adds what is known of the synchronization of the clocks to the check of the clock.
fn clocks(check: Check, together: &Together<'_>) -> Check {
    if together.hosts < 2 {
        return Check {
            observed: format!("{}; all shards had one host's clock", check.observed),
            ..check
        };
    }
    let clocks = || together.clocks.iter();
    let known = clocks().filter_map(|clock| clock.synchronized);
    let (free, known) = known.fold((0, 0), |(free, known), synchronized| {
        (free + u32::from(!synchronized), known + 1)
    });
    let error = clocks().filter_map(|clock| clock.error_ms);
    let error = error.fold(0.0, f64::max);
    let ahead = || clocks().filter_map(|clock| clock.start_file_ms);
    let apart = ahead().fold(f64::NEG_INFINITY, f64::max) - ahead().fold(f64::INFINITY, f64::min);
    let is_bad = free > 0 || error > APART_MS || apart > APART_MS;
    let of_start_file = if apart.is_finite() {
        format!("; by the start file they are within {apart:.1} ms")
    } else {
        String::new()
    };
    let of_hosts = match (known, free) {
        (0, _) => "whether the hosts' clocks are synchronized is not known".to_owned(),
        (_, 0) => format!(
            "the hosts' clocks are synchronized, with an estimated error of at most {error:.1} ms"
        ),
        (_, free) => format!("the clocks of {free} shards are not synchronized"),
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

fn split(reached: &[String], words: &Words) -> Check {
    let Words { one, several, .. } = words;
    judged(
        "split",
        if reached.is_empty() {
            Verdict::Valid
        } else {
            Verdict::Degraded
        },
        if reached.is_empty() {
            format!("no {one} reached its share of a limit")
        } else {
            format!("a {one} reached its share of: {}", reached.join(", "))
        },
        "none",
        format!(
            "one of the {several} could have used what others had left of the limit: the figures are those of divided limits"
        ),
    )
}
