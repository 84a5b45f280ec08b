//! The figures of groups of steps that are measured as a whole.

use std::borrow::Cow;

use super::dependence::Dependence;
use super::group::{Span, counts, encoded, window_values};
use crate::base::Nanos;
use crate::metrics::summary::NANOS_PER_MS;
use crate::metrics::{FailureKind, GroupFigures, Recorder, Track, WindowGroup, WindowGroups};
use crate::plan::Plan;
use crate::result::{GroupHistograms, GroupWindow, TimedGroup};

/// A group that is measured as a whole: the flows of one name in one mix entry.
pub(super) struct NamedGroup<'p> {
    mix: usize,
    name: &'p str,
    /// The numbers of its flows.
    numbers: Vec<u32>,
}

impl<'p> NamedGroup<'p> {
    /// Returns those of a plan, in source order.
    pub(super) fn of_plan(plan: &'p Plan) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (mix, name, number) in plan.timed_groups() {
            match all
                .iter_mut()
                .find(|known| (known.mix, known.name) == (mix, name))
            {
                Some(known) => known.numbers.push(number),
                None => all.push(Self {
                    mix,
                    name,
                    numbers: vec![number],
                }),
            }
        }
        all
    }

    /// Adds up what there is of its flows; returns `None` if there is nothing. What only one of them
    /// has is not copied.
    fn sum<'f, T: Clone>(
        &self,
        get: impl Fn(u32) -> Option<&'f T>,
        add: impl Fn(&mut T, &T),
    ) -> Option<Cow<'f, T>> {
        let mut figures = self.numbers.iter().filter_map(|number| get(*number));
        let mut sum = Cow::Borrowed(figures.next()?);
        figures.for_each(|other| add(sum.to_mut(), other));
        Some(sum)
    }
}

/// Returns the figures of each timed group, in source order.
pub(crate) fn groups(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<TimedGroup> {
    let of_group = |group: NamedGroup<'_>| {
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
    let groups = NamedGroup::of_plan(plan).into_iter();
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
    let of_group = |group: NamedGroup<'_>| {
        let get = |number| recorder.group_in_stage(stage, number);
        let figures = group.sum(get, GroupFigures::add)?;
        Some(timed_group(plan, &group, &figures, measured_s, dependence))
    };
    let groups = NamedGroup::of_plan(plan).into_iter();
    groups.filter_map(of_group).collect()
}

fn timed_group(
    plan: &Plan,
    group: &NamedGroup<'_>,
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
    all: &[NamedGroup<'_>],
    own: &WindowGroups,
    width: Nanos,
) -> Vec<GroupWindow> {
    let of_group = |group: &NamedGroup<'_>| {
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
