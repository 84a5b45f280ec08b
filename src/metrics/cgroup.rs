//! The processor limits that control groups impose on this process: version 2 of the kernel's
//! interface, and version 1 on machines that still have it. A group also limits all groups below
//! it, so every group up to the root is read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::Nanos;

const ROOT: &str = "/sys/fs/cgroup";

/// Returns the processors' worth of time that the control groups allow, if any of them has a quota.
pub(crate) fn quota() -> Option<f64> {
    folders()
        .iter()
        .filter_map(|folder| quota_of(folder))
        .reduce(f64::min)
}

/// Returns the time for which this process's control groups have been throttled so far.
pub(crate) fn throttled() -> Option<Nanos> {
    folders()
        .iter()
        .filter_map(|folder| throttled_of(folder))
        .max()
}

fn folders() -> Vec<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups_of(&groups, Path::new(ROOT))
}

/// Returns the directories of the groups that limit processor time, the innermost first. `groups`
/// is the content of `/proc/PID/cgroup`.
fn groups_of(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let top = match controllers {
            "" => root.to_owned(),
            // Version 1 has a tree for each set of controllers, often with an alias for each single
            // one.
            _ if controllers.split(',').any(|name| name == "cpu") => {
                let together = root.join(controllers);
                if together.is_dir() {
                    together
                } else {
                    root.join("cpu")
                }
            }
            _ => continue,
        };
        // Inside a container, the path may be relative to the host.
        let own = top.join(path.trim_start_matches('/'));
        let own = if own.is_dir() { own } else { top.clone() };
        found.extend(
            own.ancestors()
                .take_while(|folder| folder.starts_with(&top))
                .map(Path::to_owned),
        );
    }
    found
}

fn number(folder: &Path, file: &str) -> Option<f64> {
    fs::read_to_string(folder.join(file))
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn quota_of(folder: &Path) -> Option<f64> {
    let (quota, period) = match fs::read_to_string(folder.join("cpu.max")) {
        Ok(max) => {
            let (quota, period) = max.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        }
        Err(_) => (
            number(folder, "cpu.cfs_quota_us")?,
            number(folder, "cpu.cfs_period_us")?,
        ),
    };
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn throttled_of(folder: &Path) -> Option<Nanos> {
    let stat = fs::read_to_string(folder.join("cpu.stat")).ok()?;
    let value = |name: &str| {
        stat.lines()
            .find_map(|line| line.strip_prefix(name))?
            .trim()
            .parse::<u64>()
            .ok()
    };
    // Version 2 counts microseconds, version 1 nanoseconds.
    value("throttled_usec ")
        .map(|us| Nanos(us.saturating_mul(1_000)))
        .or_else(|| value("throttled_time ").map(Nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).expect("a folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
    }

    #[test]
    fn the_narrowest_group_of_version_2_counts() {
        let root = tempfile::tempdir().expect("a folder");
        group(root.path(), &[("cpu.stat", "usage_usec 5\n")]);
        group(
            &root.path().join("a"),
            &[
                ("cpu.max", "50000 100000\n"),
                ("cpu.stat", "nr_throttled 2\nthrottled_usec 7000\n"),
            ],
        );
        group(
            &root.path().join("a/b"),
            &[
                ("cpu.max", "max 100000\n"),
                ("cpu.stat", "throttled_usec 0\n"),
            ],
        );
        let folders = groups_of("0::/a/b\n", root.path());
        assert_eq!(
            folders,
            [
                root.path().join("a/b"),
                root.path().join("a"),
                root.path().to_owned()
            ]
        );
        assert_eq!(
            folders.iter().filter_map(|f| quota_of(f)).reduce(f64::min),
            Some(0.5)
        );
        assert_eq!(
            folders.iter().filter_map(|f| throttled_of(f)).max(),
            Some(Nanos::from_millis(7))
        );
    }

    #[test]
    fn version_1_has_a_tree_of_its_own() {
        let root = tempfile::tempdir().expect("a folder");
        let files = [
            ("cpu.cfs_quota_us", "150000\n"),
            ("cpu.cfs_period_us", "100000\n"),
            ("cpu.stat", "nr_periods 1\nthrottled_time 42\n"),
        ];
        group(&root.path().join("cpu,cpuacct/x"), &files);
        group(
            &root.path().join("cpuset/x"),
            &[
                ("cpu.cfs_quota_us", "1\n"),
                ("cpu.cfs_period_us", "100000\n"),
            ],
        );
        let folders = groups_of("3:cpuset:/x\n2:cpu,cpuacct:/x\n0::/\n", root.path());
        assert_eq!(
            folders.iter().filter_map(|f| quota_of(f)).reduce(f64::min),
            Some(1.5)
        );
        assert_eq!(
            folders.iter().filter_map(|f| throttled_of(f)).max(),
            Some(Nanos(42))
        );
        // The absence of a quota is written as −1; and a path that is not visible in a container is
        // looked up at the top of what is visible.
        group(
            &root.path().join("cpu"),
            &[
                ("cpu.cfs_quota_us", "-1\n"),
                ("cpu.cfs_period_us", "100000\n"),
            ],
        );
        let folders = groups_of("1:cpu:/docker/0123\nnonsense\n", root.path());
        assert_eq!((folders.len(), quota_of(&folders[0])), (1, None));
    }
}
