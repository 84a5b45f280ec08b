//! The only code that reads the monotonic clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Nanos;

/// The monotonic clock, counted from the creation of this value.
///
/// Nothing else in loadgen reads it, and a test of the project enforces that: all other code is
/// handed a `Clock`, or a driver that may run in virtual time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    /// The same moment on the system's clock.
    #[cfg(target_os = "linux")]
    since: u64,
}

/// Reads the system's monotonic clock in nanoseconds, like [`Instant`] but with half the
/// instructions.
#[cfg(target_os = "linux")]
fn system() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Returns the time of day, in nanoseconds since 1970.
pub(crate) fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

impl Clock {
    /// Creates a clock that starts at zero now.
    #[expect(
        clippy::new_without_default,
        reason = "a default that reads the clock would surprise"
    )]
    pub fn new() -> Self {
        Self {
            zero: Instant::now(),
            #[cfg(target_os = "linux")]
            since: system(),
        }
    }

    /// Returns the time since this clock was created.
    pub fn now(&self) -> Nanos {
        #[cfg(target_os = "linux")]
        let elapsed = Nanos(system().saturating_sub(self.since));
        #[cfg(not(target_os = "linux"))]
        let elapsed = Nanos::from(self.zero.elapsed());
        elapsed
    }

    /// Returns how far the wall clock is ahead of this one, in nanoseconds. It is constant unless
    /// someone sets the wall clock.
    pub fn wall_ahead(&self) -> Option<i128> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(wall.as_nanos() as i128 - i128::from(self.now().0))
    }

    /// Converts the moment `at` of this clock for the standard library. A moment beyond its range
    /// becomes one a year ahead.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.zero
            .checked_add(at.as_duration())
            .unwrap_or_else(|| self.zero + std::time::Duration::from_secs(365 * 86_400))
    }
}
