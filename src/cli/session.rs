//! [`Session`]: the environment of a command while it measures: this program, the user's signals,
//! the built-in server, and the progress display. The command decides what is measured, how often,
//! and what follows from it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;

use super::exit::{Exit, Failure, or_exit};
use super::output::Console;
use crate::assembly::{Measurements, SoFar, assemble};
use crate::base::Nanos;
use crate::engine;
use crate::engine::preflight::{descriptors, ports};
use crate::engine::run::process::{self, ChildControl, ProcessError};
use crate::engine::{Environment, Event, Job, Phase, RunError, Signal, preflight};
use crate::plan::{Address, Mode, Plan, Shard};
use crate::report::progress::{Progress, ProgressMode};
use crate::report::status::{Status, StepStatus};
use crate::result::{ModeRun, StoppedBy, Watched};
use crate::server::{self, Groups};
use crate::watch::Watcher;

/// Returns the current time, which a command reads once and puts into its results.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// Formats a time as results have it: RFC 3339, UTC.
pub(super) fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the failure of a command if a mode of its run panicked.
pub(super) fn panicked() -> Failure {
    Failure {
        exit: Exit::Internal,
        error: RunError::Panicked.into(),
    }
}

/// The environment of a command while it measures.
pub(super) struct Session<'a> {
    program: PathBuf,
    leash: Arc<ChildControl>,
    /// The process groups that the user's own commands have started.
    groups: Arc<Groups>,
    /// The built-in server, started for the first plan that needs it; it ends with the session.
    server: Option<server::Child>,
    progress: Progress<'a>,
    console: &'a Console,
    warnings: Vec<String>,
}

impl<'a> Session<'a> {
    /// Handles the user's signals from now on, and shows progress if requested.
    pub(super) fn open(show_progress: bool, console: &'a Console) -> Result<Self, Failure> {
        let leash = Arc::new(ChildControl::default());
        let groups = Arc::<Groups>::default();
        or_exit(
            heed_signals(leash.clone(), groups.clone()).context("can't listen for signals"),
            Exit::Internal,
        )?;
        let program = or_exit(
            std::env::current_exe().context("can't find the loadgen executable"),
            Exit::Internal,
        )?;
        let mode = match () {
            () if !show_progress => ProgressMode::Off,
            () if console.is_at_terminal() => ProgressMode::Animated,
            () => ProgressMode::Plain,
        };
        Ok(Self {
            program,
            leash,
            groups,
            server: None,
            progress: Progress::new(mode, console),
            console,
            warnings: Vec::new(),
        })
    }

    /// Prepares the environment of a plan: enough descriptors, the built-in server if it is a
    /// target, and targets that are reachable and may be put under load. Paths of files are
    /// relative to `folder`.
    pub(super) fn environment(
        &mut self,
        plan: &Plan,
        folder: &Path,
        asked_at: Timestamp,
    ) -> Result<Environment, Failure> {
        or_exit(descriptors::provide(plan), Exit::CouldNotRun)?;
        let builtin = plan
            .targets_used()
            .iter()
            .any(|t| plan.targets[*t].address == Address::Builtin);
        if builtin && self.server.is_none() {
            let server =
                server::Child::start(&self.program).context("can't start the built-in server");
            self.server = Some(or_exit(server, Exit::CouldNotRun)?);
        }
        let reached = preflight::preflight(
            plan,
            folder,
            self.server.as_ref().map(server::Child::address),
        );
        let reached = or_exit(reached, Exit::CouldNotRun)?;
        for warning in or_exit(ports::foresee(plan, &reached), Exit::CouldNotRun)?
            .into_iter()
            .chain(insecure(plan))
        {
            self.progress.note(&format!("warning: {warning}"));
            self.warnings.push(warning);
        }
        let echo = self.server.as_ref().map(server::Child::echo);
        let unix_ms = asked_at.as_millisecond().try_into().unwrap_or(0);
        Ok(Environment {
            reached,
            echo,
            folder: folder.to_owned(),
            unix_ms,
            program: self.program.clone(),
            ..Environment::default()
        })
    }

    /// Runs one mode and round in its own process. `place` is its name in progress and warnings. Passes
    /// on the figures so far and the recorded exchanges, which arrive if the job's environment asks for
    /// them. Returns what was measured, also before a panic of the mode, or `None` if the user stopped it
    /// before that.
    pub(super) fn measure(
        &mut self,
        job: &Job,
        place: &str,
        watch: &mut dyn FnMut(Event),
    ) -> Result<Option<Measurements<'static>>, Failure> {
        let Self {
            program,
            leash,
            progress,
            console,
            warnings,
            ..
        } = self;
        // Secrets are hidden before the names are cut to fit a line.
        let names: Vec<String> = job
            .plan
            .operations()
            .map(|(mix, name, _)| console.redacted(&format!("{} / {name}", job.plan.mix[mix].name)))
            .collect();
        // Virtual time passes beside nothing.
        let sources = job
            .plan
            .watch
            .as_ref()
            .filter(|_| job.mode != Mode::Simulated);
        let watcher = sources.map(Watcher::start).transpose();
        let watcher = or_exit(
            watcher.context("can't watch what the scenario says"),
            Exit::CouldNotRun,
        )?;
        let ran = process::run(program, job, leash, |event| match event {
            Event::Progress(seen) => show(progress, place, &names, &seen),
            Event::Warning(text) => {
                let warning = format!("{place}: {text}");
                progress.note(&format!("warning: {warning}"));
                warnings.push(warning);
            }
            Event::SoFar(so_far) => {
                watch(Event::SoFar(with_watched(so_far, watcher.as_ref(), job)))
            }
            Event::Exchange(_) => watch(event),
            // Between the processes of a mode only.
            Event::Ready | Event::Measured(_) => {}
        });
        match ran {
            Ok(mut measured) => {
                if let Some(watcher) = watcher {
                    measured.watched = watched(watcher, &job.plan, &measured);
                }
                Ok(Some(measured))
            }
            Err(ProcessError::Interrupted { .. }) => Ok(None),
            Err(error) => {
                let is_defect =
                    matches!(error, ProcessError::Died { .. } | ProcessError::Defect(_));
                let exit = if is_defect {
                    Exit::Internal
                } else {
                    Exit::CouldNotRun
                };
                Err(Failure {
                    exit,
                    error: error.into(),
                })
            }
        }
    }

    /// Does the same for a command that shows nothing meanwhile and cannot use a partial run; returns
    /// the figures.
    pub(super) fn run(&mut self, job: &Job, place: &str) -> Result<Option<ModeRun>, Failure> {
        let measured = self.measure(job, place, &mut |_| {})?;
        match measured.map(|measured| assemble(&job.plan, &measured)) {
            Some(run) if run.stopped_by == StoppedBy::Panic => Err(panicked()),
            run => Ok(run),
        }
    }

    /// Returns the process groups of servers started by the user's commands, which are kept so that
    /// none outlives the program.
    pub(super) const fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    /// Returns what tells work in this process to end at once, because the user wants to stop.
    pub(super) fn signal(&self) -> impl Fn() -> Option<Signal> + Sync + use<> {
        let leash = self.leash.clone();
        move || leash.is_pulled().then_some(Signal::GiveUp)
    }

    /// Returns whether the user wants to stop.
    pub(super) fn is_interrupted(&self) -> bool {
        self.leash.is_pulled()
    }

    /// Prints a permanent message above the progress.
    pub(super) fn note(&mut self, text: &str) {
        self.progress.note(text);
    }

    /// Reports a completed part, if nothing else shows it.
    pub(super) fn passed(&mut self, text: &str) {
        self.progress.passed(text);
    }

    /// Removes the progress display; returns the warnings of the modes.
    pub(super) fn close(mut self) -> Vec<String> {
        self.progress.finish();
        self.warnings
    }
}

/// Returns what went on beside a run.
fn watched(watcher: Watcher, plan: &Plan, measured: &Measurements<'_>) -> Vec<Watched> {
    let epoch = measured.epoch().unwrap_or(u64::MAX);
    let watched = watcher.finish(epoch, measured.wall(plan));
    of_run(watched, plan, measured.mode, measured.round)
}

/// Adds what went on beside a run to its figures so far.
fn with_watched(mut so_far: Box<SoFar>, watcher: Option<&Watcher>, job: &Job) -> Box<SoFar> {
    if let Some(watcher) = watcher {
        let run = &mut so_far.run;
        let epoch = run.epoch_unix_ms.map_or(u64::MAX, |ms| (ms * 1e6) as u64);
        let watched = watcher.so_far(epoch, Nanos::from_secs_f64(run.wall_s));
        run.watched = of_run(watched, &job.plan, job.mode, job.round);
    }
    so_far
}

/// Names the run beside which something went on.
fn of_run(watched: Vec<Watched>, plan: &Plan, mode: Mode, round: u32) -> Vec<Watched> {
    let shard = plan.load.shard();
    let named = watched.into_iter().map(|own| Watched {
        mode: Some(mode),
        round,
        shard: (shard != Shard::WHOLE).then_some(shard.index),
        ..own
    });
    named.collect()
}

/// Returns a warning for each target whose certificate is not verified: the peer may be anyone.
fn insecure(plan: &Plan) -> impl Iterator<Item = String> {
    let used = plan
        .targets_used()
        .into_iter()
        .map(|index| &plan.targets[index])
        .filter(|target| target.tls.insecure);
    used.map(|target| format!("target `{}`: `insecure: true` accepts any certificate, so these figures may be those of another server", target.name))
}

/// Returns the status of the steps, with those of the same name merged.
fn by_name(names: &[String], seen: &engine::Progress) -> Vec<StepStatus> {
    let mut steps: Vec<StepStatus> = Vec::new();
    for (name, counts) in names.iter().zip(&seen.steps) {
        let place = steps
            .iter()
            .position(|step| step.name == *name)
            .unwrap_or_else(|| {
                steps.push(StepStatus {
                    name: name.clone(),
                    ..StepStatus::default()
                });
                steps.len() - 1
            });
        steps[place].completed += counts.completed;
        steps[place].failed += counts.failed;
    }
    steps
}

fn show(progress: &mut Progress, place: &str, names: &[String], seen: &engine::Progress) {
    progress.update(&Status {
        place,
        phase: match seen.phase {
            Phase::Warmup => "warm-up",
            Phase::Measured => "running",
            Phase::Drain => "draining",
        },
        elapsed_s: seen.elapsed_s,
        fraction: seen.fraction,
        left_s: seen.left_s,
        completed: seen.completed,
        failed: seen.failed,
        in_flight: seen.in_flight,
        rate: seen.rate,
        p50_ms: seen.recent.response_ms(50.0),
        p99_ms: seen.recent.response_ms(99.0),
        lag_p99_ms: seen.recent.lag_ms(99.0),
        steps: &by_name(names, seen),
    });
}

/// Handles signals: the first Ctrl-C, SIGTERM or SIGHUP drains the run, the second ends it
/// immediately.
#[cfg(unix)]
fn heed_signals(leash: Arc<ChildControl>, groups: Arc<Groups>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    // Under nohup a run outlives its terminal.
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut hung_up = false;
            for signal in signals.forever() {
                // When a terminal is closed, both the shell and the system send a signal.
                if signal == SIGHUP && std::mem::replace(&mut hung_up, true) {
                    continue;
                }
                if !leash.pull() {
                    // During a preflight, for example: nothing was measured, and there is nothing
                    // to drain. The built-in server ends by itself.
                    groups.kill();
                    std::process::exit(Exit::Interrupted.code().into());
                }
            }
        })?;
    Ok(())
}

/// Returns whether the parent process has made this program ignore a signal.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
}

#[cfg(not(unix))]
fn heed_signals(_leash: Arc<ChildControl>, _groups: Arc<Groups>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::cli::Color;
    use crate::plan::Mode;
    use crate::scenario::fixture;

    /// Creates a session whose modes are run by a program that prints this.
    fn session<'a>(folder: &Path, said: &str, console: &'a Console) -> Session<'a> {
        fs::write(folder.join("said"), said).expect("a file");
        // Written by another process: a file that this one has just had open could not be executed.
        let write = "printf '#!/bin/sh\\ncat > /dev/null\\ncat \"%s/said\"\\n' \"$PWD\" > mode && chmod +x mode";
        let written = Command::new("sh")
            .args(["-c", write])
            .current_dir(folder)
            .status()
            .expect("a shell");
        assert!(written.success());
        let program = folder.join("mode");
        let progress = Progress::new(ProgressMode::Off, console);
        let (leash, groups) = (Arc::default(), Arc::default());
        Session {
            program,
            leash,
            groups,
            server: None,
            progress,
            console,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_panic_is_loadgen_s_own_fault_and_takes_no_figures_with_it() {
        let text = "{name: t, modes: [simulated], mix: [{name: m, flow: [{sleep: 5ms}]}], load: {vus: 1, iterations: 3}}";
        let plan = fixture::plan(text);
        let job = Job {
            parent: 0,
            plan,
            mode: Mode::Simulated,
            round: 1,
            environment: Environment::default(),
        };
        let measured = engine::measure_mode(&job, &|| None, &|_| {}).expect("it can run");
        let measured = Measurements {
            stopped_early: Some(StoppedBy::Panic),
            ..measured
        };
        let folder = tempfile::tempdir().expect("a folder");
        let done = format!("{}\n", serde_json::json!({"done": measured}));
        let console = Console::new(Color::Never);
        let mut session = session(folder.path(), &done, &console);
        let kept = session
            .measure(&job, "t", &mut |_| {})
            .expect("there are figures")
            .expect("it ran");
        let kept = assemble(&job.plan, &kept);
        assert_eq!((kept.stopped_by, kept.counts.ok), (StoppedBy::Panic, 3));
        // Commands that cannot use a partial run report it.
        assert_eq!(
            session.run(&job, "t").expect_err("it panicked").exit,
            Exit::Internal
        );
        for (said, exit) in [
            ("{\"defect\": \"x\"}", Exit::Internal),
            ("{\"failed\": \"x\"}", Exit::CouldNotRun),
            ("", Exit::Internal),
        ] {
            fs::write(folder.path().join("said"), said).expect("a file");
            assert_eq!(
                session.run(&job, "t").expect_err("no figures").exit,
                exit,
                "{said}"
            );
        }
    }
}
