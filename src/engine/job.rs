//! [`Job`]: one mode and round of a plan, with all that is known before it begins.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::{Mode, Plan};
use crate::transport::endpoint::Endpoint;

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
    pub environment: Environment,
}

/// What a plan stands on, of which itself knows nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environment {
    /// Where the targets are, by index; only those in use need to be known.
    pub reached: Vec<Option<ResolvedTarget>>,
    /// Where the built-in server's TCP echo is, where it runs.
    #[serde(default)]
    pub echo: Option<SocketAddr>,
    /// The folder that the plan's files are relative to.
    pub folder: PathBuf,
    /// The time of day when it was asked for, in milliseconds since 1970: what `now()` counts from.
    pub unix_ms: u64,
    /// Whether somebody watches: the figures so far are told now and then.
    #[serde(default)]
    pub live: bool,
}

/// Where a target was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedTarget {
    /// The addresses that somebody listens at; at least one.
    pub addresses: Vec<Endpoint>,
    /// The others of the target, at which nobody listens: they are not used.
    pub silent: Vec<Endpoint>,
    /// Whether HTTP/2 is spoken there.
    pub is_http2: bool,
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
            write!(f, " (nobody listens at {}: not used)", list(&self.silent))?;
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
        }
    }
}
