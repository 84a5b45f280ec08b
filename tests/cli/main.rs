//! The one integration test binary: a module for each subject.

mod diagnostics;
mod engine;
mod hostile;
mod language;
mod readme;
mod tidy;
