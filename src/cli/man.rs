//! `loadgen man`: the manual page, or that of a command.

use anyhow::anyhow;
use clap_mangen::Man;

use super::args::{self, ManArgs};
use super::exit::{Exit, Failure};
use super::{or_exit, output};

/// Prints one page in roff.
pub fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let mut command = args::shown().disable_help_subcommand(true);
    command.build();
    let page = match &args.of {
        None => Some(&command),
        Some(name) => command.find_subcommand(name),
    };
    let names: Vec<&str> = command.get_subcommands().map(|command| command.get_name()).collect();
    let missing = || anyhow!("there is no command `{}`; there are {}", args.of.as_deref().unwrap_or_default(), names.join(", "));
    let page = or_exit(page.ok_or_else(missing), Exit::Usage)?;
    let mut roff = Vec::new();
    or_exit(Man::new(page.clone()).render(&mut roff), Exit::Internal)?;
    output::print_exact(&or_exit(String::from_utf8(roff), Exit::Internal)?)?;
    Ok(Exit::Ok)
}
