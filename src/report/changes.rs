//! What became of each figure from one version to another, as text: one row for each figure and
//! mode. The same for every form of the report.

use crate::plan::{Mode, Unit};
use crate::result::{Change, Outcome, VersionComparison};

use super::thresholds::{self, narrowed};
use super::view;

/// One figure in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What can be said of it.
    pub verdict: Outcome,
    /// A sign, and the word for it.
    pub word: &'static str,
    /// The figure, and what of the run it is about.
    pub figure: String,
    /// The mode.
    pub mode: Mode,
    /// The figure of the base.
    pub base: String,
    /// The figure of the new version.
    pub new: String,
    /// How much larger the new one is.
    pub change: String,
    /// What the change lies between.
    pub between: String,
    /// What is tolerated.
    pub tolerated: String,
}

/// Every figure, in the order of the comparison.
pub(crate) fn rows(comparison: &VersionComparison) -> Vec<Row> {
    comparison.changes.iter().map(row).collect()
}

/// The figures of each step, with its name.
pub(crate) fn of_steps(comparison: &VersionComparison) -> Vec<(String, Row)> {
    let named = |change: &Change| {
        let parts = [&change.selector.mix, &change.selector.step]
            .into_iter()
            .flatten();
        let name = parts
            .map(|part| view::shortened(&view::plain(part), 60))
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

/// The figure with what it is narrowed to.
pub(crate) fn name(change: &Change) -> String {
    narrowed(&change.metric, &change.selector)
}

/// A change with its sign: a part of the base, or points of a share.
pub(crate) fn amount(change: &Change, value: f64) -> String {
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

/// Both bounds; the unit is said once where it is the same.
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

/// What is tolerated, either way.
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

/// A tenth of a percent is as fine as anybody reads a change; more than ten times as much is a
/// factor.
pub(crate) fn percent(value: f64) -> String {
    match value * 100.0 {
        tiny if tiny < 0.05 => "0 %".into(),
        large if large >= 1_000.0 => view::factor(value + 1.0),
        percent => format!("{percent:.1} %"),
    }
}

/// How many pairs would tell, where these do not.
pub(crate) fn needed(pairs: Option<u64>) -> String {
    pairs.map_or_else(
        || "it lies so near the tolerance that no number of pairs within reason would tell".into(),
        |pairs| format!("about {} would tell", view::things(pairs, "pair")),
    )
}
