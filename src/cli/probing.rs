//! [`Prober`]: tries a rate by starting the scenario's iterations at planned times for a while.

use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use super::exit::{Exit, Failure};
use super::searched::{self, IN_FLIGHT, Searched};
use super::session::Session;
use crate::base::{Nanos, Rate};
use crate::engine::preflight::descriptors;
use crate::engine::{Environment, Job};
use crate::gate::{self, Tried};
use crate::plan::{LoadModel, Mode, Plan};
use crate::result::{ProbeOutcome, StoppedBy};

/// If it needs more, this multiple of what it needs while the target keeps up: anything slower is
/// the target's fault.
const HEADROOM: f64 = 4.0;
/// The upper bound of that: each may be a connection and, in the threaded mode, a thread.
const MAX_IN_FLIGHT: u32 = 20_000;
/// The ratio of a probe's duration to the warm-up before it, which opens connections and fills
/// queues.
const WARMUP: u64 = 5;

/// Tries rates.
pub(super) struct Prober<'a> {
    /// The session that it measures with.
    pub session: Session<'a>,
    environment: Environment,
    /// The work, with the load of the last rate.
    plan: Plan,
    searched: Searched,
    time: Nanos,
    mode: Mode,
    /// The warm-up that the scenario itself asks for: it is for the target, which needs it once.
    first_warmup: Nanos,
    /// Whether a try with invalid figures is invalid, instead of judged on them.
    fail_on_invalid: bool,
    /// The mean duration of an iteration at the highest rate that was met.
    iteration_ms: Option<(f64, f64)>,
    tries: u32,
}

impl<'a> Prober<'a> {
    /// Creates a prober for this work that runs each rate of a load for `time`.
    pub(super) fn new(
        session: Session<'a>,
        plan: &Plan,
        searched: Searched,
        mode: Mode,
        time: Nanos,
        environment: Environment,
        fail_on_invalid: bool,
    ) -> Self {
        let first_warmup = plan.load.warmup;
        Self {
            session,
            environment,
            plan: searched.plan(plan, time),
            searched,
            time,
            mode,
            first_warmup,
            fail_on_invalid,
            iteration_ms: None,
            tries: 0,
        }
    }

    /// Tries a rate. Returns `None` if the user stopped it.
    pub(super) fn probe(&mut self, rate: f64) -> Result<Option<Tried>, Failure> {
        self.load(rate);
        self.tries += 1;
        let job = Job {
            parent: std::process::id(),
            plan: self.plan.clone(),
            mode: self.mode,
            round: self.tries,
            environment: Environment {
                run_number: self.tries.into(),
                ..self.environment.clone()
            },
        };
        let LoadModel::Open { rate: exact, .. } = self.searched.load(&self.plan).model else {
            return Ok(None);
        };
        let Some(run) = self
            .session
            .run(&job, &format!("{} at {exact}", self.mode))?
        else {
            return Ok(None);
        };
        match run.stopped_by {
            StoppedBy::Interrupt => return Ok(None),
            StoppedBy::Data => {
                let error = anyhow!(
                    "at {exact} the rows of the scenario's data were used up before the {} of a try were over: use `at_end: recycle`, more \
                     rows, or a shorter --probe",
                    self.time
                );
                return Err(Failure {
                    exit: Exit::CouldNotRun,
                    error,
                });
            }
            StoppedBy::Condition => {
                let error = anyhow!(
                    "at {exact} a `stop_run` of the scenario ended a try before its {} were over: remove that step to search for a rate",
                    self.plan.load.duration.unwrap_or(Nanos::ZERO)
                );
                return Err(Failure {
                    exit: Exit::CouldNotRun,
                    error,
                });
            }
            StoppedBy::Duration
            | StoppedBy::Iterations
            | StoppedBy::Threshold
            | StoppedBy::Panic => {}
        }
        let tried = gate::probe(
            &self.plan,
            &self.searched.numbered(&self.plan),
            &run,
            self.fail_on_invalid,
        );
        let is_highest = self.iteration_ms.is_none_or(|(highest, _)| rate > highest);
        if let Some(ms) = tried
            .probe
            .iteration_ms
            .filter(|_| is_highest && tried.probe.outcome == ProbeOutcome::Met)
        {
            self.iteration_ms = Some((rate, ms));
        }
        if run.counts.unfinished + run.iterations.counts.skipped > 0 && self.mode != Mode::Simulated
        {
            // Otherwise the backlog of the target would affect the figures of the next rate.
            self.rest(Duration::from_secs_f64(run.wall_s.max(0.0)));
        }
        Ok(Some(tried))
    }

    /// Puts the rate into the plan.
    fn load(&mut self, rate: f64) {
        let own = warmup(self.time);
        let needed = if self.tries == 0 {
            self.first_warmup
        } else {
            Nanos::ZERO
        };
        searched::warm_up(&mut self.plan, own.max(needed));
        // Little's law, with the duration of an iteration while the target kept up.
        let needed = self
            .iteration_ms
            .map_or(0.0, |(_, ms)| rate * ms / 1e3 * HEADROOM);
        let mut wanted = (needed.ceil() as u32).clamp(IN_FLIGHT, MAX_IN_FLIGHT);
        loop {
            self.searched.set(&mut self.plan, exactly(rate), wanted);
            if wanted == 1 || descriptors::provide(&self.plan).is_ok() {
                return;
            }
            wanted = (wanted / 2).max(1);
        }
    }

    /// Waits, unless the user stops it.
    fn rest(&self, time: Duration) {
        const LOOK: Duration = Duration::from_millis(50);
        let mut left = time;
        while !left.is_zero() && !self.session.is_interrupted() {
            thread::sleep(left.min(LOOK));
            left = left.saturating_sub(LOOK);
        }
    }
}

/// Returns the warm-up of a probe of this length.
pub(super) fn warmup(time: Nanos) -> Nanos {
    Nanos(time.0 / WARMUP)
}

/// Expresses a rate with a few digits exactly, in integers, with the shortest possible period.
fn exactly(rate: f64) -> Rate {
    let mut per: u64 = 1;
    while per < 100_000 && (rate * per as f64 - (rate * per as f64).round()).abs() > 1e-6 {
        per *= 10;
    }
    Rate {
        events: (rate * per as f64).round().max(1.0) as u64,
        per: Nanos::from_secs(per),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_kept_exact() {
        for (rate, events, per) in [
            (50.0, 50, 1),
            (565.7, 5_657, 10),
            (0.1234, 1_234, 10_000),
            (0.1, 1, 10),
            (999_900.0, 999_900, 1),
        ] {
            assert_eq!(
                exactly(rate),
                Rate {
                    events,
                    per: Nanos::from_secs(per)
                },
                "{rate}"
            );
        }
    }
}
