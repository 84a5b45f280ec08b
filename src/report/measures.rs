//! The figures that a scenario reads from responses, mode beside mode.

use super::asked::{self, ShownPercentile};
use super::{tally, view};
use crate::metrics::Summary;
use crate::result::{Group, Measure, ModeRun, RunResult};

/// The most rows of a table: tags may have a hundred values each.
const MAX_ROWS: usize = 200;

/// A measure of a part of a run.
pub(crate) struct PartMeasure<'r> {
    /// The part.
    pub of: MeasuredPart<'r>,
    /// Its figures.
    pub measure: &'r Measure,
}

/// The part of a run that a measure is of, by name; what it is not narrowed by is empty.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MeasuredPart<'r> {
    /// The mix entry.
    pub mix: &'r str,
    /// The step.
    pub step: &'r str,
    /// The target.
    pub target: &'r str,
    /// The stage of the load.
    pub stage: &'r str,
    /// The value of a tag.
    pub tag: &'r str,
}

/// Returns the measures of a run: of its steps, then of its targets and stages if there are several,
/// and of the values of the steps' tags.
pub(crate) fn of_run(run: &ModeRun) -> Vec<PartMeasure<'_>> {
    let steps = run.measures.iter().map(|own| PartMeasure {
        of: MeasuredPart {
            mix: &own.mix,
            step: &own.step,
            ..MeasuredPart::default()
        },
        measure: &own.measure,
    });
    let mut all: Vec<PartMeasure<'_>> = steps.collect();
    let several = |groups: &'_ [Group]| groups.len() > 1;
    for target in run.targets.iter().filter(|_| several(&run.targets)) {
        let of = MeasuredPart {
            target: &target.name,
            ..MeasuredPart::default()
        };
        all.extend(of_group(target, of));
    }
    for stage in run.stages.iter().filter(|_| several(&run.stages)) {
        let of = MeasuredPart {
            stage: &stage.name,
            ..MeasuredPart::default()
        };
        all.extend(of_group(stage, of));
    }
    for step in &run.steps {
        for tag in &step.tags {
            let of = MeasuredPart {
                mix: step.mix.as_deref().unwrap_or_default(),
                step: &step.name,
                tag: &tag.name,
                ..MeasuredPart::default()
            };
            all.extend(of_group(tag, of));
        }
    }
    all
}

fn of_group<'r>(
    group: &'r Group,
    of: MeasuredPart<'r>,
) -> impl Iterator<Item = PartMeasure<'r>> + use<'r> {
    let measures = group.measures.iter();
    measures.map(move |measure| PartMeasure { of, measure })
}

/// The measures of the first run of each mode.
pub(crate) struct MeasureTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// A measure of a part in a mode.
    pub rows: Vec<Vec<String>>,
}

/// Returns the measures of a result, if it has any: those of its steps.
pub(crate) fn by_step(result: &RunResult) -> Option<MeasureTable> {
    table(result, |part| {
        [part.target, part.stage, part.tag]
            .iter()
            .all(|name| name.is_empty())
    })
}

/// Returns the measures of a result, if it has any: those of all parts.
pub(crate) fn by_part(result: &RunResult) -> Option<MeasureTable> {
    table(result, |_| true)
}

fn table(result: &RunResult, is_shown: impl Fn(&MeasuredPart<'_>) -> bool) -> Option<MeasureTable> {
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
    let head: Vec<String> = [what.as_str(), "mode", "values", "unread", "mean or sum"]
        .into_iter()
        .chain(percentiles.iter().map(|one| &*one.name))
        .chain(["max"])
        .map(str::to_owned)
        .collect();
    let of_runs: Vec<Vec<PartMeasure<'_>>> = first_rounds.iter().map(|run| of_run(run)).collect();
    let mut known: Vec<(&str, MeasuredPart<'_>)> = Vec::new();
    for own in of_runs.iter().flatten() {
        let key = (own.measure.name.as_str(), own.of);
        if is_shown(&own.of) && !known.contains(&key) {
            known.push(key);
        }
    }
    let mut rows = Vec::new();
    for key in known {
        for (run, measures) in first_rounds.iter().zip(&of_runs) {
            let mut measures = measures.iter();
            let own = measures.find(|own| (own.measure.name.as_str(), own.of) == key);
            rows.extend(own.map(|own| row(run, own, first.mixes.len() > 1, &percentiles)));
        }
    }
    if rows.len() > MAX_ROWS {
        let more = rows.split_off(MAX_ROWS).len();
        let mut last = vec![format!("{more} more are in the result")];
        last.resize(head.len(), String::new());
        rows.push(last);
    }
    Some(MeasureTable { head, rows })
}

fn row(
    run: &ModeRun,
    PartMeasure { of, measure }: &PartMeasure<'_>,
    several_mixes: bool,
    percentiles: &[ShownPercentile],
) -> Vec<String> {
    let short = |name: &str| view::shortened(&view::plain(name), 40);
    let mut parts: Vec<String> = [(of.mix, several_mixes), (of.step, true), (of.tag, true)]
        .into_iter()
        .filter(|(name, is_shown)| *is_shown && !name.is_empty())
        .map(|(name, _)| short(name))
        .collect();
    let others = [("target", of.target), ("stage", of.stage)];
    let others = others.into_iter().filter(|(_, name)| !name.is_empty());
    parts.extend(others.map(|(what, name)| format!("{what} {}", short(name))));
    let summary = measure.value.as_ref().filter(|own| own.count > 0);
    let of = |get: fn(&Summary) -> f64| {
        summary.map_or_else(String::new, |own| shown(&measure.unit, get(own)))
    };
    let share = measure.share.map(view::share);
    let total = measure.total.map(view::number);
    let mut row = vec![
        format!("{} ({})", measure.name, parts.join(" / ")),
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
    use super::super::{fixture, hlog, html, markdown, openmetrics, spreadsheet, terminal};
    use super::*;
    use crate::report::fixture::{Form, assert_only_in_first};
    use crate::result::{MeasureWindow, StepMeasure, Window, WindowValues};

    /// Returns a result whose modes have a measure of each kind.
    fn result() -> RunResult {
        let mut result = fixture::three_modes();
        for run in &mut result.runs {
            let measure = |name: &str, unit: &str| Measure {
                name: name.into(),
                unit: unit.into(),
                count: 40,
                unread: 3,
                value: None,
                share: None,
                total: None,
                histogram: None,
            };
            let measures = [
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
            run.measures = measures
                .clone()
                .map(|measure| StepMeasure {
                    mix: "browse".into(),
                    step: "list".into(),
                    measure,
                })
                .to_vec();
            let mut target = run.targets[0].clone();
            target.measures = measures[..1].to_vec();
            run.steps[0].name = "list".into();
            run.steps[0].tags = vec![Group {
                name: "kind=a".into(),
                ..target.clone()
            }];
            run.targets = vec![
                target.clone(),
                Group {
                    name: "other".into(),
                    ..target
                },
            ];
            run.series.iter_mut().for_each(add_measures);
        }
        result
    }

    /// Adds two of these measures to a window.
    fn add_measures(window: &mut Window) {
        let of = |name: &str, unit: &str| MeasureWindow {
            name: name.into(),
            unit: unit.into(),
            count: window.timed(),
            unread: 2,
            value: None,
            share: None,
            total: None,
        };
        let value = window.response.clone().map(|histogram| WindowValues {
            count: window.timed(),
            mean: 12.5,
            p50: 12.25,
            p90: 14.5,
            p99: 17.75,
            max: 18.0,
            histogram,
        });
        let share = Some(0.25);
        window.measures = vec![
            MeasureWindow {
                value,
                ..of("db", "ms")
            },
            MeasureWindow {
                share,
                ..of("hits", "share")
            },
        ];
    }

    #[test]
    fn measures_are_in_every_form_and_nowhere_without_them() {
        let (with, without) = (result(), fixture::three_modes());
        let forms: [Form<'_>; 7] = [
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
                    "loadgen_measure_total_value{",
                    "loadgen_measure_unread_total{",
                    "loadgen_target_measure_count{",
                    ",round=\"1\",target=\"other\",measure=\"db\",unit=\"ms\"} ",
                    ",mix=\"browse\",step=\"list\",tag=\"kind=a\",measure=\"db\",unit=\"ms\",quantile=",
                ],
            ),
            (
                "csv",
                &|r| spreadsheet::measures(r).expect("text"),
                &[
                    ",browse,list,,,,hits,share,40,3,0.725,",
                    ",1234.5,",
                    ",,,other,,,db,ms,40,3,",
                ],
            ),
            (
                "csv of the time line",
                &|r| spreadsheet::series(r).expect("text"),
                &[
                    ",measure_db_count,measure_db_unread,measure_db_mean_ms,",
                    ",measure_hits_share,measure_sold_count,",
                    ",2,12.5,12.25,17.75,18,",
                ],
            ),
            (
                "hlog",
                &|r| hlog::render(r).expect("text"),
                &[
                    "Tag=async.measure.db.ns,",
                    "Tag=async.measure.db.ns.windows,",
                    "in millions of that unit",
                ],
            ),
            (
                "html",
                &|r| html::render(r, html::Delivery::Whole(&[])).expect("a page"),
                &[
                    "id=\"data-measures\"",
                    "db (target other)",
                    "hits (browse",
                    "id=\"measure-values\"",
                    "db of list – ",
                    "id=\"chart-measure-over-time-0\"",
                    "db over time – ",
                    "hits over time – ",
                    "<th scope=\"col\">db p50</th>",
                    "<th scope=\"col\">hits share</th>",
                ],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
        assert!(by_part(&without).is_none());
    }
}
