//! Floor 3: when iterations are planned to start. Knows no clock and waits for nothing.

pub mod arrivals;
pub mod bucket;
pub mod fit;
pub mod levels;

pub use arrivals::{Arrival, Arrivals, Schedule};
pub use bucket::Bucket;
pub use levels::Levels;
