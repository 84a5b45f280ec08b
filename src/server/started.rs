//! [`Started`]: a server that the user's own command starts, for as long as it is under load.
//!
//! The command runs in a shell, in its own process group: everything it starts is stopped with it,
//! and nothing else is. Knows nothing of what the server serves.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::{Clock, Nanos};
use crate::plan::Secrets;

/// How long a server may take to end when told to.
const STOP_TIMEOUT: Nanos = Nanos::from_secs(5);
const STEP: Duration = Duration::from_millis(10);
/// The maximum length of a log line, in bytes; longer ones are omitted if secrets have to be
/// hidden.
const MAX_LINE: u64 = 64 << 10;

/// The running process groups, for code that has to end the program at once.
#[derive(Debug, Default)]
pub struct Groups(Mutex<Vec<u32>>);

impl Groups {
    fn change(&self, change: impl FnOnce(&mut Vec<u32>)) {
        change(
            &mut self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }

    /// Kills all process groups.
    pub fn kill(&self) {
        self.change(|groups| groups.drain(..).for_each(|group| signal(group, Stop::Kill)));
    }
}

/// The user's server. Dropping it stops it.
#[derive(Debug)]
pub struct Started {
    child: Child,
    /// The thread that hides secrets in its output, if there are any.
    log: Option<JoinHandle<()>>,
    groups: Arc<Groups>,
}

impl Started {
    /// Runs a command line in a shell. Its output goes to `log`, with every secret hidden, because
    /// servers log the requests they get. Without secrets it writes to the file directly, which
    /// costs nothing.
    ///
    /// # Errors
    /// If there is no shell, or the log cannot be shared with it.
    pub fn start(
        line: &str,
        log: &File,
        secrets: &Secrets,
        groups: &Arc<Groups>,
    ) -> io::Result<Self> {
        let mut command = if cfg!(windows) {
            Command::new("cmd")
        } else {
            Command::new("sh")
        };
        command.args([if cfg!(windows) { "/C" } else { "-c" }, line]);
        command.stdin(Stdio::null());
        let log = log.try_clone()?;
        let copied = if secrets.is_empty() {
            command.stdout(log.try_clone()?).stderr(log);
            None
        } else {
            let (said, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            Some((said, log, secrets.clone()))
        };
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        adopt_orphans();
        let child = command.spawn()?;
        // Only the server must hold the write ends of the pipe, so that the log ends with the last
        // process that can write to it.
        drop(command);
        groups.change(|groups| groups.push(child.id()));
        let log =
            copied.map(|(said, log, secrets)| thread::spawn(move || copy(said, log, &secrets)));
        Ok(Self {
            child,
            log,
            groups: groups.clone(),
        })
    }

    /// Returns the number of its process group.
    pub fn group(&self) -> u32 {
        self.child.id()
    }

    /// Returns how it ended, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Returns whether anything of the group is still running.
    fn is_running(&mut self) -> bool {
        let group = self.child.id();
        // As zombies, the shell and what it left behind would count as running.
        let shell_ended = self.ended().is_some();
        if shell_ended {
            reap_orphans(group);
        }
        !shell_ended || is_there(group)
    }

    /// Tells the whole group to end, and kills what is left after five seconds.
    fn stop(&mut self) {
        let group = self.child.id();
        signal(group, Stop::End);
        let clock = Clock::new();
        while self.is_running() && clock.now() < STOP_TIMEOUT {
            thread::sleep(STEP);
        }
        if self.is_running() {
            signal(group, Stop::Kill);
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        self.groups
            .change(|groups| groups.retain(|known| *known != group));
        // A process that has left the group may hold the pipe open forever.
        let clock = Clock::new();
        while self.log.as_ref().is_some_and(|log| !log.is_finished()) && clock.now() < STOP_TIMEOUT
        {
            thread::sleep(STEP);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Copies output into a log, line by line, with every secret hidden. An error in writing the log
/// must not block the server, so its output is still read to the end.
fn copy(said: PipeReader, mut log: File, secrets: &Secrets) {
    let mut said = BufReader::new(said);
    let mut line = Vec::new();
    while said
        .by_ref()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = if line.ends_with(b"\n") || (line.len() as u64) < MAX_LINE {
            secrets.redact(&String::from_utf8_lossy(&line))
        } else {
            // A secret might be split where the line is cut.
            let _ = said.skip_until(b'\n');
            format!("[a line of more than {} KiB is left out]\n", MAX_LINE >> 10)
        };
        let _ = log.write_all(text.as_bytes());
        line.clear();
    }
}

#[derive(Clone, Copy)]
enum Stop {
    End,
    Kill,
}

#[cfg(unix)]
fn signal(group: u32, stop: Stop) {
    use rustix::process::{Signal, kill_process_group};
    if let Some(group) = pid(group) {
        // If the group is empty, there is nothing to signal.
        let _ = kill_process_group(
            group,
            if matches!(stop, Stop::End) {
                Signal::TERM
            } else {
                Signal::KILL
            },
        );
    }
}

/// Makes this process the parent of whatever a shell leaves behind, so that it can be reaped at
/// once: the first process of a container may do so late, or never.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // Without it, ended processes are waited for as if they were running: only slower.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

/// Reaps the ended processes of a group, except its shell, which [`Child`] reaps.
#[cfg(target_os = "linux")]
fn reap_orphans(group: u32) {
    use rustix::process::{WaitOptions, waitpgid};
    if let Some(group) = pid(group) {
        while matches!(waitpgid(group, WaitOptions::NOHANG), Ok(Some(_))) {}
    }
}

#[cfg(not(target_os = "linux"))]
fn reap_orphans(_group: u32) {}

#[cfg(unix)]
fn is_there(group: u32) -> bool {
    pid(group).is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
}

#[cfg(unix)]
fn pid(id: u32) -> Option<rustix::process::Pid> {
    i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
}

#[cfg(not(unix))]
fn signal(_group: u32, _stop: Stop) {}

#[cfg(not(unix))]
fn is_there(_group: u32) -> bool {
    false
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn start(line: &str) -> (Started, tempfile::NamedTempFile) {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let started = Started::start(line, log.as_file(), &Secrets::default(), &Arc::default())
            .expect("a shell");
        (started, log)
    }

    fn text(log: &tempfile::NamedTempFile) -> String {
        let mut text = String::new();
        log.reopen()
            .expect("it is there")
            .read_to_string(&mut text)
            .expect("text");
        text
    }

    fn until(mut holds: impl FnMut() -> bool) {
        let clock = Clock::new();
        while !holds() {
            assert!(clock.now() < Nanos::from_secs(30), "not after 30 s");
            thread::sleep(STEP);
        }
    }

    #[test]
    fn the_whole_group_ends_with_it() {
        let (started, log) = start("sleep 60 & sleep 60 & echo $! ; wait");
        let group = started.child.id();
        until(|| text(&log).ends_with('\n'));
        let grandchild = pid(text(&log).trim().parse().expect("a number")).expect("a process");
        assert!(rustix::process::test_kill_process(grandchild).is_ok());
        let clock = Clock::new();
        drop(started);
        assert!(!is_there(group));
        let took = clock.now();
        assert!(
            took < Nanos::from_millis(900),
            "no zombie is waited for: {took}"
        );
    }

    #[test]
    fn what_heeds_no_signal_is_killed_by_the_registry() {
        let groups = Arc::<Groups>::default();
        let log = tempfile::NamedTempFile::new().expect("a file");
        let mut started = Started::start(
            "trap '' TERM; echo up; while :; do sleep 1; done",
            log.as_file(),
            &Secrets::default(),
            &groups,
        )
        .expect("a shell");
        until(|| text(&log).contains("up"));
        groups.kill();
        until(|| started.ended().is_some());
    }

    #[test]
    fn its_log_hides_secrets_and_is_whole_when_it_has_stopped() {
        let mut secrets = Secrets::default();
        secrets.add("tok-55d2");
        let log = tempfile::NamedTempFile::new().expect("a file");
        let line = "echo 'GET /?t=tok-55d2'; head -c 70000 /dev/zero | tr '\\0' x; echo tok-55d2; printf 'tok-55d2 \\377' >&2";
        let mut started =
            Started::start(line, log.as_file(), &secrets, &Arc::default()).expect("a shell");
        until(|| started.ended().is_some());
        drop(started);
        assert_eq!(
            text(&log),
            "GET /?t=***\n[a line of more than 64 KiB is left out]\n*** \u{fffd}"
        );
    }

    #[test]
    fn it_says_how_it_ended() {
        let (mut started, log) = start("echo no port >&2; exit 7");
        until(|| started.ended().is_some());
        assert_eq!(started.ended().and_then(|status| status.code()), Some(7));
        assert_eq!(text(&log), "no port\n");
    }
}
