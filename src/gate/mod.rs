//! Floor 6: what a run must meet, and whether it did. Pure functions of the figures in a result: no
//! clock, and no randomness except from a seed.
//!
//! `selection` finds the figures that a selector refers to, `windows` cuts a time series into the
//! windows of a check; [`judge()`] checks a finished run against its thresholds, and [`watch()`] a
//! run in progress. [`Search`] finds the highest rate that meets a check, [`objective`] determines
//! which checks such a search supports, and [`probe()`] judges one rate. [`side`] holds the
//! repeated runs of one version, [`comparable`] checks whether two versions can be compared,
//! `paired` pairs up their figures, [`shift`] estimates the difference within the pairs, and
//! [`verdict`] and [`versions`] draw the conclusions for a figure and for a version, and [`calibration`]
//! says how often they would be wrong. [`laid_over`]
//! compares single results step by step, without a verdict.

pub mod calibration;
pub(crate) mod comparable;
mod judge;
pub mod laid_over;
mod measured;
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
mod watched;
mod windows;

pub use judge::{Judged, judge, judge_so_far};
pub use probe::{Cause, Tried, probe};
pub use search::Search;
pub use watch::watch;
