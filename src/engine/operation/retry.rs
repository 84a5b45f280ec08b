//! Which failures are retried, and after which wait.

use rand::RngExt as _;

use crate::base::Nanos;
use crate::engine::draw::{Position, Purpose, generator};
use crate::metrics::FailureKind;
use crate::plan::{Backoff, Retry};

/// Returns how an operation is retried after this many tries, if the last one has failed and it is;
/// `status` is that of its response, or 0.
pub fn after(
    retry: Option<&Retry>,
    tries: u32,
    failure: Option<FailureKind>,
    status: u16,
) -> Option<(&Retry, FailureKind)> {
    let own = retry.zip(failure);
    own.filter(|(retry, kind)| tries < retry.attempts && wanted(retry, *kind, status))
}

/// Returns whether a failure is retried; `status` is that of the response, or 0.
pub fn wanted(retry: &Retry, kind: FailureKind, status: u16) -> bool {
    if retry.errors.is_empty() && retry.status.is_empty() {
        return true;
    }
    let timeout = matches!(
        kind,
        FailureKind::TimeoutConnect | FailureKind::TimeoutFirstByte | FailureKind::TimeoutTotal
    );
    retry
        .errors
        .iter()
        .any(|name| name == kind.name() || (timeout && name == "timeout"))
        || (status != 0 && retry.status.iter().any(|rule| rule.fits(status)))
}

/// Returns the wait before the retry with this number, which counts from 1.
pub fn wait(backoff: Backoff, number: u32, seed: u64, iteration: u64, position: Position) -> Nanos {
    match backoff {
        Backoff::Constant(wait) => wait,
        Backoff::Linear { step } => Nanos(step.0.saturating_mul(u64::from(number))),
        Backoff::Exponential {
            initial,
            factor,
            max,
            jitter,
        } => {
            let power = i32::try_from(number - 1).unwrap_or(i32::MAX);
            let full = Nanos::from_secs_f64(initial.as_secs_f64() * factor.powi(power)).min(max);
            if !jitter {
                return full;
            }
            let share: f64 =
                generator(seed, iteration, position.attempt(number), Purpose::Jitter).random();
            Nanos::from_secs_f64(full.as_secs_f64() * share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::StatusRule;

    #[test]
    fn waits_grow_as_they_should() {
        let waits = |backoff| {
            (1..=4)
                .map(|k| wait(backoff, k, 1, 2, Position::default()).0 / 1_000_000)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            waits(Backoff::Constant(Nanos::from_millis(7))),
            [7, 7, 7, 7]
        );
        assert_eq!(
            waits(Backoff::Linear {
                step: Nanos::from_millis(500)
            }),
            [500, 1000, 1500, 2000]
        );
        let exponential = |jitter| Backoff::Exponential {
            initial: Nanos::from_secs(1),
            factor: 2.0,
            max: Nanos::from_secs(3),
            jitter,
        };
        assert_eq!(waits(exponential(false)), [1000, 2000, 3000, 3000]);
        let drawn = waits(exponential(true));
        assert!(
            drawn
                .iter()
                .zip([1000, 2000, 3000, 3000])
                .all(|(a, most)| *a <= most),
            "{drawn:?}"
        );
        assert_eq!(
            drawn,
            waits(exponential(true)),
            "the same place draws the same"
        );
    }

    #[test]
    fn what_is_tried_again() {
        let retry = |errors: &[&str], status| Retry {
            attempts: 3,
            errors: errors.iter().map(|e| (*e).to_owned()).collect(),
            status,
            backoff: Backoff::Constant(Nanos::ZERO),
        };
        assert!(
            wanted(&retry(&[], vec![]), FailureKind::Mock, 0),
            "everything, where nothing is named"
        );
        assert!(wanted(
            &retry(&["timeout"], vec![]),
            FailureKind::TimeoutFirstByte,
            0
        ));
        assert!(!wanted(&retry(&["timeout"], vec![]), FailureKind::Reset, 0));
        assert!(wanted(
            &retry(&[], vec![StatusRule::Class(5)]),
            FailureKind::Status,
            503
        ));
        assert!(!wanted(
            &retry(&[], vec![StatusRule::Class(5)]),
            FailureKind::Status,
            404
        ));
        assert!(!wanted(
            &retry(&[], vec![StatusRule::Class(5)]),
            FailureKind::Refused,
            0
        ));
    }
}
