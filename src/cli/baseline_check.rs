//! [`BaselineCheck`]: the baseline that a run is compared with.

use std::path::PathBuf;

use anyhow::anyhow;

use super::args::{GateArgs, OnInvalid};
use super::exit::{Exit, Failure};
use super::{baseline, compare, results};
use crate::gate::comparable::PlannedRun;
use crate::gate::side::Side;
use crate::gate::versions::{self, Terms};
use crate::plan::{Guard, Plan};
use crate::result::{Build, Host, RunOrder, RunResult, VersionComparison};

/// A baseline, and the figures that must not become worse than in it.
pub(super) struct BaselineCheck {
    path: PathBuf,
    results: Vec<RunResult>,
    terms: Terms,
}

impl BaselineCheck {
    /// Reads the baseline of a run, if it has one, and checks before anything is sent that the run
    /// can be compared with it.
    pub(super) fn open(
        args: &GateArgs,
        no_thresholds: bool,
        plan: &Plan,
        fingerprint: &str,
    ) -> Result<Option<Self>, Failure> {
        let Some(given) = &args.baseline else {
            if plan.guards.is_empty() || no_thresholds {
                return Ok(None);
            }
            let error = anyhow!(
                "the scenario has thresholds with `vs: baseline`, but no baseline was given; give one with --baseline, or create one: run it \
                 with --no-thresholds, then `loadgen baseline save NAME`"
            );
            return Err(Failure {
                exit: Exit::Usage,
                error,
            });
        };
        let path = baseline::find(given);
        let results = results::read(&path)?;
        let guards = if plan.guards.is_empty() {
            Guard::all_usual()
        } else {
            plan.guards.clone()
        };
        let leave_out_invalid = args.on_invalid != Some(OnInvalid::Warn);
        let terms = Terms {
            optional: Vec::new(),
            guards,
            same_machine: !args.allow_environment,
            leave_out_invalid,
            order: Some(RunOrder::Apart),
        };
        let check = Self {
            path,
            results,
            terms,
        };
        let coming = PlannedRun {
            fingerprint: fingerprint.to_owned(),
            modes: plan.modes.clone(),
            runs: plan.rounds as usize,
            host: Host::current(),
            loadgen: Build::current(),
        };
        versions::promise(&check.base(), &coming, &check.terms)
            .map_err(compare::cant_be_compared)?;
        Ok(Some(check))
    }

    fn base(&self) -> Side<'_> {
        Side::from_results(&self.path.display().to_string(), &self.results)
    }

    /// Returns the figures that must not become worse.
    pub(super) fn guards(&self) -> &[Guard] {
        &self.terms.guards
    }

    /// Compares the run with the baseline. If that is not possible, the comparison holds the
    /// reasons instead of figures, for readers who only see the reports.
    pub(super) fn compare(&self, result: &RunResult) -> (VersionComparison, Option<Failure>) {
        let (base, new) = (self.base(), Side::from_results("this run", [result]));
        match versions::compare(&base, &new, &self.terms) {
            Ok(comparison) => (comparison, None),
            Err(why) => (
                versions::refused(&base, &new, &self.terms, &why),
                Some(compare::cant_be_compared(why)),
            ),
        }
    }
}
