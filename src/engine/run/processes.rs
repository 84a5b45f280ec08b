//! The mode `processes`: several processes, each with an event loop and a slice of the plan, whose
//! measurements are added up.
//!
//! The process of the mode starts them, tells them when to start once all are ready, and passes on
//! what ends the run. It does none of the run's work, and is not in its resources.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::around::setup_values;
use super::process::{self, ChildControl, ProcessError};
use crate::assembly::{Measurements, so_far};
use crate::base::clock::unix_ns;
use crate::engine::error::RunError;
use crate::engine::job::{Environment, Job, Recorded};
use crate::engine::observe::event::{Event, Progress};
use crate::engine::schedule::stop::Signal;
use crate::plan::Plan;
use crate::result::StoppedBy;
use crate::value::Scope;

/// How often to look for signals.
const LOOK: Duration = Duration::from_millis(20);
/// How long the processes have to be told of their start, in nanoseconds.
const LEAD: u64 = 20_000_000;

/// What is heard of a process.
enum News {
    Event(Event),
    Ended(Box<Result<Measurements<'static>, ProcessError>>),
}

/// Runs a plan in the mode; its iterations start with the values that the setup ended with.
///
/// # Errors
/// If one of the processes cannot run its share, or ends without its measurements: the rest is not
/// the planned run.
pub(super) fn measure(
    job: &Job,
    start: Option<&Scope>,
    signal: &(dyn Fn() -> Option<Signal> + Sync),
    say: &(dyn Fn(Event) + Sync),
) -> Result<Measurements<'static>, RunError> {
    let jobs = jobs(job, start);
    let controls: Vec<ChildControl> = jobs.iter().map(|_| ChildControl::default()).collect();
    let mut team = Team::new(&job.plan, &controls, job.environment.recorded);
    let (tell, news) = channel();
    let program = &job.environment.program;
    thread::scope(|scope| {
        for (index, (job, control)) in jobs.iter().zip(&controls).enumerate() {
            let tell = tell.clone();
            let work = move || {
                // Whoever listens does so until all have ended.
                let hear = |event| {
                    let _ = tell.send((index, News::Event(event)));
                };
                let ended = process::run(program, job, control, hear);
                let _ = tell.send((index, News::Ended(Box::new(ended))));
            };
            let name = format!("process-{index}");
            let spawned = thread::Builder::new().name(name).spawn_scoped(scope, work);
            if let Err(source) = spawned {
                team.ask(Signal::GiveUp);
                return Err(RunError::Threads {
                    started: index,
                    wanted: jobs.len(),
                    source,
                });
            }
        }
        drop(tell);
        team.follow(&news, signal, say);
        Ok(())
    })?;
    team.measured()
}

/// Returns the work of each process.
fn jobs(job: &Job, start: Option<&Scope>) -> Vec<Job> {
    let count = job.plan.processes();
    let environment = Environment {
        is_member: true,
        setup_values: setup_values(&job.plan, start),
        ..job.environment.clone()
    };
    (0..count)
        .map(|index| Job {
            parent: std::process::id(),
            plan: job.plan.of_process(index, count),
            mode: job.mode,
            round: job.round,
            environment: environment.clone(),
        })
        .collect()
}

/// What is known of one process.
#[derive(Default)]
struct Member {
    is_ready: bool,
    progress: Option<Box<Progress>>,
    so_far: Option<Measurements<'static>>,
    /// Whether its progress, and what it has measured so far, are newer than those last passed on.
    has_progressed: bool,
    has_measured: bool,
    error: Option<ProcessError>,
    has_ended: bool,
}

/// The processes of a run.
struct Team<'a> {
    plan: &'a Plan,
    controls: &'a [ChildControl],
    members: Vec<Member>,
    /// What they were asked to do.
    asked: Option<Signal>,
    /// The number of exchanges that are still to be recorded.
    exchanges: u32,
    warnings: BTreeSet<String>,
}

impl<'a> Team<'a> {
    fn new(plan: &'a Plan, controls: &'a [ChildControl], recorded: Recorded) -> Self {
        Self {
            plan,
            controls,
            members: controls.iter().map(|_| Member::default()).collect(),
            asked: None,
            exchanges: match recorded {
                Recorded::Nothing => 0,
                Recorded::Failures(most) => most,
                Recorded::All => u32::MAX,
            },
            warnings: BTreeSet::new(),
        }
    }

    /// Follows the processes until all have ended.
    fn follow(
        &mut self,
        news: &Receiver<(usize, News)>,
        signal: &dyn Fn() -> Option<Signal>,
        say: &dyn Fn(Event),
    ) {
        loop {
            if let Some(signal) = signal() {
                self.ask(signal);
            }
            match news.recv_timeout(LOOK) {
                Ok((index, News::Event(event))) => self.hear(index, event, say),
                Ok((index, News::Ended(ended))) => self.end(index, *ended),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Passes a request on to every process, if it is more than they were asked before.
    fn ask(&mut self, signal: Signal) {
        let pulls = match (self.asked, signal) {
            (None, Signal::Finish(_)) | (Some(Signal::Finish(_)), Signal::GiveUp) => 1,
            (None, Signal::GiveUp) => 2,
            _ => return,
        };
        self.asked = Some(signal);
        for control in self.controls {
            for _ in 0..pulls {
                control.pull();
            }
        }
    }

    fn hear(&mut self, index: usize, event: Event, say: &dyn Fn(Event)) {
        let member = &mut self.members[index];
        match event {
            Event::Ready => {
                member.is_ready = true;
                if self.members.iter().all(|member| member.is_ready) {
                    let at = unix_ns() + LEAD;
                    self.controls.iter().for_each(|control| control.start(at));
                }
            }
            Event::Progress(progress) => {
                let by_step = progress.stopped_early == Some(StoppedBy::Condition);
                member.progress = Some(progress);
                member.has_progressed = true;
                if self.have_all(|member| &mut member.has_progressed) {
                    let each = self.members.iter();
                    let each = each.filter_map(|member| member.progress.as_deref());
                    if let Some(all) = Progress::of_all(each) {
                        say(Event::Progress(Box::new(all)));
                    }
                }
                if by_step {
                    self.ask(Signal::Finish(StoppedBy::Condition));
                }
            }
            Event::Measured(measured) => {
                member.so_far = Some(*measured);
                member.has_measured = true;
                if self.have_all(|member| &mut member.has_measured)
                    && let Some(measured) = self.sum()
                {
                    say(Event::SoFar(Box::new(so_far(self.plan, &measured))));
                }
            }
            Event::Warning(text) => {
                if self.warnings.insert(text.clone()) {
                    say(Event::Warning(text));
                }
            }
            Event::Exchange(exchange) => {
                if self.exchanges > 0 {
                    self.exchanges -= 1;
                    say(Event::Exchange(exchange));
                }
            }
            // A process of the mode reports no figures.
            Event::SoFar(_) => {}
        }
    }

    /// Returns whether every running process has news of a kind, which are then taken for old.
    fn have_all(&mut self, is_new: impl Fn(&mut Member) -> &mut bool) -> bool {
        let have = self
            .members
            .iter_mut()
            .all(|member| member.has_ended || *is_new(member));
        if have {
            self.members
                .iter_mut()
                .for_each(|member| *is_new(member) = false);
        }
        have
    }

    /// Adds up what the processes have measured by the time that all of them have reported.
    fn sum(&self) -> Option<Measurements<'static>> {
        let running = self.members.iter().filter(|member| !member.has_ended);
        let ends = running.filter_map(|member| Some(member.so_far.as_ref()?.end));
        let end = ends.min();
        let mut each = self
            .members
            .iter()
            .filter_map(|member| member.so_far.as_ref());
        let mut all = each.next()?.clone();
        each.for_each(|other| all.add(other));
        all.end = end.unwrap_or(all.end);
        Some(all)
    }

    fn end(&mut self, index: usize, ended: Result<Measurements<'static>, ProcessError>) {
        let member = &mut self.members[index];
        member.has_ended = true;
        if let Some(progress) = &mut member.progress {
            (progress.in_flight, progress.rate) = (0, 0.0);
        }
        let mut by_step = false;
        let is_whole = match ended {
            Ok(measured) => {
                let is_whole = measured.stopped_early != Some(StoppedBy::Panic);
                by_step = measured.stopped_early == Some(StoppedBy::Condition);
                member.so_far = Some(measured);
                is_whole
            }
            Err(error) => {
                member.error = Some(error);
                false
            }
        };
        if !is_whole {
            // The others would measure for nothing.
            self.ask(Signal::GiveUp);
        } else if by_step {
            // What it has ended is the whole run.
            self.ask(Signal::Finish(StoppedBy::Condition));
        }
    }

    /// Returns what all processes have measured, once they have ended.
    fn measured(mut self) -> Result<Measurements<'static>, RunError> {
        let count = self.members.len();
        let mut is_interrupted = false;
        for (index, member) in self.members.iter_mut().enumerate() {
            let Some(error) = member.error.take() else {
                continue;
            };
            let text = format!("process {index} of {count}: {error}");
            match error {
                ProcessError::Interrupted { .. } => is_interrupted = true,
                ProcessError::Start { .. } | ProcessError::Refused(_) => {
                    return Err(RunError::Process(text));
                }
                ProcessError::Defect(_) | ProcessError::Died { .. } => {
                    return Err(RunError::ProcessDefect(text));
                }
            }
        }
        if is_interrupted {
            return Err(RunError::Interrupted);
        }
        let mut all = self.sum().ok_or(RunError::Interrupted)?;
        // They know only that they were asked to finish.
        if let (Some(Signal::Finish(by)), Some(StoppedBy::Interrupt)) =
            (self.asked, all.stopped_early)
        {
            all.stopped_early = Some(by);
        }
        Ok(all)
    }
}
