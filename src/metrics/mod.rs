//! Floor 1: samples become histograms and counters. Knows nothing of runtimes, files or the wall
//! clock ([`resources`], which asks the system what a run costs, apart).

pub mod batches;
mod buckets;
pub mod cgroup;
pub mod checks;
pub mod errors;
pub mod failure;
pub mod figures;
#[cfg(test)]
mod fixture;
pub mod histogram;
pub mod interval;
pub mod iterations;
pub mod percentiles;
mod probe;
pub mod recorder;
pub mod resources;
pub mod sample;
pub mod stages;
pub mod statuses;
pub mod summary;
pub mod tags;
pub mod track;
pub mod trend;
pub mod window;
pub mod windows;

pub use batches::Batches;
pub use checks::{CheckTally, Held};
pub use errors::{ErrorLog, FailedTry};
pub use failure::FailureKind;
pub use figures::{Figures, Tally};
pub use iterations::{IterationFigures, IterationPart};
pub use probe::{ProbeOf, TakenBy};
pub use recorder::Recorder;
pub use sample::{IterationSample, Outcome, Sample};
pub use stages::{Stages, Stretch};
pub use statuses::StatusCounts;
pub use summary::Summary;
pub use tags::{TagFigures, TagValue};
pub use track::Track;
pub use windows::Windows;
