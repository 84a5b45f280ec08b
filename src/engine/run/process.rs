//! Runs each mode in a process of its own: peak memory, threads and CPU time are then those of the
//! mode, and a mode that crashes does not take the figures of another with it.
//!
//! The child is the same program. It reads one [`Job`] as a line of JSON from its stdin and writes
//! lines of JSON, one message each, to its stdout. If it is one of several that run a mode together,
//! a second line tells it when to start. SIGINT tells it to drain, SIGTERM to stop at once; it ends
//! by itself when its parent is gone.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::assembly::Measurements;
use crate::engine::job::Job;
use crate::engine::observe::event::Event;
use crate::plan::Mode;

/// The argument that makes the program read and run a job.
pub const ARGUMENT: &str = "run-mode";

/// A message of a child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Message {
    /// It handles signals from now on: an earlier one would have killed it.
    Listening,
    Event(Event),
    Failed(String),
    /// It could not run because of a defect of loadgen.
    Defect(String),
    /// A signal ended it before there was anything to measure.
    Interrupted,
    Done(Box<Measurements<'static>>),
}

/// Why a child returned no figures.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It could not be started, or the communication with it failed.
    #[error("could not start the process that runs the {mode} mode: {source}")]
    Start {
        /// The mode.
        mode: Mode,
        /// The error of the system.
        source: io::Error,
    },
    /// It reported why it could not run.
    #[error("{0}")]
    Refused(String),
    /// It reported a defect of loadgen.
    #[error("{0}")]
    Defect(String),
    /// A signal ended it before there was anything to measure.
    #[error("the {mode} mode was interrupted before anything was measured")]
    Interrupted {
        /// The mode.
        mode: Mode,
    },
    /// It ended without a result.
    #[error(
        "the process that ran the {mode} mode ended without figures ({status}); nothing of this mode and round is kept"
    )]
    Died {
        /// The mode.
        mode: Mode,
        /// Its exit status.
        status: String,
    },
}

/// Forwards the user's signals to the running child, from whichever thread notices them.
#[derive(Debug, Default)]
pub struct ChildControl {
    child: AtomicU32,
    /// Where it is told when to start, if it waits for that.
    input: Mutex<Option<ChildStdin>>,
    pulled: Mutex<Option<Pull>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pull {
    Drain,
    GiveUp,
}

impl ChildControl {
    /// Returns whether the user wants the run to end.
    pub fn is_pulled(&self) -> bool {
        self.pulled.lock().is_ok_and(|pulled| pulled.is_some())
    }

    /// Tells the child to start at this time of day, in nanoseconds since 1970, if it waits for that.
    pub fn start(&self, at: u64) {
        let input = self.input.lock().ok().and_then(|mut input| input.take());
        if let Some(mut input) = input {
            // If the child is gone, its output reveals it.
            let _ = writeln!(input, "{at}");
        }
    }

    /// Asks the run to end; the second call, at once. Returns `false` if the second call finds no
    /// child to signal: then there is nothing to wait for.
    pub fn pull(&self) -> bool {
        let Ok(mut pulled) = self.pulled.lock() else {
            return false;
        };
        let pull = if pulled.is_none() {
            Pull::Drain
        } else {
            Pull::GiveUp
        };
        *pulled = Some(pull);
        self.send(pull);
        pull == Pull::Drain || self.child.load(Ordering::SeqCst) != 0
    }

    fn hold(&self, child: u32) {
        let Ok(pulled) = self.pulled.lock() else {
            return;
        };
        self.child.store(child, Ordering::SeqCst);
        // The user may have been faster than the child.
        if let Some(pull) = *pulled {
            self.send(pull);
        }
    }

    fn let_go(&self) {
        self.child.store(0, Ordering::SeqCst);
        if let Ok(mut input) = self.input.lock() {
            *input = None;
        }
    }

    #[cfg(unix)]
    fn send(&self, pull: Pull) {
        use rustix::process::{Pid, Signal, kill_process};
        let child = i32::try_from(self.child.load(Ordering::SeqCst))
            .ok()
            .and_then(Pid::from_raw);
        if let Some(child) = child {
            let signal = if pull == Pull::Drain {
                Signal::INT
            } else {
                Signal::TERM
            };
            // The child may have just ended by itself.
            let _ = kill_process(child, signal);
        }
    }

    #[cfg(not(unix))]
    fn send(&self, _pull: Pull) {}
}

/// Kills and reaps the child if the parent returns before the child has sent its result.
struct Running<'a> {
    child: Child,
    leash: &'a ChildControl,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.leash.let_go();
        // After a normal end neither call does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a job in a child process: `program` with [`ARGUMENT`]. Returns what it measured.
///
/// # Errors
/// If the child cannot be started, refuses the job or dies.
pub fn run(
    program: &Path,
    job: &Job,
    leash: &ChildControl,
    mut say: impl FnMut(Event),
) -> Result<Measurements<'static>, ProcessError> {
    let mode = job.mode;
    let failed = |source| ProcessError::Start { mode, source };
    let mut command = Command::new(program);
    command
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    #[cfg(unix)]
    {
        // Ctrl-C on the terminal is meant for the parent, which decides what to tell the child.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    let mut running = Running {
        child: command.spawn().map_err(failed)?,
        leash,
    };
    if let Some(mut stdin) = running.child.stdin.take() {
        let mut text = serde_json::to_vec(job).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        // If the child is gone already, the missing output below reveals it.
        let _ = stdin.write_all(&text);
        if job.environment.is_member
            && let Ok(mut input) = leash.input.lock()
        {
            *input = Some(stdin);
        }
    }
    let stdout = running
        .child
        .stdout
        .take()
        .ok_or_else(|| failed(io::Error::other("it has no stdout")))?;
    for line in BufReader::new(stdout).lines() {
        match serde_json::from_str(&line.map_err(failed)?) {
            Ok(Message::Listening) => leash.hold(running.child.id()),
            Ok(Message::Event(event)) => say(event),
            Ok(Message::Failed(reason)) => return Err(ProcessError::Refused(reason)),
            Ok(Message::Defect(reason)) => return Err(ProcessError::Defect(reason)),
            Ok(Message::Interrupted) => return Err(ProcessError::Interrupted { mode }),
            Ok(Message::Done(measured)) => {
                // The child now ends by itself. If it runs under a profiler, that has to write its
                // data first.
                leash.let_go();
                let _ = running.child.wait();
                return Ok(*measured);
            }
            // A line was cut off: the end of the output comes next.
            Err(_) => break,
        }
    }
    let status = running
        .child
        .wait()
        .map_or_else(|e| e.to_string(), |s| s.to_string());
    Err(ProcessError::Died { mode, status })
}
