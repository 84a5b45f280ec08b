//! Whether a run's figures can be believed, judged from the figures themselves.

use crate::result::{Check, ModeRun, Validity, Verdict};

/// The smallest p99 of lag that makes a run invalid.
const LAG_FLOOR_MS: f64 = 1.0;
/// The share of the median response time that p99 of lag may reach.
const LAG_SHARE: f64 = 0.05;
/// The share of started operations that may be unfinished.
const UNFINISHED_SHARE: f64 = 0.01;

/// All checks on one run.
pub fn check(run: &ModeRun) -> Validity {
    Validity::of(vec![accounting(run), pacing(run), unfinished(run), range(run)])
}

fn accounting(run: &ModeRun) -> Check {
    let broken: Vec<&str> = [("operations", run.counts), ("iterations", run.iterations.counts)]
        .into_iter()
        .chain(run.steps.iter().chain(&run.stages).map(|part| (part.name.as_str(), part.counts)))
        .filter(|(_, counts)| !counts.hold())
        .map(|(name, _)| name)
        .collect();
    let good = broken.is_empty();
    Check {
        name: "accounting".into(),
        verdict: if good { Verdict::Valid } else { Verdict::Invalid },
        observed: if good { "every operation is accounted for".into() } else { format!("counts of {} don't add up", broken.join(", ")) },
        limit: "planned = started + dropped + skipped; started = completed + cancelled + unfinished; completed = ok + failed".into(),
        explanation: if good {
            String::new()
        } else {
            "loadgen lost count: a defect of loadgen, please report it with the scenario".into()
        },
    }
}

fn pacing(run: &ModeRun) -> Check {
    let lag = run.lag_ms.as_ref().map_or(0.0, |q| q.p99);
    let limit = run.response_ms.as_ref().map_or(0.0, |q| q.p50 * LAG_SHARE).max(LAG_FLOOR_MS);
    let late = lag > limit;
    Check {
        name: "pacing".into(),
        verdict: if late { Verdict::Invalid } else { Verdict::Valid },
        observed: format!("p99 of lag {lag:.3} ms"),
        limit: format!("{limit:.3} ms"),
        explanation: if late {
            "the generator started operations late by its own fault: these figures describe loadgen, not the target; use more workers, or a lower rate".into()
        } else {
            String::new()
        },
    }
}

fn unfinished(run: &ModeRun) -> Check {
    let share = if run.counts.started == 0 { 0.0 } else { run.counts.unfinished as f64 / run.counts.started as f64 };
    let many = share > UNFINISHED_SHARE;
    Check {
        name: "unfinished".into(),
        verdict: if many { Verdict::Degraded } else { Verdict::Valid },
        observed: format!("{:.2} % of started operations", share * 100.0),
        limit: format!("{:.0} %", UNFINISHED_SHARE * 100.0),
        explanation: if many {
            "operations were still in flight when the drain ended, and are in no histogram: the slowest are missing; use a longer `graceful_stop`".into()
        } else {
            String::new()
        },
    }
}

fn range(run: &ModeRun) -> Check {
    let clamped = run.resources.clamped;
    Check {
        name: "range".into(),
        verdict: if clamped > 0 { Verdict::Invalid } else { Verdict::Valid },
        observed: format!("{clamped} values longer than an hour"),
        limit: "0".into(),
        explanation: if clamped > 0 {
            "values beyond the histogram's range were cut to an hour, so percentiles are too low".into()
        } else {
            String::new()
        },
    }
}
