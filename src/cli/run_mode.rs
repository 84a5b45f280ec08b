//! `loadgen run-mode`: runs one mode, in the process that `loadgen run` starts for it.

use std::io::{self, BufReader};

use super::exit::{Exit, Failure, or_exit};
use crate::engine::Job;
use crate::engine::run::child;
use crate::gate;
use crate::result::ModeRun;

/// Reads a job from stdin and writes messages to stdout. The figures so far are checked against
/// what may end the run.
pub(super) fn run() -> Result<Exit, Failure> {
    let judge = |job: &Job, so_far: &ModeRun| gate::watch(&job.plan, job.mode, so_far);
    or_exit(
        child::serve(BufReader::new(io::stdin()), &mut io::stdout(), &judge),
        Exit::Internal,
    )?;
    Ok(Exit::Ok)
}
