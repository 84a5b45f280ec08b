//! The exemplars of a run.

use crate::metrics::Example;
use crate::plan::Plan;
use crate::result::Exemplar;

use super::measurements::Measurements;

/// Returns the slowest operations of each window and of each step, by when they were intended.
pub(super) fn exemplars(plan: &Plan, measured: &Measurements<'_>) -> Vec<Exemplar> {
    let steps: Vec<(usize, &str)> = plan
        .operations()
        .map(|(mix, name, _)| (mix, name))
        .collect();
    let exemplar = |own: &Example| {
        let (mix, step) = steps.get(own.operation as usize)?;
        let (kind, error) = own.failure.clone().unzip();
        Some(Exemplar {
            mode: measured.mode,
            round: measured.round,
            mix: plan.mix[*mix].name.clone(),
            step: (*step).to_owned(),
            t_s: (own.intended - plan.load.warmup).as_secs_f64(),
            response_ms: own.response.as_millis_f64(),
            status: (own.status > 0).then_some(own.status),
            kind: kind.map(|kind| kind.name().into()),
            error,
            trace_id: own.trace.map(|trace| format!("{:032x}", trace.id)),
            sampled: own.trace.map(|trace| trace.is_sampled),
            url: own.url.clone(),
        })
    };
    let examples = measured.recorder.examples();
    examples.into_iter().filter_map(exemplar).collect()
}
