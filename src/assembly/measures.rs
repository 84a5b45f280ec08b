//! The figures that a scenario reads from responses.

use super::dependence::Dependence;
use super::group::encoded;
use crate::metrics::{Figures, MeasureFigures};
use crate::plan::{MeasureKind, Operation, Plan, Selector};
use crate::result::Measure;

/// Returns the measures of the operations of a step, each name once, in source order: those without
/// values too.
pub(super) fn of_step<'o>(
    operations: impl Iterator<Item = &'o Operation>,
    figures: &Figures,
    dependence: &Dependence,
) -> Vec<Measure> {
    let mut all: Vec<Measure> = Vec::new();
    for measure in operations.flat_map(|operation| &operation.measures) {
        if all.iter().any(|known| known.name == measure.name.as_str()) {
            continue;
        }
        let set = figures.measures.as_deref();
        let none = MeasureFigures::default();
        let own = set.and_then(|set| set.get(measure.number)).unwrap_or(&none);
        all.push(Measure {
            histogram: histogram(measure, own),
            ..of_name(measure, own, dependence)
        });
    }
    all
}

/// Returns the measures of a part of the run that have values, or responses without one. Those whose
/// percentiles are asked for of this selector have a histogram.
pub(super) fn of_part(
    plan: &Plan,
    figures: &Figures,
    dependence: &Dependence,
    selector: Option<&Selector>,
) -> Vec<Measure> {
    let Some(set) = figures.measures.as_deref() else {
        return Vec::new();
    };
    let asked = selector.map(|own| plan.measure_percentiles_of(own));
    let names = plan.measure_names().into_iter();
    let own = names.filter_map(|measure| Some((measure, set.get(measure.number)?)));
    own.filter(|(_, figures)| figures.values.count() + figures.unread > 0)
        .map(|(measure, figures)| {
            let is_asked = asked.iter().flatten().any(|name| *name == measure.name);
            Measure {
                histogram: is_asked.then(|| histogram(measure, figures)).flatten(),
                ..of_name(measure, figures, dependence)
            }
        })
        .collect()
}

/// Returns the histogram of the values of times, sizes and plain numbers.
fn histogram(of: &crate::plan::Measure, figures: &MeasureFigures) -> Option<String> {
    let is_spread = of.unit.kind().is_spread();
    is_spread.then(|| encoded(&figures.values)).flatten()
}

fn of_name(
    measure: &crate::plan::Measure,
    figures: &MeasureFigures,
    dependence: &Dependence,
) -> Measure {
    let (kind, values) = (measure.unit.kind(), &figures.values);
    let per = kind.stored_per_reported();
    let count = values.count();
    let total = values.sum() as f64 / per;
    Measure {
        name: measure.name.to_string(),
        unit: kind.reported_unit().to_owned(),
        count,
        unread: figures.unread,
        value: kind
            .is_spread()
            .then(|| dependence.summary_in(values, per))
            .flatten(),
        share: (kind == MeasureKind::Share && count > 0).then(|| total / count as f64),
        total: (kind == MeasureKind::Total).then_some(total),
        histogram: None,
    }
}
