//! `loadgen completions`: prints the script with which a shell completes commands and flags.

use super::args::{self, CompletionsArgs};
use super::exit::{Exit, Failure, or_exit};
use super::output;

/// Prints the script for one shell.
pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::shown(), "loadgen", &mut script);
    output::print_exact(&or_exit(String::from_utf8(script), Exit::Internal)?)?;
    Ok(Exit::Ok)
}
