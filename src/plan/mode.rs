//! [`Mode`]: how a run executes its iterations.

use serde::{Deserialize, Serialize};

/// How a run executes its iterations: the driver, by its public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One thing after another on one thread, with blocking calls.
    Sequential,
    /// One operating-system thread for each virtual user, with blocking calls.
    Threaded,
    /// Tasks on an event loop.
    Async,
    /// Virtual time, with no overhead at all; mock operations only.
    Simulated,
}

impl Mode {
    /// The three modes that run on real threads and sockets, in the order of comparisons.
    pub const REAL: [Self; 3] = [Self::Sequential, Self::Threaded, Self::Async];

    /// The name in scenarios, on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threaded => "threaded",
            Self::Async => "async",
            Self::Simulated => "simulated",
        }
    }

    /// The mode with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Sequential,
            Self::Threaded,
            Self::Async,
            Self::Simulated,
        ]
        .into_iter()
        .find(|m| m.name() == name)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
