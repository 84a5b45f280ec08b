//! Two versions against each other, as text for the terminal. Everything shown is in the comparison.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::paint::{self, Paint};
use super::terminal::Style;
use super::thresholds::{figure, narrowed};
use super::view;
use crate::plan::Unit;
use crate::result::{Change, End, Outcome, RunOrder, Verdict, Version, VersionComparison};

/// From this width on, tables say what is tolerated.
const WIDE: usize = 92;

/// What came of it, in one sentence.
pub fn sentence(comparison: &VersionComparison) -> String {
    let of = |outcome: Outcome| -> Vec<&Change> { comparison.changes.iter().filter(|change| change.verdict == outcome).collect() };
    let several_modes = several_modes(comparison);
    let names = |changes: &[&Change]| {
        let name = |change: &&Change| if several_modes { format!("{} ({})", name(change), change.mode) } else { name(change) };
        view::list(&changes.iter().map(name).collect::<Vec<_>>())
    };
    match comparison.verdict {
        None => "nothing was compared".into(),
        Some(Outcome::Regressed) => {
            let regressed = of(Outcome::Regressed);
            match regressed.as_slice() {
                [one] => format!("regressed: {} by {}, and {} is tolerated", names(&regressed), amount(one, one.change), tolerance(one)),
                _ => format!("regressed: {}", names(&regressed)),
            }
        }
        Some(Outcome::Inconclusive) => {
            let open = of(Outcome::Inconclusive);
            let needed = open.iter().map(|change| change.pairs_needed).collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max());
            let more = needed.map_or_else(
                || "it lies so near the tolerance that no number of pairs within reason would tell".into(),
                |pairs| format!("about {} would tell", view::things(pairs, "pair")),
            );
            format!("inconclusive: {} can't tell what became of {}; {more}", view::things(comparison.pairs.into(), "pair"), names(&open))
        }
        Some(Outcome::Improved) => format!("improved: {}; nothing regressed", names(&of(Outcome::Improved))),
        Some(Outcome::Equivalent) => "equivalent: nothing changed by more than is tolerated".into(),
    }
}

/// The figures as a table, and the sentence.
pub fn render(comparison: &VersionComparison, style: Style) -> String {
    let end = if comparison.end == End::Complete { String::new() } else { format!(" · {}", Paint::Warn.on("interrupted")) };
    let order = match comparison.order {
        RunOrder::Interleaved => "made in turn",
        RunOrder::Apart => "not made in turn",
        RunOrder::Unpaired => "unpaired",
    };
    let name = Paint::Strong.on(&view::plain(&comparison.scenario));
    let mut text = format!("{name} · {}, {order}{end}\n", view::things(comparison.pairs.into(), "pair"));
    for (word, side) in [("base", &comparison.base), ("new", &comparison.new)] {
        text.push_str(&format!("{word:<4}  {}\n", version(side)));
    }
    text.push_str(&format!("\n{}\n", table(comparison, style.width)));
    let answer = match comparison.verdict {
        Some(Outcome::Regressed) => Paint::Bad,
        Some(Outcome::Inconclusive) | None => Paint::Warn,
        Some(Outcome::Improved | Outcome::Equivalent) => Paint::Good,
    };
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
            Verdict::Invalid => (Paint::Bad.on("invalid"), "the figures of some run describe the generator, not the target"),
            _ => (Paint::Warn.on("degraded"), "read the figures of some runs with care"),
        };
        text.push_str(&format!("{word}: {meaning}\n"));
    }
    for warning in &comparison.warnings {
        text.push_str(&format!("warning: {}\n", view::plain(warning)));
    }
    paint::finish(&text, style.color)
}

fn version(side: &Version) -> String {
    let mut parts = vec![view::shortened(&view::plain(&side.source), 120), view::things(side.runs.into(), "run")];
    parts.extend(side.started_at.as_ref().map(|at| format!("from {}", view::moment(at))));
    parts.join(" · ")
}

fn several_modes(comparison: &VersionComparison) -> bool {
    comparison.changes.iter().any(|change| change.mode != comparison.changes[0].mode)
}

fn table(comparison: &VersionComparison, width: usize) -> String {
    let several_modes = several_modes(comparison);
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table
        .load_style(TableStyle::new().header_separator(rule))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width.clamp(40, 400)).unwrap_or(u16::MAX));
    let mut header = vec!["verdict", "figure"];
    if several_modes {
        header.push("mode");
    }
    let figures = header.len();
    header.extend(["base", "new", "change", "between"]);
    // What is tolerated is told by the verdict, where there is no room for it.
    let wide = width >= WIDE;
    if wide {
        header.push("tolerated");
    }
    let columns = header.len();
    table.set_header(header);
    for change in &comparison.changes {
        let mut cells = vec![word(change.verdict), name(change)];
        if several_modes {
            cells.push(Paint::Mode(change.mode).on(change.mode.name()));
        }
        cells.extend([figure(change.unit, change.base), figure(change.unit, change.new), amount(change, change.change), between(change)]);
        if wide {
            cells.push(format!("±{}", tolerance(change)));
        }
        table.add_row(cells.into_iter().map(Cell::new));
    }
    for column in figures..columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Both bounds; the unit is said once where it is the same.
fn between(change: &Change) -> String {
    let (Some(low), Some(high)) = (change.low, change.high) else { return view::NA.into() };
    let (low, high) = (amount(change, low), amount(change, high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Regressed => Paint::Bad.on("✗ regressed"),
        Outcome::Improved => Paint::Good.on("✓ improved"),
        Outcome::Equivalent => Paint::Good.on("✓ equivalent"),
        Outcome::Inconclusive => Paint::Warn.on("? inconclusive"),
    }
}

/// The figure with what it is narrowed to.
fn name(change: &Change) -> String {
    narrowed(&change.metric, &change.selector)
}

/// A change with its sign: a part of the base, or points of a share.
fn amount(change: &Change, value: f64) -> String {
    let mut percent = percent(value.abs());
    if change.unit == Unit::Share {
        // Percentage points: half of 1 % more is not 1.5 %.
        percent = percent.replace('%', "pp");
    }
    // What is rounded to nothing has no sign.
    let sign = match value {
        _ if percent.starts_with("0 ") => "",
        value if value < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{percent}")
}

fn tolerance(change: &Change) -> String {
    let unit = if change.unit == Unit::Share { "pp" } else { "%" };
    view::round(&format!("{} {unit}", view::number(change.tolerance * 100.0)))
}

/// A tenth of a percent is as fine as anybody reads a change; more than ten times as much is a factor.
fn percent(value: f64) -> String {
    match value * 100.0 {
        tiny if tiny < 0.05 => "0 %".into(),
        large if large >= 1_000.0 => view::factor(value + 1.0),
        percent => format!("{percent:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Mode, Selector};
    use crate::report::fixture::HOSTILE;
    use crate::report::golden;
    use crate::result::{Build, Host, VERSIONS_SCHEMA};

    fn change(metric: &str, mode: Mode, unit: Unit, [base, new]: [f64; 2], verdict: Outcome) -> Change {
        let relative = if unit == Unit::Share { new - base } else { new / base - 1.0 };
        Change {
            metric: metric.into(),
            selector: Selector::default(),
            mode,
            unit,
            base,
            new,
            change: relative,
            low: Some(relative - 0.012),
            high: Some(relative + 0.009),
            confidence: 0.95,
            tolerance: if unit == Unit::Share { 0.01 } else { 0.05 },
            p_regressed: 0.5,
            verdict,
            pairs_needed: (verdict == Outcome::Inconclusive).then_some(34),
        }
    }

    fn comparison(changes: Vec<Change>) -> VersionComparison {
        let version = |source: &str, at: &str| Version {
            source: source.into(),
            runs: 10,
            started_at: Some(at.into()),
            loadgen: Some(Build::current()),
            host: Some(Host::default()),
            validity: Verdict::Valid,
        };
        VersionComparison {
            schema: VERSIONS_SCHEMA.into(),
            end: End::Complete,
            scenario: "shop-api".into(),
            fingerprint: "00c0ffee00c0ffee".into(),
            base: version("baselines/main", "2026-11-21T08:15:00Z"),
            new: version("reports/pr", "2026-11-21T08:15:02Z"),
            pairs: 10,
            order: RunOrder::Interleaved,
            verdict: Outcome::worst(changes.iter().map(|change| change.verdict)),
            changes,
            calibration: None,
            warnings: vec![],
        }
    }

    fn all() -> Vec<Change> {
        vec![
            change("p50", Mode::Async, Unit::Millis, [10.2, 11.4], Outcome::Regressed),
            change("p99", Mode::Async, Unit::Millis, [41.0, 43.9], Outcome::Inconclusive),
            change("throughput", Mode::Async, Unit::PerSecond, [1940.0, 1931.0], Outcome::Equivalent),
            change("error_rate", Mode::Async, Unit::Share, [0.0, 0.0], Outcome::Equivalent),
        ]
    }

    #[test]
    fn golden_files() {
        let wide = Style { color: false, width: 100 };
        let mut worst = comparison(all());
        golden::check("versions-regressed.txt", &render(&worst, wide));
        golden::check("versions-80.txt", &render(&worst, Style { width: 80, ..wide }));
        golden::check("versions-color.txt", &render(&worst, Style { color: true, ..wide }));
        worst.changes.push(change("first_byte.p99.9", Mode::Threaded, Unit::Millis, [0.001, 30_000.0], Outcome::Regressed));
        worst.changes[4].selector.step = Some(HOSTILE.into());
        worst.base.source = HOSTILE.into();
        worst.warnings = vec![HOSTILE.into()];
        worst.new.validity = Verdict::Invalid;
        worst.end = End::Interrupted;
        worst.order = RunOrder::Apart;
        worst.calibration = Some(crate::result::Calibration { comparisons: 300, pairs: 5, alarms: 0, rate_high: 0.0099 });
        golden::check("versions-modes.txt", &render(&worst, wide));
        let mut open = comparison(all().split_off(1));
        golden::check("versions-inconclusive.txt", &render(&open, wide));
        open.pairs = 1;
        open.order = RunOrder::Unpaired;
        open.changes.truncate(1);
        (open.changes[0].low, open.changes[0].high, open.changes[0].pairs_needed) = (None, None, None);
        golden::check("versions-unpaired.txt", &render(&open, wide));
    }

    #[test]
    fn the_sentence_says_what_counts() {
        assert!(
            sentence(&comparison(all())).starts_with("regressed: p50 by +11.8 %, and 5 % is tolerated"),
            "{}",
            sentence(&comparison(all()))
        );
        assert!(sentence(&comparison(all().split_off(1))).contains("about 34 pairs would tell"));
        assert!(sentence(&comparison(all().split_off(2))).starts_with("equivalent"));
        let better = vec![change("p50", Mode::Async, Unit::Millis, [10.0, 5.0], Outcome::Improved)];
        assert!(sentence(&comparison(better)).starts_with("improved: p50"));
    }
}
