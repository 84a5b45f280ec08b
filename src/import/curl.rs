//! Commands of curl: what each says about its request.

mod arguments;
mod body;
mod options;
mod request;
mod settings;
mod url;

use super::note::Place;
use super::read::{Entry, Read, Steps};
use super::shell;

/// Reads all commands of curl in a text, which may be a script.
pub(super) fn read(text: &str) -> Read {
    let script = shell::commands(text);
    let mut steps = Steps::default();
    let mut credentials = script.variables;
    if let Some(line) = script.open_quote {
        steps.note(Place::Line(line), "a quote that is never closed");
    }
    for line in script.substitutions {
        let note = "the shell would run a command for a part of this: write what it prints";
        steps.note(Place::Line(line), note);
    }
    for command in &script.commands {
        // What a shell and documents put before a command.
        let is_before = |text: &str| {
            matches!(text, "$" | "%" | "time" | "sudo" | "env" | "command")
                || text.split_once('=').is_some_and(|(name, _)| {
                    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                })
        };
        let first = command.iter().position(|word| !is_before(&word.text));
        let Some((program, rest)) = first.and_then(|first| command[first..].split_first()) else {
            continue;
        };
        if program.text.rsplit('/').next() != Some("curl") && program.text != "curl.exe" {
            let message = format!("`{}` is not curl: left out", program.text);
            steps.note(Place::Line(program.line), message);
            continue;
        }
        for transfer in arguments::transfers(program.line, rest) {
            request::read(&transfer, &mut steps, &mut credentials);
        }
    }
    let (steps, notes) = steps.finish();
    Read {
        entries: vec![Entry {
            name: "import".into(),
            steps,
            ..Entry::default()
        }],
        secrets: credentials.secrets().collect(),
        notes,
        ..Read::default()
    }
}
