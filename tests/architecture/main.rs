//! Checks of the repository itself: its floors, files and dependencies. They do not run loadgen, so
//! they finish before all other tests.

mod cluster;
mod dependencies;
mod links;
mod packaging;
mod scripts;
mod structure;
mod tidy;
