//! What an iteration does: its steps in order, its branches, and what they compute.

pub(crate) mod branches;
mod crawl;
mod first_failure;
mod frontier;
pub(crate) mod interpreter;
pub(crate) mod iteration;
pub(crate) mod iteration_state;
pub(crate) mod lane;
mod timed_group;
mod transaction;
mod turns;
pub(crate) mod user_steps;
mod values;
