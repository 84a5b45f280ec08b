//! Times and rates of other tools as a scenario writes them.

use crate::base::Nanos;

/// The longest time that is carried over: a year.
const LONGEST_MS: f64 = 366.0 * 86_400_000.0;

/// Returns a number of milliseconds as a duration; nothing if it is negative or not a number.
pub(super) fn of_ms(ms: f64) -> Option<String> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is checked to fit"
    )]
    let duration = |ms: f64| Nanos((ms * 1000.0).round() as u64 * 1000).to_string();
    (0.0..=LONGEST_MS).contains(&ms).then(|| duration(ms))
}

/// Returns a number of seconds as a duration.
pub(super) fn of_seconds(seconds: f64) -> Option<String> {
    of_ms(seconds * 1000.0)
}
