//! The figures of the parts that every run has: its steps, mix entries and targets.

use std::borrow::Cow;

use super::group::{Span, group};
use super::{measures, split, steps_over_time};
use crate::metrics::{Cumulative, Figures, Recorder, Windows};
use crate::plan::{Action, Plan};
use crate::result::{Group, StepMeasure};

/// Sums up the operations with the same key, in the order in which the keys first occur.
fn by<'r, K: PartialEq>(
    plan: &Plan,
    recorder: &'r Recorder,
    key: impl Fn(usize, &str, &Action) -> Option<K>,
) -> Vec<(K, Cow<'r, Figures>)> {
    let mut groups: Vec<(K, Cow<'r, Figures>)> = Vec::new();
    for ((mix, name, operation), figures) in plan.operations().zip(recorder.steps()) {
        let Some(key) = key(mix, name, &operation.action) else {
            continue;
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, sum)) => sum.to_mut().add(figures),
            None => groups.push((key, Cow::Borrowed(figures))),
        }
    }
    groups
}

/// Returns the figures of each step, split by its tags, with its heat map from these windows.
pub(crate) fn steps(
    plan: &Plan,
    recorder: &Recorder,
    span: &Span,
    windows: &Windows,
) -> Vec<Group> {
    let named = steps_over_time::named(plan, windows);
    let heat = steps_over_time::heat(&named, windows).into_iter();
    by(plan, recorder, |mix, name, _| Some((mix, name.to_owned())))
        .into_iter()
        .zip(heat.chain(std::iter::repeat_with(Vec::new)))
        .map(|(((mix, name), figures), heat)| {
            let own = plan
                .operations()
                .filter(|(of, called, _)| *of == mix && *called == name)
                .map(|(_, _, operation)| operation);
            let dependence = span.dependence.of_part(&figures);
            let tag = |(tag, own): (String, Figures)| {
                let dependence = dependence.of_part(&own);
                Group {
                    measures: measures::of_part(plan, &own, &dependence, None),
                    ..group(tag, None, &own, span.measured_s, &dependence)
                }
            };
            let tags = split::tags(recorder, own).into_iter().map(tag).collect();
            Group {
                tags,
                heat,
                ..group(
                    name,
                    Some(plan.mix[mix].name.clone()),
                    &figures,
                    span.measured_s,
                    &dependence,
                )
            }
        })
        .collect()
}

/// Returns the response times of each step as scrapers want them, in the order of [`steps`].
pub(crate) fn step_responses(plan: &Plan, recorder: &Recorder) -> Vec<Cumulative> {
    by(plan, recorder, |mix, name, _| Some((mix, name.to_owned())))
        .into_iter()
        .map(|(_, figures)| Cumulative::from_track(&figures.response()))
        .collect()
}

/// Returns the measures of each step.
pub(crate) fn step_measures(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<StepMeasure> {
    let steps = by(plan, recorder, |mix, name, _| Some((mix, name.to_owned())));
    let of_step = |((mix, step), figures): ((usize, String), Cow<'_, Figures>)| {
        let own = plan
            .operations()
            .filter(|(of, called, _)| *of == mix && *called == step)
            .map(|(_, _, operation)| operation);
        let measures = measures::of_step(own, &figures, &span.dependence);
        measures.into_iter().map(move |measure| StepMeasure {
            mix: plan.mix[mix].name.clone(),
            step: step.clone(),
            measure,
        })
    };
    if plan.measure_names().is_empty() {
        return Vec::new();
    }
    steps.into_iter().flat_map(of_step).collect()
}

/// Returns the figures of each mix entry.
pub(crate) fn mixes(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(plan, recorder, |mix, _, _| Some(mix))
        .into_iter()
        .map(|(mix, figures)| {
            let dependence = span.dependence.of_part(&figures);
            Group {
                measures: measures::of_part(plan, &figures, &dependence, None),
                ..group(
                    plan.mix[mix].name.clone(),
                    None,
                    &figures,
                    span.measured_s,
                    &dependence,
                )
            }
        })
        .collect()
}

/// Returns the figures of each target.
pub(crate) fn targets(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(plan, recorder, |_, _, action| action.target())
        .into_iter()
        .map(|(target, figures)| {
            let dependence = span.dependence.of_part(&figures);
            Group {
                measures: measures::of_part(plan, &figures, &dependence, None),
                ..group(
                    plan.targets[target].name.clone(),
                    None,
                    &figures,
                    span.measured_s,
                    &dependence,
                )
            }
        })
        .collect()
}

/// Returns the names of what speaks HTTP/1.1 with the targets.
pub(crate) fn http_client(plan: &Plan) -> Option<String> {
    let mut names: Vec<&str> = plan.http1().map(|options| options.client.name()).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| names.join(" and "))
}
