//! Creates the result of a run from the runs of its modes.

use jiff::Timestamp;

use super::{job, session};
use crate::engine::ideal;
use crate::gate::{self, Judged};
use crate::metrics::FailureKind;
use crate::plan::{Plan, Secrets};
use crate::report::{view, watched};
use crate::result::{
    Build, Comparison, End, Host, ModeRun, RunResult, SCHEMA, ScenarioEcho, StoppedBy, Validity,
    Verdict, Watched,
};
use crate::scenario::Source;

/// Creates the result of these runs of a plan.
pub(super) fn result_of(
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    runs: Vec<ModeRun>,
    end: End,
    started_at: Timestamp,
) -> RunResult {
    let ideal_s = ideal(plan, &source.folder);
    result_of_runs(source, plan, secrets, runs, end, started_at, ideal_s)
}

/// Creates the result so far of a run in progress, without what takes long to find out.
pub(super) fn result_so_far(
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    runs: Vec<ModeRun>,
    started_at: Timestamp,
) -> RunResult {
    result_of_runs(source, plan, secrets, runs, End::Running, started_at, None)
}

/// Creates a result with the plan's duration in virtual time, if that is known.
fn result_of_runs(
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    runs: Vec<ModeRun>,
    end: End,
    started_at: Timestamp,
    ideal_s: Option<f64>,
) -> RunResult {
    let of = ResultOf {
        scenario: job::echo(source, plan, secrets),
        plan: plan.shown(secrets),
        host: Host::current(),
        started_at: session::rfc3339(started_at),
    };
    result_with(of, plan, runs, end, ideal_s)
}

/// What a result says of its run besides the figures.
pub(super) struct ResultOf {
    /// The scenario.
    pub scenario: ScenarioEcho,
    /// The plan, without secrets.
    pub plan: serde_json::Value,
    /// The machine.
    pub host: Host,
    /// When it started.
    pub started_at: String,
}

/// Creates the result of these runs, and judges them by the thresholds of the plan.
pub(super) fn result_with(
    of: ResultOf,
    plan: &Plan,
    runs: Vec<ModeRun>,
    end: End,
    ideal_s: Option<f64>,
) -> RunResult {
    let comparison = Comparison::from_runs(&runs, &plan.modes, ideal_s);
    let build = Build::current();
    let watched: Vec<Watched> = runs.iter().flat_map(|run| run.watched.clone()).collect();
    let exemplars = runs.iter().flat_map(|run| run.exemplars.clone()).collect();
    let gaps = watched::gaps(&watched);
    let Judged {
        thresholds,
        warnings: doubts,
    } = if end == End::Running {
        gate::judge_so_far(plan, &runs, comparison.as_ref())
    } else {
        gate::judge(plan, &runs, comparison.as_ref())
    };
    RunResult {
        schema: SCHEMA.into(),
        end,
        scenario: of.scenario,
        plan: of.plan,
        host: of.host,
        started_at: of.started_at,
        comparison,
        thresholds,
        baseline: None,
        shards: None,
        watched,
        outputs: Vec::new(),
        exemplars,
        hosts: Vec::new(),
        validity: overall(&runs),
        warnings: warnings(&build, &runs, end)
            .into_iter()
            .chain(doubts)
            .chain(gaps)
            .collect(),
        loadgen: build,
        runs,
    }
}

/// Returns the worst validity of the runs, with the failed checks, each under its run's name.
fn overall(runs: &[ModeRun]) -> Validity {
    let failed = runs.iter().flat_map(|run| {
        run.validity
            .checks
            .iter()
            .filter(|c| c.verdict != Verdict::Valid)
            .cloned()
            .map(move |mut check| {
                check.name = format!("{} ({} round {})", check.name, run.mode, run.round);
                check
            })
    });
    Validity::from_checks(failed.collect())
}

fn warnings(build: &Build, runs: &[ModeRun], end: End) -> Vec<String> {
    let mut warnings = Vec::new();
    if build.profile == "debug" {
        warnings
            .push("this is a debug build of loadgen: its own overhead is many times that of a release build; build it with `cargo build --release`".into());
    }
    match end {
        End::Interrupted => {
            warnings.push("the run was interrupted: the mode in progress is incomplete, and later modes did not run".into())
        }
        End::Failed if runs.iter().any(|run| run.stopped_by == StoppedBy::Panic) => {
            warnings.push("loadgen panicked: the figures of the last mode cover what was measured until then".into())
        }
        End::Failed => warnings.push("a mode could not be run: the figures cover the modes before it".into()),
        End::Aborted => warnings.push("a threshold aborted the run: later modes and rounds did not run".into()),
        End::Complete | End::Stopped | End::Running => {}
    }
    if runs
        .iter()
        .any(|r| r.counts.ok == 0 && r.times.response_ms.is_some())
    {
        warnings.push(
            "in some mode no operation succeeded: its response times are those of failures".into(),
        );
    }
    let unmade: u64 = runs
        .iter()
        .filter_map(|run| run.failures.get(FailureKind::Data.name()))
        .sum();
    if unmade > 0 {
        let operations = view::things(unmade, "operation");
        warnings.push(format!("{operations} could not be built from the available values (kind `data`): they are counted as failed, and are in no response time"));
    }
    warnings
}
