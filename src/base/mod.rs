//! Floor 0: quantities, their parsing, the clock, and where in memory a value lies. Knows nothing
//! of load, files or networks.

pub mod cache_padded;
pub mod clock;
pub mod parse;
pub mod rate;
pub mod share;
pub mod size;
pub mod time;

pub use cache_padded::CachePadded;
pub use clock::Clock;
pub use rate::Rate;
pub use share::Share;
pub use size::Size;
pub use time::Nanos;
