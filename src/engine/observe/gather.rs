//! [`gather`]: what a run has measured, from its world and its observer.

use std::borrow::Cow;
use std::sync::Arc;

use crate::assembly::{Machine, Measurements, Observations};
use crate::base::Nanos;
use crate::engine::compiled::check::Check;
use crate::engine::schedule::busy::Busy;
use crate::engine::schedule::limit::Limit;
use crate::engine::schedule::source::Source;
use crate::engine::world::World;
use crate::metrics::Recorder;
use crate::plan::{Mode, Target};
use crate::result::LimitPeak;

/// What is known of a run besides what it recorded.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// The mode.
    pub mode: Mode,
    /// The round, counted from 1.
    pub round: u32,
    /// The number of threads that ran workers.
    pub workers: u32,
    /// When the last worker finished.
    pub end: Nanos,
}

/// Gathers what a finished run has measured.
pub(crate) fn gather(
    world: &World<'_>,
    recorder: Recorder,
    frame: &Frame,
    seen: Observations,
) -> Measurements<'static> {
    let seen = Observations {
        shard: world.plan.load.shard().index,
        machine: Machine::here(),
        workers: frame.workers,
        limits: limits(world),
        waited_for_slot: world
            .sources
            .iter()
            .any(|source| matches!(source, Source::Open(queue) if queue.has_made_wait())),
        ..seen
    };
    let recorder = Cow::Owned(recorder);
    let mut measured = with_samples(world, recorder, frame, Cow::Owned(vec![seen]));
    let wall = measured.wall(world.plan);
    measured
        .seen
        .to_mut()
        .iter_mut()
        .for_each(|own| own.wall = wall);
    measured
}

/// Gathers what a run in progress has measured up to `frame.end`.
pub(crate) fn gather_so_far<'a>(
    world: &World<'_>,
    recorder: &'a Recorder,
    frame: &Frame,
    seen: &'a mut Observations,
) -> Measurements<'a> {
    seen.workers = frame.workers;
    seen.limits = limits(world);
    let seen = std::slice::from_ref(seen);
    with_samples(world, Cow::Borrowed(recorder), frame, Cow::Borrowed(seen))
}

fn with_samples<'a>(
    world: &World<'_>,
    recorder: Cow<'a, Recorder>,
    frame: &Frame,
    seen: Cow<'a, [Observations]>,
) -> Measurements<'a> {
    Measurements {
        mode: frame.mode,
        round: frame.round,
        // Teardowns of users may go on after the end of the drain, and are not part of the run's time.
        end: if world.plan.has_user_teardown() {
            frame.end.min(world.stop.drain_end())
        } else {
            frame.end
        },
        stop: world.stop.end(),
        stopped_early: world.stopped_early(),
        checks: world.checks.iter().map(Check::names).collect(),
        recorder,
        seen,
        watched: Vec::new(),
    }
}

/// Returns how busy the limits are.
fn limits(world: &World<'_>) -> Vec<LimitPeak> {
    let peak = |limit: &Limit| LimitPeak {
        scope: limit.scope.clone(),
        peak_in_flight: limit.busy().peak_in_use(),
        peak_queue: limit.busy().peak_waiting(),
        dropped: limit.dropped(),
    };
    let of_target = |(target, busy): (&Target, &Arc<Busy>)| {
        // A pool without a cap counts nothing.
        let what = busy.what().filter(|_| busy.peak_in_use() > 0)?;
        let scope = format!("{what} of {}", target.name);
        Some(LimitPeak {
            scope,
            peak_in_flight: busy.peak_in_use(),
            peak_queue: busy.peak_waiting(),
            dropped: 0,
        })
    };
    let counted = world
        .plan
        .targets
        .iter()
        .zip(&world.busy)
        .filter_map(of_target);
    world.limits().map(peak).chain(counted).collect()
}
