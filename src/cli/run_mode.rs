//! `loadgen run-mode`: one mode of a run, in the process that `loadgen run` starts for it.

use std::io;

use super::exit::{Exit, Failure};
use super::or_exit;
use crate::engine::process;

/// Reads a job from stdin and writes what there is to say to stdout.
pub fn run() -> Result<Exit, Failure> {
    or_exit(process::serve(&mut io::stdin().lock(), &mut io::stdout()), Exit::Internal)?;
    Ok(Exit::Ok)
}
