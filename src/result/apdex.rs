//! [`Apdex`]: how satisfied users are with the response times.

use serde::{Deserialize, Serialize};

/// The Application Performance Index (Apdex Technical Specification 1.1): operations that take at
/// most T satisfy, those that take at most 4·T are tolerated, and slower and failed ones frustrate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Apdex {
    /// T.
    pub target_ms: f64,
    /// Successful operations with a response time of at most T.
    pub satisfied: u64,
    /// Successful operations with a response time above T and of at most 4·T.
    pub tolerating: u64,
    /// All other completed operations.
    pub frustrated: u64,
    /// (satisfied + tolerating ÷ 2) ÷ all of them, rounded to three decimals.
    pub score: f64,
}

impl Apdex {
    /// Creates the index from its counts; returns `None` if there are none.
    pub fn from_counts(
        target_ms: f64,
        satisfied: u64,
        tolerating: u64,
        frustrated: u64,
    ) -> Option<Self> {
        let all = satisfied + tolerating + frustrated;
        let exact = (satisfied as f64 + tolerating as f64 / 2.0) / all as f64;
        (all > 0).then(|| Self {
            target_ms,
            satisfied,
            tolerating,
            frustrated,
            score: (exact * 1e3).round() / 1e3,
        })
    }

    /// Returns the index of several sets of operations together; `None` if there are none.
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|a, b| {
            Self::from_counts(
                a.target_ms,
                a.satisfied + b.satisfied,
                a.tolerating + b.tolerating,
                a.frustrated + b.frustrated,
            )
            .unwrap_or(a)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_the_specification() {
        let score = |s, t, f| Apdex::from_counts(300.0, s, t, f).map(|own| own.score);
        assert_eq!(score(0, 0, 0), None);
        // The example of the specification: 60 satisfied, 30 tolerating and 10 frustrated.
        assert_eq!(score(60, 30, 10), Some(0.75));
        assert_eq!(score(2, 0, 1), Some(0.667), "three decimals");
        assert_eq!((score(5, 0, 0), score(0, 0, 5)), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn parts_add_up() {
        let part = |s, t, f| Apdex::from_counts(300.0, s, t, f).expect("some");
        let both = Apdex::merged([part(60, 0, 10), part(0, 30, 0)]).expect("some");
        assert_eq!(both, part(60, 30, 10));
        assert_eq!(Apdex::merged([]), None);
    }
}
