//! Floor 0: quantities, their parsing, statuses, the clock, and cache-line padding. Knows nothing of
//! load, files or networks.

pub(crate) mod cache_padded;
pub(crate) mod clock;
pub mod parse;
pub(crate) mod rate;
pub(crate) mod share;
pub(crate) mod size;
pub mod status;
pub(crate) mod time;

pub use cache_padded::CachePadded;
pub use clock::Clock;
pub use rate::Rate;
pub use share::Share;
pub use size::Size;
pub use time::Nanos;
