//! `exec`: runs a program.

use serde::{Deserialize, Serialize};

use crate::plan::Template;
use crate::plan::profile::{Occupies, Profile, TextGroups};

/// A program to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The program and its arguments.
    pub command: Vec<Template>,
    /// The names of the variables that it gets.
    pub names: Vec<String>,
    /// Their values.
    pub values: Vec<Template>,
    /// What it reads from its standard input.
    pub stdin: Option<Template>,
    /// The exit codes of success.
    pub exit: Vec<u8>,
}

pub(super) const fn profile(execution: &Execution) -> Profile<'_> {
    Profile {
        texts: TextGroups::Parts([
            execution.command.as_slice(),
            execution.values.as_slice(),
            execution.stdin.as_slice(),
        ]),
        // Three pipes and the process, and while it is started as many again.
        descriptors: 8,
        runs_program: true,
        // No event loop can start a program without waiting for it.
        occupies: Occupies::Thread { offload: true },
        ..Profile::NETWORK
    }
}
