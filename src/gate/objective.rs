//! Determines which checks a search for the highest rate can use: those whose figure gets worse as
//! the rate rises.

use thiserror::Error;

use crate::plan::{Check, Metric, Operator, Quantity};

/// The reason why a check cannot be the objective of a search.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{check}` can't be an objective for a rate: {reason}; write an upper limit on a time or on failures, such as `p99 < 50ms` or `error_rate < 1%`"
)]
pub(crate) struct InvalidObjective {
    check: String,
    reason: &'static str,
}

/// The share of operations that may fail if no check says otherwise.
const FAILED: f64 = 0.01;

/// Checks that a higher rate makes the check harder to meet.
///
/// # Errors
/// If a higher rate makes it easier to meet, or has no influence on it.
pub(crate) fn check(check: &Check) -> Result<(), InvalidObjective> {
    let upper = matches!(check.operator, Operator::Below | Operator::AtMost);
    let none = matches!(check.operator, Operator::Equal) && check.limit == 0.0;
    let reason = match check.metric {
        Metric::Time(Quantity::Lag, _) => {
            "lag is loadgen's own lateness, which the verdict on each rate includes anyway"
        }
        Metric::Watch(..) => "what is watched is shown beside each rate, but does not judge it",
        Metric::CpuPerRequest | Metric::PeakRss => {
            "it is a figure of loadgen itself, not of the target"
        }
        Metric::Speedup | Metric::Efficiency => "it compares modes, but only one mode is run",
        Metric::Throughput
        | Metric::Count
        | Metric::Iterations
        | Metric::BytesIn
        | Metric::UnitsRate => "it grows with the rate by itself",
        Metric::Time(Quantity::StreamRate, _)
        | Metric::Goodput
        | Metric::CheckRate
        | Metric::Apdex
            if matches!(check.operator, Operator::Above | Operator::AtLeast) =>
        {
            return Ok(());
        }
        Metric::Time(Quantity::StreamRate, _) => "a higher rate meets it more easily",
        Metric::Time(..) | Metric::Measure(..) if upper => return Ok(()),
        Metric::ErrorRate | Metric::DropRate | Metric::Dropped if upper || none => return Ok(()),
        Metric::Time(..)
        | Metric::Measure(..)
        | Metric::ErrorRate
        | Metric::DropRate
        | Metric::Dropped
        | Metric::Goodput
        | Metric::CheckRate
        | Metric::Apdex => "a higher rate meets it more easily",
    };
    Err(InvalidObjective {
        check: check.to_string(),
        reason,
    })
}

/// Returns the implicit check on failures if none of these checks covers failures: a target that
/// refuses everything immediately is fast.
pub(crate) fn implied(checks: &[Check]) -> Option<Check> {
    let speaks = checks.iter().any(|check| {
        matches!(
            check.metric,
            Metric::ErrorRate | Metric::CheckRate | Metric::Goodput | Metric::Apdex
        )
    });
    (!speaks).then_some(Check {
        metric: Metric::ErrorRate,
        operator: Operator::AtMost,
        limit: FAILED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_rate_has_to_make_it_worse() {
        let said = |text: &str| {
            check(&Check::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")))
                .err()
                .map(|error| error.to_string())
        };
        for good in [
            "p99 < 50ms",
            "mean <= 1s",
            "ok.p90 < 1s",
            "iteration.max < 3s",
            "queue.p50 < 1ms",
            "error_rate < 1%",
            "error_rate == 0",
            "dropped == 0",
            "drop_rate <= 1%",
            "check_rate > 99%",
        ] {
            assert_eq!(said(good), None, "{good}");
        }
        for (bad, reason) in [
            ("p99 > 50ms", "meets it more easily"),
            ("p99 == 50ms", "meets it more easily"),
            ("error_rate > 1%", "meets it more easily"),
            ("check_rate < 1%", "meets it more easily"),
            ("lag.p99 < 1ms", "own lateness"),
            ("throughput > 500/s", "grows with the rate"),
            ("count < 500", "grows with the rate"),
            ("speedup > 2", "compares modes"),
            ("peak_rss < 1MB", "of loadgen itself"),
        ] {
            assert!(
                said(bad).is_some_and(|said| said.contains(reason) && said.contains(bad)),
                "{bad}: {:?}",
                said(bad)
            );
        }
    }

    #[test]
    fn failures_are_limited_where_nobody_speaks_of_them() {
        let checks = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Check::parse(text).expect("a check"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            implied(&checks(&["p99 < 50ms"]))
                .map(|check| check.to_string())
                .as_deref(),
            Some("error_rate <= 1%")
        );
        assert_eq!(implied(&checks(&["p99 < 50ms", "error_rate < 5%"])), None);
    }
}
