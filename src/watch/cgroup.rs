//! A control group of this machine, as version 2 of the kernel's interface shows it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel shows them.
const TOP: &str = "/sys/fs/cgroup";

/// What a control group uses; what the kernel does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// Processor time so far, in seconds.
    pub(super) cpu_s: Option<f64>,
    /// The time for which it was not let run because it had used up its share, in seconds.
    pub(super) throttled_s: Option<f64>,
    /// Memory, in bytes.
    pub(super) memory: Option<f64>,
}

/// Returns the folder of a control group, by its path below the top.
pub(super) fn folder(path: &str) -> PathBuf {
    let path = Path::new(path);
    // Also as the kernel names it, and with the top before it.
    let below = path.strip_prefix(TOP).unwrap_or(path);
    Path::new(TOP).join(below.strip_prefix("/").unwrap_or(below))
}

/// Reads what a control group uses; returns `None` if it does not exist.
pub(super) fn read(folder: &Path) -> Option<Group> {
    let cpu = fs::read_to_string(folder.join("cpu.stat"));
    let memory = fs::read_to_string(folder.join("memory.current"));
    if cpu.is_err() && memory.is_err() {
        return None;
    }
    let cpu = cpu.unwrap_or_default();
    let seconds = |name: &str| {
        let line = cpu.lines().find_map(|line| line.strip_prefix(name))?;
        let us: f64 = line.trim().parse().ok()?;
        Some(us / 1e6)
    };
    Some(Group {
        cpu_s: seconds("usage_usec "),
        throttled_s: seconds("throttled_usec "),
        memory: memory.ok().and_then(|text| text.trim().parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_from_its_files() {
        let at = tempfile::tempdir().expect("a folder");
        assert_eq!(read(at.path()), None);
        let text = "usage_usec 2500000\nuser_usec 1\nnr_throttled 3\nthrottled_usec 500000\n";
        fs::write(at.path().join("cpu.stat"), text).expect("written");
        fs::write(at.path().join("memory.current"), "4096\n").expect("written");
        let group = Group {
            cpu_s: Some(2.5),
            throttled_s: Some(0.5),
            memory: Some(4096.0),
        };
        assert_eq!(read(at.path()), Some(group));
    }

    #[test]
    fn a_path_is_below_the_top_however_it_is_written() {
        for path in [
            "system.slice/a",
            "/system.slice/a",
            "/sys/fs/cgroup/system.slice/a",
        ] {
            assert_eq!(
                folder(path),
                Path::new("/sys/fs/cgroup/system.slice/a"),
                "{path}"
            );
        }
    }
}
