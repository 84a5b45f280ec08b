//! The summary on the terminal: who won, by how much, and whether it can be trusted, at a glance.
//!
//! Fits 80 columns: figures are rows and modes are columns, of which there are few. Control
//! characters are removed from text of scenarios and servers. Knows nothing of the terminal itself:
//! colour and width are parameters.

mod layout;
mod parts;

use comfy_table::Cell;

use crate::result::{Comparison, End, RunResult, ThresholdVerdict, Validity, Verdict};

use self::layout::wrapped;
pub(super) use self::layout::{indented, right, table};
use self::parts::{
    exemplars, groups, measures, replayed, stages, steps, streams, streams_by_stage, watched,
};
use super::ending::Ending;
use super::headline::Headline;
use super::paint::{self, Paint};
use super::{
    asked, comparison, lookups, replayed as replayed_log, run_tags, tally, thresholds, view,
};

/// How the summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use terminal codes for colour.
    pub color: bool,
    /// The width to fit into, in columns.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
        }
    }
}

/// The number of errors shown per mode.
const ERRORS: usize = 3;
/// The minimum width of the layout.
const NARROWEST: usize = 40;

/// Renders the summary, with a trailing line end.
pub fn render(result: &RunResult, style: Style) -> String {
    let width = style.width.clamp(NARROWEST, 400);
    let mut parts = vec![head(result, width), headline(result, width)];
    if let Some(comparison) = &result.comparison {
        parts.push(compared(result, comparison, width));
    }
    parts.push(streams(result, width));
    parts.push(measures(result, width));
    parts.push(watched(result, width));
    parts.push(replayed(result, width));
    parts.push(judged(result, width));
    parts.push(troubles(result, width));
    if result.runs.iter().any(|run| run.steps.len() > 1) {
        parts.extend(
            tally::modes(result)
                .into_iter()
                .map(|mode| steps(result, mode, width)),
        );
    }
    for part in [groups, stages] {
        parts.extend(
            tally::modes(result)
                .into_iter()
                .map(|mode| part(result, mode, width)),
        );
    }
    parts.push(streams_by_stage(result, width));
    parts.push(exemplars(result, width));
    if !result.runs.is_empty() {
        parts.push(verdict(&result.validity, width));
    }
    parts.push(warnings(&result.warnings, width));
    let text = parts
        .iter()
        .filter(|p| !p.is_empty())
        .map(|p| format!("{p}\n"))
        .collect::<Vec<_>>()
        .join("\n");
    paint::finish(&text, style.color)
}

fn head(result: &RunResult, width: usize) -> String {
    let ending = Ending::from_result(result);
    let paint = match result.end {
        End::Interrupted | End::Running => Paint::Warn,
        _ if ending.is_good => Paint::Good,
        _ => Paint::Bad,
    };
    let end = paint.on(ending.word);
    let name = Paint::Strong.on(&view::plain(&result.scenario.name));
    let client = result.unusual_http_client();
    let client = client.map_or_else(String::new, |name| format!(" · HTTP client {name}"));
    let line = format!(
        "{name} · {end} · seed {} · {}{client}",
        result.scenario.seed,
        view::moment(&result.started_at)
    );
    let mut lines = vec![line];
    if let Some(text) = &result.scenario.description {
        let text = view::shortened(&view::plain(text), 200);
        lines.push(Paint::Faint.on(&wrapped(&text, width)));
    }
    if let Some(tags) = run_tags::line(&result.scenario.tags) {
        lines.push(Paint::Faint.on(&wrapped(&format!("tags {tags}"), width)));
    }
    if let Some(log) = asked::plan(result).as_ref().and_then(replayed_log::lines) {
        lines.push(Paint::Faint.on(&wrapped(&format!("log {log}"), width)));
    }
    lines.join("\n")
}

fn headline(result: &RunResult, width: usize) -> String {
    let headline = Headline::from_result(result);
    let mut lines = vec![Paint::Strong.on(&wrapped(&headline.text, width))];
    lines.extend(headline.cause.map(|cause| wrapped(&cause, width)));
    lines.extend(
        headline
            .caution
            .map(|caution| Paint::Warn.on(&wrapped(&caution, width))),
    );
    lines.join("\n")
}

fn compared(result: &RunResult, of: &Comparison, width: usize) -> String {
    let mut table = table(width);
    let modes = comparison::modes(of);
    let mut header = vec![Cell::new("")];
    header.extend(
        modes
            .iter()
            .map(|mode| Cell::new(Paint::Mode(*mode).on(mode.name()))),
    );
    table.set_header(header);
    for row in comparison::rows_of(result, of) {
        let mut cells = vec![row.name.clone().into_owned()];
        cells.extend(row.cells.iter().map(|cell| {
            let figure = if cell.best {
                Paint::Strong.on(&cell.text)
            } else {
                cell.text.clone()
            };
            // If there is a deciding figure, its interval is shown next to it; the others are in
            // the report.
            match &cell.interval {
                Some(interval) if row.name == "speedup" => format!("{figure} ({interval})"),
                _ => figure,
            }
        }));
        table.add_row(cells);
    }
    right(&mut table, 1);
    let mut text = table.trim_fmt();
    if comparison::has_small_samples(&of.modes.iter().collect::<Vec<_>>(), &[result]) {
        text.push_str(&format!(
            "\n{}",
            Paint::Faint.on(&format!(" {}", view::NA_MEANS))
        ));
    }
    if let Some(arrived) = asked::arrived(result) {
        text.push_str(&format!("\n {arrived}"));
    }
    text
}

/// Lists the run's thresholds and their verdicts.
fn judged(result: &RunResult, width: usize) -> String {
    let rows = thresholds::rows(result);
    if rows.is_empty() {
        return String::new();
    }
    let mut table = table(width);
    table.set_header(["thresholds", "check", "mode", "observed", "limit", "margin"]);
    for row in rows {
        let paint = if row.verdict == ThresholdVerdict::Pass {
            Paint::Good
        } else {
            Paint::Bad
        };
        let mode = Paint::Mode(row.mode).on(row.mode.name());
        table.add_row([
            paint.on(row.word),
            row.check,
            mode,
            row.observed,
            row.limit,
            row.margin,
        ]);
    }
    right(&mut table, 3);
    table.trim_fmt()
}

/// Lists failures by kind, statuses and errors, if there are any.
fn troubles(result: &RunResult, width: usize) -> String {
    let mut rows = Vec::new();
    for mode in tally::modes(result) {
        let tally = tally::Tally::from_result(result, mode);
        let mut name = Paint::Mode(mode).on(mode.name());
        let mut add = |what: &str, text: String| {
            rows.push([std::mem::take(&mut name), what.to_owned(), text])
        };
        if !tally.failures.is_empty() {
            add("failures", tally::words(&tally.failures));
        }
        if tally.has_bad_status() {
            add("statuses", tally::words(&tally.status_codes));
        }
        if tally.counts.retries > 0 {
            add(
                "retried",
                format!(
                    "{} more tries after {}",
                    view::count(tally.counts.retries),
                    tally::words(&tally.try_failures)
                ),
            );
        }
        if tally.resent > 0 {
            add(
                "resent",
                format!(
                    "{} that the server had not taken",
                    view::things(tally.resent, "request")
                ),
            );
        }
        if tally.pushes > 0 {
            add(
                "pushed",
                format!(
                    "{} messages that no step waited for",
                    view::count(tally.pushes)
                ),
            );
        }
        let looked_up = tally::rounds(result, mode).flat_map(|run| &run.lookups);
        for own in looked_up.filter(|own| lookups::is_notable(own)) {
            add("looked up", lookups::sentence(own));
        }
        for (what, counts) in [
            ("operations", tally.counts),
            ("iterations", tally.iterations),
        ] {
            let left = tally::left_out(&counts);
            if !left.is_empty() {
                add("left out", format!("{what} {left}"));
            }
        }
        let troubles = tally::troubles(result, mode);
        for (i, trouble) in troubles.iter().take(ERRORS).enumerate() {
            add(if i == 0 { "errors" } else { "" }, trouble.sentence());
        }
        if let Some(more) = troubles.len().checked_sub(ERRORS).filter(|more| *more > 0) {
            add(
                "",
                format!("and {} more, in the report", view::count(more as u64)),
            );
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut table = table(width);
    table.add_rows(rows);
    table.trim_fmt()
}

fn verdict(validity: &Validity, width: usize) -> String {
    let word = match validity.verdict {
        Verdict::Valid => Paint::Good.on("valid"),
        Verdict::Degraded => Paint::Warn.on("degraded"),
        Verdict::Invalid => Paint::Bad.on("invalid"),
    };
    let meaning = match validity.verdict {
        Verdict::Valid => "the figures are reliable",
        Verdict::Degraded => "read the figures with care",
        Verdict::Invalid => "the figures describe the generator, not the target",
    };
    let mut text = format!("{word}: {meaning}");
    for check in validity
        .checks
        .iter()
        .filter(|c| c.verdict != Verdict::Valid)
    {
        let (name, observed, limit) = (
            view::plain(&check.name),
            view::plain(&check.observed),
            view::plain(&check.limit),
        );
        let line = format!(
            "{name}: {observed}, limit {limit}: {}",
            view::plain(&check.explanation)
        );
        text.push('\n');
        text.push_str(&indented(&line, width));
    }
    text
}

fn warnings(warnings: &[String], width: usize) -> String {
    let lines: Vec<String> = warnings
        .iter()
        .map(|w| indented(&format!("warning: {}", view::plain(w)), width))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden_at_two_widths_and_in_colour() {
        for (name, color, width) in [
            ("terminal-100", false, 100),
            ("terminal-80", false, 80),
            ("terminal-color", true, 100),
        ] {
            golden::check(
                &format!("{name}.txt"),
                &render(&fixture::three_modes(), Style { color, width }),
            );
        }
        for (name, result) in fixture::all() {
            golden::check(
                &format!("terminal-{name}.txt"),
                &render(&result, Style::default()),
            );
        }
    }

    #[test]
    fn colour_changes_nothing_but_codes() {
        let plain = render(
            &fixture::three_modes(),
            Style {
                color: false,
                width: 90,
            },
        );
        let painted = render(
            &fixture::three_modes(),
            Style {
                color: true,
                width: 90,
            },
        );
        let codes = painted
            .split('\x1b')
            .skip(1)
            .map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
        let stripped: String = painted.split('\x1b').take(1).chain(codes).collect();
        assert_eq!(plain, stripped);
        assert!(plain.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn stages_have_a_table_of_their_own() {
        let mut result = fixture::three_modes();
        assert!(!render(&result, Style::default()).contains("by stage"));
        for run in &mut result.runs {
            run.stages = run.steps.clone();
            run.stages[0].name = "ramp \u{7}up".into();
        }
        let text = render(&result, Style::default());
        assert_eq!(text.matches(" by stage").count(), 3, "{text}");
        assert!(text.contains("ramp") && !text.contains('\u{7}'), "{text}");
    }

    #[test]
    fn fits_the_width() {
        for (name, result) in fixture::all() {
            if name == "huge" {
                continue;
            }
            for width in [80, 100] {
                for line in render(
                    &result,
                    Style {
                        color: false,
                        width,
                    },
                )
                .lines()
                {
                    assert!(line.chars().count() <= width, "{name} {width}: {line}");
                }
            }
        }
    }
}
