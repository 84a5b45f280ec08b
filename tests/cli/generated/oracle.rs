//! [`judge`]: checks the results of a scenario against what must be true of it.

use std::cell::RefCell;

use loadgen::base::Nanos;
use loadgen::plan::{Limits, Mode, OnFull, Operation, StepKind};
use loadgen::result::{Group, ModeRun};

use super::expected::Expected;
use super::peer::Request;
use super::script::step_of;
use super::trial::{Case, Trial};
use super::{accounting, caps, outcomes, times, traffic};

/// A violation.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The name of the violated rule; a minimized scenario has to violate the same one.
    pub rule: &'static str,
    pub mode: Mode,
    pub said: String,
}

/// One operation of a scenario, with its figures and the peer's record of it.
pub(super) struct Part<'a> {
    pub operation: &'a Operation,
    pub figures: &'a Group,
    pub expected: &'a Expected,
    pub requests: Vec<&'a Request>,
}

impl Part<'_> {
    /// Returns the number of started attempts.
    pub(super) const fn tries(&self) -> u64 {
        self.figures.counts.started + self.figures.counts.retries
    }

    /// Returns the number of operations that started and did not complete.
    pub(super) const fn broken_off(&self) -> u64 {
        self.figures.counts.cancelled + self.figures.counts.unfinished
    }
}

/// The trial that is being checked, with its case.
pub(super) struct Look<'a> {
    pub case: &'a Case,
    pub trial: &'a Trial,
    pub parts: Vec<Part<'a>>,
    findings: RefCell<Vec<Finding>>,
}

impl<'a> Look<'a> {
    fn new(case: &'a Case, trial: &'a Trial, expected: &'a [Expected]) -> Self {
        let operations: Vec<_> = case.plan.operations().collect();
        let parts =
            operations
                .iter()
                .zip(expected)
                .filter_map(|((mix, name, operation), expected)| {
                    // Operations with the same name share their figures.
                    let alone = operations
                        .iter()
                        .filter(|(m, n, _)| (m, n) == (mix, name))
                        .count()
                        == 1;
                    let mix = case.plan.mix[*mix].name.as_str();
                    let figures = trial
                        .run
                        .steps
                        .iter()
                        .find(|step| step.name == *name && step.mix.as_deref() == Some(mix))?;
                    let own = expected.hops.first().map(|(_, path, _)| step_of(path));
                    let requests = trial
                        .requests()
                        .filter(|request| Some(request.step()) == own)
                        .collect();
                    alone.then_some(Part {
                        operation,
                        figures,
                        expected,
                        requests,
                    })
                });
        Self {
            case,
            trial,
            parts: parts.collect(),
            findings: RefCell::default(),
        }
    }

    pub(super) const fn run(&self) -> &'a ModeRun {
        &self.trial.run
    }

    /// Returns whether the whole run is measured.
    pub(super) fn is_whole(&self) -> bool {
        let load = &self.case.plan.load;
        load.warmup == Nanos::ZERO && load.stages.iter().all(|stage| stage.measure)
    }

    /// Returns whether no operation was broken off or timed out.
    pub(super) fn is_undisturbed(&self) -> bool {
        let counts = &self.run().counts;
        let timeouts = self
            .run()
            .try_failures
            .keys()
            .any(|kind| kind.starts_with("timeout"));
        counts.cancelled + counts.unfinished == 0 && !timeouts
    }

    /// Returns the limits of an operation, its target and the run.
    pub(super) fn limits_of(&self, operation: &Operation) -> [Limits; 3] {
        let plan = &self.case.plan;
        let target = operation
            .action
            .target()
            .map(|target| plan.targets[target].limits)
            .unwrap_or_default();
        [operation.limits, target, plan.limits]
    }

    /// Returns every limit of the plan.
    pub(super) fn limits(&self) -> impl Iterator<Item = &'a Limits> {
        let plan = &self.case.plan;
        let steps = plan.operations().map(|(_, _, operation)| &operation.limits);
        let all = steps
            .chain(plan.targets.iter().map(|target| &target.limits))
            .chain(plan.mix.iter().map(|entry| &entry.limits));
        let all: Vec<&Limits> = all
            .chain([&plan.limits])
            .filter(|limits| !limits.is_empty())
            .collect();
        all.into_iter()
    }

    /// Returns whether any limit drops operations.
    pub(super) fn refuses(&self) -> bool {
        self.limits().any(|limits| limits.on_full == OnFull::Drop)
    }

    /// Returns whether any branches run concurrently.
    pub(super) fn has_branches(&self) -> bool {
        self.case
            .plan
            .steps()
            .any(|(_, step)| matches!(step.kind, StepKind::Parallel(_) | StepKind::Race(_)))
    }

    /// Records a finding unless `holds`.
    pub(super) fn hold(&self, rule: &'static str, holds: bool, said: impl FnOnce() -> String) {
        if !holds {
            self.findings.borrow_mut().push(Finding {
                rule,
                mode: self.trial.mode,
                said: said(),
            });
        }
    }
}

/// Returns everything that is wrong in the trials of a scenario.
pub(super) fn judge(case: &Case, trials: &[Trial]) -> Vec<Finding> {
    let expected: Vec<Expected> = case
        .plan
        .operations()
        .map(|(_, _, operation)| Expected::of(&case.plan, operation))
        .collect();
    let mut findings = Vec::new();
    for trial in trials {
        let look = Look::new(case, trial, &expected);
        accounting::look(&look);
        traffic::look(&look);
        times::look(&look);
        caps::look(&look);
        findings.append(&mut look.findings.into_inner());
    }
    findings.extend(outcomes::compare(case, trials, &expected));
    findings
}
