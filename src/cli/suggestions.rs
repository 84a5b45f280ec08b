//! Suggests what was probably meant by what was typed: commands, except internal ones, and the
//! equivalents of other load generators' flags.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::scenario::nearest;

/// Flags of oha, hey, wrk, ab, vegeta and k6 that `run` does not have, with what to write instead.
const FOREIGN: &[(&[&str], &str)] = &[
    (
        &["-t", "--threads", "--timeout"],
        "event loops are `--workers N`; a timeout is written in a scenario, `timeout: 5s` at its target: `--print-scenario` writes one to \
         begin with",
    ),
    (
        &["--connections", "--concurrency"],
        "connections at once are virtual users: `-c N`, or `-u N`",
    ),
    (&["--requests", "--number"], "`-n N`, or `-i N`"),
    (&["--qps", "--query-per-second"], "a rate is `-r 100/s`"),
    (
        &["-D", "-p", "--data", "--body-file"],
        "the body is `-b TEXT`; a file is written in a scenario, `body_file: FILE`",
    ),
    (
        &["-T", "--content-type"],
        "write the header: `-H 'content-type: application/json'`",
    ),
    (
        &["-A", "--accept"],
        "write the header: `-H 'accept: application/json'`",
    ),
    (
        &["-a", "--auth", "--basic-auth"],
        "write the header, `-H 'authorization: Bearer …'`, or `auth` in a scenario",
    ),
    (
        &["--latency", "--latency-correction"],
        "response times are always measured, with `-r` from the planned start",
    ),
    (
        &["-s", "--script", "--stage", "--stages"],
        "write a scenario: `--print-scenario` writes one to begin with",
    ),
    (
        &["--http2", "--h2", "--http-version"],
        "write it in a scenario, `http: { protocol: http2 }` at the target",
    ),
    (
        &["--disable-keepalive", "--disable-keep-alive"],
        "write it in a scenario, `http: { keep_alive: never }` at the target",
    ),
    (
        &["--redirect", "--disable-redirects", "--disable-redirection"],
        "redirects are not followed, unless a target says `http: { redirects: 3 }`",
    ),
    (
        &["-x", "--proxy"],
        "requests go to the target itself, and through no proxy",
    ),
];

/// Removes hidden commands and flags from the suggestions, and adds equivalents for users of other
/// tools.
pub(super) fn mend(mut error: Error, command: &Command, arguments: &[OsString]) -> Error {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let typed = text(&error, ContextKind::InvalidSubcommand);
            let first = arguments.get(1).and_then(|first| first.to_str());
            let above = first
                .and_then(|first| command.find_subcommand(first))
                .unwrap_or(command);
            let known = || {
                above
                    .get_subcommands()
                    .filter(|command| !command.is_hide_set())
                    .map(Command::get_name)
            };
            // Clap suggests anything that shares a few letters.
            let kept: Vec<String> = match error.get(ContextKind::SuggestedSubcommand) {
                Some(ContextValue::Strings(near)) => near
                    .iter()
                    .filter(|near| known().any(|known| known == *near))
                    .cloned()
                    .collect(),
                Some(ContextValue::String(near)) => vec![near.clone()]
                    .into_iter()
                    .filter(|near| known().any(|known| known == near))
                    .collect(),
                _ => Vec::new(),
            };
            let near = nearest(&typed, known()).map(|near| vec![near.to_owned()]);
            match near.unwrap_or(kept) {
                near if near.is_empty() => error.remove(ContextKind::SuggestedSubcommand),
                near => error.insert(
                    ContextKind::SuggestedSubcommand,
                    ContextValue::Strings(near),
                ),
            };
        }
        ErrorKind::UnknownArgument => {
            let hidden = |flag: &str| {
                let all = command.get_subcommands().flat_map(Command::get_arguments);
                all.filter(|arg| arg.is_hide_set())
                    .filter_map(|arg| arg.get_long())
                    .any(|long| flag.trim_start_matches('-') == long)
            };
            if hidden(&text(&error, ContextKind::SuggestedArg)) {
                error.remove(ContextKind::SuggestedArg);
                error.remove(ContextKind::Usage);
            }
            let typed = text(&error, ContextKind::InvalidArg);
            if arguments.get(1).is_some_and(|command| command == "run")
                && let Some(tip) = foreign(&typed, arguments)
            {
                error.remove(ContextKind::SuggestedArg);
                error.insert(
                    ContextKind::Suggested,
                    ContextValue::StyledStrs(vec![tip.to_owned().into()]),
                );
            }
        }
        ErrorKind::ValueValidation
            if text(&error, ContextKind::InvalidArg).contains("--duration") =>
        {
            let typed = text(&error, ContextKind::InvalidValue);
            if !typed.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                let tip = "the body of a request is `-b BODY`".to_owned();
                error.insert(
                    ContextKind::Suggested,
                    ContextValue::StyledStrs(vec![tip.into()]),
                );
            }
        }
        _ => {}
    }
    error
}

/// Returns what to write instead of another tool's flag.
fn foreign(typed: &str, arguments: &[OsString]) -> Option<&'static str> {
    // The value of `-q 100`, as in oha and hey.
    let behind_quiet = arguments
        .windows(2)
        .any(|pair| pair[0] == "-q" && pair[1] == typed);
    if behind_quiet && typed.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("`-q` is `--quiet`; a rate is `-r 100/s`");
    }
    FOREIGN
        .iter()
        .find(|(flags, _)| flags.contains(&typed))
        .map(|(_, tip)| *tip)
}

fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::FOREIGN;
    use clap::CommandFactory as _;

    #[test]
    fn a_flag_that_is_there_is_not_foreign() {
        let command = Args::command();
        let run = command.find_subcommand("run").expect("there is `run`");
        for arg in run.get_arguments() {
            let letters = arg.get_short_and_visible_aliases().unwrap_or_default();
            let names = letters
                .into_iter()
                .map(|letter| format!("-{letter}"))
                .chain(arg.get_long().map(|long| format!("--{long}")));
            for name in names {
                assert!(
                    FOREIGN
                        .iter()
                        .all(|(flags, _)| !flags.contains(&name.as_str())),
                    "{name}"
                );
            }
        }
    }
}
