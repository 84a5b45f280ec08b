//! [`new_recorder`]: the recorder of a plan, and what its parts stand for.

use crate::base::Nanos;
use crate::metrics::window::{aligned, width_for};
use crate::metrics::{IterationPart, ProbeOf, Recorder, Stages, Stretch, TakenBy};
use crate::plan::{Load, Operation, Plan, Selector, Tag};

/// Returns, by operation id, whether a selector selects it.
pub(super) fn taken(plan: &Plan, selector: &Selector) -> Vec<bool> {
    plan.operations()
        .map(|(mix, name, operation)| selector.takes(plan, mix, name, operation))
        .collect()
}

/// Returns the timed groups that a selector selects.
pub(super) fn groups_taken(plan: &Plan, selector: &Selector) -> impl Iterator<Item = u32> {
    plan.timed_groups()
        .filter(|(mix, name, _)| selector.takes_group(plan, *mix, name))
        .map(|(.., group)| group)
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
    let is_whole = [
        &selector.step,
        &selector.group,
        &selector.target,
        &selector.tag,
    ]
    .into_iter()
    .all(Option::is_none);
    let mix = selector
        .mix
        .as_ref()
        .filter(|_| is_whole)
        .and_then(|mix| plan.mix.iter().position(|known| known.name == *mix));
    ProbeOf {
        takes: plan.operations().map(taken_by).collect(),
        mix: mix.map(|mix| mix as u32),
        groups: groups_taken(plan, selector).collect(),
    }
}

/// Returns the values of tags that thresholds refer to, each with its operation and the index of
/// the tag in it.
fn asked_tags(plan: &Plan) -> Vec<(u32, usize, String)> {
    let mut asked = Vec::new();
    for (selector, _) in plan.probes() {
        for (operation, taken) in probe_of(plan, &selector).takes.into_iter().enumerate() {
            if let TakenBy::Tag(place, value) = taken {
                asked.push((operation as u32, place, value));
            }
        }
    }
    asked
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

/// Returns the width of the windows of a plan's time line at its beginning.
pub(crate) fn window_width(plan: &Plan) -> Nanos {
    aligned(width_for(plan.duration()), plan.windows())
}

/// Creates empty figures of the stages of a load, which know what is measured.
pub(crate) fn stages(load: &Load) -> Stages {
    Stages::new(stretches(load), 0)
}

/// Creates an empty recorder for the operations of a plan.
pub fn new_recorder(plan: &Plan) -> Recorder {
    let load = &plan.load;
    let network: Vec<bool> = plan
        .operations()
        .map(|(_, _, operation)| operation.action.target().is_some())
        .collect();
    let width = window_width(plan);
    let windowed = plan.probes().into_iter().filter(|(_, windowed)| *windowed);
    let probes: Vec<ProbeOf> = windowed
        .map(|(selector, _)| probe_of(plan, &selector))
        .collect();
    let parts: Vec<IterationPart> = iteration_parts(plan)
        .into_iter()
        .map(|(_, part)| part)
        .collect();
    let recorder = Recorder::new(&network, load.warmup, width).in_stages(stretches(load));
    recorder
        .with_teardown(plan.teardown_operations())
        .timing_groups(plan.teardown_groups())
        .probing(probes)
        .splitting_iterations(parts)
        .preferring_tags(asked_tags(plan))
}

/// Returns the parts of iterations that thresholds refer to, and those of loads of mix entries, each
/// once, with its selector.
pub(super) fn iteration_parts(plan: &Plan) -> Vec<(Selector, IterationPart)> {
    let mut parts: Vec<(Selector, IterationPart)> = Vec::new();
    let of_checks = plan
        .asked()
        .filter(|(_, metric)| metric.counts_iterations())
        .map(|(selector, _)| selector.of_any_mode());
    for selector in of_checks.chain(plan.selectors_of_own_loads()) {
        if parts.iter().any(|(known, _)| *known == selector) {
            continue;
        }
        let part = match &selector {
            Selector {
                mix: None,
                step: None,
                group: None,
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
                group: None,
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
