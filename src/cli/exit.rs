//! Every exit code, named and documented.

use std::process::ExitCode;

/// How the program ends. Where several hold, the first of 1, 2, 3, 130 that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Ran; there is nothing to complain about.
    Ok,
    /// An internal error, or an output that could not be written.
    Internal,
    /// Bad usage or an invalid scenario, a missing file or variable, a public address that nobody allowed; nothing was
    /// sent.
    Usage,
    /// Could not run: a target that is unreachable at the start, or whose name turned out to have a public address, limits of the machine.
    CouldNotRun,
    /// Interrupted; what was measured is kept.
    Interrupted,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::CouldNotRun => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command failed, with the code that says so.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The reason, with its causes.
    pub error: anyhow::Error,
}
