//! Processes of this machine with their descendants, as the files in `/proc` show them.

use std::collections::BTreeMap;
use std::fs;

use super::host::TICKS;

/// The size of a page of memory, in bytes; `rustix` asks the system.
fn page_size() -> f64 {
    rustix::param::page_size() as f64
}

/// A process at one moment.
#[derive(Clone, Debug, PartialEq)]
struct Process {
    parent: u32,
    /// The number of its process group.
    group: u32,
    name: String,
    /// Processor time so far, in seconds.
    cpu_s: f64,
    threads: f64,
    rss: f64,
}

/// Which processes are meant.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// The one with this id.
    Pid(u32),
    /// All whose program has this name.
    Name(String),
    /// All of the process group with this number.
    Group(u32),
}

/// A process and its descendants, or several.
#[derive(Debug)]
pub(super) struct Family {
    root: Root,
    /// The processor time of each member at the last look, in seconds.
    known: BTreeMap<u32, f64>,
    /// The processor time that the members used while they were watched.
    used_s: f64,
}

/// What a family uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Used {
    /// Processor time since the first look, in seconds.
    pub(super) cpu_s: f64,
    /// Resident memory, in bytes; what processes share counts for each.
    pub(super) rss: f64,
    /// The number of threads.
    pub(super) threads: f64,
    /// The number of open files; `None` if they belong to another user.
    pub(super) files: Option<f64>,
}

impl Family {
    /// Creates one that nobody has looked at yet.
    pub(super) const fn new(root: Root) -> Self {
        Self {
            root,
            known: BTreeMap::new(),
            used_s: 0.0,
        }
    }

    /// Reads what the family uses; returns `None` if it has no member.
    pub(super) fn look(&mut self) -> Option<Used> {
        let used = self.add(&all());
        used.map(|used| Used {
            files: files(self.known.keys()),
            ..used
        })
    }

    fn add(&mut self, all: &BTreeMap<u32, Process>) -> Option<Used> {
        let is_first = self.known.is_empty() && self.used_s == 0.0;
        let members = members(&self.root, all);
        let mut seen = BTreeMap::new();
        let (mut rss, mut threads) = (0.0, 0.0);
        for (pid, process) in &members {
            let before = match self.known.get(pid) {
                Some(before) => *before,
                // What it used before somebody looked is not counted; what a new member did is.
                None if is_first => process.cpu_s,
                None => 0.0,
            };
            self.used_s += (process.cpu_s - before).max(0.0);
            seen.insert(*pid, process.cpu_s);
            rss += process.rss;
            threads += process.threads;
        }
        self.known = seen;
        (!members.is_empty()).then_some(Used {
            cpu_s: self.used_s,
            rss,
            threads,
            files: None,
        })
    }
}

/// Returns the processes that are meant, with their descendants.
fn members<'a>(root: &Root, all: &'a BTreeMap<u32, Process>) -> BTreeMap<u32, &'a Process> {
    let is_root = |pid: &u32, process: &Process| match root {
        Root::Pid(wanted) => pid == wanted,
        // The kernel keeps 15 bytes of a name.
        Root::Name(name) => process.name == name.get(..15).unwrap_or(name),
        Root::Group(wanted) => process.group == *wanted,
    };
    let is_member = |pid: &u32, process: &Process| {
        if is_root(pid, process) {
            return true;
        }
        let mut parent = process.parent;
        // Bounded, whatever the kernel says.
        for _ in 0..1000 {
            match all.get(&parent) {
                Some(above) if is_root(&parent, above) => return true,
                Some(above) => parent = above.parent,
                None => return false,
            }
        }
        false
    };
    all.iter()
        .filter(|(pid, process)| is_member(pid, process))
        .map(|(pid, process)| (*pid, process))
        .collect()
}

/// Reads all processes of this machine.
fn all() -> BTreeMap<u32, Process> {
    let page = page_size();
    let Ok(folder) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let process = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        // It may have ended since.
        let text = fs::read(entry.path().join("stat")).ok()?;
        Some((pid, parse(&String::from_utf8_lossy(&text), page)?))
    };
    folder.flatten().filter_map(process).collect()
}

/// Parses `/proc/PID/stat` (proc_pid_stat(5)).
fn parse(stat: &str, page: f64) -> Option<Process> {
    // A name may contain blanks and brackets.
    let (before, rest) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at - 3)?.parse::<f64>().ok();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        name: name.to_owned(),
        cpu_s: (number(14)? + number(15)?) / TICKS,
        threads: number(20)?,
        rss: number(24)? * page,
    })
}

/// Counts the open files of processes.
fn files<'a>(of: impl Iterator<Item = &'a u32>) -> Option<f64> {
    let count = |pid: &u32| Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64);
    of.map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, parent: u32, ticks: u32) -> Process {
        let text = format!(
            "1 ({name}) S {parent} 1 1 0 -1 4194304 0 0 0 0 {ticks} 50 900 900 20 0 3 0 1 1000 25 0"
        );
        parse(&text, 4096.0).expect("a process")
    }

    #[test]
    fn a_process_is_read_by_the_numbers_of_its_fields() {
        let process = stat("odd) name (", 7, 150);
        assert_eq!(
            process,
            Process {
                parent: 7,
                group: 1,
                name: "odd) name (".into(),
                cpu_s: 2.0,
                threads: 3.0,
                rss: 25.0 * 4096.0,
            }
        );
        assert_eq!(parse("1 (x) S 1", 4096.0), None);
        assert_eq!(parse("", 4096.0), None);
    }

    #[test]
    fn a_family_counts_descendants_and_what_they_used_since_the_first_look() {
        let mut all = BTreeMap::from([
            (1, stat("init", 0, 5000)),
            (10, stat("app", 1, 100)),
            (11, stat("worker", 10, 200)),
            (12, stat("other", 1, 900)),
        ]);
        let mut family = Family::new(Root::Name("app".into()));
        let used = family.add(&all).expect("members");
        assert_eq!((used.cpu_s, used.threads), (0.0, 6.0));
        // The one worker has used 0.5 s more, and another has come and used 1 s (0.5 s in the kernel).
        all.insert(11, stat("worker", 10, 250));
        all.insert(13, stat("worker", 11, 50));
        let used = family.add(&all).expect("members");
        assert_eq!(
            (used.cpu_s, used.threads, used.rss),
            (1.5, 9.0, 75.0 * 4096.0)
        );
        // One ends: what it has used stays.
        all.remove(&13);
        assert_eq!(family.add(&all).expect("members").cpu_s, 1.5);
        all.retain(|pid, _| *pid == 1);
        assert_eq!(family.add(&all), None);
        // The group of each is 1 in this test.
        assert_eq!(members(&Root::Group(1), &all).len(), 1);
        assert!(members(&Root::Group(2), &all).is_empty());
        // Processes that are their own ancestors end nothing in a loop.
        let circle = BTreeMap::from([(5, stat("a", 6, 0)), (6, stat("b", 5, 0))]);
        assert!(members(&Root::Pid(7), &circle).is_empty());
    }

    #[test]
    fn this_process_is_seen() {
        let mut family = Family::new(Root::Pid(std::process::id()));
        let used = family.look().expect("it runs");
        assert!(used.rss > 1e6 && used.threads >= 1.0, "{used:?}");
        assert!(used.files.is_some_and(|files| files >= 3.0), "{used:?}");
    }
}
