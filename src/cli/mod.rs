//! Floor 7: the command line. Each command is a file that reads as parse → load → compute → write.

mod ab;
pub mod args;
mod baseline;
mod baseline_check;
mod capacity;
mod ci;
mod compare;
mod completions;
mod environment;
pub mod exit;
mod folder;
mod github;
mod init;
mod job;
mod live_page;
mod man;
mod outline;
mod output;
mod panic;
mod probing;
mod quick;
mod report;
mod results;
mod run;
mod run_mode;
mod schema;
mod serve;
mod session;
mod suggestions;
mod validate;
pub mod values;

use std::process::ExitCode;

use args::{Color, Command};
use environment::Said;
use exit::{Exit, Failure};
use output::Talk;

/// Runs the program: the whole of `main`.
pub fn main() -> ExitCode {
    panic::install();
    let args = match environment::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(said) => return explain(&said, &Talk::new(Color::Auto)).into(),
    };
    let talk = Talk::new(args.color);
    let result = match args.command {
        Command::Run(options) => run::run(&options, &talk),
        Command::Init(options) => init::run(&options),
        Command::Validate(options) => validate::run(&options, &talk),
        Command::Schema => schema::run(),
        Command::Serve(options) => serve::run(&options),
        Command::Report(options) => report::run(&options, &talk),
        Command::Capacity(options) => capacity::run(&options, &talk),
        Command::Ab(options) => ab::run(&options, &talk),
        Command::Baseline(options) => baseline::run(&options, &talk),
        Command::Compare(options) => compare::run(&options, &talk),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
        Command::RunMode => run_mode::run(),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(Failure { exit, error }) => {
            // A reader of our output that has gone away needs no words.
            if !output::is_broken_pipe(&error) {
                talk.error(&error);
            }
            exit.into()
        }
    }
}

/// Says what is said in the place of running a command.
fn explain(said: &Said, talk: &Talk) -> Exit {
    let is_colored = if said.is_error {
        talk.stderr_color()
    } else {
        talk.stdout_color()
    };
    let text = if is_colored {
        &said.colored
    } else {
        &said.plain
    };
    if said.is_error {
        talk.say(text);
        return Exit::Usage;
    }
    // A reader that has gone away needs no help.
    let _ = output::print_exact(&talk.redacted(text));
    Exit::Ok
}
