//! Runs each mode in a process of its own: peak memory, threads and CPU time are then those of the
//! mode, and a mode that crashes does not take the figures of another with it.
//!
//! The child is the same program. It reads one [`Job`] as JSON from its stdin and writes lines of
//! JSON, one message each, to its stdout. SIGINT tells it to drain, SIGTERM to stop at once; it
//! ends by itself when its parent is gone.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::measure_mode;
use crate::assembly::Measurements;
use crate::engine::error::RunError;
use crate::engine::job::Job;
use crate::engine::observe::event::Event;
use crate::engine::schedule::stop::Signal;
use crate::plan::Mode;
use crate::result::{ModeRun, StoppedBy};

/// The interval between the figures so far that a child sends to be shown, in seconds.
const SHOW_S: f64 = 0.9;

/// A message of a child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    /// It handles signals from now on: an earlier one would have killed it.
    Ready,
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

/// Runs a job in a child process: `program` with `arguments`, which must call [`serve`]. Returns
/// what it measured.
///
/// # Errors
/// If the child cannot be started, refuses the job or dies.
pub fn run(
    program: &Path,
    arguments: &[&str],
    job: &Job,
    leash: &ChildControl,
    mut say: impl FnMut(Event),
) -> Result<Measurements<'static>, ProcessError> {
    let mode = job.mode;
    let failed = |source| ProcessError::Start { mode, source };
    let mut command = Command::new(program);
    command
        .args(arguments)
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
        let text = serde_json::to_vec(job).map_err(|e| failed(e.into()))?;
        // If the child is gone already, the missing output below reveals it.
        let _ = stdin.write_all(&text);
    }
    let stdout = running
        .child
        .stdout
        .take()
        .ok_or_else(|| failed(io::Error::other("it has no stdout")))?;
    for line in BufReader::new(stdout).lines() {
        match serde_json::from_str(&line.map_err(failed)?) {
            Ok(Message::Ready) => leash.hold(running.child.id()),
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

/// Runs the child's side: reads a job from `input`, runs it and writes messages to `output`. If the
/// plan asks for it, `judge` is given the figures so far and may end the run.
///
/// # Errors
/// If the job cannot be read, or the parent does not read the messages.
pub fn serve(
    input: &mut impl Read,
    output: &mut (impl Write + Send),
    judge: &(dyn Fn(&Job, &ModeRun) -> Option<StoppedBy> + Sync),
) -> io::Result<()> {
    let mut text = Vec::new();
    input.read_to_end(&mut text)?;
    let job: Job = serde_json::from_slice(&text)?;
    let signals = Signals::listen(job.parent)?;
    let output = Mutex::new(output);
    let write = |message: &Message| -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut output = output
            .lock()
            .map_err(|_| io::Error::other("a writer panicked"))?;
        output.write_all(&line)?;
        output.flush()
    };
    let judged = OnceLock::new();
    let shown = Mutex::new(f64::NEG_INFINITY);
    let say = |event: Event| {
        if let Event::SoFar(run) = &event {
            if let Some(by) = judge(&job, run) {
                judged.get_or_init(|| by);
            }
            // For judging, they are made more often than anybody can look at them.
            let due = |last: &mut f64| {
                run.wall_s >= *last + SHOW_S && std::mem::replace(last, run.wall_s) < run.wall_s
            };
            if !job.environment.live || !shown.lock().is_ok_and(|mut last| due(&mut last)) {
                return;
            }
        }
        // The signals notice a parent that is gone.
        let _ = write(&Message::Event(event));
    };
    let pending = || {
        signals
            .pending()
            .or_else(|| judged.get().copied().map(Signal::Finish))
    };
    write(&Message::Ready)?;
    let result = measure_mode(&job, &pending, &say);
    match result {
        Ok(measured) => write(&Message::Done(Box::new(measured))),
        Err(RunError::Interrupted) => write(&Message::Interrupted),
        Err(error @ (RunError::Panicked | RunError::Deadlock)) => {
            write(&Message::Defect(error.to_string()))
        }
        Err(error) => write(&Message::Failed(error.to_string())),
    }
}

/// What the parent tells a child: through signals, and by being alive.
struct Signals {
    drain: std::sync::Arc<AtomicBool>,
    give_up: std::sync::Arc<AtomicBool>,
    #[cfg(unix)]
    parent: u32,
}

impl Signals {
    #[cfg(unix)]
    fn listen(parent: u32) -> io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::flag::register;
        let signals = Self {
            drain: Default::default(),
            give_up: Default::default(),
            parent,
        };
        register(SIGINT, signals.drain.clone())?;
        register(SIGTERM, signals.give_up.clone())?;
        Ok(signals)
    }

    #[cfg(not(unix))]
    fn listen(_parent: u32) -> io::Result<Self> {
        Ok(Self {
            drain: Default::default(),
            give_up: Default::default(),
        })
    }

    fn pending(&self) -> Option<Signal> {
        #[cfg(unix)]
        if rustix::process::getppid()
            .is_none_or(|parent| i64::from(parent.as_raw_nonzero().get()) != i64::from(self.parent))
        {
            return Some(Signal::GiveUp);
        }
        if self.give_up.load(Ordering::Relaxed) {
            Some(Signal::GiveUp)
        } else {
            self.drain
                .load(Ordering::Relaxed)
                .then_some(Signal::Finish(StoppedBy::Interrupt))
        }
    }
}
