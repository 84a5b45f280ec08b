//! Formats a comparison of two versions as text for the terminal. Everything shown is in the
//! comparison.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::changes::{self, amount, name, needed, percent, tolerance};
use super::paint::{self, Paint};
use super::terminal::Style;
use super::{run_tags, view};
use crate::result::{Change, End, Outcome, RunOrder, Verdict, Version, VersionComparison};

/// The minimum width at which tables include the tolerance.
const WIDE: usize = 92;

/// The maximum number of rows of steps on a terminal.
const STEP_ROWS: usize = 40;

/// Returns the outcome in one sentence.
pub(crate) fn sentence(comparison: &VersionComparison) -> String {
    let of = |outcome: Outcome| -> Vec<&Change> {
        comparison
            .changes
            .iter()
            .filter(|change| change.verdict == outcome)
            .collect()
    };
    let several_modes = several_modes(comparison);
    let names = |changes: &[&Change]| {
        let name = |change: &&Change| {
            if several_modes {
                format!("{} ({})", name(change), change.mode)
            } else {
                name(change)
            }
        };
        view::list(&changes.iter().map(name).collect::<Vec<_>>())
    };
    match comparison.verdict {
        None if comparison.left_out_pairs > 0 => {
            "nothing was compared: each pair has an invalid run".into()
        }
        None => "nothing was compared".into(),
        Some(Outcome::Regressed) => {
            let regressed = of(Outcome::Regressed);
            match regressed.as_slice() {
                [one] => format!(
                    "regressed: {} by {}, and {} is tolerated",
                    names(&regressed),
                    amount(one, one.change),
                    tolerance(one)
                ),
                _ => format!("regressed: {}", names(&regressed)),
            }
        }
        Some(Outcome::Inconclusive) => {
            let open = of(Outcome::Inconclusive);
            let most = open.iter().filter_map(|change| change.pairs_needed).max();
            let (known, never): (Vec<&Change>, Vec<&Change>) = open
                .iter()
                .partition(|change| change.pairs_needed.is_some());
            let needed = match (known.as_slice(), never.as_slice()) {
                ([], _) | (_, []) => needed(most),
                // Conclusive figures are reported regardless of inconclusive ones.
                _ => format!(
                    "{} for {}; for {}, {}",
                    needed(most),
                    names(&known),
                    names(&never),
                    needed(None)
                ),
            };
            let pairs = view::things(comparison.pairs.into(), "pair");
            format!(
                "inconclusive: {pairs} can't tell whether {} changed; {needed}",
                names(&open)
            )
        }
        Some(Outcome::Improved) => format!(
            "improved: {}; nothing regressed",
            names(&of(Outcome::Improved))
        ),
        Some(Outcome::Equivalent) => "equivalent: nothing changed by more than is tolerated".into(),
    }
}

/// Renders the figures as a table, and the sentence.
pub(crate) fn render(comparison: &VersionComparison, style: Style) -> String {
    let end = if comparison.end == End::Complete {
        String::new()
    } else {
        format!(" · {}", Paint::Warn.on("interrupted"))
    };
    let order = match comparison.order {
        RunOrder::Interleaved => "interleaved",
        RunOrder::Apart => "not interleaved",
        RunOrder::Unpaired => "unpaired",
    };
    let name = Paint::Strong.on(&view::plain(&comparison.scenario));
    let confirming = match comparison.confirming_pairs {
        0 => String::new(),
        pairs => format!(", {pairs} of them to confirm"),
    };
    let left_out = match comparison.left_out_pairs {
        0 => String::new(),
        pairs => format!(
            " · {}",
            Paint::Warn.on(&format!("{} left out", view::things(pairs.into(), "pair")))
        ),
    };
    let mut text = format!(
        "{name} · {}, {order}{confirming}{left_out}{end}\n",
        view::things(comparison.pairs.into(), "pair")
    );
    for (word, side) in [("base", &comparison.base), ("new", &comparison.new)] {
        text.push_str(&format!("{word:<4}  {}\n", version(side)));
    }
    if !comparison.changes.is_empty() {
        text.push_str(&format!("\n{}\n", table(comparison, style.width)));
    }
    if !comparison.steps.is_empty() {
        text.push_str(&format!(
            "\nsteps, for information\n{}\n",
            steps(comparison, style.width)
        ));
    }
    let answer = comparison.verdict.map_or(Paint::Bad, paint);
    text.push_str(&format!("\n{}\n", answer.on(&sentence(comparison))));
    if let Some(calibration) = &comparison.calibration {
        text.push_str(&format!(
            "calibration: {} of {} of each version with itself ({} each) called a regression: below {} at 95 %\n",
            view::count(calibration.alarms.into()),
            view::things(calibration.comparisons.into(), "comparison"),
            view::things(calibration.pairs.into(), "pair"),
            percent(calibration.rate_high),
        ));
    }
    if comparison.validity() != Verdict::Valid {
        let (word, meaning) = match comparison.validity() {
            Verdict::Invalid => (
                Paint::Bad.on("invalid"),
                "the figures of some run describe the generator, not the target",
            ),
            _ => (
                Paint::Warn.on("degraded"),
                "read the figures of some runs with care",
            ),
        };
        text.push_str(&format!("{word}: {meaning}\n"));
    }
    for warning in &comparison.warnings {
        text.push_str(&format!("warning: {}\n", view::plain(warning)));
    }
    paint::finish(&text, style.color)
}

/// Describes one version: its name, the number of its runs, and the time of the first.
pub(crate) fn version(side: &Version) -> String {
    let mut parts = vec![
        view::shortened(&view::plain(&side.source), 120),
        view::things(side.runs.into(), "run"),
    ];
    parts.extend(
        side.started_at
            .as_ref()
            .map(|at| format!("from {}", view::moment(at))),
    );
    parts.extend(run_tags::line(&side.tags));
    parts.join(" · ")
}

fn several_modes(comparison: &VersionComparison) -> bool {
    comparison
        .changes
        .iter()
        .any(|change| change.mode != comparison.changes[0].mode)
}

/// Creates an empty table.
fn empty(width: usize) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table
        .load_style(TableStyle::new().header_separator(rule))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width.clamp(40, 400)).unwrap_or(u16::MAX));
    table
}

/// Right-aligns these columns.
fn right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Renders the changes of the steps, without verdicts.
fn steps(comparison: &VersionComparison, width: usize) -> String {
    let several_modes = several_modes(comparison);
    let mut table = empty(width);
    let mut header = vec!["step", "figure"];
    if several_modes {
        header.push("mode");
    }
    let figures = header.len();
    header.extend(["base", "new", "change", "between"]);
    let columns = header.len();
    table.set_header(header);
    let rows = changes::of_steps(comparison);
    let more = rows.len().saturating_sub(STEP_ROWS);
    for (step, row) in rows.into_iter().take(STEP_ROWS) {
        let mut cells = vec![step, row.figure];
        if several_modes {
            cells.push(Paint::Mode(row.mode).on(row.mode.name()));
        }
        cells.extend([row.base, row.new, row.change, row.between]);
        table.add_row(cells.into_iter().map(Cell::new));
    }
    right(&mut table, figures..columns);
    let more = if more > 0 {
        format!("\nand {more} more; the page and comparison.json list all")
    } else {
        String::new()
    };
    format!("{}{more}", table.trim_fmt())
}

fn table(comparison: &VersionComparison, width: usize) -> String {
    let several_modes = several_modes(comparison);
    let mut table = empty(width);
    let mut header = vec!["verdict", "figure"];
    if several_modes {
        header.push("mode");
    }
    let figures = header.len();
    header.extend(["base", "new", "change", "between"]);
    // Without room for the tolerance, the verdict implies it.
    let wide = width >= WIDE;
    if wide {
        header.push("tolerated");
    }
    let columns = header.len();
    table.set_header(header);
    for row in changes::rows(comparison) {
        let mut cells = vec![paint(row.verdict).on(row.word), row.figure];
        if several_modes {
            cells.push(Paint::Mode(row.mode).on(row.mode.name()));
        }
        cells.extend([row.base, row.new, row.change, row.between]);
        if wide {
            cells.push(row.tolerated);
        }
        table.add_row(cells.into_iter().map(Cell::new));
    }
    right(&mut table, figures..columns);
    table.trim_fmt()
}

fn paint(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Regressed => Paint::Bad,
        Outcome::Improved | Outcome::Equivalent => Paint::Good,
        Outcome::Inconclusive => Paint::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Mode, Unit};
    use crate::report::fixture::HOSTILE;
    use crate::report::fixture::versions::{change, changes, comparison};
    use crate::report::golden;

    #[test]
    fn golden_files() {
        let wide = Style {
            color: false,
            width: 100,
        };
        let mut worst = comparison(changes());
        golden::check("versions-regressed.txt", &render(&worst, wide));
        golden::check(
            "versions-80.txt",
            &render(&worst, Style { width: 80, ..wide }),
        );
        golden::check(
            "versions-color.txt",
            &render(
                &worst,
                Style {
                    color: true,
                    ..wide
                },
            ),
        );
        worst.changes.push(change(
            "first_byte.p99.9",
            Mode::Threaded,
            Unit::Millis,
            [0.001, 30_000.0],
            Outcome::Regressed,
        ));
        worst.changes[4].selector.step = Some(HOSTILE.into());
        worst.base.source = HOSTILE.into();
        worst.warnings = vec![HOSTILE.into()];
        worst.new.validity = Verdict::Invalid;
        worst.end = End::Interrupted;
        worst.order = RunOrder::Apart;
        worst.calibration = Some(crate::result::Calibration {
            comparisons: 300,
            pairs: 5,
            alarms: 0,
            rate_high: 0.0099,
        });
        golden::check("versions-modes.txt", &render(&worst, wide));
        let mut open = comparison(changes().split_off(1));
        golden::check("versions-inconclusive.txt", &render(&open, wide));
        open.pairs = 1;
        open.order = RunOrder::Unpaired;
        open.changes.truncate(1);
        (
            open.changes[0].low,
            open.changes[0].high,
            open.changes[0].pairs_needed,
        ) = (None, None, None);
        golden::check("versions-unpaired.txt", &render(&open, wide));
    }

    #[test]
    fn the_sentence_says_what_counts() {
        assert!(
            sentence(&comparison(changes()))
                .starts_with("regressed: p50 by +11.8 %, and 5 % is tolerated"),
            "{}",
            sentence(&comparison(changes()))
        );
        assert!(
            sentence(&comparison(changes().split_off(1)))
                .contains("about 34 pairs would decide it")
        );
        assert!(sentence(&comparison(changes().split_off(2))).starts_with("equivalent"));
        let mut mixed = comparison(changes().split_off(1));
        mixed.changes.push(Change {
            pairs_needed: None,
            ..change(
                "p90",
                Mode::Async,
                Unit::Millis,
                [10.0, 11.0],
                Outcome::Inconclusive,
            )
        });
        let said = sentence(&mixed);
        assert!(
            said.contains(
                "about 34 pairs would decide it for p99; for p90, it is so close to the tolerance"
            ),
            "{said}"
        );
        let better = vec![change(
            "p50",
            Mode::Async,
            Unit::Millis,
            [10.0, 5.0],
            Outcome::Improved,
        )];
        assert!(sentence(&comparison(better)).starts_with("improved: p50"));
    }
}
