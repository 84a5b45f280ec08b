//! Floor 0: quantities, their parsing, and the clock. Knows nothing of load, files or networks.

pub mod clock;
pub mod parse;
pub mod rate;
pub mod share;
pub mod size;
pub mod time;

pub use clock::Clock;
pub use rate::Rate;
pub use share::Share;
pub use size::Size;
pub use time::Nanos;
