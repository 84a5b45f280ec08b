//! [`Host`]: the machine of a run.

use serde::{Deserialize, Serialize};

use crate::metrics::{cgroup, resources};

/// The machine of a run; unknown values are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// `linux`, `macos`, …
    pub os: String,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Processors that this process may use.
    pub cpus: u32,
    /// Model name of the processor.
    pub cpu_model: Option<String>,
    /// Processors' worth of time that a control group allows.
    pub cpu_quota: Option<f64>,
    /// Main memory.
    pub memory_bytes: Option<u64>,
}

impl Host {
    /// Returns the current machine.
    pub fn current() -> Self {
        Self {
            os: std::env::consts::OS.into(),
            kernel: resources::kernel(),
            cpus: std::thread::available_parallelism()
                .map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
            cpu_model: resources::cpu_model(),
            cpu_quota: cgroup::quota(),
            memory_bytes: resources::memory_bytes(),
        }
    }
}
