//! Floor 5: what a run must meet, and whether it did. Pure functions of the figures in a result: no
//! clock, and no chance but from a seed.
//!
//! `selection` finds the figures that a selector is about, `windows` cuts a time line into the windows
//! of a check; [`judge()`] holds a finished run against its thresholds, and [`watch()`] one that
//! goes on. [`Search`] finds the highest rate that meets a check, [`objective`] says which checks
//! can be met so, and [`probe()`] what came of a rate. [`side`] holds the repeated runs of one
//! version, [`comparable`] says whether those of two can be compared, `paired` holds their figures
//! side by side, [`shift`] says how far apart the two of each pair are, [`verdict`] what
//! that means for a figure, and [`versions`] for a version.

pub(crate) mod comparable;
mod judge;
pub(crate) mod objective;
mod paired;
mod probe;
mod search;
mod selection;
pub mod shift;
pub mod side;
pub mod verdict;
pub mod versions;
mod watch;
mod windows;

pub use judge::{Judged, judge};
pub use probe::{Cause, Tried, probe};
pub use search::Search;
pub use watch::watch;
