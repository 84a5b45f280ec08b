//! Floor 4: what a run measured becomes its figures. [`assemble()`] is a pure function of a plan and
//! of the [`Measurements`] of a run of it; it knows nothing of how they were made.

mod assemble;
mod dependence;
mod exemplars;
mod group;
mod groups;
mod measurements;
mod measures;
mod named;
mod observations;
mod part;
mod parts;
mod recorder;
mod selected;
mod series;
mod split;
mod steps_over_time;
mod streams;
#[cfg(test)]
mod tests;
mod together;
pub mod validity;

pub(crate) use assemble::so_far;
pub use assemble::{SoFar, assemble};
pub use measurements::Measurements;
pub use observations::{Gauge, Machine, Observations};
pub use part::{ClockState, PART_SCHEMA, Part, PartError};
pub(crate) use parts::step_responses;
pub use recorder::new_recorder;
pub(crate) use recorder::{stages, window_width};
