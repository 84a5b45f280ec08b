//! [`judged`]: one check with its verdict.

use crate::result::{Check, Verdict};

/// Creates a check; the explanation is omitted if nothing is wrong.
pub(super) fn judged(
    name: &str,
    verdict: Verdict,
    observed: String,
    limit: impl Into<String>,
    explanation: impl Into<String>,
) -> Check {
    let explanation = if verdict == Verdict::Valid {
        String::new()
    } else {
        explanation.into()
    };
    Check {
        name: name.into(),
        verdict,
        observed,
        limit: limit.into(),
        explanation,
    }
}
