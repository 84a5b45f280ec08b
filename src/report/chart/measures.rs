//! The distributions of the figures that a scenario reads from responses, one chart for each.

use hdrhistogram::Histogram;

use super::super::view;
use super::ladder::Ladder;
use super::spread::{self, Shown};
use super::trace::{Cast, Trace};
use crate::metrics::histogram;
use crate::metrics::summary::NANOS_PER_MS;
use crate::result::{StepMeasure, codec};

/// The histograms of plain numbers store thousandths.
const THOUSANDTHS: f64 = 1000.0;

/// Draws each measure with values, in the order of the scenario.
pub(crate) fn all(cast: &Cast<'_>) -> Vec<String> {
    let mut known: Vec<&StepMeasure> = Vec::new();
    for trace in &cast.traces {
        for measure in trace.rounds.iter().flat_map(|run| &run.measures) {
            if measure.measure.histogram.is_some() && !known.iter().any(|one| is_same(one, measure))
            {
                known.push(measure);
            }
        }
    }
    known
        .into_iter()
        .filter_map(|measure| draw(cast, measure))
        .collect()
}

fn is_same(a: &StepMeasure, b: &StepMeasure) -> bool {
    let key = |own: &StepMeasure| (own.measure.name.clone(), own.measure.unit.clone());
    (&a.mix, &a.step, key(a)) == (&b.mix, &b.step, key(b))
}

fn draw(cast: &Cast<'_>, own: &StepMeasure) -> Option<String> {
    let measure = &own.measure;
    let (unit, show, x_label): (f64, &dyn Fn(f64) -> String, _) = match measure.unit.as_str() {
        "ms" => (NANOS_PER_MS, &view::duration_ms, "time"),
        "bytes" => (1.0, &|bytes| view::bytes(bytes as u64), "size"),
        _ => (THOUSANDTHS, &view::number, "value"),
    };
    let step = view::shortened(&view::plain(&own.step), 40);
    let shown = Shown {
        title: &format!("{} of {step}", measure.name),
        subtitle: "The thicker, the more responses said about this much; marks: p50, p90 and p99.",
        x_label,
        show,
        marks: [0.5, 0.9, 0.99],
        several: "responses said",
    };
    let of = |trace: &Trace<'_>| Ladder::scaled(&values(trace, own)?, unit);
    spread::draw(cast, &shown, &of)
}

/// Returns the values of all rounds of a trace.
fn values(trace: &Trace<'_>, of: &StepMeasure) -> Option<Histogram<u64>> {
    let mut sum: Option<Histogram<u64>> = None;
    let measures = trace.rounds.iter().flat_map(|run| &run.measures);
    for measure in measures.filter(|measure| is_same(measure, of)) {
        let one = codec::decode(measure.measure.histogram.as_deref()?).ok()?;
        match sum.as_mut() {
            Some(sum) => histogram::add(sum, &one),
            None => sum = Some(one),
        }
    }
    sum.filter(|sum| !sum.is_empty())
}
