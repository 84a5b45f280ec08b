//! [`Job`]: one mode and round of a plan, with everything known before it begins.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::base::Nanos;
use crate::plan::{Mode, Plan};
use crate::transport::endpoint::Endpoint;

/// The work to be run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The process that asked for it; the job ends when that process is gone.
    pub parent: u32,
    /// The plan.
    pub plan: Plan,
    /// The mode.
    pub mode: Mode,
    /// Counted from 1.
    pub round: u32,
    /// The environment it runs in.
    pub environment: Environment,
}

/// The circumstances of a run that its plan does not contain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environment {
    /// The resolved targets, by index; only those in use need to be resolved.
    pub reached: Vec<Option<ResolvedTarget>>,
    /// The address of the built-in server's TCP echo, if it runs.
    #[serde(default)]
    pub echo: Option<SocketAddr>,
    /// The folder that the plan's files are relative to.
    pub folder: PathBuf,
    /// The time of day of the request, in milliseconds since 1970: what `now()` counts from.
    pub unix_ms: u64,
    /// The program of which the mode `processes` starts more.
    #[serde(default)]
    pub program: PathBuf,
    /// How often the figures so far are reported; without it, never.
    #[serde(default)]
    pub figures_every: Option<Nanos>,
    /// Which exchanges are recorded.
    #[serde(default)]
    pub recorded: Recorded,
    /// The time of day at which the epoch is to be, in nanoseconds since 1970; without it, it is as
    /// soon as everything is ready.
    #[serde(default)]
    pub start_at: Option<u64>,
    /// Whether it is one of the processes of a mode, and the process that started them adds up what
    /// they measure: it starts when it is told to, and reports its measurements so far instead of
    /// figures.
    #[serde(default)]
    pub is_member: bool,
    /// The temporary folder of the run, if its plan uses one.
    #[serde(default)]
    pub run_folder: Option<PathBuf>,
    /// The socket that every sample is sent to, if anybody wants them.
    #[serde(default)]
    pub samples: Option<PathBuf>,
    /// The number of the run among those of its command that do the same work: what tells their traces
    /// apart.
    #[serde(default)]
    pub run_number: u64,
    /// The values that iterations start with because a setup in another process ended with them.
    #[serde(default)]
    pub setup_values: SetupValues,
}

/// The values that a setup ended with, by their names: JSON in which numbers are written as they
/// were received.
pub type SetupValues = BTreeMap<String, Box<RawValue>>;

/// Which exchanges are recorded as they went over the wire, for people who debug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recorded {
    /// None.
    #[default]
    Nothing,
    /// The first ones that fail, up to this number.
    Failures(u32),
    /// All.
    All,
}

/// A target that was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedTarget {
    /// The addresses that accept connections; at least one.
    pub addresses: Vec<Endpoint>,
    /// The target's other addresses, which accept no connections and are not used.
    pub silent: Vec<Endpoint>,
    /// Whether it speaks HTTP/2.
    pub is_http2: bool,
    /// The `FileDescriptorSet` of its services, if it was asked for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<Vec<u8>>,
}

impl fmt::Display for ResolvedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |addresses: &[Endpoint]| {
            addresses
                .iter()
                .map(Endpoint::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        f.write_str(&list(&self.addresses))?;
        if !self.silent.is_empty() {
            write!(f, " (nothing listens at {}: not used)", list(&self.silent))?;
        }
        Ok(())
    }
}

impl From<Endpoint> for ResolvedTarget {
    fn from(address: Endpoint) -> Self {
        Self {
            addresses: vec![address],
            silent: Vec::new(),
            is_http2: false,
            descriptors: None,
        }
    }
}
