//! The figures of groups of steps that are measured as a whole.

use std::borrow::Cow;

use super::group::{Span, counts};
use crate::metrics::{FailureKind, GroupFigures, Recorder};
use crate::plan::Plan;
use crate::result::TimedGroup;

/// Returns the figures of each timed group, those of the same name and mix entry together, in
/// source order.
pub(crate) fn groups(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<TimedGroup> {
    let mut groups: Vec<(usize, &str, Cow<'_, GroupFigures>)> = Vec::new();
    for ((mix, name, _), figures) in plan.timed_groups().zip(recorder.groups()) {
        match groups
            .iter_mut()
            .find(|known| (known.0, known.1) == (mix, name))
        {
            Some((.., sum)) => sum.to_mut().add(figures),
            None => groups.push((mix, name, Cow::Borrowed(figures))),
        }
    }
    let group = |(mix, name, figures): (usize, &str, Cow<'_, GroupFigures>)| {
        let own = &figures.figures;
        let dependence = span.dependence.of_part(own);
        TimedGroup {
            name: name.to_owned(),
            mix: plan.mix[mix].name.clone(),
            counts: counts(&own.tally),
            failures: FailureKind::named(&own.tally.failed),
            throughput_rps: if span.measured_s > 0.0 {
                own.ok_in_window as f64 / span.measured_s
            } else {
                0.0
            },
            response_ms: dependence.summary(&own.response()),
            response_ok_ms: dependence.summary(&own.response_ok),
            think_ms: dependence.summary(&figures.think),
        }
    };
    groups.into_iter().map(group).collect()
}
