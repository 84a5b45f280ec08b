//! Floor 1: samples become histograms and counters. Knows nothing of runtimes, files or the wall
//! clock, except for [`resources`], which asks the system about the costs of a run.

pub(crate) mod batches;
mod buckets;
mod by_number;
pub(crate) mod cgroup;
pub(crate) mod checks;
pub mod codec;
pub(crate) mod errors;
pub(crate) mod exact;
pub(crate) mod failure;
pub(crate) mod figures;
#[cfg(test)]
mod fixture;
pub(crate) mod groups;
pub mod histogram;
pub(crate) mod interval;
pub(crate) mod iterations;
pub(crate) mod measures;
mod pace;
pub(crate) mod percentiles;
mod probe;
pub(crate) mod recorder;
pub(crate) mod resources;
pub(crate) mod sample;
pub(crate) mod stages;
pub(crate) mod statuses;
pub(crate) mod streams;
pub mod summary;
pub(crate) mod tags;
pub(crate) mod track;
pub(crate) mod trend;
pub(crate) mod window;
mod window_streams;
pub(crate) mod window_text;
pub(crate) mod windows;

pub use batches::Batches;
pub use checks::{CheckTally, Held};
pub use errors::{ErrorLog, FailedTry};
pub use failure::FailureKind;
pub use figures::{Figures, Tally};
pub use groups::GroupFigures;
pub use iterations::{IterationFigures, IterationPart};
pub use measures::{MeasureFigures, MeasureSample, MeasureSet};
pub use pace::{PaceTally, StartPace};
pub use probe::{ProbeOf, TakenBy};
pub use recorder::Recorder;
pub use sample::{GroupSample, IterationSample, Outcome, Sample};
pub use stages::{Stages, Stretch};
pub use statuses::StatusCounts;
pub use streams::{StreamFigures, StreamSample};
pub use summary::Summary;
pub use tags::{TagFigures, TagValue};
pub use track::Track;
pub use window_streams::WindowStreams;
pub use windows::Windows;
