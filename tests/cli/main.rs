//! The one integration test binary: a module for each subject.

mod commands;
mod contract;
mod diagnostics;
mod engine;
mod exits;
mod groups;
mod hostile;
mod nginx;
mod quick;
mod readme;
mod sample_scenarios;
mod servers;
mod support;
mod syscalls;
mod tidy;
