//! [`Measurements`]: everything that a run measured, as far as its figures need it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::observations::Observations;
use crate::base::Nanos;
use crate::metrics::{Figures, Recorder, exact};
use crate::plan::{Mode, Plan};
use crate::result::{StoppedBy, Watched};

/// Everything that one mode and round of a plan measured: with the plan itself, all that its
/// figures are made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurements<'a> {
    /// The mode.
    pub mode: Mode,
    /// The round, counted from 1.
    pub round: u32,
    /// When the last worker finished.
    #[serde(with = "exact::ns")]
    pub end: Nanos,
    /// The moment from which no iteration was planned.
    #[serde(with = "exact::ns")]
    pub stop: Nanos,
    /// What moved that moment to an earlier one, if anything.
    pub stopped_early: Option<StoppedBy>,
    /// By operation, the names of the expectations of its responses.
    pub checks: Cow<'a, [Vec<String>]>,
    /// The samples.
    pub recorder: Cow<'a, Recorder>,
    /// What was seen of each process that ran workers.
    pub seen: Cow<'a, [Observations]>,
    /// What went on beside it.
    #[serde(default)]
    pub watched: Vec<Watched>,
}

impl Measurements<'_> {
    /// Adds what another shard of the same run has measured. The sum is the same in any order and
    /// grouping.
    pub fn add(&mut self, other: &Measurements<'_>) {
        self.end = self.end.max(other.end);
        self.stop = self.stop.max(other.stop);
        self.stopped_early = [self.stopped_early, other.stopped_early]
            .into_iter()
            .flatten()
            .max_by_key(|by| gravity(*by));
        self.recorder.to_mut().add(&other.recorder);
        let seen = self.seen.to_mut();
        seen.extend_from_slice(&other.seen);
        seen.sort_by_key(|own| own.shard);
        self.watched.extend_from_slice(&other.watched);
        self.watched.sort_by_key(|own| own.shard);
    }

    /// Returns the time of day at the epoch of the first process, in nanoseconds since 1970; `None` in
    /// virtual time.
    pub fn epoch(&self) -> Option<u64> {
        self.seen.iter().filter_map(|own| own.epoch).min()
    }

    /// Returns the same, independent of what it borrows from.
    pub fn into_owned(self) -> Measurements<'static> {
        Measurements {
            mode: self.mode,
            round: self.round,
            end: self.end,
            stop: self.stop,
            stopped_early: self.stopped_early,
            checks: Cow::Owned(self.checks.into_owned()),
            recorder: Cow::Owned(self.recorder.into_owned()),
            seen: Cow::Owned(self.seen.into_owned()),
            watched: self.watched,
        }
    }

    /// Returns the moment at which the run ended: at its last completion, or at the end of its
    /// drain if work was left undone.
    pub fn last(&self) -> Nanos {
        let iterations = self.recorder.iterations();
        let operations = self
            .recorder
            .steps()
            .iter()
            .map(|step: &Figures| step.tally.unfinished)
            .sum::<u64>();
        if operations + iterations.unfinished + iterations.skipped > 0 {
            self.end.max(self.recorder.last_completion())
        } else {
            self.recorder.last_completion()
        }
    }

    /// Returns how long the run was, from its epoch.
    pub fn wall(&self, plan: &Plan) -> Nanos {
        self.last() - plan.load.warmup
    }

    /// Returns the number of threads that ran workers.
    pub fn workers(&self) -> u32 {
        self.seen
            .iter()
            .fold(0, |sum, own| sum.saturating_add(own.workers))
    }
}

/// Returns how much a reason matters: the gravest one speaks for all shards.
const fn gravity(by: StoppedBy) -> u8 {
    match by {
        StoppedBy::Duration | StoppedBy::Iterations => 0,
        StoppedBy::Data => 1,
        StoppedBy::Condition => 2,
        StoppedBy::Interrupt => 3,
        StoppedBy::Threshold => 4,
        StoppedBy::Panic => 5,
    }
}
