//! The figures of measures that a check refers to.

use super::selection::{Figure, Selection};
use crate::metrics::histogram;
use crate::metrics::interval::is_enough;
use crate::metrics::summary::{Summary, percentile_in};
use crate::plan::{MeasureKind, MeasureName, MeasureStatistic, Statistic};
use crate::result::{Measure, codec};

impl Selection<'_> {
    /// Returns a statistic of a measure over all rounds, if there are values.
    pub(super) fn measure(&self, name: MeasureName, statistic: MeasureStatistic) -> Option<Figure> {
        let all: Vec<&Measure> = self
            .parts
            .iter()
            .flat_map(|(_, part)| part.measures())
            .filter(|measure| measure.name == name.as_str() && measure.count > 0)
            .collect();
        let own = || all.iter().copied();
        let count: u64 = own().map(|measure| measure.count).sum();
        if count == 0 {
            return None;
        }
        let exact = |value: f64| Some(Figure { value, thin: false });
        match statistic {
            MeasureStatistic::Share => {
                let yes = own().filter_map(|own| Some(own.share? * own.count as f64));
                exact(yes.sum::<f64>() / count as f64)
            }
            MeasureStatistic::Total => exact(own().filter_map(|own| own.total).sum()),
            MeasureStatistic::Of(statistic) => {
                let values: Vec<(&Measure, &Summary)> = own()
                    .filter_map(|own| Some((own, own.value.as_ref()?)))
                    .collect();
                of_values(&values, count, statistic)
            }
        }
    }
}

fn of_values(values: &[(&Measure, &Summary)], count: u64, statistic: Statistic) -> Option<Figure> {
    let summaries = || values.iter().map(|(_, summary)| *summary);
    let max = summaries().map(|summary| summary.max).reduce(f64::max)?;
    let exact = |value: f64| Some(Figure { value, thin: false });
    match statistic {
        Statistic::Mean => {
            let sum: f64 = summaries().map(|own| own.mean * own.count as f64).sum();
            exact(sum / count as f64)
        }
        Statistic::Min => summaries()
            .map(|summary| summary.min)
            .reduce(f64::min)
            .and_then(exact),
        Statistic::Max => exact(max),
        Statistic::Percentile(thousandths) => {
            let mut whole = histogram::empty();
            for (measure, _) in values {
                let part = codec::decode(measure.histogram.as_deref()?).ok()?;
                histogram::add(&mut whole, &part);
            }
            let percentile = f64::from(thousandths) / 1000.0;
            let kind = MeasureKind::of_reported(&values.first()?.0.unit)?;
            let depends = summaries().any(|summary| summary.depends_too_much(percentile));
            Some(Figure {
                value: percentile_in(&whole, percentile, max, kind.stored_per_reported()),
                thin: depends || !is_enough(count, percentile),
            })
        }
    }
}
