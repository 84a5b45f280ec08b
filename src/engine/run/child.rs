//! [`serve`]: the side of the child of [`process`](super::process): it reads one job, runs it, and
//! writes what happens.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use super::measure_mode;
use super::process::Message;
use super::run_folder;
use crate::base::Nanos;
use crate::engine::error::RunError;
use crate::engine::job::Job;
use crate::engine::observe::event::Event;
use crate::engine::schedule::stop::Signal;
use crate::result::{ModeRun, StoppedBy};

/// How early the figures so far may be sent, as a part of the interval at which they are asked for:
/// those that are made at that interval must not be late for it.
const EARLY: f64 = 0.9;

/// Reads a job from `input`, runs it and writes messages to `output`. If the
/// plan asks for it, `judge` is given the figures so far and may end the run.
///
/// # Errors
/// If the job cannot be read, or the parent does not read the messages.
pub fn serve(
    mut input: impl BufRead + Send + 'static,
    output: &mut (impl Write + Send),
    judge: &(dyn Fn(&Job, &ModeRun) -> Option<StoppedBy> + Sync),
) -> io::Result<()> {
    let mut text = String::new();
    input.read_line(&mut text)?;
    let mut job: Job = serde_json::from_str(&text)?;
    let signals = Signals::listen(job.parent)?;
    let folder = run_folder::provide(&job.plan, &mut job.environment);
    let start = Arc::<AtomicU64>::default();
    if job.environment.is_member {
        listen_for_start(input, start.clone());
    }
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
        if let Event::SoFar(so_far) = &event {
            let run = &so_far.run;
            if let Some(by) = judge(&job, run) {
                judged.get_or_init(|| by);
            }
            // For judging, they are made more often than anybody asks for them.
            let due = |last: &mut f64, every: Nanos| {
                let has_passed = run.wall_s >= *last + EARLY * every.as_secs_f64();
                has_passed && std::mem::replace(last, run.wall_s) < run.wall_s
            };
            let is_due = job
                .environment
                .figures_every
                .is_some_and(|every| shown.lock().is_ok_and(|mut last| due(&mut last, every)));
            if !is_due {
                return;
            }
        }
        // The signals notice a parent that is gone.
        let _ = write(&Message::Event(event));
    };
    let pending = || {
        let told = || Some(start.swap(0, Ordering::Relaxed)).filter(|at| *at > 0);
        signals
            .pending()
            .or_else(|| judged.get().copied().map(Signal::Finish))
            .or_else(|| told().map(Signal::Start))
    };
    write(&Message::Listening)?;
    let result = folder.and_then(|folder| {
        let measured = measure_mode(&job, &pending, &say);
        // The parent may end this process once it has the last message.
        drop(folder);
        measured
    });
    match result {
        Ok(measured) => write(&Message::Done(Box::new(measured))),
        Err(RunError::Interrupted) => write(&Message::Interrupted),
        Err(error @ (RunError::Panicked | RunError::Deadlock | RunError::ProcessDefect(_))) => {
            write(&Message::Defect(error.to_string()))
        }
        Err(error) => write(&Message::Failed(error.to_string())),
    }
}

/// Stores the time of day of the start when the parent tells it. The thread ends with its input, or
/// with the process.
fn listen_for_start(mut input: impl BufRead + Send + 'static, start: Arc<AtomicU64>) {
    thread::spawn(move || {
        let mut line = String::new();
        if input.read_line(&mut line).is_ok()
            && let Ok(at) = line.trim().parse()
        {
            start.store(at, Ordering::Relaxed);
        }
    });
}

/// What the parent tells a child: through signals, and by being alive.
struct Signals {
    drain: Arc<AtomicBool>,
    give_up: Arc<AtomicBool>,
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
