//! Floor 1: samples become histograms and counters. Knows nothing of runtimes, files or the wall clock.

pub mod histogram;
pub mod summary;

pub use summary::Summary;
