//! Checks of gates on measures, which need what the plan says of them.

use super::diagnostic::Diagnostics;
use super::gate_places::GatePlaces;
use super::words;
use crate::plan::{
    MeasureKind, MeasureName, MeasureStatistic, MeasureUnit, Metric, Operation, Plan, Selector,
    Unit,
};

/// Reports a metric of a measure that does not exist here, or that has no such figure.
pub(super) fn measure(
    plan: &Plan,
    metric: Metric,
    of: &Selector,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let Metric::Measure(name, statistic, unit) = metric else {
        return;
    };
    let takes =
        |(mix, name, operation): &(usize, &str, &Operation)| of.takes(plan, *mix, name, operation);
    let measures: Vec<(MeasureName, MeasureUnit)> = plan
        .operations()
        .filter(takes)
        .flat_map(|(.., operation)| &operation.measures)
        .map(|measure| (measure.name, measure.unit))
        .collect();
    let Some((_, own)) = measures.iter().find(|(known, _)| *known == name) else {
        let mut known: Vec<&str> = measures.iter().map(|(name, _)| name.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let error = problems.error(places.check, format!("no measure here is called `{name}`"));
        match words::nearest(name.as_str(), known.iter().copied()) {
            Some(near) => error.help(format!("did you mean `measure.{near}`?")),
            None if known.is_empty() => error.help(format!(
                "define it in a step: `measure: {{ {name}: {{ jsonpath: \"$.{name}\", unit: count }} }}`"
            )),
            None => error.help(format!("choose from {}", words::listed(known.into_iter()))),
        };
        return;
    };
    statistic_and_unit(name, statistic, unit, *own, places, problems);
}

fn statistic_and_unit(
    name: MeasureName,
    statistic: MeasureStatistic,
    unit: Unit,
    own: MeasureUnit,
    places: &GatePlaces,
    problems: &mut Diagnostics,
) {
    let (needed, example) = match own.kind() {
        MeasureKind::Time => (Unit::Millis, "p99 < 20ms"),
        MeasureKind::Size => (Unit::Bytes, "p99 < 64KiB"),
        MeasureKind::Number => (Unit::Number, "p99 < 100"),
        MeasureKind::Share => (Unit::Share, "share > 90%"),
        MeasureKind::Total => (Unit::Number, "total < 1000"),
    };
    let fits = match own.kind() {
        MeasureKind::Share => statistic == MeasureStatistic::Share,
        MeasureKind::Total => statistic == MeasureStatistic::Total,
        MeasureKind::Time | MeasureKind::Size | MeasureKind::Number => {
            matches!(statistic, MeasureStatistic::Of(_))
        }
    };
    if fits && unit == needed {
        return;
    }
    let what = if fits { "value" } else { "statistic" };
    problems
        .error(
            places.check,
            format!(
                "the unit of `{name}` is `{}`, which this {what} does not fit",
                own.name()
            ),
        )
        .help(format!("write a check such as `measure.{name}.{example}`"));
}
