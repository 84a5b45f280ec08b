//! The tables of one run, in their order.

use super::stage_tables;
use super::tables::{
    Table, checks, counters, counts, errors, limits, parts, percentiles, resources, timed_groups,
    times,
};
use crate::report::asked;
use crate::result::{ModeRun, RunResult};

/// Creates all tables of a run of a result, except its time series.
pub(crate) fn of_run(result: &RunResult, run: &ModeRun) -> Vec<Table> {
    let percentiles = percentiles([result]);
    let parts = |caption, groups, at_least| parts(caption, groups, at_least, &percentiles);
    [
        times(result, run),
        counts(run),
        resources(run, asked::is_open(result)),
        counters("Failures", "kind", &run.failures),
        counters("Statuses", "status", &run.status_codes),
    ]
    .into_iter()
    .chain([
        parts("Steps", &run.steps, 1),
        timed_groups(run, &percentiles),
        parts("Mix", &run.mixes, 2),
        parts("Targets", &run.targets, 2),
    ])
    .chain(stage_tables::of_run(run, &percentiles))
    .chain([limits(run), errors(run), checks(&run.validity.checks)])
    .flatten()
    .collect()
}
