//! Floor 6: reports. A pure function of a result.

pub mod chart;
pub mod headline;
pub mod tally;
pub mod view;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
