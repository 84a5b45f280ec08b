//! Floor 3: when iterations are planned to start. Knows no clock and waits for nothing.

pub(crate) mod arrivals;
pub(crate) mod bucket;
pub(crate) mod fit;
pub(crate) mod levels;

pub use arrivals::{Arrival, Arrivals, Schedule};
pub use bucket::Bucket;
pub use levels::Levels;
