//! How much load, for how long.

use serde::{Deserialize, Serialize};

use crate::base::{Nanos, Rate};

/// What decides when an iteration starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// Each virtual user starts its next iteration when its last one is complete.
    Closed {
        /// Virtual users.
        vus: u32,
    },
    /// Iterations start at planned times, whatever the target does.
    Open {
        /// Planned iteration starts.
        rate: Rate,
        /// At most this many iterations in flight; arrivals beyond wait, and keep their intended time.
        max_in_flight: u32,
    },
}

impl LoadModel {
    /// Virtual users, or slots of the open model: how many iterations there can be at once.
    pub const fn slots(self) -> u32 {
        match self {
            Self::Closed { vus } => vus,
            Self::Open { max_in_flight, .. } => max_in_flight,
        }
    }
}

/// The load of a run. At least one of `duration`, `iterations` and `iterations_per_vu` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Closed or open.
    pub model: LoadModel,
    /// No new iteration after this long.
    pub duration: Option<Nanos>,
    /// No more than this many iterations, shared by all virtual users.
    pub iterations: Option<u64>,
    /// No more than this many iterations of each virtual user (closed model only).
    pub iterations_per_vu: Option<u64>,
    /// Runs before the measured part, and is not measured.
    pub warmup: Nanos,
    /// How long iterations in flight may take to end after the last one was started.
    pub graceful_stop: Nanos,
}

impl Load {
    /// The number of iterations of the whole run, where it is bound by iterations.
    pub fn total_iterations(&self) -> Option<u64> {
        let per_vu = self.iterations_per_vu.map(|n| n.saturating_mul(u64::from(self.model.slots())));
        match (self.iterations, per_vu) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
