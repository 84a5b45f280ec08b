//! The figures that a scenario reads from responses, mode beside mode.

use super::asked::{self, ShownPercentile};
use super::{tally, view};
use crate::metrics::Summary;
use crate::result::{Measure, ModeRun, RunResult};

/// The measures of the first run of each mode.
pub(crate) struct MeasureTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// A measure of a step in a mode.
    pub rows: Vec<Vec<String>>,
}

/// Returns the measures of a result, if it has any.
pub(crate) fn table(result: &RunResult) -> Option<MeasureTable> {
    let first_rounds: Vec<&ModeRun> = tally::modes(result)
        .into_iter()
        .filter_map(|mode| tally::rounds(result, mode).next())
        .collect();
    let first = first_rounds.iter().find(|run| !run.measures.is_empty())?;
    let several = tally::rounds(result, first.mode).count();
    let what = if several > 1 {
        format!("measures, round {} of {several}", first.round)
    } else {
        "measures".into()
    };
    let percentiles = asked::percentiles([result], &["p50", "p95", "p99"]);
    let head = [what.as_str(), "mode", "values", "unread", "mean or sum"]
        .into_iter()
        .chain(percentiles.iter().map(|one| &*one.name))
        .chain(["max"])
        .map(str::to_owned)
        .collect();
    let mut rows = Vec::new();
    for (place, measure) in first.measures.iter().enumerate() {
        for run in &first_rounds {
            // Every mode has the measures of the plan, in its order.
            let own = run.measures.get(place);
            let own = own.filter(|own| (&own.name, &own.step) == (&measure.name, &measure.step));
            rows.extend(own.map(|own| row(run, own, first.mixes.len() > 1, &percentiles)));
        }
    }
    Some(MeasureTable { head, rows })
}

fn row(
    run: &ModeRun,
    measure: &Measure,
    several_mixes: bool,
    percentiles: &[ShownPercentile],
) -> Vec<String> {
    let step = view::shortened(&view::plain(&measure.step), 40);
    let mix = view::shortened(&view::plain(&measure.mix), 40);
    let name = if several_mixes {
        format!("{} ({mix} / {step})", measure.name)
    } else {
        format!("{} ({step})", measure.name)
    };
    let summary = measure.value.as_ref().filter(|own| own.count > 0);
    let of = |get: fn(&Summary) -> f64| {
        summary.map_or_else(String::new, |own| shown(&measure.unit, get(own)))
    };
    let share = measure.share.map(view::share);
    let total = measure.total.map(view::number);
    let mut row = vec![
        name,
        run.mode.to_string(),
        view::count(measure.count),
        view::count(measure.unread),
        share.or(total).unwrap_or_else(|| of(|own| own.mean)),
    ];
    row.extend(percentiles.iter().map(|one| match summary {
        Some(_) => view::or_na(one.value(summary), |value| shown(&measure.unit, value)),
        None => String::new(),
    }));
    row.push(of(|own| own.max));
    row
}

/// Formats a value in the unit of its measure.
fn shown(unit: &str, value: f64) -> String {
    match unit {
        "ms" => view::duration_ms(value),
        "bytes" => view::bytes(value as u64),
        _ => view::number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, html, markdown, openmetrics, spreadsheet, terminal};
    use super::*;
    use crate::report::fixture::{Form, assert_only_in_first};

    /// Returns a result whose modes have a measure of each kind.
    fn result() -> RunResult {
        let mut result = fixture::three_modes();
        for run in &mut result.runs {
            let measure = |name: &str, unit: &str| Measure {
                name: name.into(),
                mix: "browse".into(),
                step: "list".into(),
                unit: unit.into(),
                count: 40,
                unread: 3,
                value: None,
                share: None,
                total: None,
                histogram: None,
            };
            run.measures = vec![
                Measure {
                    value: run.times.response_ms.clone(),
                    histogram: Some(run.histograms.response.clone()),
                    ..measure("db", "ms")
                },
                Measure {
                    share: Some(0.725),
                    ..measure("hits", "share")
                },
                Measure {
                    total: Some(1234.5),
                    ..measure("sold", "total")
                },
            ];
        }
        result
    }

    #[test]
    fn measures_are_in_every_form_and_nowhere_without_them() {
        let (with, without) = (result(), fixture::three_modes());
        let forms: [Form<'_>; 5] = [
            (
                "terminal",
                &|r| terminal::render(r, terminal::Style::default()),
                &["mean or sum", "72.5 %", "hits (browse"],
            ),
            ("markdown", &markdown::render, &["| unread |", "| 72.5 % |"]),
            (
                "openmetrics",
                &openmetrics::render,
                &[
                    "loadgen_measure{",
                    "loadgen_measure_share_ratio{",
                    "loadgen_measure_total_sum{",
                    "loadgen_measure_unread_total{",
                ],
            ),
            (
                "csv",
                &|r| spreadsheet::measures(r).expect("text"),
                &[",browse,list,hits,share,40,3,0.725,", ",1234.5,"],
            ),
            (
                "html",
                &|r| html::render(r, html::Delivery::Whole(&[])).expect("a page"),
                &[
                    "id=\"measures\"",
                    "hits (browse",
                    "id=\"measure-values\"",
                    "db of list – ",
                ],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
        assert!(table(&without).is_none());
    }
}
