//! The figures that a scenario reads from responses.

use std::borrow::Cow;

use super::group::{Span, encoded};
use crate::metrics::{MeasureFigures, Recorder};
use crate::plan::{MeasureKind, Plan};
use crate::result::Measure;

/// Returns the figures of each measure, those of steps of the same name and mix entry together, in
/// source order.
pub(crate) fn measures(plan: &Plan, recorder: &Recorder, span: &Span) -> Vec<Measure> {
    let mut all: Vec<(usize, &str, &crate::plan::Measure, Cow<'_, MeasureFigures>)> = Vec::new();
    for ((mix, step, measure), figures) in plan.measures().zip(recorder.measure_figures()) {
        match all.iter_mut().find(|(known_mix, known_step, known, _)| {
            (*known_mix, *known_step, known.name) == (mix, step, measure.name)
        }) {
            Some((.., sum)) => sum.to_mut().add(figures),
            None => all.push((mix, step, measure, Cow::Borrowed(figures))),
        }
    }
    all.into_iter()
        .map(|(mix, step, measure, figures)| {
            let (kind, values) = (measure.unit.kind(), &figures.values);
            let per = kind.stored_per_reported();
            let is_spread = !matches!(kind, MeasureKind::Share | MeasureKind::Total);
            let count = values.count();
            let total = values.sum() as f64 / per;
            Measure {
                name: measure.name.to_string(),
                mix: plan.mix[mix].name.clone(),
                step: step.to_owned(),
                unit: kind.reported_unit().to_owned(),
                count,
                unread: figures.unread,
                value: is_spread
                    .then(|| span.dependence.summary_in(values, per))
                    .flatten(),
                share: (kind == MeasureKind::Share && count > 0).then(|| total / count as f64),
                total: (kind == MeasureKind::Total).then_some(total),
                histogram: is_spread.then(|| encoded(values)).flatten(),
            }
        })
        .collect()
}
