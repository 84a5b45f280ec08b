//! The figures of the parts of a run that thresholds refer to: stages, and selected operations.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::dependence::Dependence;
use super::group::{Span, counts, encoded, group};
use super::observations::Observations;
use super::recorder::{groups_taken, iteration_parts, taken};
use super::series::{series, widened};
use super::{groups, measures, split};
use crate::metrics::{Figures, Recorder, StreamFigures, Track};
use crate::plan::{Plan, Quantity, Selector};
use crate::result::{Group, Iterations, Probe};

/// Returns the figures that only thresholds need.
pub(crate) fn probes(
    plan: &Plan,
    recorder: &Recorder,
    seen: &[Observations],
    span: &Span,
) -> Vec<Probe> {
    let mut time_lines = recorder.probes();
    let probe = |(selector, windowed): (Selector, bool)| {
        let steps = recorder.steps().iter().zip(taken(plan, &selector));
        let steps = steps.filter(|(_, taken)| *taken).map(|(step, _)| step);
        let whole = groups_taken(plan, &selector)
            .filter_map(|group| recorder.groups().get(group as usize))
            .map(|group| &group.figures);
        // A selector selects either operations or groups of them.
        let all = Figures::sum(steps.chain(whole));
        let dependence = span.dependence.of_part(&all);
        let own = match &selector.tag {
            None => all,
            Some(tag) => Cow::Owned(tagged(plan, recorder, &selector, tag)),
        };
        let dependence = dependence.of_part(&own);
        let figures = group(String::new(), None, &own, span.measured_s, &dependence);
        let figures = Group {
            measures: measures::of_part(plan, &own, &dependence, Some(&selector)),
            ..with_asked(plan, recorder, span, &selector, &own, figures)
        };
        let windows = if windowed { time_lines.next() } else { None };
        let series = windows
            .map(|windows| series(&widened(windows, span.wall_s, plan), seen, plan))
            .unwrap_or_default();
        Probe {
            selector,
            figures,
            series,
        }
    };
    plan.probes().into_iter().map(probe).collect()
}

/// Returns the figures of the measured stages, each with its duration.
pub(crate) fn stages(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Group> {
    let load = &plan.load;
    let mut begin = plan.load.warmup;
    let stretches =
        load.lasting()
            .zip(recorder.stages())
            .enumerate()
            .map(|(place, (stage, figures))| {
                let end = begin + stage.duration;
                (
                    stage.measure,
                    std::mem::replace(&mut begin, end)..end,
                    place,
                    figures,
                )
            });
    load.measured_stages(span.lasted)
        .zip(stretches.filter(|(measured, ..)| *measured))
        .map(|((stage, length), (_, stretch, place, figures))| {
            let measured_s = length.as_secs_f64();
            let dependence =
                span.dependence
                    .of_stretch(recorder, plan.load.warmup, stretch, &figures);
            let figures = &*figures;
            let own = group(stage.name.clone(), None, figures, measured_s, &dependence);
            let selector = Selector {
                stage: Some(stage.name.clone()),
                ..Selector::default()
            };
            Group {
                measures: measures::of_part(plan, figures, &dependence, Some(&selector)),
                steps: steps_of_stage(plan, recorder, place, measured_s, &dependence),
                groups: groups::in_stage(plan, recorder, place, measured_s, &dependence),
                ..with_asked(plan, recorder, span, &selector, figures, own)
            }
        })
        .collect()
}

/// Returns the figures of each step that was planned in a stage of this length, unless there is only
/// one step.
fn steps_of_stage(
    plan: &Plan,
    recorder: &Recorder,
    stage: usize,
    measured_s: f64,
    dependence: &Dependence,
) -> Vec<Group> {
    if plan.operations().count() < 2 {
        return Vec::new();
    }
    let step = |(number, (mix, name, _)): (u32, (usize, &str, _))| {
        let figures = recorder.step_in_stage(stage, number)?;
        let dependence = dependence.of_part(figures);
        let mix = Some(plan.mix[mix].name.clone());
        Some(group(
            name.to_owned(),
            mix,
            figures,
            measured_s,
            &dependence,
        ))
    };
    (0..).zip(plan.operations()).filter_map(step).collect()
}

/// Returns the figures of the operations with a certain value of a tag.
fn tagged(plan: &Plan, recorder: &Recorder, selector: &Selector, tag: &str) -> Figures {
    let all = plan.operations();
    let operations = all
        .filter(|(mix, name, operation)| selector.takes(plan, *mix, name, operation))
        .map(|(_, _, own)| own);
    split::tags(recorder, operations)
        .into_iter()
        .find(|(name, _)| name == tag)
        .map(|(_, figures)| figures)
        .unwrap_or_default()
}

/// Adds the figures of a part that only thresholds need: its iterations, and the histograms behind
/// percentiles.
fn with_asked(
    plan: &Plan,
    recorder: &Recorder,
    span: &Span,
    selector: &Selector,
    figures: &Figures,
    own: Group,
) -> Group {
    let of_part = iteration_parts(plan)
        .iter()
        .position(|(known, _)| known == selector);
    let iterations = of_part.and_then(|place| Some(recorder.iteration_parts().nth(place)?.1));
    let duration = iterations.map(|figures| &figures.durations);
    let dependence = span.dependence.of_iterations(recorder);
    let times = plan.percentiles_of(|asked| asked.of_any_mode() == *selector);
    let histogram = |of: Quantity| {
        Some((
            of.name().to_owned(),
            encoded(track(figures, duration, of)?.as_ref())?,
        ))
    };
    let histograms: BTreeMap<String, String> = times.into_iter().filter_map(histogram).collect();
    let iterations = iterations.map(|figures| Iterations {
        counts: counts(&figures.tally),
        duration_ms: dependence.summary(&figures.durations),
        pace: figures.pace,
    });
    Group {
        histograms,
        iterations,
        ..own
    }
}

/// Returns a time of these operations, or of the iterations given with them.
fn track<'f>(
    figures: &'f Figures,
    duration: Option<&'f Track>,
    of: Quantity,
) -> Option<Cow<'f, Track>> {
    let of_streams = |track: fn(&StreamFigures) -> &Track| {
        let streams = figures.streams.as_deref();
        streams.map(|streams| Cow::Borrowed(track(streams)))
    };
    match of {
        Quantity::Response => Some(figures.response()),
        Quantity::Ok => Some(Cow::Borrowed(&figures.response_ok)),
        Quantity::Service => Some(Cow::Borrowed(&figures.service)),
        Quantity::Lag => Some(Cow::Borrowed(&figures.lag)),
        Quantity::Queue => Some(Cow::Borrowed(&figures.queue)),
        Quantity::FirstByte => Some(Cow::Borrowed(&figures.first_byte)),
        Quantity::Iteration => duration.map(Cow::Borrowed),
        Quantity::StreamFirst => of_streams(|streams| &streams.first),
        Quantity::StreamService => of_streams(|streams| &streams.first_service),
        Quantity::StreamGap => of_streams(|streams| &streams.gap),
        Quantity::StreamUnit => of_streams(|streams| &streams.unit),
        Quantity::StreamRate => of_streams(|streams| &streams.rate),
    }
}
