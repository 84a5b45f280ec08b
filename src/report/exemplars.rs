//! The slowest operations with what identifies them: from a percentile to a request.

use super::{tally, view};
use crate::result::{Exemplar, RunResult};

/// The most characters of a URL in a table.
const MAX_URL: usize = 160;

/// The slowest operations, the slowest first.
pub(crate) struct ExemplarTable {
    /// The names of the columns.
    pub head: Vec<String>,
    /// An operation.
    pub rows: Vec<Vec<String>>,
}

/// Returns the slowest operations of each step that something identifies, over all runs: up to
/// `per_step` of them, besides the slowest that failed and the slowest whose trace is recorded; at
/// most `most` in all. Returns `None` if there are none.
pub(crate) fn table(result: &RunResult, per_step: usize, most: usize) -> Option<ExemplarTable> {
    let shown = slowest(result, per_step, most);
    if shown.is_empty() {
        return None;
    }
    let several_modes = tally::modes(result).len() > 1;
    let several_mixes = result.runs.iter().any(|run| run.mixes.len() > 1);
    let has_traces = shown.iter().any(|own| own.trace_id.is_some());
    let mut head = vec!["slowest"];
    head.extend(several_modes.then_some("mode"));
    head.extend(["response", "at", "outcome"]);
    head.extend(has_traces.then_some("trace"));
    head.push("URL");
    let row = |own: &&Exemplar| {
        let mut row = vec![step(own, several_mixes)];
        row.extend(several_modes.then(|| own.mode.to_string()));
        row.extend([
            view::duration_ms(own.response_ms),
            view::duration_s(own.t_s),
            outcome(own),
        ]);
        row.extend(has_traces.then(|| trace(own)));
        let url = view::plain(own.url.as_deref().unwrap_or_default());
        row.push(view::shortened(&url, MAX_URL));
        row
    };
    Some(ExemplarTable {
        head: head.into_iter().map(str::to_owned).collect(),
        rows: shown.iter().map(row).collect(),
    })
}

/// Returns the slowest operations of each step that something identifies; see [`table`].
fn slowest(result: &RunResult, per_step: usize, most: usize) -> Vec<&Exemplar> {
    let is_identified =
        |own: &&Exemplar| own.url.is_some() || own.trace_id.is_some() || own.error.is_some();
    let mut all: Vec<&Exemplar> = result.exemplars.iter().filter(is_identified).collect();
    all.sort_by(|a, b| b.response_ms.total_cmp(&a.response_ms));
    let mut shown: Vec<&Exemplar> = Vec::new();
    for own in all {
        let same = |other: &&&Exemplar| (&other.mix, &other.step) == (&own.mix, &own.step);
        let known = || shown.iter().filter(same);
        let is_new = known().count() < per_step
            || own.error.is_some() && known().all(|other| other.error.is_none())
            || own.sampled == Some(true) && known().all(|other| other.sampled != Some(true));
        if is_new {
            shown.push(own);
        }
    }
    shown.truncate(most);
    shown
}

/// Returns the name of the step, after that of its mix entry if there are several.
pub(crate) fn step(own: &Exemplar, several_mixes: bool) -> String {
    let name = if several_mixes {
        format!("{} / {}", own.mix, own.step)
    } else {
        own.step.clone()
    };
    view::shortened(&view::plain(&name), 80)
}

/// Describes how the operation ended.
pub(crate) fn outcome(own: &Exemplar) -> String {
    let status = own.status.map(|status| status.to_string());
    match (&own.kind, &own.error) {
        (Some(kind), Some(error)) => {
            let error = view::shortened(&view::plain(error), 80);
            format!("{}: {error}", view::plain(kind))
        }
        _ => status.unwrap_or_else(|| "ok".into()),
    }
}

/// Returns the trace id, and whether it is recorded.
fn trace(own: &Exemplar) -> String {
    let id = view::plain(own.trace_id.as_deref().unwrap_or_default());
    match own.sampled {
        Some(true) => format!("{id} (sampled)"),
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Mode;
    use crate::report::terminal::{self, Style};
    use crate::report::{fixture, html, markdown, spreadsheet};

    fn exemplar(step: &str, response_ms: f64) -> Exemplar {
        Exemplar {
            mode: Mode::Async,
            round: 1,
            mix: "browse".into(),
            step: step.into(),
            t_s: 1.5,
            response_ms,
            status: Some(200),
            kind: None,
            error: None,
            trace_id: None,
            sampled: None,
            url: Some(format!("http://shop.test/{response_ms}")),
        }
    }

    fn failed(own: Exemplar) -> Exemplar {
        Exemplar {
            status: Some(503),
            kind: Some("status".into()),
            error: Some("status 503, expected 2xx or 3xx".into()),
            ..own
        }
    }

    fn result(exemplars: Vec<Exemplar>) -> RunResult {
        RunResult {
            exemplars,
            ..fixture::one_mode()
        }
    }

    /// Returns the step and the time of each row.
    fn rows(table: &ExemplarTable) -> Vec<(&str, &str)> {
        let cells = table.rows.iter();
        cells.map(|row| (&*row[0], &*row[1])).collect()
    }

    #[test]
    fn the_slowest_come_first_and_no_step_nor_failure_is_crowded_out() {
        let all = vec![
            exemplar("a", 5.0),
            exemplar("a", 9.0),
            exemplar("a", 8.0),
            failed(exemplar("a", 2.0)),
            exemplar("b", 1.0),
        ];
        let table = table(&result(all), 2, 10).expect("rows");
        let expected = [
            ("browse / a", "9.00 ms"),
            ("browse / a", "8.00 ms"),
            ("browse / a", "2.00 ms"),
            ("browse / b", "1.00 ms"),
        ];
        assert_eq!(rows(&table), expected);
        assert_eq!(table.rows[2][3], "status: status 503, expected 2xx or 3xx");
    }

    #[test]
    fn traces_are_shown_where_there_are_some_and_one_of_those_recorded() {
        let traced = |response_ms, sampled| Exemplar {
            trace_id: Some(format!("{:032x}", response_ms as u64)),
            sampled: Some(sampled),
            ..exemplar("a", response_ms)
        };
        let all = vec![traced(9.0, false), traced(4.0, true), traced(3.0, true)];
        let table = table(&result(all), 1, 10).expect("rows");
        let traces: Vec<&str> = table.rows.iter().map(|row| &*row[4]).collect();
        let (first, then) = (format!("{:032x}", 9), format!("{:032x} (sampled)", 4));
        assert_eq!(traces, [first, then]);
    }

    #[test]
    fn what_nothing_identifies_is_not_listed() {
        let mock = Exemplar {
            url: None,
            ..exemplar("sleep", 9.0)
        };
        assert!(table(&result(vec![mock]), 2, 10).is_none());
    }

    #[test]
    fn every_report_has_them_and_none_is_led_astray_by_a_url() {
        let url = "http://shop.test/?a=<script>|`x`&b=\u{1b}[31m";
        let own = Exemplar {
            url: Some(url.into()),
            ..exemplar("=1+1", 9.0)
        };
        let result = result(vec![own]);
        let page = html::render(&result, html::Delivery::Whole(&[])).expect("a page");
        assert!(page.contains("id=\"data-exemplars\"") && page.contains("?a=&#60;script&#62;"));
        assert!(!page.contains("?a=<script>"));
        let text = markdown::render(&result);
        assert!(text.contains("\\<script\\>\\|\\`x\\`"), "{text}");
        let shown = terminal::render(&result, Style::default());
        assert!(
            shown.contains("slowest") && shown.contains("shop.test") && !shown.contains('\u{1b}')
        );
        let csv = spreadsheet::exemplars(&result).expect("a table");
        assert!(
            csv.contains("'=1+1") && csv.contains(",9,200,,,,,http://shop.test/"),
            "{csv}"
        );
    }
}
