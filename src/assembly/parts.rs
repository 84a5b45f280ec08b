//! The figures of the parts that every run has: its steps, mix entries and targets.

use std::borrow::Cow;

use super::group::{Span, group};
use super::split;
use crate::metrics::{Figures, Recorder};
use crate::plan::{Action, Plan};
use crate::result::Group;

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

/// Returns the figures of each step, split by its tags.
pub(crate) fn steps(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(plan, recorder, |mix, name, _| Some((mix, name.to_owned())))
        .into_iter()
        .map(|((mix, name), figures)| {
            let own = plan
                .operations()
                .filter(|(of, called, _)| *of == mix && *called == name)
                .map(|(_, _, operation)| operation);
            let dependence = span.dependence.of_part(&figures);
            let tag = |(tag, own): (String, Figures)| {
                group(tag, None, &own, span.measured_s, &dependence.of_part(&own))
            };
            let tags = split::tags(recorder, own).into_iter().map(tag).collect();
            Group {
                tags,
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

/// Returns the figures of each mix entry.
pub(crate) fn mixes(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(plan, recorder, |mix, _, _| Some(mix))
        .into_iter()
        .map(|(mix, figures)| {
            group(
                plan.mix[mix].name.clone(),
                None,
                &figures,
                span.measured_s,
                &span.dependence.of_part(&figures),
            )
        })
        .collect()
}

/// Returns the figures of each target.
pub(crate) fn targets(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    by(plan, recorder, |_, _, action| action.target())
        .into_iter()
        .map(|(target, figures)| {
            group(
                plan.targets[target].name.clone(),
                None,
                &figures,
                span.measured_s,
                &span.dependence.of_part(&figures),
            )
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
