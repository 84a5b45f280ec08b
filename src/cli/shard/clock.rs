//! [`kernel`]: what the kernel says of the clock of this machine.

use crate::assembly::ClockState;

/// What `adjtimex` returns if the clock is not synchronized (`TIME_ERROR` of its manual page).
#[cfg(target_os = "linux")]
const NOT_SYNCHRONIZED: i32 = 5;

/// Returns whether the kernel takes the clock for synchronized, and its estimate of the error.
/// Nothing is known where the kernel does not tell: on other systems, and in a sandbox that forbids
/// the question.
pub(super) fn kernel() -> ClockState {
    #[cfg(target_os = "linux")]
    {
        use rtime_clock::adjtime::{Timex, adjtimex};
        // Without a mode it only reads.
        let mut clock = Timex::new();
        if let Ok(state) = adjtimex(&mut clock) {
            return ClockState {
                synchronized: Some(state != NOT_SYNCHRONIZED),
                error_ms: Some(clock.0.esterror as f64 / 1e3),
                ..ClockState::default()
            };
        }
    }
    ClockState::default()
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_of_its_clock() {
        let clock = super::kernel();
        assert!(clock.synchronized.is_some(), "{clock:?}");
        // The kernel never estimates more than 16 s.
        assert!(
            clock
                .error_ms
                .is_some_and(|error| (0.0..=16_000.0).contains(&error)),
            "{clock:?}"
        );
    }
}
