//! Floor 5: what a run must meet, and whether it did. Pure functions of the figures in a result: no clock, no chance,
//! no statistic that the result does not hold.
//!
//! `part` finds the figures that a selector is about, `windows` cuts a time line into the windows of a check;
//! [`judge`] holds a finished run against its thresholds, and [`watch`] one that goes on. [`Search`] finds the highest rate
//! that meets a check, [`objective`] says which checks can be met so, and [`probe`] what came of a rate.

mod judge;
pub mod objective;
mod part;
mod probe;
mod search;
mod watch;
mod windows;

pub use judge::{Judged, judge};
pub use probe::{Tried, probe};
pub use search::Search;
pub use watch::watch;
