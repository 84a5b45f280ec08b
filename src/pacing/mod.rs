//! Floor 3: when iterations are planned to start. It reads no clock and never waits.

pub(crate) mod arrivals;
pub(crate) mod bucket;
pub(crate) mod fit;
pub(crate) mod levels;
pub(crate) mod logged;

pub use arrivals::{Arrival, Arrivals, Schedule};
pub use bucket::Bucket;
pub use levels::Levels;
pub use logged::LoggedTimes;
