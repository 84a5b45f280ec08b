//! The load of a run: how much, and for how long.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{OnFull, Replay, Shard, Slice, StopWhen};
use crate::base::{Nanos, Rate};

/// How planned starts are distributed over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// Evenly.
    #[default]
    Constant,
    /// As a Poisson process: with exponential gaps, like arrivals of independent users.
    Poisson,
    /// As in the log that is replayed; see [`Load::replay`].
    Replay,
}

/// What decides when an iteration starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// Each virtual user starts its next iteration when the previous one completes, or as its pace
    /// says.
    Closed {
        /// Number of virtual users.
        vus: u32,
    },
    /// Iterations start at planned times, no matter how fast the target responds.
    Open {
        /// Rate of planned iteration starts; of a replayed log the mean.
        rate: Rate,
        /// How the starts are distributed.
        arrivals: Spread,
        /// Maximum number of iterations in flight.
        max_in_flight: u32,
        /// Maximum number of further arrivals that wait; they keep their intended start times.
        queue: u32,
        /// What happens if the queue is full: `wait` stalls the arrivals, which keep their intended
        /// start times.
        on_full: OnFull,
    },
}

impl LoadModel {
    /// Returns the maximum number of concurrent iterations: virtual users, or slots of the open
    /// model.
    pub const fn slots(self) -> u32 {
        match self {
            Self::Closed { vus } => vus,
            Self::Open { max_in_flight, .. } => max_in_flight,
        }
    }
}

/// A period in which the load changes linearly from one level to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Free text; by default the stage's number, counted from 1.
    pub name: String,
    /// Length of the stage; with 0 the level jumps.
    pub duration: Nanos,
    /// Level at the start: virtual users, or arrivals per second.
    pub from: f64,
    /// Level at the end.
    pub to: f64,
    /// Whether iterations planned in the stage are measured.
    pub measure: bool,
}

/// The load of a run. At least one of `duration`, `iterations` and `iterations_per_vu` is set,
/// unless a feed ends the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Closed or open model; with stages, its level is the highest of them.
    pub model: LoadModel,
    /// Time between the starts of two iterations of a virtual user, unless the first of the two
    /// takes longer (closed model only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Nanos>,
    /// The log whose requests are replayed (open model only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// How the level changes; empty if it is constant. With stages, `duration` is the sum of
    /// theirs.
    pub stages: Vec<Stage>,
    /// Time from the end of the warm-up until the first iteration may start. Omitted if zero, so that
    /// fingerprints stay the same.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start_after: Nanos,
    /// Time after which no new iteration starts, from `start_after` on.
    pub duration: Option<Nanos>,
    /// Maximum number of iterations, shared by all virtual users.
    pub iterations: Option<u64>,
    /// Maximum number of iterations of each virtual user (closed model only).
    pub iterations_per_vu: Option<u64>,
    /// Length of the warm-up before the measured part, which is not measured itself.
    pub warmup: Nanos,
    /// How long iterations in flight may take to finish after the last one has started.
    pub graceful_stop: Nanos,
    /// Conditions that end the run early, without failing it, as soon as one holds.
    pub stop_when: Vec<StopWhen>,
    /// If the plan is a slice of another one, its place in that. `iterations` is the number of the
    /// whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// Returns whether a time is zero, for serialization.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires it")]
fn is_zero(time: &Nanos) -> bool {
    *time == Nanos::ZERO
}

impl Load {
    /// Returns the load of one iteration of one virtual user, started within `duration` if given.
    pub const fn once(duration: Option<Nanos>, graceful_stop: Nanos) -> Self {
        Self {
            model: LoadModel::Closed { vus: 1 },
            pace: None,
            replay: None,
            stages: Vec::new(),
            stop_when: Vec::new(),
            start_after: Nanos::ZERO,
            duration,
            iterations: Some(1),
            iterations_per_vu: None,
            warmup: Nanos::ZERO,
            graceful_stop,
            slice: None,
        }
    }

    /// Returns a load in which nothing starts: what loads side by side have in common, if none is
    /// shared.
    pub fn none(warmup: Nanos, graceful_stop: Nanos) -> Self {
        Self {
            model: LoadModel::Closed { vus: 0 },
            iterations: Some(0),
            warmup,
            ..Self::once(None, graceful_stop)
        }
    }

    /// Returns the moment, on the run's clock, at which its measured part begins.
    pub fn begin(&self) -> Nanos {
        self.warmup + self.start_after
    }

    /// Returns the moment, on the run's clock, from which no iteration starts.
    pub fn end(&self) -> Nanos {
        self.duration.map_or(Nanos::MAX, |time| self.begin() + time)
    }

    /// Returns the share of the whole load that this is.
    pub fn shard(&self) -> Shard {
        self.slice
            .as_ref()
            .map_or(Shard::WHOLE, |slice| slice.shard)
    }

    /// Returns the number of virtual users, or slots of the open model, of the whole load.
    pub fn slots_of_whole(&self) -> u32 {
        self.slice
            .as_ref()
            .map_or(self.model.slots(), |slice| slice.slots)
    }

    /// Returns the stages that last some time; the others are jumps, in which nothing can start.
    pub fn lasting(&self) -> impl Iterator<Item = &Stage> {
        self.stages
            .iter()
            .filter(|stage| stage.duration > Nanos::ZERO)
    }

    /// Returns how much of the first `time` after the warm-up is measured, which excludes stages
    /// that are not.
    pub fn measured(&self, time: Nanos) -> Nanos {
        if self.stages.is_empty() {
            time
        } else {
            self.measured_stages(time)
                .fold(Nanos::ZERO, |sum, (_, length)| sum + length)
        }
    }

    /// Returns the measured stages, each with how much of it falls in the first `time` after the
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

    /// Returns the measured intervals, relative to the end of the warm-up, of a run whose measured
    /// time is `measured`; with `stage`, only those of this stage.
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

    /// Returns whether iterations are bounded both for all virtual users together and for each.
    pub const fn has_both_iterations(&self) -> bool {
        self.iterations.is_some() && self.iterations_per_vu.is_some()
    }

    /// Returns the number of iterations, if the load is limited by iterations.
    pub fn total_iterations(&self) -> Option<u64> {
        let per_vu = self
            .iterations_per_vu
            .map(|n| n.saturating_mul(u64::from(self.model.slots())));
        let shared = self.iterations.map(|n| self.shard().share_of(n));
        match (shared, per_vu) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
