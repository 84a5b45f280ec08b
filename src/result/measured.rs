//! The windows of a time line from which a change over the run can be told.

use super::{Counts, Iterations, Window};
use crate::base::Nanos;

/// Returns the whole windows of a time line that are within the measured time.
pub(crate) fn measured(series: &[Window], measured_s: f64) -> Vec<&Window> {
    series
        .iter()
        .filter(|window| window.t_s >= 0.0 && window.t_s + window.window_s <= measured_s + 1e-9)
        .collect()
}

/// Leaves out the windows of the measured time of an open model before the first iteration can have
/// ended, in which only the first steps of the flow are under way: their times are not those of the
/// windows that follow. Iterations begin with the warm-up; those of a single operation have no
/// further steps.
pub(crate) fn after_first_iteration<'w, 'r>(
    measured: &'w [&'r Window],
    operations: &Counts,
    iterations: &Iterations,
    warmup: Nanos,
) -> &'w [&'r Window] {
    let shortest_ms = iterations.duration_ms.as_ref().map_or(0.0, |of| of.min);
    if operations.started <= iterations.counts.started {
        return measured;
    }
    let until_s = shortest_ms / 1e3 - warmup.as_secs_f64();
    let first = measured.partition_point(|window| window.t_s + window.window_s <= until_s);
    &measured[first..]
}
