//! Floor 3: what else goes on beside a run: processes, control groups, this machine, and metrics that
//! others offer. Each source has a thread that samples it at a fixed interval, in the process of the
//! command, so that no process that measures does it.

mod cgroup;
mod host;
mod probe;
mod process;
mod sampler;
mod scrape;
mod series;

pub(crate) use sampler::Watcher;
