//! [`changed`]: what differs between the steps of results that are laid over one another.

use super::super::part_name::PartName;
use super::super::{changes, thresholds, view};
use super::tables::Table;
use crate::gate::laid_over::{StepChange, step_changes};
use crate::plan::Unit;
use crate::result::RunResult;

/// The most rows.
const MAX_ROWS: usize = 60;

/// Creates the table of the figures of each step in the first result, and in each of the others.
pub(super) fn changed(results: &[(String, RunResult)]) -> Option<Table> {
    let ((base_name, base), others) = results.split_first()?;
    let name = |name: &str| view::shortened(&view::plain(name), 40);
    let several = others.len() > 1;
    let shares_mix = PartName::of_steps(results.iter().flat_map(|(_, own)| &own.runs));
    let several_modes = base.runs.iter().any(|run| run.mode != base.runs[0].mode);
    let mut rows = Vec::new();
    for (other_name, other) in others {
        for one in step_changes(base, other) {
            let named = shares_mix
                .iter()
                .find(|step| step.is((&one.mix, &one.step)));
            let mut row =
                vec![named.map_or_else(String::new, |step| view::shortened(&step.label(), 60))];
            row.extend(several.then(|| name(other_name)));
            row.extend(several_modes.then(|| one.mode.to_string()));
            row.extend(cells(&one));
            rows.push(row);
        }
    }
    let more = match rows.len().saturating_sub(MAX_ROWS) {
        0 => String::new(),
        more => format!("; {more} more that differ less"),
    };
    rows.truncate(MAX_ROWS);
    let other = match others {
        [(only, _)] => name(only),
        _ => "other".into(),
    };
    let mut head = vec!["step"];
    head.extend(several.then_some("result"));
    head.extend(several_modes.then_some("mode"));
    let base_name = name(base_name);
    head.extend([
        "figure",
        &base_name,
        &other,
        "change",
        "95 % interval",
        "differs",
    ]);
    Table::new(
        &format!("Steps, the largest differences first{more}"),
        "gates",
        &head,
        rows,
    )
}

/// Returns the cells of a figure.
fn cells(one: &StepChange) -> [String; 6] {
    let amount = |value: f64| match one.unit {
        Unit::Share => changes::points(value),
        _ => changes::signed(value),
    };
    let word = match (one.is_shown(), one.change > 0.0) {
        (true, true) => "✗ worse",
        (true, false) => "✓ better",
        (false, _) if one.interval.is_none() => view::NA,
        (false, _) => "not shown",
    };
    [
        one.figure.replace('_', " "),
        thresholds::figure(one.unit, one.base),
        thresholds::figure(one.unit, one.new),
        amount(one.change),
        one.interval.map_or_else(
            || view::NA.to_owned(),
            |[low, high]| format!("{} … {}", amount(low), amount(high)),
        ),
        word.to_owned(),
    ]
}
