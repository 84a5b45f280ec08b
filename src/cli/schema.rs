//! `loadgen schema`: prints the JSON Schema with which editors complete and check scenarios.

use super::exit::{Exit, Failure};
use super::output;
use crate::scenario;

/// Prints the schema.
pub(super) fn run() -> Result<Exit, Failure> {
    output::print_exact(scenario::schema())?;
    Ok(Exit::Ok)
}
