//! Floor 8: the command line. Each command is a file that reads as parse → load → compute → write.

mod ab;
pub(crate) mod args;
mod baseline;
mod baseline_check;
mod capacity;
mod ci;
mod compare;
mod completions;
mod debug_log;
mod environment;
pub(crate) mod exit;
mod folder;
mod github;
mod import;
mod import_files;
pub mod import_trial;
mod init;
mod job;
mod live_page;
mod man;
mod merge;
mod new_file;
mod out_flag;
mod outline;
mod output;
mod outputs;
mod panic;
mod partial;
mod probing;
mod quick;
mod record;
mod report;
mod result_of;
mod results;
mod run;
mod run_mode;
mod schema;
mod searched;
mod serve;
mod session;
mod setup;
pub(crate) mod shard;
mod suggestions;
mod try_once;
mod validate;
pub(crate) mod values;

use std::process::ExitCode;

use args::{Color, Command};
use environment::Explanation;
use exit::{Exit, Failure};
use output::Console;

/// Runs the program; `main` only calls this.
pub fn main() -> ExitCode {
    panic::install();
    let args = match environment::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(said) => return explain(&said, &Console::new(Color::Auto)).into(),
    };
    let console = Console::new(args.color);
    let result = match args.command {
        Command::Run(options) => run::run(&options, &console),
        Command::Try(options) => try_once::run(&options, &console),
        Command::Init(options) => init::run(&options),
        Command::Import(options) => import::run(&options, &console),
        Command::Record(options) => record::run(&options, &console),
        Command::Validate(options) => validate::run(&options, &console),
        Command::Schema => schema::run(),
        Command::Merge(options) => merge::run(&options, &console),
        Command::Setup(options) => setup::setup(&options, &console),
        Command::Teardown(options) => setup::teardown(&options, &console),
        Command::Serve(options) => serve::run(&options),
        Command::Report(options) => report::run(&options, &console),
        Command::Capacity(options) => capacity::run(&options, &console),
        Command::Ab(options) => ab::run(&options, &console),
        Command::Baseline(options) => baseline::run(&options, &console),
        Command::Compare(options) => compare::run(&options, &console),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
        Command::RunMode => run_mode::run(),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(Failure { exit, error }) => {
            // If the reader of our output has gone away, that needs no message.
            if !output::is_broken_pipe(&error) {
                console.error(&error);
            }
            exit.into()
        }
    }
}

/// Prints the text shown instead of running a command.
fn explain(said: &Explanation, console: &Console) -> Exit {
    let is_colored = if said.is_error {
        console.stderr_color()
    } else {
        console.stdout_color()
    };
    let text = if is_colored {
        &said.colored
    } else {
        &said.plain
    };
    if said.is_error {
        console.say(text);
        return Exit::Usage;
    }
    // If the reader has gone away, it needs no help.
    let _ = output::print_exact(&console.redacted(text));
    Exit::Ok
}
