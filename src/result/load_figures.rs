//! [`LoadFigures`]: the figures of one load of a run.

use super::{Counts, Iterations, ModeRun, Window};
use crate::metrics::Summary;
use crate::plan::{Load, LoadModel, NumberedLoad, Plan, Selector};

/// What a run says about the operations of one of its loads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadFigures<'r> {
    /// The load.
    pub load: &'r Load,
    /// Whether they are those of this load alone, beside others.
    pub is_own: bool,
    /// The counts of its operations.
    pub counts: Counts,
    /// Its iterations.
    pub iterations: &'r Iterations,
    /// The response times of its operations.
    pub response_ms: Option<&'r Summary>,
    /// Its successful operations per second of the run.
    pub throughput_rps: f64,
    /// Its time line.
    pub series: &'r [Window],
}

impl<'r> LoadFigures<'r> {
    /// Returns the figures of a load of a mix entry; those of the whole run for the shared one, whose
    /// operations are not recorded separately.
    pub(crate) fn of(plan: &Plan, run: &'r ModeRun, own: &NumberedLoad<'r>) -> Self {
        let selector = own
            .mix
            .and_then(|mix| plan.mix.get(mix))
            .map(|entry| Selector::of_mix(&entry.name));
        let probe = selector
            .and_then(|selector| run.probes.iter().find(|probe| probe.selector == selector));
        let iterations = probe.and_then(|probe| probe.figures.iterations.as_ref());
        match (probe, iterations) {
            (Some(probe), Some(iterations)) => Self {
                load: own.load,
                is_own: true,
                counts: probe.figures.counts,
                iterations,
                response_ms: probe.figures.times.response_ms.as_ref(),
                throughput_rps: probe.figures.throughput_rps,
                series: &probe.series,
            },
            _ => Self {
                load: own.load,
                is_own: false,
                counts: run.counts,
                iterations: &run.iterations,
                response_ms: run.times.response_ms.as_ref(),
                throughput_rps: run.throughput_rps,
                series: &run.series,
            },
        }
    }

    /// Returns how many iterations each virtual user has started, in a closed model.
    pub(crate) fn iterations_per_user(&self, run: &ModeRun) -> f64 {
        let users = match self.load.model {
            LoadModel::Closed { vus } if self.is_own => vus,
            _ => run.vus,
        };
        self.iterations.counts.started as f64 / f64::from(users.max(1))
    }
}
