//! How much load, for how long.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{OnFull, StopWhen};
use crate::base::{Nanos, Rate};

/// How planned starts are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Evenly.
    #[default]
    Constant,
    /// As a Poisson process: with exponential gaps, as independent users come.
    Poisson,
}

/// What decides when an iteration starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// Each virtual user starts its next iteration when its last one is complete.
    Closed {
        /// Virtual users.
        vus: u32,
    },
    /// Iterations start at planned times, whatever the target does.
    Open {
        /// Planned iteration starts.
        rate: Rate,
        /// How they are spread.
        arrivals: Spread,
        /// At most this many iterations in flight.
        max_in_flight: u32,
        /// How many arrivals beyond may wait; they keep their intended time.
        queue: u32,
        /// What happens to one more: `wait` holds the stream of arrivals back, and each keeps its
        /// time.
        on_full: OnFull,
    },
}

impl LoadModel {
    /// Virtual users, or slots of the open model: how many iterations there can be at once.
    pub const fn slots(self) -> u32 {
        match self {
            Self::Closed { vus } => vus,
            Self::Open { max_in_flight, .. } => max_in_flight,
        }
    }
}

/// A stretch of time in which the load goes evenly from one level to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Free text; its number, from 1, where it has none.
    pub name: String,
    /// How long it lasts; 0 jumps.
    pub duration: Nanos,
    /// The level at its begin: virtual users, or arrivals a second.
    pub from: f64,
    /// The level at its end.
    pub to: f64,
    /// Whether what is planned in it is measured.
    pub measure: bool,
}

/// The load of a run. At least one of `duration`, `iterations` and `iterations_per_vu` is set, or a
/// feed ends the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Closed or open. With stages its level is the highest of them.
    pub model: LoadModel,
    /// How the level changes; none where it is always the same. The duration is the sum of theirs
    /// then.
    pub stages: Vec<Stage>,
    /// No new iteration after this long.
    pub duration: Option<Nanos>,
    /// No more than this many iterations, shared by all virtual users.
    pub iterations: Option<u64>,
    /// No more than this many iterations of each virtual user (closed model only).
    pub iterations_per_vu: Option<u64>,
    /// Runs before the measured part, and is not measured.
    pub warmup: Nanos,
    /// How long iterations in flight may take to end after the last one was started.
    pub graceful_stop: Nanos,
    /// What ends the run early, and well, as soon as one of them holds.
    pub stop_when: Vec<StopWhen>,
}

impl Load {
    /// The stages that take any time: others jump, and nothing can fall into them.
    pub fn lasting(&self) -> impl Iterator<Item = &Stage> {
        self.stages
            .iter()
            .filter(|stage| stage.duration > Nanos::ZERO)
    }

    /// How much of the first `time` after the warm-up is measured: all of it, but for stages that
    /// are not.
    pub fn measured(&self, time: Nanos) -> Nanos {
        if self.stages.is_empty() {
            time
        } else {
            self.measured_stages(time)
                .fold(Nanos::ZERO, |sum, (_, length)| sum + length)
        }
    }

    /// The stages that are measured, each with how much of it lies in the first `time` after the
    /// warm-up.
    pub fn measured_stages(&self, time: Nanos) -> impl Iterator<Item = (&Stage, Nanos)> {
        let mut begin = Nanos::ZERO;
        let within = self.lasting().map(move |stage| {
            let length = (time - begin).min(stage.duration);
            begin += stage.duration;
            (stage, length)
        });
        within.filter(|(stage, _)| stage.measure)
    }

    /// Where what is measured lies after the warm-up, of a run of which so much is; of one stage
    /// alone, where it is named.
    pub fn measured_stretches(&self, measured: Nanos, stage: Option<&str>) -> Vec<Range<Nanos>> {
        if self.stages.is_empty() {
            return vec![Nanos::ZERO..measured];
        }
        let mut stretches: Vec<Range<Nanos>> = Vec::new();
        let (mut begin, mut left) = (Nanos::ZERO, measured);
        for own in self.lasting() {
            let length = if own.measure {
                own.duration.min(left)
            } else {
                Nanos::ZERO
            };
            left = left - length;
            let stretch = begin..begin + length;
            begin += own.duration;
            if stretch.is_empty() || stage.is_some_and(|stage| stage != own.name) {
                continue;
            }
            match stretches.last_mut() {
                Some(last) if last.end == stretch.start => last.end = stretch.end,
                _ => stretches.push(stretch),
            }
        }
        stretches
    }

    /// The number of iterations of the whole run, where it is bound by iterations.
    pub fn total_iterations(&self) -> Option<u64> {
        let per_vu = self
            .iterations_per_vu
            .map(|n| n.saturating_mul(u64::from(self.model.slots())));
        match (self.iterations, per_vu) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
