//! `loadgen serve`: runs the built-in mock target.

use super::args::ServeArgs;
use super::exit::{Exit, Failure, or_exit};
use super::output;
use crate::plan::Delay;
use crate::server::{ANNOUNCEMENT, Options, serve};

/// Serves until a signal arrives, or until stdin closes.
pub(super) fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    let options = Options {
        listen: args.listen,
        tcp: args.tcp,
        latency: args.latency.map(Delay::Constant),
        fail: args.fail,
        capacity: args.capacity,
        seed: args.seed,
        until_stdin_closes: args.until_stdin_closes,
    };
    let announced = |bound| {
        // The server runs even if the reader of its output has gone away.
        let _ = output::print(&format!("{ANNOUNCEMENT}{bound}\n"));
    };
    or_exit(serve(&options, announced), Exit::CouldNotRun)?;
    Ok(Exit::Ok)
}
