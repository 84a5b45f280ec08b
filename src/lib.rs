//! loadgen: a load generator that compares sequential, threaded and async execution of the same work.
#![warn(missing_docs)]

pub mod base;
pub mod cli;
pub mod engine;
pub mod metrics;
pub mod pacing;
pub mod plan;
pub mod report;
pub mod result;
pub mod scenario;
pub mod server;
pub mod transport;
