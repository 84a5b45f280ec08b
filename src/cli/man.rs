//! `loadgen man`: prints the manual page of the program or of a command.

use anyhow::anyhow;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::{self, ManArgs};
use super::exit::{self, Exit, Failure, or_exit};
use super::output;
use crate::scenario::nearest;

/// Prints one page in roff.
pub(super) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let mut command = args::shown().disable_help_subcommand(true);
    command.build();
    let page = match &args.of {
        None => Some(&command),
        Some(name) => command.find_subcommand(name),
    };
    let names: Vec<&str> = command
        .get_subcommands()
        .map(|command| command.get_name())
        .collect();
    let missing = || {
        let typed = args.of.as_deref().unwrap_or_default();
        let near =
            nearest(typed, names.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        anyhow!(
            "unknown command `{typed}`; {}the commands are {}",
            near.unwrap_or_default(),
            names.join(", ")
        )
    };
    let page = or_exit(page.ok_or_else(missing), Exit::Usage)?;
    let mut roff = Vec::new();
    or_exit(Man::new(page.clone()).render(&mut roff), Exit::Internal)?;
    let page = or_exit(String::from_utf8(roff), Exit::Internal)?;
    output::print_exact(&format!("{page}{}", exit_status()))?;
    Ok(Exit::Ok)
}

/// Returns the section on exit codes.
fn exit_status() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (exit, meaning) in exit::MEANINGS {
        roff.control("TP", [])
            .text([bold(exit.code().to_string())])
            .text([roman(meaning)]);
    }
    roff.control("PP", []).text([roman(exit::ORDER)]);
    roff.to_roff()
}
