//! Setup and teardown: steps that run once before and after a run, by the same code as the run
//! itself.
//!
//! Each is a small run of its own: a plan with one flow, one virtual user and one iteration,
//! sequential, or in virtual time if the run is. None of it is included in the run's figures.

use super::launch::{self, SIMULATED_BUDGET, drive};
use crate::base::Nanos;
use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::engine::observe::collector::Collector;
use crate::engine::observe::event::Event;
use crate::engine::observe::observer::say_exchanges;
use crate::engine::schedule::stop::Signal;
use crate::engine::world::{Ended, World};
use crate::metrics::Recorder;
use crate::plan::{Limits, Load, MixEntry, Mode, Plan, Step};
use crate::result::{Section, StoppedBy};
use crate::value::Scope;

/// How long a teardown may take if somebody is waiting for it: after a signal or a failed run.
const TEARDOWN_TIMEOUT: Nanos = Nanos::from_secs(5);

/// What setup and teardown share with the run between them.
pub(crate) struct Lifecycle<'a> {
    /// The run's plan.
    pub plan: &'a Plan,
    /// The environment of the run.
    pub environment: &'a Environment,
    /// The mode of the run.
    pub mode: Mode,
    /// The number of cores of the machine.
    pub cores: usize,
    /// Reports the exchanges to be recorded.
    pub say: &'a (dyn Fn(Event) + Sync),
}

/// How a setup or teardown ended.
enum End {
    /// All of its steps were run.
    Through,
    /// A failure ended it.
    Failed(String),
    /// It was interrupted.
    Cut,
}

impl Lifecycle<'_> {
    /// Runs the setup. Stores the values that it ends with in `scope`, even if it fails.
    ///
    /// # Errors
    /// If it fails, or a signal ends it.
    pub(crate) fn setup(
        &self,
        signal: &(dyn Fn() -> Option<Signal> + Sync),
        scope: &mut Option<Scope>,
    ) -> Result<(), RunError> {
        if self.plan.setup.is_empty() {
            return Ok(());
        }
        let plan = self.once(&self.plan.setup, 1, None, Nanos::ZERO);
        match self.run(&plan, Section::Setup, signal, scope)? {
            End::Through => Ok(()),
            End::Failed(failure) => Err(RunError::Setup(failure)),
            End::Cut => Err(RunError::Interrupted),
        }
    }

    /// Runs the teardown with the values that the setup ended with; in `haste`, limits its time,
    /// because the run did not end as planned. Returns a description of what went wrong, if
    /// anything.
    pub(crate) fn teardown(
        &self,
        signal: &(dyn Fn() -> Option<Signal> + Sync),
        haste: bool,
        mut scope: Option<Scope>,
    ) -> Option<String> {
        if self.plan.teardown.is_empty() {
            return None;
        }
        let end = if haste {
            // The run was ended by a signal, and still has to be cleaned up.
            self.run(
                &self.once(&self.plan.teardown, 2, Some(TEARDOWN_TIMEOUT), Nanos::ZERO),
                Section::Teardown,
                &|| None,
                &mut scope,
            )
        } else {
            let finish = || signal().map(|_| Signal::Finish(StoppedBy::Interrupt));
            self.run(
                &self.once(&self.plan.teardown, 2, None, TEARDOWN_TIMEOUT),
                Section::Teardown,
                &finish,
                &mut scope,
            )
        };
        match end {
            Ok(End::Through) => None,
            Ok(End::Failed(failure)) => Some(format!("the teardown failed {failure}")),
            Err(error) => Some(format!("the teardown could not be run: {error}")),
            Ok(End::Cut) => Some(format!(
                "the teardown was abandoned after {TEARDOWN_TIMEOUT}; its remaining steps did not run"
            )),
        }
    }

    /// Creates a plan that runs these steps once. Its draws differ from those of the run, whose
    /// first iteration would otherwise draw the same.
    fn once(
        &self,
        steps: &[Step],
        draws: u64,
        duration: Option<Nanos>,
        graceful_stop: Nanos,
    ) -> Plan {
        let mut plan = self.plan.clone();
        plan.seed ^= draws << 62;
        plan.setup.clear();
        plan.teardown.clear();
        plan.thresholds.clear();
        plan.limits = Limits::default();
        plan.targets
            .iter_mut()
            .for_each(|target| target.limits = Limits::default());
        plan.mix = vec![MixEntry {
            name: String::new(),
            weight: 1.0,
            load: None,
            limits: Limits::default(),
            data: Vec::new(),
            setup: Vec::new(),
            flow: steps.to_vec(),
            teardown: Vec::new(),
        }];
        plan.load = Load::once(duration, graceful_stop);
        plan
    }

    fn run(
        &self,
        plan: &Plan,
        section: Section,
        signal: &(dyn Fn() -> Option<Signal> + Sync),
        scope: &mut Option<Scope>,
    ) -> Result<End, RunError> {
        let mut world = World::new(plan, self.environment, 1, scope.take())?;
        if let Some(log) = &mut world.exchange_log {
            log.section = section;
        }
        let recorder = if self.mode == Mode::Simulated {
            launch::simulated(&world, self.cores as u32, SIMULATED_BUDGET)?;
            say_exchanges(&world, self.say);
            Collector::new(&world).finish()
        } else {
            let say = |event: Event| {
                if matches!(event, Event::Exchange(_)) {
                    (self.say)(event);
                }
            };
            drive(&world, Mode::Sequential, 1, signal, &say)?.recorder
        };
        if world.stop.is_broken() {
            return Err(RunError::Panicked);
        }
        let Some(Ended {
            through,
            scope: last,
        }) = world.ended.get()
        else {
            return Ok(End::Cut);
        };
        *scope = Some(last.clone());
        Ok(if *through {
            End::Through
        } else {
            End::Failed(failure(&world, &recorder))
        })
    }
}

/// Describes the failure that ended a flow: its step, its kind and its message.
fn failure(world: &World<'_>, recorder: &Recorder) -> String {
    let Some(last) = recorder.errors().latest() else {
        return "because a full queue refused a step".into();
    };
    let step = world
        .plan
        .operations()
        .nth(last.operation as usize)
        .map_or("", |(_, name, _)| name);
    format!("at `{step}` ({}): {}", last.kind.name(), last.message)
}
