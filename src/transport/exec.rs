//! Programs: one is run in a process group of its own, without a shell, and its output is read.
//!
//! The group ends with the program: whatever it leaves behind is killed, so that an operation has
//! no after-effects on the next ones. A process that leaves its group escapes that.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::TransportError;
use super::error::is_fd_limit;
use crate::metrics::FailureKind;

/// The largest output that is kept.
const MAX_KEPT: usize = 16 << 20;
/// The end of the error output that is kept.
const MAX_SAID: usize = 1 << 10;
/// The longest time between two looks at whether the program is still wanted.
const LOOK: Duration = Duration::from_millis(20);
/// The same where the system does not tell when a process ends.
const LOOK_FOR_END: Duration = Duration::from_millis(1);

/// A program to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its variables, besides `PATH`.
    pub variables: Vec<(String, String)>,
    /// What it reads.
    pub stdin: Option<String>,
    /// The folder that it runs in.
    pub folder: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Its output, if it is kept.
    pub output: Vec<u8>,
    /// The size of its output.
    pub size: u64,
    /// The last line of its error output.
    pub said: String,
}

/// What whoever waits for a program knows of it.
pub(crate) struct Watch<'w> {
    /// Returns how long it may still run.
    pub left: &'w dyn Fn() -> Duration,
    /// Returns whether nobody waits for it any more.
    pub unwanted: &'w dyn Fn() -> bool,
    /// Is told of its first output.
    pub begun: &'w mut dyn FnMut(),
    /// Whether its output is kept.
    pub keep: bool,
}

/// The process group of a program, for others to kill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group(Arc<Mutex<GroupState>>);

#[derive(Debug, Default)]
struct GroupState {
    /// Its id, as long as the program has not been reaped: no other group can have it until then.
    id: Option<Pid>,
    is_killed: bool,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, GroupState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills whatever runs, and lets nothing start any more.
    pub(crate) fn kill(&self) {
        let mut state = self.lock();
        state.is_killed = true;
        state.kill();
    }

    /// Starts a command as the group's first process; returns `None` if the group was killed.
    fn start(&self, command: &mut Command) -> io::Result<Option<Child>> {
        let mut state = self.lock();
        if state.is_killed {
            return Ok(None);
        }
        let child = command.process_group(0).spawn()?;
        state.id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Some(child))
    }

    /// Kills the rest of a group whose first process has ended or is to end, and reaps that.
    fn end(&self, child: &mut Child) -> io::Result<ExitStatus> {
        {
            let mut state = self.lock();
            state.kill();
            state.id = None;
        }
        child.wait()
    }
}

impl GroupState {
    fn kill(&self) {
        if let Some(group) = self.id {
            // It may have just ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn failed(error: &io::Error, what: &str) -> TransportError {
    let (kind, remedy) = if is_fd_limit(error) {
        (FailureKind::FdLimit, "; raise the limit (`ulimit -n`)")
    } else {
        (FailureKind::Exec, "")
    };
    TransportError {
        kind,
        message: format!("{what}: {error}{remedy}"),
    }
}

/// Runs a program to its end; returns `None` if it was killed, because nobody waits for it or its
/// time is over.
///
/// # Errors
/// If it can't be started, or its output is too large to be kept.
pub(crate) fn run(
    program: &Program,
    group: &Group,
    watch: &mut Watch<'_>,
) -> Result<Option<Ended>, TransportError> {
    let name = program.command.first().map_or("", String::as_str);
    let starting = |error: io::Error| failed(&error, &format!("can't start `{name}`"));
    let Some(mut child) = group.start(&mut command(program)).map_err(starting)? else {
        return Ok(None);
    };
    let followed = Streams::of(&mut child, program)
        .and_then(|mut streams| follow(&child, &mut streams, watch).map(|end| (end, streams)));
    // In any case: nothing of it outlives this call.
    let status = group.end(&mut child);
    let (end, streams) =
        followed.map_err(|error| failed(&error, &format!("can't follow `{name}`")))?;
    let status = status.map_err(|error| failed(&error, &format!("can't follow `{name}`")))?;
    match end {
        End::Exited => Ok(Some(Ended {
            status,
            output: streams.output,
            size: streams.size,
            said: last_line(&streams.said),
        })),
        End::Killed => Ok(None),
        End::TooLarge => Err(TransportError {
            kind: FailureKind::Exec,
            message: format!(
                "the output is larger than {} MiB, the maximum for one that is checked",
                MAX_KEPT >> 20
            ),
        }),
    }
}

fn command(program: &Program) -> Command {
    let name = program.command.first().map_or("", String::as_str);
    let mut command = if name.contains('/') {
        Command::new(program.folder.join(name))
    } else {
        Command::new(name)
    };
    command
        .args(program.command.iter().skip(1))
        .current_dir(&program.folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .stdin(if program.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

enum End {
    Exited,
    Killed,
    TooLarge,
}

/// The pipes of a program, as long as they are open, and what was read from them.
#[derive(Default)]
struct Streams {
    stdin: Option<std::process::ChildStdin>,
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
    input: Vec<u8>,
    written: usize,
    output: Vec<u8>,
    size: u64,
    said: Vec<u8>,
}

impl Streams {
    fn of(child: &mut Child, program: &Program) -> io::Result<Self> {
        let streams = Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            input: program.stdin.clone().unwrap_or_default().into_bytes(),
            ..Self::default()
        };
        let fds = [
            streams.stdin.as_ref().map(|end| end.as_fd()),
            streams.stdout.as_ref().map(|end| end.as_fd()),
            streams.stderr.as_ref().map(|end| end.as_fd()),
        ];
        for fd in fds.into_iter().flatten() {
            rustix::io::ioctl_fionbio(fd, true)?;
        }
        Ok(streams)
    }

    /// Waits until something can be done, or for this long.
    fn wait(&self, process: Option<&OwnedFd>, longest: Duration) -> io::Result<()> {
        let reads = [
            process.map(|end| end.as_fd()),
            self.stdout.as_ref().map(|end| end.as_fd()),
            self.stderr.as_ref().map(|end| end.as_fd()),
        ];
        let reads = reads.into_iter().flatten();
        let writes = self.stdin.as_ref().map(|end| end.as_fd());
        let mut all: Vec<PollFd<'_>> = reads
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .chain(writes.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)))
            .collect();
        let longest = Timespec {
            tv_sec: longest.as_secs() as i64,
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        match poll(&mut all, Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Does what can be done without waiting; returns whether the output is too large.
    fn pass(&mut self, watch: &mut Watch<'_>) -> io::Result<bool> {
        self.write()?;
        let (output, size, keep) = (&mut self.output, &mut self.size, watch.keep);
        let begun = &mut watch.begun;
        read(&mut self.stdout, |bytes| {
            if *size == 0 {
                begun();
            }
            *size += bytes.len() as u64;
            if keep {
                output.extend_from_slice(bytes);
            }
        })?;
        let said = &mut self.said;
        read(&mut self.stderr, |bytes| {
            said.extend_from_slice(bytes);
            let old = said.len().saturating_sub(MAX_SAID);
            said.drain(..old);
        })?;
        Ok(self.output.len() > MAX_KEPT)
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(stdin) = &mut self.stdin {
            if self.written == self.input.len() {
                self.stdin = None;
                break;
            }
            match stdin.write(&self.input[self.written..]) {
                Ok(n) => self.written += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It does not want to read more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.stdin = None,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads what a pipe holds, up to a limit that gives others their turn; closes it at its end.
fn read<R: Read>(pipe: &mut Option<R>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut chunk = [0; 16 << 10];
    for _ in 0..64 {
        let Some(open) = pipe else { break };
        match open.read(&mut chunk) {
            Ok(0) => *pipe = None,
            Ok(n) => take(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads the output of a program until it ends or is to be killed.
fn follow(child: &Child, streams: &mut Streams, watch: &mut Watch<'_>) -> io::Result<End> {
    let process = pidfd(child);
    let look = if process.is_some() {
        LOOK
    } else {
        LOOK_FOR_END
    };
    loop {
        let left = (watch.left)();
        if left.is_zero() || (watch.unwanted)() {
            return Ok(End::Killed);
        }
        streams.wait(process.as_ref(), look.min(left))?;
        // Asked before the last read: what it wrote before it ended is in the pipes by then.
        let has_exited = has_exited(child)?;
        if streams.pass(watch)? {
            return Ok(End::TooLarge);
        }
        if has_exited {
            return Ok(End::Exited);
        }
    }
}

/// Returns what becomes readable when the program ends, if the system has that.
#[cfg(target_os = "linux")]
fn pidfd(child: &Child) -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, pidfd_open};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_child: &Child) -> Option<OwnedFd> {
    None
}

/// Returns whether the program has ended, and leaves it to be reaped.
fn has_exited(child: &Child) -> io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    match pid.map(|pid| waitid(WaitId::Pid(pid), options)) {
        Some(Ok(status)) => Ok(status.is_some()),
        Some(Err(rustix::io::Errno::INTR)) => Ok(false),
        Some(Err(error)) => Err(error.into()),
        None => Ok(true),
    }
}

/// Returns the last line of a text that says something.
fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    line.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}

/// Returns how a program ended, in words; `None` if it exited with one of these codes.
pub(crate) fn complaint(ended: &Ended, good: &[u8]) -> Option<String> {
    let how = match (ended.status.code(), ended.status.signal()) {
        (Some(code), _) if u8::try_from(code).is_ok_and(|code| good.contains(&code)) => {
            return None;
        }
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "it ended in an unknown way".into(),
    };
    Some(if ended.said.is_empty() {
        how
    } else {
        format!("{how}: {}", ended.said)
    })
}
