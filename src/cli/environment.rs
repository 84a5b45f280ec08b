//! Combines flags with `LOADGEN_<FLAG>`: an environment variable only counts if it does not
//! conflict with what was typed. This rule is implemented only here.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use super::args::{Args, Command};
use super::{quick, suggestions};
use crate::plan::secrets::HIDDEN;

/// Flags of `run` that exclude each other. If one is typed, the variables of the others are
/// ignored, even if they are invalid.
const RIVALS: [[&str; 2]; 8] = [
    ["vus", "rate"],
    ["quiet", "verbose"],
    ["dry_run", "print_scenario"],
    ["shard", "json"],
    ["shard", "baseline"],
    ["shard", "live"],
    ["shard", "debug_log"],
    ["part", "output"],
];
/// Flags that cannot be used with a file.
const OF_URLS: [&str; 5] = ["method", "header", "body", "insecure", "print_scenario"];
/// Flags that cannot be used with a URL, which is its own target and has no variables.
const OF_FILES: [&str; 2] = ["target", "var"];

/// Flags whose values may be secret.
const OF_SECRETS: [&str; 2] = ["--header", "--var"];

/// A text shown instead of running a command: help, or what is wrong with the arguments.
#[derive(Debug)]
pub(super) struct Explanation {
    /// The text without colour.
    pub plain: String,
    /// The text with colour.
    pub colored: String,
    /// Whether it reports an error.
    pub is_error: bool,
}

impl From<Error> for Explanation {
    fn from(mut error: Error) -> Self {
        let flag = error
            .get(ContextKind::InvalidArg)
            .map(ToString::to_string)
            .unwrap_or_default();
        if OF_SECRETS.iter().any(|secret| flag.contains(secret))
            && error.get(ContextKind::InvalidValue).is_some()
        {
            error.insert(
                ContextKind::InvalidValue,
                ContextValue::String(HIDDEN.into()),
            );
        }
        let text = error.render();
        Self {
            plain: text.to_string(),
            colored: text.ansi().to_string(),
            is_error: error.exit_code() != 0,
        }
    }
}

/// Parses the arguments, with the environment as a fallback.
///
/// # Errors
/// If the arguments are invalid, or help is requested.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, Explanation> {
    parse_arguments(arguments).map_err(Explanation::from)
}

fn parse_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let ignored_variables = without_environment(Args::command(), |_| true)
        .try_get_matches_from(&arguments)
        // Arguments that cannot be parsed at all are reported below.
        .map_or_else(
            |_| Vec::new(),
            |typed| {
                typed
                    .subcommand_matches("run")
                    .map(ignored_variables)
                    .unwrap_or_default()
            },
        );
    let mut command =
        without_environment(Args::command(), |flag| ignored_variables.contains(&flag));
    let args = command
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| Args::from_arg_matches(&matches));
    let args = args.map_err(|error| suggestions::mend(error, &command, &arguments))?;
    match conflict(&args) {
        None => Ok(args),
        Some(text) => Err(match command.find_subcommand_mut("run") {
            Some(run) => run.error(ErrorKind::ArgumentConflict, text),
            None => command.error(ErrorKind::ArgumentConflict, text),
        }),
    }
}

/// Returns the flags of `run` whose variables conflict with what was typed.
fn ignored_variables(typed: &ArgMatches) -> Vec<&'static str> {
    let is_typed = |flag: &str| typed.value_source(flag) == Some(ValueSource::CommandLine);
    let rivals = RIVALS.iter().flat_map(|[a, b]| [(*a, *b), (*b, *a)]);
    let mut ignored_variables: Vec<&str> = rivals
        .filter(|(flag, _)| is_typed(flag))
        .map(|(_, rival)| rival)
        .collect();
    let is_url = typed
        .get_one("file")
        .is_some_and(|file: &std::path::PathBuf| quick::url(file).is_some());
    ignored_variables.extend_from_slice(if is_url { &OF_FILES } else { &OF_URLS });
    ignored_variables
}

fn without_environment(command: clap::Command, flags: impl Fn(&str) -> bool) -> clap::Command {
    command.mut_subcommand("run", |run| {
        run.mut_args(|arg| {
            if flags(arg.get_id().as_str()) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
    })
}

/// Returns what is wrong with flags that are valid individually. Checked here and not by clap,
/// which treats a switch as present even if the environment turns it off.
fn conflict(args: &Args) -> Option<String> {
    let Command::Run(run) = &args.command else {
        return None;
    };
    for (flag, rival, both) in [
        ("--quiet", "--verbose", run.quiet && run.verbose),
        (
            "--dry-run",
            "--print-scenario",
            run.dry_run && run.quick.print_scenario,
        ),
    ] {
        if both {
            return Some(format!(
                "the argument '{flag}' cannot be used with '{rival}'"
            ));
        }
    }
    let is_url = quick::url(&run.file).is_some();
    let out_of_place: &[(&str, bool)] = if is_url {
        &[
            ("--target", !run.given.target.is_empty()),
            ("--var", !run.given.inputs.var.is_empty()),
        ]
    } else {
        &[
            ("-X/--method", run.quick.method.is_some()),
            ("-H/--header", !run.quick.header.is_empty()),
            ("-b/--body", run.quick.body.is_some()),
            ("-k/--insecure", run.quick.insecure),
            ("--print-scenario", run.quick.print_scenario),
        ]
    };
    let flags: Vec<&str> = out_of_place
        .iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(flag, _)| *flag)
        .collect();
    let (flags, file) = (flags.join(", "), run.file.display());
    match is_url {
        _ if flags.is_empty() => None,
        true => Some(format!(
            "{flags}: only for scenario files; a URL is its own target, and has no variables"
        )),
        false => Some(format!(
            "{flags}: only for `loadgen run URL`; `{file}` is a scenario file, where these belong to a step"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_that_is_named_here_exists() {
        let command = Args::command();
        let run = command.find_subcommand("run").expect("there is `run`");
        for flag in RIVALS
            .as_flattened()
            .iter()
            .chain(&OF_URLS)
            .chain(&OF_FILES)
        {
            assert!(
                run.get_arguments()
                    .any(|arg| arg.get_id() == flag && arg.get_env().is_some()),
                "{flag}"
            );
        }
    }
}
