//! Formats the change of each figure between two versions: one row per figure and mode, the same in
//! every report format.

use crate::plan::{Mode, Unit};
use crate::result::{Change, Outcome, VersionComparison};

use super::thresholds::{self, narrowed};
use super::view;

/// One figure in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The outcome.
    pub verdict: Outcome,
    /// A sign, and a word for the outcome.
    pub word: &'static str,
    /// The figure and its selector.
    pub figure: String,
    /// The mode.
    pub mode: Mode,
    /// The figure of the base.
    pub base: String,
    /// The figure of the new version.
    pub new: String,
    /// The relative change.
    pub change: String,
    /// The interval of the change.
    pub between: String,
    /// The tolerance.
    pub tolerated: String,
}

/// Returns a row for every figure, in the order of the comparison.
pub(crate) fn rows(comparison: &VersionComparison) -> Vec<Row> {
    comparison.changes.iter().map(row).collect()
}

/// Returns the figures of each step and of each group as a whole, with its name.
pub(crate) fn of_steps(comparison: &VersionComparison) -> Vec<(String, Row)> {
    let named = |change: &Change| {
        let parts = [&change.selector.mix, &change.selector.step]
            .into_iter()
            .flatten();
        let short = |part: &String| view::shortened(&view::plain(part), 60);
        let whole = change.selector.group.as_ref();
        let whole = whole.map(|group| format!("{} as a whole", short(group)));
        let name = parts
            .map(short)
            .chain(whole)
            .collect::<Vec<_>>()
            .join(" / ");
        (
            name,
            Row {
                figure: view::plain(&change.metric),
                ..row(change)
            },
        )
    };
    comparison.steps.iter().map(named).collect()
}

fn row(change: &Change) -> Row {
    let figure = |value| thresholds::figure(change.unit, value);
    Row {
        verdict: change.verdict,
        word: match change.verdict {
            Outcome::Regressed => "✗ regressed",
            Outcome::Improved => "✓ improved",
            Outcome::Equivalent => "✓ equivalent",
            Outcome::Inconclusive => "? inconclusive",
        },
        figure: name(change),
        mode: change.mode,
        base: figure(change.base),
        new: figure(change.new),
        change: amount(change, change.change),
        between: between(change),
        tolerated: format!("±{}", tolerance(change)),
    }
}

/// Returns the name of a figure with its selector.
pub(crate) fn name(change: &Change) -> String {
    narrowed(&change.metric, &change.selector)
}

/// Formats a change with its sign: relative to the base, or in points of a share.
pub(crate) fn amount(change: &Change, value: f64) -> String {
    match change.unit {
        Unit::Share => points(value),
        _ => signed(value),
    }
}

/// Formats a difference of shares with its sign, in percentage points: half of 1 % more is not 1.5 %.
pub(crate) fn points(value: f64) -> String {
    with_sign(value, &percent(value.abs()).replace('%', "pp"))
}

/// Formats a relative change with its sign.
pub(crate) fn signed(value: f64) -> String {
    with_sign(value, &percent(value.abs()))
}

fn with_sign(value: f64, percent: &str) -> String {
    // A change that rounds to zero has no sign.
    let sign = match value {
        _ if percent.starts_with("0 ") => "",
        value if value < 0.0 => "-",
        _ => "+",
    };
    format!("{sign}{percent}")
}

/// Formats both bounds, with the unit only once if it is the same.
fn between(change: &Change) -> String {
    let (Some(low), Some(high)) = (change.low, change.high) else {
        return view::NA.into();
    };
    let (low, high) = (amount(change, low), amount(change, high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

/// Formats the tolerance, in both directions.
pub(crate) fn tolerance(change: &Change) -> String {
    let unit = if change.unit == Unit::Share {
        "pp"
    } else {
        "%"
    };
    view::round(&format!(
        "{} {unit}",
        view::number(change.tolerance * 100.0)
    ))
}

/// Formats a change to a tenth of a percent, which is fine enough; increases beyond ten times are
/// shown as a factor.
pub(crate) fn percent(value: f64) -> String {
    match value * 100.0 {
        tiny if tiny < 0.05 => "0 %".into(),
        large if large >= 1_000.0 => view::factor(value + 1.0),
        percent => format!("{percent:.1} %"),
    }
}

/// Returns how many pairs would decide, if these do not.
pub(crate) fn needed(pairs: Option<u64>) -> String {
    pairs.map_or_else(
        || {
            "it is so close to the tolerance that no reasonable number of pairs would decide it"
                .into()
        },
        |pairs| format!("about {} would decide it", view::things(pairs, "pair")),
    )
}
