//! The one place that reads the monotonic clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Nanos;

/// The monotonic clock, counted from the moment this value was made.
///
/// It is the only reader of it in loadgen (a test of the project keeps it so): everything else
/// is handed a `Clock`, or a driver that may well be running in virtual time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
    /// The same moment by the system's own count.
    #[cfg(target_os = "linux")]
    since: u64,
}

/// The system's monotonic clock in nanoseconds: what [`Instant`] reads, at half the instructions.
#[cfg(target_os = "linux")]
fn system() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl Clock {
    /// A clock that shows zero now.
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

    /// Time since this clock was made.
    pub fn now(&self) -> Nanos {
        #[cfg(target_os = "linux")]
        let elapsed = Nanos(system().saturating_sub(self.since));
        #[cfg(not(target_os = "linux"))]
        let elapsed = Nanos::from(self.zero.elapsed());
        elapsed
    }

    /// How far the wall clock is ahead of this one, in nanoseconds: constant, as long as nobody
    /// sets it.
    pub fn wall_ahead(&self) -> Option<i128> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(wall.as_nanos() as i128 - i128::from(self.now().0))
    }

    /// The moment `at` of this clock for the standard library's calls; a moment past what they can
    /// hold is cut to a year ahead.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.zero
            .checked_add(at.as_duration())
            .unwrap_or_else(|| self.zero + std::time::Duration::from_secs(365 * 86_400))
    }
}
