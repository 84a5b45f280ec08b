//! Every exit code, named and documented.

use std::process::ExitCode;

use crate::result::{End, RunResult, ThresholdResult, Verdict};

/// How the program ends. Where several hold, the first of 1, 2, 3, 130, 97, 99 that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Ran; every gate was passed.
    Ok,
    /// An internal error, or an output that could not be written.
    Internal,
    /// Bad usage or an invalid scenario, a missing file or variable; nothing was sent.
    Usage,
    /// Could not run: a target that is unreachable at the start, limits of the machine.
    CouldNotRun,
    /// The generator set the figures, and a gate would have had to trust them.
    Invalid,
    /// A threshold failed, or aborted the run.
    Threshold,
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
            Self::Invalid => 97,
            Self::Threshold => 99,
            Self::Interrupted => 130,
        }
    }

    /// How a run ends that brought a result. `trusted` says whether anything relies on figures that can't be believed.
    pub fn of(result: &RunResult, trusted: bool) -> Self {
        let gates_hold = result.end != End::Aborted && result.thresholds.iter().all(ThresholdResult::is_met);
        match () {
            () if result.end == End::Interrupted => Self::Interrupted,
            () if trusted && result.validity.verdict == Verdict::Invalid => Self::Invalid,
            () if !gates_hold => Self::Threshold,
            () => Self::Ok,
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
