//! [`SharedRecorder`]: what samples are added up in, and how they are split there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::metrics::window::{aligned, width_for};
use crate::metrics::{IterationPart, ProbeOf, Recorder, Stretch, TakenBy};
use crate::plan::{Load, Operation, Plan, Selector, Tag};

/// The most recorders shared by threads. Even if operations take no time at all, a thread spends
/// only a tenth of its time in a recorder, so a few threads seldom wait for each other.
pub(super) const MAX_RECORDERS: usize = 8;

/// The live counts of some threads.
#[derive(Default)]
pub(super) struct Gauges {
    pub(super) in_flight: AtomicI64,
    pub(super) active: AtomicI64,
}

/// A recorder that some threads write to, and that a
/// [`crate::engine::observe::collector::Collector`] swaps out now and then.
pub struct SharedRecorder(pub(super) Mutex<Box<Recorder>>);

impl SharedRecorder {
    /// Locks the recorder to fold a tape into it. A recorder poisoned by a panic is still valid for
    /// what it holds.
    pub fn lock(&self) -> MutexGuard<'_, Box<Recorder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the recorder if it is not in use.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Box<Recorder>>> {
        match self.0.try_lock() {
            Ok(recorder) => Some(recorder),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the recorder and leaves another in its place.
    pub fn swap(&self, other: &mut Box<Recorder>) {
        std::mem::swap(&mut *self.lock(), other);
    }
}

/// The sink for one thread's samples and counts.
#[derive(Clone, Copy)]
pub struct SampleSink<'w> {
    /// The recorder that adds up its samples.
    pub recorder: &'w SharedRecorder,
    pub(super) gauges: &'w Gauges,
}

impl SampleSink<'_> {
    /// Changes the number of operations in flight.
    pub fn flight(&self, by: i64) {
        self.gauges.in_flight.fetch_add(by, Ordering::Relaxed);
    }

    /// Changes the number of virtual users that run an iteration.
    pub fn activity(&self, by: i64) {
        self.gauges.active.fetch_add(by, Ordering::Relaxed);
    }
}

/// Returns, by operation id, whether a selector selects it.
pub(crate) fn taken(plan: &Plan, selector: &Selector) -> Vec<bool> {
    plan.operations()
        .map(|(mix, name, operation)| selector.takes(plan, mix, name, operation))
        .collect()
}

/// Returns what a selector selects, for a time line of its own.
fn probe_of(plan: &Plan, selector: &Selector) -> ProbeOf {
    let tag = |operation: &Operation, wanted: &str| {
        let value = |tag: &Tag| {
            wanted
                .strip_prefix(tag.name.as_str())?
                .strip_prefix('=')
                .map(str::to_owned)
        };
        let mut values = operation
            .tags
            .iter()
            .enumerate()
            .filter_map(|(place, tag)| Some((place, value(tag)?)));
        values.next().map_or(TakenBy::Nothing, |(place, value)| {
            TakenBy::Tag(place, value)
        })
    };
    let taken_by = |(mix, name, operation): (usize, &str, &Operation)| match &selector.tag {
        _ if !selector.takes(plan, mix, name, operation) => TakenBy::Nothing,
        Some(wanted) => tag(operation, wanted),
        None => TakenBy::Itself,
    };
    let is_whole = selector.step.is_none() && selector.target.is_none() && selector.tag.is_none();
    let mix = selector
        .mix
        .as_ref()
        .filter(|_| is_whole)
        .and_then(|mix| plan.mix.iter().position(|known| known.name == *mix));
    ProbeOf {
        takes: plan.operations().map(taken_by).collect(),
        mix: mix.map(|mix| mix as u32),
    }
}

/// Returns the stages of a load on the run's clock.
fn stretches(load: &Load) -> Vec<Stretch> {
    let mut end = load.warmup;
    load.lasting()
        .map(|stage| {
            end += stage.duration;
            Stretch {
                end,
                measured: stage.measure,
            }
        })
        .collect()
}

/// Creates an empty recorder for the operations of a plan.
pub(super) fn new_recorder(plan: &Plan) -> Recorder {
    let load = &plan.load;
    let network: Vec<bool> = plan
        .operations()
        .map(|(_, _, operation)| operation.action.target().is_some())
        .collect();
    let width = aligned(width_for(load.duration), plan.windows());
    let windowed = plan.probes().into_iter().filter(|(_, windowed)| *windowed);
    let probes: Vec<ProbeOf> = windowed
        .map(|(selector, _)| probe_of(plan, &selector))
        .collect();
    let parts: Vec<IterationPart> = iteration_parts(plan)
        .into_iter()
        .map(|(_, part)| part)
        .collect();
    let recorder = Recorder::new(&network, load.warmup, width).in_stages(stretches(load));
    recorder.probing(probes).splitting_iterations(parts)
}

/// Returns the parts of iterations that thresholds refer to, each once, with its selector.
pub(crate) fn iteration_parts(plan: &Plan) -> Vec<(Selector, IterationPart)> {
    let mut parts: Vec<(Selector, IterationPart)> = Vec::new();
    for (selector, metric) in plan.asked() {
        let selector = selector.of_any_mode();
        if !metric.counts_iterations() || parts.iter().any(|(known, _)| *known == selector) {
            continue;
        }
        let part = match &selector {
            Selector {
                mix: None,
                step: None,
                target: None,
                stage: Some(stage),
                tag: None,
                mode: None,
            } => plan
                .load
                .lasting()
                .position(|known| known.name == *stage)
                .map(IterationPart::Stage),
            Selector {
                mix: Some(mix),
                step: None,
                target: None,
                stage: None,
                tag: None,
                mode: None,
            } => plan
                .mix
                .iter()
                .position(|known| known.name == *mix)
                .map(|mix| IterationPart::Mix(mix as u32)),
            _ => None,
        };
        parts.extend(part.map(|part| (selector, part)));
    }
    parts
}
