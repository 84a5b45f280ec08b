//! `loadgen run`: a scenario, all of its modes and rounds, and the reports.

use std::net::IpAddr;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::args::{OnInvalid, RunArgs};
use super::exit::{Exit, Failure, Gates, or_exit};
use super::folder::Folder;
use super::held::Held;
use super::output::{self, Talk};
use super::session::{self, Session};
use super::watched::Watched;
use super::{ci, job, outline};
use crate::engine::preflight::safety;
use crate::engine::{Ground, Job, ideal};
use crate::gate::{self, Judged};
use crate::metrics::FailureKind;
use crate::plan::{Address, Plan, Secrets, Target};
use crate::report::terminal::Style;
use crate::report::versions;
use crate::report::view;
use crate::report::{self, terminal};
use crate::result::{
    Build, Comparison, End, Host, ModeRun, RunResult, SCHEMA, StoppedBy, ThresholdResult, Validity,
    Verdict,
};
use crate::scenario::{Compiled, Source};

/// Runs a scenario.
pub fn run(args: &RunArgs, talk: &Talk) -> Result<Exit, Failure> {
    let Some((source, compiled)) = job::load_to_run(args, talk)? else {
        return Ok(Exit::Usage);
    };
    if args.quick.print_scenario {
        print_scenario(&source, &compiled.secrets, talk)?;
        return Ok(Exit::Ok);
    }
    if args.plan || args.dry_run {
        safety::foresee(&compiled.plan)
            .iter()
            .for_each(|doubt| talk.warning(doubt));
    }
    if args.plan {
        output::print(&job::describe(&compiled)?)?;
        return Ok(Exit::Ok);
    }
    if args.dry_run {
        output::print(&outline::outline(&source, &compiled)?)?;
        return Ok(Exit::Ok);
    }
    let Compiled { plan, secrets, .. } = compiled;
    or_exit(safety::literal(&plan), Exit::Usage)?;
    let baseline = Held::open(args, &plan, &secrets)?;
    let plan = match &baseline {
        Some(baseline) => Plan {
            guards: baseline.guards().to_vec(),
            ..plan
        },
        None => plan,
    };
    let started_at = session::now();
    let folder = Folder::prepare(
        args.output.as_deref(),
        &secrets.redact(&plan.name),
        started_at,
        report::RESULT_FILE,
    )?;
    let measured = measure(&source, &plan, &secrets, started_at, args, talk);
    if measured.as_ref().map_or(true, |m| m.runs.is_empty()) {
        // No empty report, and none of the folders that we made for it.
        folder.give_back();
        let Measured {
            end,
            failure,
            watched,
            ..
        } = measured?;
        if let Some(watched) = watched {
            watched.end_of_nothing(end);
        }
        return failure.map_or(Ok(Exit::Interrupted), Err);
    }
    let Measured {
        runs,
        end,
        failure,
        warnings,
        watched,
    } = measured?;
    let mut result = result_of(&source, &plan, &secrets, runs, end, started_at);
    result.warnings.extend(warnings);
    // A run that is not whole is held against nothing.
    let whole = baseline
        .as_ref()
        .filter(|_| matches!(result.end, End::Complete | End::Stopped));
    let (compared, refused) = whole.map(|baseline| baseline.compare(&result)).unzip();
    result.baseline = compared;
    // Once, and before anything is written or shown: every report is made of it.
    let result = or_exit(
        result
            .redacted(&secrets)
            .context("can't hide the secrets in the result"),
        Exit::Internal,
    )?;
    if let Some(watched) = watched {
        watched.end(&result);
    }
    // Each output is tried, whatever becomes of the others.
    let written = report::write_all(&result, &plan.formats, folder.path());
    result
        .thresholds
        .iter()
        .flat_map(ThresholdResult::named_warnings)
        .for_each(|warning| talk.warning(&warning));
    let shown = show(&result, args, talk);
    if !args.quiet {
        let path = written
            .paths
            .iter()
            .find(|p| p.ends_with(report::PAGE_FILE))
            .or(written.paths.first());
        talk.say(&path.map_or_else(String::new, |path| {
            format!("report: {}{}\n", path.display(), folder.replaced())
        }));
    }
    let published = ci::publish(&result, talk);
    let others = [shown, published]
        .into_iter()
        .filter_map(|output| output.err().map(|failure| failure.error));
    let unwritten = written.failures.into_iter().map(Into::into).chain(others);
    output::conclude(unwritten, failure.or(refused.flatten()), talk)?;
    let has_gates = !result.thresholds.is_empty() || baseline.is_some();
    let trusting = args
        .on_invalid
        .map_or(has_gates, |what| what == OnInvalid::Fail);
    let exit = Exit::of(
        &result,
        Gates {
            trusting,
            no_doubt: args.fail_on_inconclusive,
        },
    );
    if let Some(reason) = complaint(exit, &result) {
        talk.error(&reason);
    }
    Ok(exit)
}

/// Puts the result on stdout, in the form that is wanted.
fn show(result: &RunResult, args: &RunArgs, talk: &Talk) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&or_exit(result.to_json(), Exit::Internal)?);
    }
    if args.quiet {
        return Ok(());
    }
    let style = Style {
        color: talk.stdout_color(),
        width: output::width(),
    };
    output::print(&terminal::render(result, style))?;
    result.baseline.as_ref().map_or(Ok(()), |comparison| {
        output::print(&format!("\n{}", versions::render(comparison, style)))
    })
}

/// Why a run that brought a result does not end with 0, where the result says it.
fn complaint(exit: Exit, result: &RunResult) -> Option<anyhow::Error> {
    let unmet = result
        .thresholds
        .iter()
        .filter(|threshold| !threshold.is_met())
        .count();
    match exit {
        Exit::Invalid => {
            let invalid = result
                .validity
                .checks
                .iter()
                .find(|check| check.verdict == Verdict::Invalid);
            let of_baseline = result
                .baseline
                .as_ref()
                .and_then(|comparison| comparison.invalid.first());
            let of_baseline =
                of_baseline.map(|run| format!("run {} of {} is invalid", run.run, run.source));
            let what = invalid
                .map(|check| format!("the run is invalid ({})", check.name))
                .or(of_baseline);
            let what = what.unwrap_or_else(|| "the baseline is invalid".into());
            Some(anyhow!(
                "{what}, and a gate would have to trust its figures; `--on-invalid warn` has it do so"
            ))
        }
        Exit::Regression | Exit::Inconclusive => result
            .baseline
            .as_ref()
            .map(|comparison| anyhow!(versions::sentence(comparison))),
        Exit::Threshold if unmet == 0 => Some(anyhow!("a threshold aborted the run")),
        Exit::Threshold => Some(anyhow!(
            "{unmet} of {} thresholds not met",
            result.thresholds.len()
        )),
        _ => None,
    }
}

/// Prints the file that a URL stands for. It is meant to be kept: a secret in it would be kept too.
fn print_scenario(source: &Source, secrets: &Secrets, talk: &Talk) -> Result<(), Failure> {
    let shown = secrets.redact(&source.text);
    output::print_exact(&shown)?;
    if shown != source.text {
        talk.say("the secrets in it are shown as ***: declare them, as in `secrets: { token: \"${TOKEN}\" }`, and write `{{token}}` in their place\n");
    }
    Ok(())
}

/// What there is when no more will come.
struct Measured<'a> {
    runs: Vec<ModeRun>,
    end: End,
    failure: Option<Failure>,
    /// What the modes have said on their way.
    warnings: Vec<String>,
    /// The page for those who have looked at it.
    watched: Option<Watched<'a>>,
}

/// Runs every mode of every round, each in a process of its own.
fn measure<'a>(
    source: &'a Source,
    plan: &'a Plan,
    secrets: &'a Secrets,
    at: Timestamp,
    args: &RunArgs,
    talk: &'a Talk,
) -> Result<Measured<'a>, Failure> {
    let mut session = Session::open(!args.no_progress && !args.quiet, talk)?;
    let ground = session.ground(plan, &source.folder, at)?;
    // A name is looked up once, here; whoever reads the figures wants to know what it meant.
    let is_named = |target: &Target| matches!(&target.address, Address::Url { host, .. } if host.parse::<IpAddr>().is_err());
    for (target, reach) in plan
        .targets
        .iter()
        .zip(&ground.reached)
        .filter_map(|(target, reach)| Some((target, reach.as_ref()?)))
    {
        if args.verbose || (!args.quiet && (is_named(target) || !reach.silent.is_empty())) {
            talk.say(&format!(
                "target {}: {} at {reach}\n",
                target.name, target.address
            ));
        }
    }
    if args.verbose {
        talk.say(&format!(
            "seed {}, fingerprint {}\n",
            plan.seed,
            plan.fingerprint(secrets)
        ));
    }
    let draft = move |runs| result_of_runs(source, plan, secrets, runs, End::Complete, at, None);
    let watched = args
        .live
        .map(|address| Watched::open(address, secrets, draft))
        .transpose()?;
    if let Some(watched) = watched.as_ref().filter(|_| !args.quiet) {
        talk.say(&format!("live: http://{}/\n", watched.address()));
    }
    let ground = Ground {
        live: watched.is_some(),
        ..ground
    };
    let mut measured = Measured {
        runs: Vec::new(),
        end: End::Complete,
        failure: None,
        warnings: Vec::new(),
        watched: None,
    };
    let order = (0..plan.rounds).flat_map(|round| {
        plan.order(round)
            .into_iter()
            .map(move |mode| (mode, round + 1))
    });
    for (mode, round) in order {
        if session.is_interrupted() {
            break;
        }
        let job = Job {
            parent: std::process::id(),
            plan: plan.clone(),
            mode,
            round,
            ground: ground.clone(),
        };
        let place = if plan.rounds > 1 {
            format!("{mode} {round}/{}", plan.rounds)
        } else {
            mode.name().into()
        };
        let mut so_far = |run: ModeRun| {
            if let Some(watched) = &watched {
                watched.show(&measured.runs, Some(ModeRun { round, ..run }));
            }
        };
        match session.run_watched(&job, &place, &mut so_far) {
            Ok(Some(run)) => {
                let by = run.stopped_by;
                measured.runs.push(run);
                if let Some(watched) = &watched {
                    watched.show(&measured.runs, None);
                }
                match by {
                    StoppedBy::Threshold => {
                        measured.end = End::Aborted;
                        break;
                    }
                    // The next mode has its own chance.
                    StoppedBy::Condition => measured.end = End::Stopped,
                    StoppedBy::Panic => {
                        measured.failure = Some(session::panicked());
                        measured.end = End::Failed;
                        break;
                    }
                    _ => {}
                }
            }
            Ok(None) => break,
            Err(failure) => {
                measured.failure = Some(failure);
                measured.end = End::Failed;
                break;
            }
        }
    }
    if session.is_interrupted() && measured.failure.is_none() {
        measured.end = End::Interrupted;
    }
    measured.warnings = session.close();
    Ok(Measured {
        watched,
        ..measured
    })
}

/// The result of these runs of a plan.
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

/// The same, with what the plan takes in virtual time where that is known already.
fn result_of_runs(
    source: &Source,
    plan: &Plan,
    secrets: &Secrets,
    runs: Vec<ModeRun>,
    end: End,
    started_at: Timestamp,
    ideal_s: Option<f64>,
) -> RunResult {
    let comparison = Comparison::of(&runs, &plan.modes, ideal_s);
    let build = Build::current();
    let Judged {
        thresholds,
        warnings: doubts,
    } = gate::judge(plan, &runs, comparison.as_ref());
    RunResult {
        schema: SCHEMA.into(),
        end,
        scenario: job::echo(source, plan, secrets),
        plan: plan.shown(secrets),
        host: Host::current(),
        started_at: session::rfc3339(started_at),
        comparison,
        thresholds,
        baseline: None,
        validity: overall(&runs),
        warnings: warnings(&build, &runs, end)
            .into_iter()
            .chain(doubts)
            .collect(),
        loadgen: build,
        runs,
    }
}

/// The worst of the runs, with the checks that were not passed, each under its run's name.
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
    Validity::of(failed.collect())
}

fn warnings(build: &Build, runs: &[ModeRun], end: End) -> Vec<String> {
    let mut warnings = Vec::new();
    if build.profile == "debug" {
        warnings
            .push("this is a debug build of loadgen: its own cost is many times that of a release build (cargo build --release)".into());
    }
    match end {
        End::Interrupted => {
            warnings.push("the run was interrupted: what was under way is incomplete, and modes after it did not run".into())
        }
        End::Failed if runs.iter().any(|run| run.stopped_by == StoppedBy::Panic) => {
            warnings.push("loadgen panicked: the figures of its last mode are of what was measured until then".into())
        }
        End::Failed => warnings.push("a mode could not be run: the figures are of those before it".into()),
        End::Aborted => warnings.push("a threshold aborted the run: modes and rounds after it did not run".into()),
        End::Complete | End::Stopped => {}
    }
    if runs
        .iter()
        .any(|r| r.counts.ok == 0 && r.response_ms.is_some())
    {
        warnings.push(
            "no operation of some mode succeeded: its response times are those of failures".into(),
        );
    }
    let unmade: u64 = runs
        .iter()
        .filter_map(|run| run.failures.get(FailureKind::Data.name()))
        .sum();
    if unmade > 0 {
        let operations = view::things(unmade, "operation");
        warnings.push(format!("{operations} could not be made of the values there were (kind `data`): failed, and in no response time"));
    }
    warnings
}
