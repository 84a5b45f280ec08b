//! [`compare`]: compares repeated runs of two versions.

use std::collections::{BTreeMap, BTreeSet};

use super::comparable::{PlannedRun, differences, incomparable, unfit};
use super::paired::{paired, steps};
use super::side::{Side, valid_pairs};
use super::verdict::{Paired, verdicts, verdicts_where};
use super::watched;
use crate::plan::Guard;
use crate::result::{
    Change, End, Outcome, RunOrder, RunResult, VERSIONS_SCHEMA, Version, VersionComparison,
};

/// The reasons why two versions are not comparable, each as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomparable(pub Vec<String>);

/// How two versions are compared.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The figures that must not become worse.
    pub guards: Vec<Guard>,
    /// More of them, which are left out if a run does not have the figure.
    pub optional: Vec<Guard>,
    /// Whether the machine and the program must be the same.
    pub same_machine: bool,
    /// Whether pairs with an invalid run are left out.
    pub leave_out_invalid: bool,
    /// The order of the runs; if unknown, it is derived from their start times.
    pub order: Option<RunOrder>,
}

/// Compares two versions.
///
/// # Errors
/// All reasons why they are not comparable.
pub fn compare(
    base: &Side<'_>,
    new: &Side<'_>,
    terms: &Terms,
) -> Result<VersionComparison, Incomparable> {
    compare_where(base, new, terms, &|_| true)
}

/// Returns the apparent regressions, which must be seen again in separate pairs before they are
/// reported.
///
/// At a confidence of 95 %, a figure that varies by much more than its tolerance is called a
/// regression in up to one of twenty comparisons in which nothing changed: the tolerance does not
/// help against such noise. Ten pairs cannot give much more certainty; pairs made afterwards, of
/// the suspects only, can: both are wrong in one of four hundred.
pub fn suspects(comparison: &VersionComparison) -> Vec<Change> {
    comparison
        .changes
        .iter()
        .filter(|change| change.verdict == Outcome::Regressed)
        .cloned()
        .collect()
}

/// Compares two versions with apparent regressions in the first `pairs`, which were tested again in
/// those after them: a figure has regressed if it did in both. Its figures are those of all pairs.
///
/// # Errors
/// All reasons why they are not comparable.
pub fn confirm(
    [base, new]: [&[RunResult]; 2],
    [base_name, new_name]: [&str; 2],
    pairs: usize,
    suspects: &[Change],
    terms: &Terms,
) -> Result<VersionComparison, Incomparable> {
    let (all_base, all_new) = (
        Side::from_results(base_name, base),
        Side::from_results(new_name, new),
    );
    let is_of = |change: &Change, guard: &Guard| {
        change.metric == guard.metric.to_string() && change.selector == guard.selector
    };
    let guards: Vec<Guard> = (terms.guards.iter())
        .chain(&terms.optional)
        .filter(|guard| suspects.iter().any(|change| is_of(change, guard)))
        .cloned()
        .collect();
    let fresh_base = Side::from_results(base_name, base.iter().skip(pairs));
    let fresh_new = Side::from_results(new_name, new.iter().skip(pairs));
    // Without further pairs there is nothing to confirm a regression with.
    let again = if fresh_base.is_empty() || fresh_new.is_empty() {
        None
    } else {
        Some(compare(
            &fresh_base,
            &fresh_new,
            &Terms {
                guards,
                optional: Vec::new(),
                ..terms.clone()
            },
        )?)
    };
    let confirming = again.as_ref().map_or(0, |again| again.pairs);
    let again = again
        .map(|again| suspects_of_both(&again, suspects))
        .unwrap_or_default();
    let is_confirmed = |figure: &Paired| {
        again
            .iter()
            .any(|change| is_of(change, &figure.guard) && change.mode == figure.mode)
    };
    let mut comparison = compare_where(&all_base, &all_new, terms, &is_confirmed)?;
    comparison.confirming_pairs = confirming;
    Ok(comparison)
}

fn suspects_of_both(again: &VersionComparison, before: &[Change]) -> Vec<Change> {
    let same = |a: &Change, b: &Change| {
        (&a.metric, &a.selector, a.mode) == (&b.metric, &b.selector, b.mode)
    };
    suspects(again)
        .into_iter()
        .filter(|change| before.iter().any(|earlier| same(change, earlier)))
        .collect()
}

fn compare_where(
    base: &Side<'_>,
    new: &Side<'_>,
    terms: &Terms,
    is_confirmed: &dyn Fn(&Paired) -> bool,
) -> Result<VersionComparison, Incomparable> {
    let reasons = incomparable(base, new, terms.same_machine);
    if !reasons.is_empty() {
        return Err(Incomparable(reasons));
    }
    let [used_base, used_new] = if terms.leave_out_invalid {
        valid_pairs(base, new)
    } else {
        [base.clone(), new.clone()]
    };
    let mut comparison = without_figures(base, new, terms);
    comparison.invalid = base.invalid().into_iter().chain(new.invalid()).collect();
    comparison.pairs = small(used_base.len());
    comparison.left_out_pairs = small(base.len() - used_base.len());
    comparison.warnings = doubts(&comparison);
    if used_base.is_empty() {
        return Ok(comparison);
    }
    (comparison.base.validity, comparison.new.validity) =
        (used_base.validity(), used_new.validity());
    let figures = paired(&used_base, &used_new, &terms.guards).map_err(Incomparable)?;
    let mut changes = verdicts_where(&figures, is_confirmed);
    let (more, missing) = optional(&used_base, &used_new, &terms.optional);
    // By themselves, so that they do not make the others less certain.
    changes.extend(verdicts_where(&more, is_confirmed));
    comparison.warnings.extend(missing);
    if changes.is_empty() {
        return Err(Incomparable(vec![
            "none of the figures to compare is in both results".into(),
        ]));
    }
    comparison.steps = verdicts(&steps(&used_base, &used_new));
    comparison.verdict = Outcome::worst(changes.iter().map(|change| change.verdict));
    comparison.changes = changes;
    let order = comparison.order;
    let warnings = &mut comparison.warnings;
    match order {
        RunOrder::Interleaved => {}
        RunOrder::Apart => warnings.push(
            "the runs of one version were made before those of the other: what changed on the machine in between counts as a change; \
             `loadgen ab` runs them in turn"
                .into(),
        ),
        RunOrder::Unpaired => warnings.push(
            "there is one run of each: unpaired, they can't tell a change of the version from a variation of the machine, however \
             many requests they made; run both ten times (`loadgen ab`, or `--rounds 10`)"
                .into(),
        ),
    }
    if let (false, Some(first)) = (terms.same_machine, base.results().first()) {
        let all = base.results().iter().chain(new.results());
        let differ: BTreeSet<String> = all.flat_map(|other| differences(first, other)).collect();
        warnings.extend(differ);
    }
    Ok(comparison)
}

/// Returns the figures of those guards whose figure every run has, and why the others are left out.
fn optional(base: &Side<'_>, new: &Side<'_>, guards: &[Guard]) -> (Vec<Paired>, Vec<String>) {
    let mut figures = Vec::new();
    let mut missing = Vec::new();
    for guard in guards {
        let fine = watched::check_resolution(guard, [base, new]);
        let own = fine.and_then(|()| paired(base, new, std::slice::from_ref(guard)));
        match own {
            Ok(own) => figures.extend(own),
            Err(why) => missing.push(format!(
                "`{}` is not compared: {}",
                guard.metric,
                why.join("; ")
            )),
        }
    }
    (figures, missing)
}

/// Lists which runs are invalid, why, and what was done with them.
fn doubts(comparison: &VersionComparison) -> Vec<String> {
    let runs = comparison.invalid.len();
    if runs == 0 {
        return Vec::new();
    }
    let what = match comparison.left_out_pairs {
        0 => "they are judged anyway".to_owned(),
        left_out => format!(
            "{left_out} of {} pairs are left out because of them",
            comparison.pairs + left_out
        ),
    };
    let count = if runs == 1 {
        "1 run".to_owned()
    } else {
        format!("{runs} runs")
    };
    let named = comparison.invalid.iter().take(MAX_LISTED).map(|run| {
        let reasons = if run.reasons.is_empty() {
            "its result does not say why".to_owned()
        } else {
            run.reasons.join("; ")
        };
        format!(
            "run {} of {} (started {}) is invalid: {reasons}",
            run.run, run.source, run.started_at
        )
    });
    let more = (runs > MAX_LISTED).then(|| {
        format!(
            "and {} more invalid runs, which are in the comparison's `invalid`",
            runs - MAX_LISTED
        )
    });
    std::iter::once(format!(
        "the figures of {count} describe the generator, not the target; {what}"
    ))
    .chain(named)
    .chain(more)
    .collect()
}

/// Creates the output for two versions that turned out not to be comparable: the reasons, and no
/// verdict.
pub fn refused(
    base: &Side<'_>,
    new: &Side<'_>,
    terms: &Terms,
    why: &Incomparable,
) -> VersionComparison {
    VersionComparison {
        warnings: why.0.clone(),
        ..without_figures(base, new, terms)
    }
}

/// Creates a comparison that only identifies what is compared.
fn without_figures(base: &Side<'_>, new: &Side<'_>, terms: &Terms) -> VersionComparison {
    let order = if base.len() < 2 {
        RunOrder::Unpaired
    } else {
        terms.order.unwrap_or_else(|| order(base, new))
    };
    let first = base.results().first();
    VersionComparison {
        schema: VERSIONS_SCHEMA.into(),
        end: End::Complete,
        scenario: first
            .map(|result| result.scenario.name.clone())
            .unwrap_or_default(),
        fingerprint: first
            .map(|result| result.scenario.fingerprint.clone())
            .unwrap_or_default(),
        base: version(base),
        new: version(new),
        pairs: small(base.len()),
        confirming_pairs: 0,
        order,
        invalid: Vec::new(),
        left_out_pairs: 0,
        verdict: None,
        changes: Vec::new(),
        steps: Vec::new(),
        calibration: None,
        warnings: Vec::new(),
    }
}

/// Checks that a future run can be compared with `base`.
///
/// # Errors
/// All reasons why it could not.
pub fn promise(base: &Side<'_>, coming: &PlannedRun, terms: &Terms) -> Result<(), Incomparable> {
    let reasons = unfit(base, coming, &terms.guards, terms.same_machine);
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Incomparable(reasons))
    }
}

fn version(side: &Side<'_>) -> Version {
    let first = side.results().first();
    Version {
        source: side.name().to_owned(),
        runs: small(side.len()),
        tags: first.map_or_else(BTreeMap::new, |result| result.scenario.tags.clone()),
        started_at: first.map(|result| result.started_at.clone()),
        loadgen: first.map(|result| result.loadgen.clone()),
        host: first.map(|result| result.host.clone()),
        validity: side.validity(),
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Determines whether the runs of both were interleaved: each has one that started between the
/// first and the last of the other.
fn order(base: &Side<'_>, new: &Side<'_>) -> RunOrder {
    let times = |side: &Side<'_>| -> Vec<String> {
        side.results()
            .iter()
            .map(|result: &&RunResult| result.started_at.clone())
            .collect()
    };
    let (base, new) = (times(base), times(new));
    let within = |inner: &[String], outer: &[String]| {
        inner
            .iter()
            .any(|at| outer.first() < Some(at) && Some(at) < outer.last())
    };
    if within(&base, &new) && within(&new, &base) {
        RunOrder::Interleaved
    } else {
        RunOrder::Apart
    }
}

/// The maximum number of invalid runs that are listed individually.
const MAX_LISTED: usize = 10;
