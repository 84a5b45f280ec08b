//! Writes the result as Markdown for GitHub and GitLab: for a comment on a pull request, or a job
//! summary.
//!
//! It stays below the maximum length of a comment, regardless of the result. Names and messages are
//! in code spans, which contain no mentions, links, issues or markup; see [`super::markup`].

mod figures;

use crate::plan::Mode;
use crate::result::{Comparison, Outcome, RunResult, ThresholdVerdict, Verdict};

use self::figures::{exemplary, grouped, measured, replayed, streamed, watched};
use super::ending::Ending;
use super::headline::Headline;
use super::markup::{bounded, cell, code, fenced, prose};
use super::thresholds::Row;
use super::{changes, comparison, lookups, reproduce, run_tags, tally, thresholds, versions, view};

/// The maximum size in bytes of the rows of a table or list; GitHub's limit is 65,536 characters in
/// total.
const ROWS: usize = 12_000;
/// The maximum size in bytes of a scenario that is shown in full.
const SOURCE: usize = 16_000;
/// The number of errors shown per mode.
const ERRORS: usize = 3;

/// Renders the page, with a trailing line end.
pub(crate) fn render(result: &RunResult) -> String {
    let mut parts = vec![
        title(result),
        facts(result),
        headline(result),
        thresholds(result),
        baseline(result),
    ];
    parts.extend(
        result
            .comparison
            .as_ref()
            .map(|comparison| compared(result, comparison)),
    );
    parts.extend([
        streamed(result),
        grouped(result),
        measured(result),
        watched(result),
        replayed(result),
        exemplary(result),
        troubles(result),
        notes(result),
        again(result),
    ]);
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| format!("{}\n", part.trim_end()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the verdict, which comes first.
fn title(result: &RunResult) -> String {
    let unmet = result
        .thresholds
        .iter()
        .filter(|threshold| !threshold.is_met())
        .count();
    let all = result.thresholds.len() as u64;
    let gates = match (all, unmet) {
        (0, _) => String::new(),
        (_, 0) => format!(", {} met", view::things(all, "threshold")),
        _ => format!(", {unmet} of {} not met", view::things(all, "threshold")),
    };
    let (against, regressed) = match result
        .baseline
        .as_ref()
        .map(|comparison| comparison.verdict)
    {
        None => ("", false),
        Some(None) => (", not compared with its baseline", true),
        Some(Some(Outcome::Regressed)) => (", regressed against its baseline", true),
        Some(Some(Outcome::Inconclusive)) => (", inconclusive against its baseline", false),
        Some(Some(Outcome::Improved)) => (", improved against its baseline", false),
        Some(Some(Outcome::Equivalent)) => (", as good as its baseline", false),
    };
    let ending = Ending::from_result(result);
    let verdict = if result.runs.is_empty() {
        Verdict::Valid
    } else {
        result.validity.verdict
    };
    let sign = match verdict {
        _ if unmet > 0 || regressed || !ending.is_good => "❌",
        Verdict::Invalid => "❌",
        Verdict::Degraded => "⚠️",
        Verdict::Valid => "✅",
    };
    format!(
        "### {sign} loadgen {}: {}{gates}{against}\n",
        code(&result.scenario.name, 100),
        ending.word
    )
}

fn facts(result: &RunResult) -> String {
    let mut facts = Vec::new();
    if !result.runs.is_empty() {
        facts.push(match result.validity.verdict {
            Verdict::Valid => "**Valid**: the figures are reliable.",
            Verdict::Degraded => "**Degraded**: read the figures with care.",
            Verdict::Invalid => "**Invalid**: the figures describe the generator, not the target.",
        });
    }
    let moment = prose(&view::shortened(&view::moment(&result.started_at), 40));
    let version = prose(&view::shortened(&result.loadgen.version, 40));
    let ending = prose(&Ending::from_result(result).meaning);
    let run = format!(
        "{}. Seed {}, {moment}, loadgen {version}, {}.",
        view::capital(&ending),
        result.scenario.seed,
        view::things(result.host.cpus.into(), "CPU")
    );
    facts.push(&run);
    let tags = run_tags::line(&result.scenario.tags);
    let tags = tags.map(|tags| format!("Tags: {}.", prose(&tags)));
    facts.extend(tags.as_deref());
    format!("{}\n", facts.join(" "))
}

fn headline(result: &RunResult) -> String {
    let Headline {
        text,
        cause,
        caution,
        ..
    } = Headline::from_result(result);
    let beside: String = cause
        .iter()
        .chain(&caution)
        .map(|sentence| format!(" {}", prose(sentence)))
        .collect();
    format!("**{}**{beside}\n", prose(&text))
}

fn thresholds(result: &RunResult) -> String {
    let mut rows = thresholds::rows(result);
    if rows.is_empty() {
        return String::new();
    }
    // Failed gates are the most relevant, so they come first and are cut last.
    rows.sort_by_key(|row| row.verdict == ThresholdVerdict::Pass);
    let row = |row: &Row| {
        let sign = if row.verdict == ThresholdVerdict::Pass {
            "✅"
        } else {
            "❌"
        };
        let figures = [
            row.observed.as_str(),
            &unbroken(&row.limit),
            &unbroken(&row.margin),
        ]
        .join(" | ");
        format!(
            "| {sign} | {} | {} | {figures} |\n",
            cell(&row.check, 300),
            row.mode
        )
    };
    let (rows, left) = bounded(rows.iter().map(row), ROWS);
    let more = if left > 0 {
        format!("\nand {left} more; the other report formats list all of them\n")
    } else {
        String::new()
    };
    format!(
        "| | threshold | mode | observed | limit | margin |\n|---|---|---|--:|--:|--:|\n{rows}{more}"
    )
}

/// Returns the change of each figure since the baseline.
fn baseline(result: &RunResult) -> String {
    let Some(comparison) = &result.baseline else {
        return String::new();
    };
    let mut rows = changes::rows(comparison);
    rows.sort_by_key(|row| {
        [Outcome::Regressed, Outcome::Inconclusive]
            .iter()
            .position(|worse| *worse == row.verdict)
            .unwrap_or(2)
    });
    let row = |row: &changes::Row| {
        let sign = match row.verdict {
            Outcome::Regressed => "❌",
            Outcome::Inconclusive => "⚠️",
            Outcome::Improved | Outcome::Equivalent => "✅",
        };
        let figures = [
            &row.base,
            &row.new,
            &row.change,
            &row.between,
            &row.tolerated,
        ]
        .map(|figure| unbroken(figure))
        .join(" | ");
        format!(
            "| {sign} {} | {} | {} | {figures} |\n",
            row.verdict.name(),
            cell(&row.figure, 300),
            row.mode
        )
    };
    let (rows, left) = bounded(rows.iter().map(row), ROWS);
    let head = "| baseline | figure | mode | base | new | change | between | tolerated |\n|---|---|---|--:|--:|--:|--:|--:|\n";
    let table = if rows.is_empty() {
        String::new()
    } else {
        format!("{head}{rows}\n")
    };
    let base = code(&versions::version(&comparison.base), 200);
    let mut text = format!(
        "{table}{}. The baseline is {base}.\n",
        prose(&view::capital(&versions::sentence(comparison)))
    );
    let (warnings, more_left) = bounded(
        comparison
            .warnings
            .iter()
            .map(|warning| format!("- {}\n", prose(&view::shortened(warning, 600)))),
        ROWS,
    );
    if !warnings.is_empty() {
        text.push_str(&format!("\n{warnings}"));
    }
    text + &more(left + more_left)
}

fn compared(result: &RunResult, of: &Comparison) -> String {
    let modes = comparison::modes(of);
    let mut text = format!(
        "| | {} |\n|---|{}\n",
        modes
            .iter()
            .map(Mode::to_string)
            .collect::<Vec<_>>()
            .join(" | "),
        "--:|".repeat(modes.len())
    );
    let rows = comparison::rows_of(result, of);
    for row in &rows {
        let cells = row.cells.iter().map(|cell| {
            let figure = prose(&cell.text);
            let figure = if cell.best {
                format!("**{figure}**")
            } else {
                figure
            };
            match &cell.interval {
                Some(interval) => format!("{figure}<br><sub>{}</sub>", prose(interval)),
                None => figure,
            }
        });
        text.push_str(&format!(
            "| {} | {} |\n",
            row.name,
            cells.collect::<Vec<_>>().join(" | ")
        ));
    }
    let mut legend = Vec::new();
    if rows
        .iter()
        .flat_map(|row| &row.cells)
        .any(|cell| cell.interval.is_some())
    {
        legend.push("small figures are 95 % intervals");
    }
    if comparison::has_small_samples(&of.modes.iter().collect::<Vec<_>>(), &[result]) {
        legend.push(view::NA_MEANS);
    }
    if legend.is_empty() {
        text
    } else {
        format!("{text}\n<sub>{}</sub>\n", legend.join("; "))
    }
}

/// Lists failures by kind, with examples, and what did not run.
fn troubles(result: &RunResult) -> String {
    let mut lines = Vec::new();
    for mode in tally::modes(result) {
        let tally = tally::Tally::from_result(result, mode);
        if !tally.failures.is_empty() {
            lines.push(format!(
                "- **{mode}**: {}\n",
                code(&tally::words(&tally.failures), 500)
            ));
        }
        for trouble in tally::troubles(result, mode).into_iter().take(ERRORS) {
            let when = trouble
                .when()
                .map_or_else(String::new, |when| format!(", {when}"));
            let url = trouble
                .url
                .as_ref()
                .map_or_else(String::new, |url| format!("; first {}", code(url, 160)));
            let (kind, step, message) = (
                code(&trouble.kind, 40),
                code(&trouble.step, 80),
                code(&trouble.message, 160),
            );
            lines.push(format!(
                "  - {} × {kind} in {step}{when}: {message}{url}\n",
                view::count(trouble.count)
            ));
        }
        let looked_up = tally::rounds(result, mode).flat_map(|run| &run.lookups);
        for own in looked_up.filter(|own| lookups::is_notable(own)) {
            let sentence = code(&lookups::sentence(own), 500);
            lines.push(format!("- **{mode}**, looked up: {sentence}\n"));
        }
        let left = tally::left_out(&tally.counts);
        if !left.is_empty() {
            lines.push(format!("- **{mode}**, left out: {left}\n"));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let (lines, left) = bounded(lines.into_iter(), ROWS);
    format!("**Failures**\n\n{lines}{}", more(left))
}

/// Lists the caveats.
fn notes(result: &RunResult) -> String {
    let doubts = result
        .validity
        .checks
        .iter()
        .filter(|check| check.verdict != Verdict::Valid)
        .map(|check| {
            let text = format!(
                "{}, limit {}: {}",
                check.observed, check.limit, check.explanation
            );
            format!(
                "- **{}**: {}\n",
                prose(&view::shortened(&check.name, 80)),
                prose(&view::shortened(&text, 600))
            )
        });
    let warnings = result
        .warnings
        .iter()
        .map(|warning| format!("- {}\n", prose(&view::shortened(warning, 600))));
    let (lines, left) = bounded(doubts.chain(warnings), ROWS);
    if lines.is_empty() {
        String::new()
    } else {
        format!("**Before you rely on a figure**\n\n{lines}{}", more(left))
    }
}

fn again(result: &RunResult) -> String {
    let file = reproduce::path(result);
    let command = fenced(&reproduce::command(result, &file), "sh");
    let source = view::plain_lines(&result.scenario.source);
    let source = if source.len() <= SOURCE {
        fenced(&source, "yaml")
    } else {
        "The scenario is in `result.json`.\n".into()
    };
    format!("<details><summary>How to reproduce</summary>\n\n{command}\n{source}\n</details>\n")
}

/// Joins a figure and its unit with a no-break space, for narrow columns.
fn unbroken(figure: &str) -> String {
    figure.replace(' ', "\u{a0}")
}

fn more(left: usize) -> String {
    if left > 0 {
        format!("- and {left} more\n")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(&format!("forms/{name}/report.md"), &render(&result));
        }
    }

    #[test]
    fn fits_a_comment_whatever_is_in_it() {
        for (name, mut result) in fixture::forms() {
            let hostile = "`|\\|@team #1 <img src=x>".repeat(50);
            result.scenario.name = hostile.clone();
            result.scenario.source = "`".repeat(1 << 20);
            result.started_at = hostile.clone();
            result.loadgen.version = hostile.clone();
            result.warnings = vec![hostile.clone(); 100];
            if let Some(threshold) = result.thresholds.get(1).cloned() {
                result.thresholds = vec![threshold; 400];
                result
                    .thresholds
                    .iter_mut()
                    .for_each(|t| t.check = hostile.clone());
            }
            for run in &mut result.runs {
                run.failures = (0..100).map(|i| (format!("{hostile}{i}"), 1)).collect();
                run.errors
                    .iter_mut()
                    .for_each(|e| e.message = hostile.clone());
            }
            for check in &mut result.validity.checks {
                (check.name, check.explanation) = (hostile.clone(), hostile.clone());
            }
            let text = render(&result);
            assert!(text.len() < 65_000, "{name}: {}", text.len());
        }
    }

    #[test]
    fn says_what_there_is_and_not_more() {
        let text = render(&fixture::three_modes());
        assert!(
            text.starts_with("### ❌ loadgen `shop-api`: complete, 2 of 4 thresholds not met\n"),
            "{text}"
        );
        assert!(
            text.contains("loadgen run scenarios/shop-api.yaml --seed 42"),
            "{text}"
        );
        let text = render(&fixture::one_sample());
        assert!(
            text.contains("| p99 | n/a |") && !text.contains("threshold"),
            "{text}"
        );
        for (name, result) in fixture::all() {
            assert!(!render(&result).contains("NaN"), "{name}");
        }
    }
}
