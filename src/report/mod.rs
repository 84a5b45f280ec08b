//! Floor 6: reports. A pure function of a result.

pub mod chart;
pub mod comparison;
pub mod headline;
pub mod paint;
pub mod progress;
pub mod sink;
pub mod tally;
pub mod terminal;
pub mod view;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
