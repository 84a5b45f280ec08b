//! The slowest operations with what identifies them: from a percentile to a request.

use super::{tally, view};
use crate::plan::Tracing;
use crate::result::{Exemplar, RunResult};

/// The most characters of a URL in a table.
const MAX_URL: usize = 160;

/// The most characters of the name of a step in a narrow place.
const NARROW_STEP: usize = 24;

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
    head.extend(["trace", "sampled"].into_iter().filter(|_| has_traces));
    head.push("URL");
    let row = |own: &&Exemplar| {
        let mut row = vec![step(own, several_mixes)];
        row.extend(several_modes.then(|| own.mode.to_string()));
        row.extend([
            view::duration_ms(own.response_ms),
            view::duration_s(own.t_s),
            outcome(own),
        ]);
        if has_traces {
            row.extend([trace(own), recorded(own).to_owned()]);
        }
        let url = view::plain(own.url.as_deref().unwrap_or_default());
        row.push(view::shortened(&url, MAX_URL));
        row
    };
    Some(ExemplarTable {
        head: head.into_iter().map(str::to_owned).collect(),
        rows: shown.iter().map(row).collect(),
    })
}

/// Returns the slowest operation of each step for a narrow place: with its trace, or else its URL.
pub(crate) fn narrow(result: &RunResult, most: usize) -> Option<ExemplarTable> {
    let mut table = table(result, 1, most)?;
    // An id that is broken in two can't be copied.
    if table.head.iter().any(|name| name == "trace") {
        let is_kept = |name: &str| !matches!(name, "at" | "URL");
        let kept: Vec<bool> = table.head.iter().map(|name| is_kept(name)).collect();
        for cells in table.rows.iter_mut().chain([&mut table.head]) {
            let mut kept = kept.iter();
            cells.retain(|_| kept.next() == Some(&true));
            cells[0] = view::shortened(&cells[0], NARROW_STEP);
        }
    }
    Some(table)
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

/// What is said of an operation: names and texts, some with the URL that they lead to.
pub(crate) type Card = Vec<(&'static str, String, Option<String>)>;

/// Returns everything that is known of an operation.
pub(crate) fn card(result: &RunResult, own: &Exemplar) -> Card {
    let several_mixes = result.runs.iter().any(|run| run.mixes.len() > 1);
    let line = |name, text| (name, text, None);
    let mut card = vec![
        line("step", step(own, several_mixes)),
        line("response", view::duration_ms(own.response_ms)),
        line("at", view::duration_s(own.t_s)),
        line("outcome", outcome(own)),
    ];
    card.extend(own.url.as_ref().map(|url| line("URL", view::plain(url))));
    if let Some(id) = &own.trace_id {
        card.push(("trace", view::plain(id), link(result, id)));
        card.push(line("sampled", recorded(own).to_owned()));
    }
    card
}

/// Returns the URL of a trace, if the scenario says where people look at it. A result may come from
/// anywhere, so nothing but a page of the web is linked.
fn link(result: &RunResult, id: &str) -> Option<String> {
    let link = result.plan.get("trace")?.get("link")?.as_str()?;
    let is_web = link.starts_with("http://") || link.starts_with("https://");
    let is_id = id.chars().all(|c| c.is_ascii_hexdigit());
    (is_web && is_id).then(|| link.replace(Tracing::ID, id))
}

/// Returns the name of the step, after that of its mix entry if there are several.
fn step(own: &Exemplar, several_mixes: bool) -> String {
    let name = if several_mixes {
        format!("{} / {}", own.mix, own.step)
    } else {
        own.step.clone()
    };
    view::shortened(&view::plain(&name), 80)
}

/// Describes how the operation ended.
fn outcome(own: &Exemplar) -> String {
    let status = own.status.map(|status| status.to_string());
    match (&own.kind, &own.error) {
        (Some(kind), Some(error)) => {
            let (kind, error) = (view::plain(kind), view::plain(error));
            let error = view::shortened(&error, 80);
            if error.starts_with(&kind) {
                error
            } else {
                format!("{kind}: {error}")
            }
        }
        _ => status.unwrap_or_else(|| "ok".into()),
    }
}

fn trace(own: &Exemplar) -> String {
    view::plain(own.trace_id.as_deref().unwrap_or_default())
}

/// Returns whether its trace is recorded, in words.
fn recorded(own: &Exemplar) -> &'static str {
    own.sampled.map_or("", |is| if is { "yes" } else { "no" })
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
        assert_eq!(table.rows[2][3], "status 503, expected 2xx or 3xx");
    }

    #[test]
    fn traces_are_shown_where_there_are_some_and_one_of_those_recorded() {
        let traced = |response_ms, sampled| Exemplar {
            trace_id: Some(format!("{:032x}", response_ms as u64)),
            sampled: Some(sampled),
            ..exemplar("a", response_ms)
        };
        let all = vec![traced(9.0, false), traced(4.0, true), traced(3.0, true)];
        let result = result(all);
        let table = table(&result, 1, 10).expect("rows");
        let traces: Vec<[&str; 2]> = table.rows.iter().map(|row| [&*row[4], &*row[5]]).collect();
        let (first, then) = (format!("{:032x}", 9), format!("{:032x}", 4));
        assert_eq!(traces, [[&*first, "no"], [&*then, "yes"]]);
        let narrow = narrow(&result, 10).expect("rows");
        assert_eq!(narrow.head.last().map(String::as_str), Some("sampled"));
        assert!(narrow.rows.iter().all(|row| row.len() == narrow.head.len()));
    }

    #[test]
    fn only_pages_of_the_web_are_linked() {
        let own = Exemplar {
            trace_id: Some("ab".repeat(16)),
            sampled: Some(true),
            ..exemplar("a", 1.0)
        };
        let linked = |link: &str, own: &Exemplar| {
            let mut result = result(Vec::new());
            result.plan = serde_json::json!({"trace": {"link": link}});
            let card = card(&result, own);
            card.into_iter()
                .find_map(|(name, _, link)| link.filter(|_| name == "trace"))
        };
        let expected = format!("http://ui.test/{}?x", "ab".repeat(16));
        assert_eq!(linked("http://ui.test/{trace_id}?x", &own), Some(expected));
        assert_eq!(linked("javascript:hit({trace_id})", &own), None);
        let forged = Exemplar {
            trace_id: Some("../x".into()),
            ..own
        };
        assert_eq!(linked("http://ui.test/{trace_id}", &forged), None);
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
