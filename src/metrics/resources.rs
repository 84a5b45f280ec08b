//! What the system reports about this process and this machine. Everything is optional: what a
//! system does not report is `None`, never zero.

use std::collections::BTreeMap;

use crate::base::Nanos;

/// Processor time and context switches.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Processor time in user mode.
    pub user: Nanos,
    /// Processor time in the kernel.
    pub system: Nanos,
    /// Voluntary context switches: a thread waited.
    pub voluntary: u64,
    /// Involuntary context switches: the system preempted a thread.
    pub involuntary: u64,
}

impl Usage {
    /// Reads the usage of this process so far, all threads together.
    pub(crate) fn for_process() -> Option<Self> {
        #[cfg(unix)]
        return Self::read(nix::sys::resource::UsageWho::RUSAGE_SELF);
        #[cfg(not(unix))]
        None
    }

    /// Reads the usage of the calling thread so far; not available everywhere.
    pub(crate) fn for_thread() -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Self::read(nix::sys::resource::UsageWho::RUSAGE_THREAD);
        #[cfg(not(target_os = "linux"))]
        None
    }

    #[cfg(unix)]
    fn read(who: nix::sys::resource::UsageWho) -> Option<Self> {
        use nix::sys::time::TimeValLike as _;
        let usage = nix::sys::resource::getrusage(who).ok()?;
        let nanos = |us: i64| Nanos(u64::try_from(us).unwrap_or(0) * 1_000);
        Some(Self {
            user: nanos(usage.user_time().num_microseconds()),
            system: nanos(usage.system_time().num_microseconds()),
            voluntary: u64::try_from(usage.voluntary_context_switches()).unwrap_or(0),
            involuntary: u64::try_from(usage.involuntary_context_switches()).unwrap_or(0),
        })
    }

    /// Returns the processor time in both modes.
    pub(crate) fn cpu(self) -> Nanos {
        self.user + self.system
    }

    /// Subtracts another usage.
    #[must_use]
    pub(crate) fn without(self, part: Self) -> Self {
        Self {
            user: self.user - part.user,
            system: self.system - part.system,
            voluntary: self.voluntary.saturating_sub(part.voluntary),
            involuntary: self.involuntary.saturating_sub(part.involuntary),
        }
    }
}

/// Reads a field of `/proc/self/status`, in its own unit.
fn status_field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns the peak resident memory of this process so far, in bytes.
///
/// It is read from `VmHWM`, because `ru_maxrss` of a child inherits its parent's peak across
/// `exec`.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    status_field("VmHWM").map(|kb| kb * 1024)
}

/// Returns the resident memory of this process now, in bytes.
pub(crate) fn rss_bytes() -> Option<u64> {
    status_field("VmRSS").map(|kb| kb * 1024)
}

/// Returns the number of threads of this process now.
pub(crate) fn threads() -> Option<u64> {
    status_field("Threads")
}

/// The maximum number of threads whose waits are read: each costs reading a file.
const MAX_THREADS: u64 = 64;

/// How long each thread, by its id, has waited for a busy processor. For a thread that has ended,
/// the last known value is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits(BTreeMap<String, u64>);

impl Waits {
    /// Reads the waits of the current threads of this process; skipped if there are too many
    /// threads.
    pub(crate) fn look(&mut self) {
        if threads().is_none_or(|n| n > MAX_THREADS) {
            return;
        }
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            return;
        };
        for task in tasks.flatten() {
            let seen = std::fs::read_to_string(task.path().join("schedstat")).ok();
            if let Some(ns) = seen.and_then(|text| text.split_whitespace().nth(1)?.parse().ok()) {
                self.0
                    .insert(task.file_name().to_string_lossy().into_owned(), ns);
            }
        }
    }

    /// Returns the increase since an earlier reading; `None` if no thread was ever read.
    pub(crate) fn since(&self, before: &Self) -> Option<Nanos> {
        let grown = self
            .0
            .iter()
            .map(|(thread, ns)| ns.saturating_sub(before.0.get(thread).copied().unwrap_or(0)));
        (!self.0.is_empty()).then(|| Nanos(grown.sum()))
    }
}

/// Returns the time that the hypervisor has given to other guests so far, over all processors
/// (steal time).
pub(crate) fn stolen() -> Option<Nanos> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: u64 = stat
        .lines()
        .next()?
        .split_whitespace()
        .nth(8)?
        .parse()
        .ok()?;
    // `USER_HZ`, which Linux fixes at 100 for user space.
    Some(Nanos(ticks * 10_000_000))
}

/// Returns the model name of the processor.
pub(crate) fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    info.lines().find_map(|line| {
        Some(
            line.strip_prefix("model name")?
                .split_once(':')?
                .1
                .trim()
                .to_owned(),
        )
    })
}

/// Returns the size of the main memory, in bytes.
pub(crate) fn memory_bytes() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Returns the release of the kernel.
pub(crate) fn kernel() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .ok()
        .map(|s| s.trim().to_owned())
}
