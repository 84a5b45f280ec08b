//! [`Mode`]: how a run executes its iterations.

use serde::{Deserialize, Serialize};

/// How a run executes its iterations: the public name of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One iteration after another on a single thread, with blocking calls.
    Sequential,
    /// One OS thread per virtual user, with blocking calls.
    Threaded,
    /// Tasks on an event loop.
    Async,
    /// Processes with an event loop each, and a slice of the plan.
    Processes,
    /// Virtual time without any overhead; mock operations only.
    Simulated,
}

impl Mode {
    /// Every mode, in the order in which they are compared.
    pub const ALL: [Self; 5] = [
        Self::Sequential,
        Self::Threaded,
        Self::Async,
        Self::Processes,
        Self::Simulated,
    ];

    /// The three modes that run in one process, with real threads and sockets.
    pub const REAL: [Self; 3] = [Self::Sequential, Self::Threaded, Self::Async];

    /// The names of all modes.
    pub const NAMES: [&str; Self::ALL.len()] = [
        Self::Sequential.name(),
        Self::Threaded.name(),
        Self::Async.name(),
        Self::Processes.name(),
        Self::Simulated.name(),
    ];

    /// Returns the name used in scenarios, on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threaded => "threaded",
            Self::Async => "async",
            Self::Processes => "processes",
            Self::Simulated => "simulated",
        }
    }

    /// Returns the mode with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
