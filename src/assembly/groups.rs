//! The figures of groups of steps that are measured as a whole.

use super::dependence::Dependence;
use super::group::{Span, counts, encoded, window_values};
use super::named::Named;
use crate::base::Nanos;
use crate::metrics::summary::NANOS_PER_MS;
use crate::metrics::{FailureKind, GroupFigures, Recorder, Track, WindowGroup, WindowGroups};
use crate::plan::Plan;
use crate::result::{GroupHistograms, GroupWindow, TimedGroup};

/// Returns the figures of each timed group, in source order.
pub(crate) fn groups(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<TimedGroup> {
    let of_group = |group: Named<'_>| {
        let figures = group.sum(
            |number| recorder.groups().get(number as usize),
            GroupFigures::add,
        )?;
        let (own, has_pauses) = (&figures.figures, figures.think.max() > Nanos::ZERO);
        let histograms = GroupHistograms {
            response: encoded(&own.response()),
            response_ok: encoded(&own.response_ok),
            think: has_pauses.then(|| encoded(&figures.think)).flatten(),
        };
        Some(TimedGroup {
            histograms,
            ..timed_group(plan, &group, &figures, span.measured_s, &span.dependence)
        })
    };
    let groups = Named::collect(plan.timed_groups()).into_iter();
    groups.filter_map(of_group).collect()
}

/// Returns the figures of each timed group that had a pass in a stage of this length.
pub(super) fn in_stage(
    plan: &Plan,
    recorder: &Recorder,
    stage: usize,
    measured_s: f64,
    dependence: &Dependence,
) -> Vec<TimedGroup> {
    let of_group = |group: Named<'_>| {
        let get = |number| recorder.group_in_stage(stage, number);
        let figures = group.sum(get, GroupFigures::add)?;
        Some(timed_group(plan, &group, &figures, measured_s, dependence))
    };
    let groups = Named::collect(plan.timed_groups()).into_iter();
    groups.filter_map(of_group).collect()
}

fn timed_group(
    plan: &Plan,
    group: &Named<'_>,
    figures: &GroupFigures,
    measured_s: f64,
    dependence: &Dependence,
) -> TimedGroup {
    let own = &figures.figures;
    let dependence = dependence.of_part(own);
    let summary = |times: &Track| dependence.summary(times);
    TimedGroup {
        name: group.name.to_owned(),
        mix: plan.mix[group.mix].name.clone(),
        counts: counts(&own.tally),
        failures: FailureKind::named(&own.tally.failed),
        throughput_rps: if measured_s > 0.0 {
            own.ok_in_window as f64 / measured_s
        } else {
            0.0
        },
        response_ms: summary(&own.response()),
        response_ok_ms: summary(&own.response_ok),
        think_ms: summary(&figures.think),
        histograms: GroupHistograms::default(),
    }
}

/// Returns the timed groups of an interval of this width.
pub(super) fn in_window(
    plan: &Plan,
    all: &[Named<'_>],
    own: &WindowGroups,
    width: Nanos,
) -> Vec<GroupWindow> {
    let of_group = |group: &Named<'_>| {
        let passes = group.sum(|number| own.get(number), WindowGroup::add)?;
        let response = passes.response();
        let max_ms = passes.max.as_millis_f64();
        let mean_ms = passes.mean_response_ms();
        Some(GroupWindow {
            name: group.name.to_owned(),
            mix: plan.mix[group.mix].name.clone(),
            planned: passes.planned,
            ok: passes.ok,
            failed: passes.failed,
            throughput_rps: passes.ok_completions as f64 / width.as_secs_f64(),
            response_ms: mean_ms.map(|mean| window_values(&response, mean, max_ms, NANOS_PER_MS)),
            think_mean_ms: passes.mean_think_ms(),
        })
    };
    all.iter().filter_map(of_group).collect()
}
