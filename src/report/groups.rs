//! The groups of steps that are measured as a whole, mode beside mode.

use super::asked::ShownPercentile;
use super::part_name::PartName;
use super::view;
use crate::metrics::Summary;
use crate::result::{ModeRun, TimedGroup};

/// The most groups with charts of their own over time.
pub(crate) const MAX_CHARTS: usize = 8;
/// The most rows of a table.
const MAX_ROWS: usize = 200;

/// The groups of some runs.
pub(crate) struct GroupTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// A group in a run, with the index of the run.
    pub rows: Vec<(usize, Vec<String>)>,
    /// The number of rows that are left out.
    pub more: usize,
}

/// Returns the groups of runs that have these labels, if there are any.
pub(crate) fn table(
    runs: &[(String, &ModeRun)],
    percentiles: &[ShownPercentile],
) -> Option<GroupTable> {
    let groups = PartName::of_groups(runs.iter().map(|(_, run)| *run));
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for name in groups {
        for (place, (label, run)) in runs.iter().enumerate() {
            let row = name.group_of(run).map(|group| {
                let first = [view::shortened(&name.label(), 80), label.clone()];
                (place, [&first[..], &figures(group, percentiles)].concat())
            });
            rows.extend(row);
        }
    }
    if rows.is_empty() {
        return None;
    }
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    let head = ["group", "mode"].map(str::to_owned).into_iter();
    Some(GroupTable {
        head: head.chain(columns(percentiles)).collect(),
        rows,
        more,
    })
}

/// Returns the names of the columns with the figures of a group.
pub(crate) fn columns(percentiles: &[ShownPercentile]) -> Vec<String> {
    let first = ["ok", "failed", "throughput", "mean"].map(str::to_owned);
    let names = percentiles.iter().map(|one| one.name.to_string());
    let last = ["max", "mean pause"].map(str::to_owned);
    first.into_iter().chain(names).chain(last).collect()
}

/// Returns the figures of a group, as many as there are columns.
pub(crate) fn figures(group: &TimedGroup, percentiles: &[ShownPercentile]) -> Vec<String> {
    let summary = group.response_ms.as_ref();
    let shown = |of: Option<&Summary>, value: fn(&Summary) -> f64| {
        let known = of.filter(|own| own.count > 0);
        view::or_na(known, |own| view::duration_ms(value(own)))
    };
    let mut cells = vec![
        view::count(group.counts.ok),
        view::count(group.counts.failed),
        view::rate(group.throughput_rps),
        shown(summary, |own| own.mean),
    ];
    cells.extend(percentiles.iter().map(|one| one.show(summary)));
    cells.push(shown(summary, |own| own.max));
    cells.push(shown(group.think_ms.as_ref(), |own| own.mean));
    cells
}

#[cfg(test)]
mod tests {
    use super::super::chart::trace::Cast;
    use super::super::{chart, hlog, html, markdown, openmetrics, spreadsheet, terminal};
    use super::*;
    use crate::report::fixture::{
        Form, HOSTILE, assert_only_in_first, timed_groups, without_groups,
    };
    use crate::result::RunResult;

    #[test]
    fn groups_are_in_every_form_and_nowhere_without_them() {
        let (with, without) = (timed_groups(&["check out"]), without_groups());
        let forms: [Form<'_>; 6] = [
            (
                "terminal",
                &|r| terminal::render(r, terminal::Style::default()),
                &["as a whole", "mean pause", "buy, now / check out"],
            ),
            (
                "markdown",
                &markdown::render,
                &[
                    "| group as a whole |",
                    "| mean pause |",
                    "/ check out | async |",
                ],
            ),
            (
                "openmetrics",
                &openmetrics::render,
                &[
                    "loadgen_group_response_seconds{",
                    "loadgen_group_think_seconds_count{",
                    "loadgen_group_passes_total{",
                    "loadgen_group_failures_total{",
                    "loadgen_group_throughput_passes_per_second{",
                    ",mix=\"buy, now\",group=\"check out\"",
                ],
            ),
            (
                "csv",
                &|r| spreadsheet::summary(r).expect("text"),
                &[
                    ",group,\"buy, now\",check out,",
                    ",group in stage,\"buy, now\",check out [peak],",
                ],
            ),
            (
                "csv of the time line",
                &|r| spreadsheet::series(r).expect("text"),
                &[
                    ",\"group_buy, now.check out_p50_ms\",",
                    ",3.5,21.5,21.25,27.75,28,1.125",
                ],
            ),
            (
                "hlog",
                &|r| hlog::render(r).expect("text"),
                &[
                    "Tag=async.group.buy%2C%20now.check%20out.response,",
                    "Tag=async.group.buy%2C%20now.check%20out.think,",
                    "Tag=async.group.buy%2C%20now.check%20out.response.windows,",
                ],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
    }

    #[test]
    fn groups_are_on_the_page_and_in_pictures_and_nowhere_without_them() {
        let (with, without) = (timed_groups(&["check out"]), without_groups());
        let drawn = |chart: &str, result: &RunResult| {
            let mut files = chart::FILES.into_iter();
            let (_, draw) = files.find(|(name, _)| *name == chart).expect("a chart");
            draw(&Cast::from_result(result)).unwrap_or_default()
        };
        let forms: [Form<'_>; 3] = [
            (
                "html",
                &|r| html::render(r, html::Delivery::Whole(&[])).expect("a page"),
                &[
                    "id=\"chart-groups\"",
                    "id=\"chart-group-over-time-1\"",
                    "href=\"#data-groups\"",
                    "id=\"data-groups\"",
                    "data-columns=\"group buy, now / check out p99\"",
                    "<th scope=\"col\">group buy, now / check out p99</th>",
                    "Groups by stage",
                    "peak / buy, now / check out",
                ],
            ),
            (
                "picture",
                &|r| drawn("groups", r),
                &[
                    "Response times of groups as a whole",
                    "check out, async: 80 %",
                ],
            ),
            (
                "time line",
                &|r| drawn("timeline", r),
                &["check out as a whole, p99"],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
    }

    #[test]
    fn many_groups_and_hostile_names_leave_no_form_unreadable() {
        let names: Vec<String> = (0..70).map(|n| format!("{n} {HOSTILE}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let result = timed_groups(&names);
        let text = markdown::render(&result);
        assert!(text.len() < 65_000, "{}", text.len());
        assert!(text.contains("more; they are in the result"));
        let cast = Cast::from_result(&result);
        let svg = chart::groups::svg(&cast).expect("a picture");
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        let height = document.root_element().attribute("height").expect("a size");
        assert!(height.parse::<u32>().expect("pixels") < 2_000, "{height}");
        assert!(svg.contains("186 more in the tables."));
        assert_eq!(chart::groups_over_time::all(&cast).len(), 2 * MAX_CHARTS);
        let page = html::render(&result, html::Delivery::Whole(&[])).expect("a page");
        assert!(!page.contains("<script>alert") && page.contains("10 more are in the result"));
    }

    #[test]
    fn a_result_of_a_version_without_these_figures_is_shown() {
        let mut old = serde_json::to_value(timed_groups(&["check out"])).expect("text");
        for run in old["runs"].as_array_mut().expect("runs") {
            for group in run["groups"].as_array_mut().expect("groups") {
                group
                    .as_object_mut()
                    .expect("an object")
                    .remove("histograms");
            }
            for window in run["series"].as_array_mut().expect("windows") {
                window.as_object_mut().expect("an object").remove("groups");
            }
        }
        let old: RunResult = serde_json::from_value(old).expect("a result");
        let page = html::render(&old, html::Delivery::Whole(&[])).expect("a page");
        assert!(page.contains("id=\"data-groups\""));
        assert!(!page.contains("chart-group"));
        assert_eq!(chart::groups::svg(&Cast::from_result(&old)), None);
        let log = hlog::render(&old).expect("text");
        assert!(!log.contains(".group."));
    }
}
