//! The one integration test binary: a module for each subject.

mod alarms;
mod arrivals;
mod capacity;
mod commands;
mod contract;
mod diagnostics;
mod engine;
mod exchange_peers;
mod exchanges;
mod exits;
mod forms;
mod fuzz;
mod groups;
mod honesty;
mod hostile;
mod language;
mod nginx;

mod quick;
mod readme;
mod sample_scenarios;
mod schema;
mod secrets;
mod seed;
mod servers;
mod setup;
mod stages;
mod support;
mod syscalls;
mod thresholds;
mod tidy;
mod values;
mod versions;
mod websockets;
