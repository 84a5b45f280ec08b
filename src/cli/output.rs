//! stdout carries the product, stderr the messages. This is the only place that writes to either
//! directly: messages have every secret redacted, and the product is made from a result or plan
//! that no longer contains any.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};

use anyhow::Error;

use super::args::Color;
use super::exit::{Exit, Failure};
use super::github::{harmless, harmless_json};
use crate::plan::Secrets;
use crate::report::progress::ProgressOutput;
use crate::report::view;

/// Writes the product, for people.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_exact(&harmless(text))
}

/// Writes the product as JSON.
pub(super) fn print_json(text: &str) -> Result<(), Failure> {
    print_exact(&harmless_json(text))
}

/// Writes the product verbatim, for a file that is kept.
pub(super) fn print_exact(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure {
            exit: Exit::Internal,
            error: error.into(),
        })
}

/// Ends a command that has attempted each of its outputs: reports all that failed, and the
/// `failure` that ended it early.
///
/// # Errors
/// The last output that failed, or else that `failure`.
pub(super) fn finish(
    unwritten: impl IntoIterator<Item = Error>,
    failure: Option<Failure>,
    console: &Console,
) -> Result<(), Failure> {
    let mut unwritten: Vec<Error> = unwritten.into_iter().collect();
    let Some(last) = unwritten.pop() else {
        return failure.map_or(Ok(()), Err);
    };
    let others = failure
        .iter()
        .map(|failure| &failure.error)
        .chain(&unwritten);
    others
        .filter(|error| !is_broken_pipe(error))
        .for_each(|error| console.error(error));
    Err(Failure {
        exit: Exit::Internal,
        error: last,
    })
}

/// Returns whether the reader of our output has gone away.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes messages to the user's terminal, and never reveals a secret.
#[derive(Debug)]
pub(super) struct Console {
    color: Color,
    secrets: Mutex<Secrets>,
}

impl Console {
    /// Creates a console with or without colour, or as the terminal supports it.
    pub(super) fn new(color: Color) -> Self {
        Self {
            color,
            secrets: Mutex::new(Secrets::default()),
        }
    }

    /// Redacts these secrets from now on.
    pub(super) fn hide(&self, secrets: &Secrets) {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(secrets);
    }

    fn colored(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// Returns whether stderr is a terminal.
    pub(super) fn is_at_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Returns whether to use colour on stdout.
    pub(super) fn stdout_color(&self) -> bool {
        self.colored(io::stdout().is_terminal())
    }

    /// Returns whether to use colour on stderr.
    pub(super) fn stderr_color(&self) -> bool {
        self.colored(self.is_at_terminal())
    }

    /// Prints a message without the secrets.
    pub(super) fn say(&self, text: &str) {
        // In this order: a secret in modified text would no longer be recognized.
        write_stderr(&harmless(&self.redacted(text)));
    }

    /// Sends a command to the CI server.
    pub(super) fn command(&self, text: &str) {
        write_stderr(&self.redacted(text));
    }

    /// Returns the text with every secret redacted.
    pub(super) fn redacted(&self, text: &str) -> String {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .redact(text)
    }

    /// Prints a warning to read before trusting the result.
    pub(super) fn warning(&self, text: &str) {
        let (on, off) = if self.stderr_color() {
            ("\u{1b}[1;33m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        self.say(&format!("{on}warning{off}: {}\n", view::plain_lines(text)));
    }

    /// Prints why a command failed, with all causes on one line.
    pub(super) fn error(&self, error: &Error) {
        let (on, off) = if self.stderr_color() {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        // The error may quote a file or a server.
        self.say(&format!(
            "{on}error{off}: {}\n",
            view::plain_lines(&sentence(error))
        ));
    }
}

impl ProgressOutput for Console {
    fn say(&self, text: &str) {
        Self::say(self, text);
    }

    fn redacted(&self, text: &str) -> String {
        Self::redacted(self, text)
    }

    fn columns(&self) -> usize {
        stderr_width()
    }
}

/// Writes to stderr; if that fails, nothing else could report it.
fn write_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Formats an error with its causes on one line. Some errors include their cause in the middle of a
/// sentence: it is not repeated.
fn sentence(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    text
}

/// Returns the width of the terminal that stdout is, or one that fits a log.
pub(super) fn width() -> usize {
    columns(io::stdout()).unwrap_or(100)
}

/// Returns the width of the terminal that stderr is, or that of the narrowest common one.
pub(super) fn stderr_width() -> usize {
    columns(io::stderr()).unwrap_or(80)
}

#[cfg(unix)]
fn columns(of: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(of).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn columns<T>(_of: T) -> Option<usize> {
    None
}
