//! [`Job`]: one mode and round of a plan, with all that is known before it begins.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Plan};

/// What is to be run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The process that asks for it: without it there is nobody to run it for.
    pub parent: u32,
    /// The plan.
    pub plan: Plan,
    /// The mode.
    pub mode: Mode,
    /// Counted from 1.
    pub round: u32,
    /// Where it is run.
    pub ground: Ground,
}

/// What a plan stands on, of which itself knows nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ground {
    /// Where the targets are, by index.
    pub addresses: Vec<Option<SocketAddr>>,
    /// The folder that the plan's files are relative to.
    pub folder: PathBuf,
    /// The time of day when it was asked for, in milliseconds since 1970: what `now()` counts from.
    pub unix_ms: u64,
    /// Whether somebody watches: the figures so far are told now and then.
    #[serde(default)]
    pub live: bool,
}
