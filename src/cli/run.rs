//! `loadgen run`: a scenario, all of its modes and rounds, and the reports.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::args::{OnInvalid, RunArgs};
use super::exit::{Exit, Failure};
use super::output::{self, Talk};
use super::{ci, job, or_exit};
use crate::engine::process::{self, Leash, ProcessError};
use crate::engine::{self, Event, Ground, Job, Phase, descriptors, ideal, preflight, safety};
use crate::gate::{self, Judged};
use crate::plan::{Address, Plan, Secrets};
use crate::report::progress::{Progress, ProgressMode, Status};
use crate::report::terminal::{self, Style};
use crate::report::{self, sink};
use crate::result::{Build, Comparison, End, Host, ModeRun, RunResult, SCHEMA, ScenarioEcho, StoppedBy, Validity, Verdict};
use crate::scenario::{Compiled, Source};
use crate::server;

/// Runs a scenario.
pub fn run(args: &RunArgs, talk: &Talk) -> Result<Exit, Failure> {
    let Some((source, compiled)) = job::load_to_run(args, talk)? else { return Ok(Exit::Usage) };
    if args.quick.print_scenario {
        print_scenario(&source, &compiled.secrets, talk)?;
        return Ok(Exit::Ok);
    }
    if args.dry_run {
        output::print(&job::describe(&compiled)?)?;
        return Ok(Exit::Ok);
    }
    let Compiled { plan, secrets, .. } = compiled;
    or_exit(safety::literal(&plan), Exit::Usage)?;
    let started_at = Timestamp::now();
    let folder = args.output.clone().unwrap_or_else(|| folder_for(&secrets.redact(&plan.name), started_at));
    let made: Vec<&Path> = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    // Whatever can go wrong goes wrong before the load starts.
    or_exit(sink::prepare(&folder), Exit::Internal)?;
    let setting =
        Setting { secrets: &secrets, folder: source.folder.clone(), unix_ms: started_at.as_millisecond().try_into().unwrap_or(0) };
    let measured = measure(&plan, &setting, args, talk);
    if measured.as_ref().is_ok_and(|m| m.runs.is_empty()) || measured.is_err() {
        // No empty report, and none of the folders that we made for it: the innermost is the first.
        let _ = made.into_iter().try_for_each(std::fs::remove_dir);
    }
    let Measured { runs, end, failure, warnings } = measured?;
    if runs.is_empty() {
        return failure.map_or(Ok(Exit::Interrupted), Err);
    }
    let mut result = result_of(&source, &plan, &secrets, runs, end, started_at);
    result.warnings.extend(warnings);
    // Once, and before anything is written or shown: every report is made of it.
    let result = or_exit(result.redacted(&secrets).context("can't hide the secrets in the result"), Exit::Internal)?;
    let written = or_exit(report::write_all(&result, &plan.formats, &folder), Exit::Internal)?;
    if args.json {
        output::print(&or_exit(result.to_json(), Exit::Internal)?)?;
    } else if !args.quiet {
        output::print(&terminal::render(&result, Style { color: talk.stdout_color(), width: output::width() }))?;
    }
    if !args.quiet {
        let shown = written.iter().find(|p| p.ends_with(report::PAGE_FILE)).or(written.first());
        talk.say(&shown.map_or_else(String::new, |path| format!("report: {}\n", path.display())));
    }
    ci::publish(&result, talk)?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let exit = Exit::of(&result, args.on_invalid.map_or(!result.thresholds.is_empty(), |what| what == OnInvalid::Fail));
    if let Some(reason) = complaint(exit, &result) {
        talk.error(&reason);
    }
    Ok(exit)
}

/// Why a run that brought a result does not end with 0, where the result says it.
fn complaint(exit: Exit, result: &RunResult) -> Option<anyhow::Error> {
    let unmet = result.thresholds.iter().filter(|threshold| !threshold.is_met()).count();
    match exit {
        Exit::Invalid => {
            let invalid = result.validity.checks.iter().find(|check| check.verdict == Verdict::Invalid);
            let name = invalid.map_or("", |check| &check.name);
            Some(anyhow!("the run is invalid ({name}), and a gate would have to trust its figures; `--on-invalid warn` has it do so"))
        }
        Exit::Threshold if unmet == 0 => Some(anyhow!("a threshold aborted the run")),
        Exit::Threshold => Some(anyhow!("{unmet} of {} thresholds not met", result.thresholds.len())),
        _ => None,
    }
}

/// Prints the file that a URL stands for. It is meant to be kept: a secret in it would be kept too.
fn print_scenario(source: &Source, secrets: &Secrets, talk: &Talk) -> Result<(), Failure> {
    let shown = secrets.redact(&source.text);
    output::print(&shown)?;
    if shown != source.text {
        talk.say("the secrets in it are shown as ***: declare them, as in `secrets: { token: \"${TOKEN}\" }`, and write `{{token}}` in their place\n");
    }
    Ok(())
}

/// `reports/<name>-<UTC time>`, with a number behind it where that is taken.
fn folder_for(name: &str, at: Timestamp) -> PathBuf {
    let stem = format!("{name}-{}", at.strftime("%Y%m%dT%H%M%SZ"));
    let reports = Path::new("reports");
    let numbered = (2..).map(|n| reports.join(format!("{stem}-{n}")));
    std::iter::once(reports.join(&stem)).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| reports.join(stem))
}

/// What is the same for every mode and round.
struct Setting<'a> {
    secrets: &'a Secrets,
    folder: PathBuf,
    unix_ms: u64,
}

/// What there is when no more will come.
struct Measured {
    runs: Vec<ModeRun>,
    end: End,
    failure: Option<Failure>,
    /// What the modes have said on their way.
    warnings: Vec<String>,
}

/// Runs every mode of every round, each in a process of its own.
fn measure(plan: &Plan, setting: &Setting<'_>, args: &RunArgs, talk: &Talk) -> Result<Measured, Failure> {
    or_exit(descriptors::provide(plan), Exit::CouldNotRun)?;
    let leash = Arc::new(Leash::default());
    or_exit(heed_signals(leash.clone()).context("can't listen for signals"), Exit::Internal)?;
    let program = or_exit(std::env::current_exe().context("can't find this very program"), Exit::Internal)?;
    let builtin = plan.targets_used().iter().any(|t| plan.targets[*t].address == Address::Builtin);
    let server = if builtin {
        Some(or_exit(server::Child::start(&program).context("can't start the built-in server"), Exit::CouldNotRun)?)
    } else {
        None
    };
    let addresses = or_exit(preflight::preflight(plan, server.as_ref().map(server::Child::address)), Exit::CouldNotRun)?;
    if args.verbose {
        for (target, address) in plan.targets.iter().zip(&addresses) {
            talk.say(&address.map_or_else(String::new, |a| format!("target {}: {} at {a}\n", target.name, target.address)));
        }
        talk.say(&format!("seed {}, fingerprint {}\n", plan.seed, plan.fingerprint(setting.secrets)));
    }
    let ground = Ground { addresses, folder: setting.folder.clone(), unix_ms: setting.unix_ms };
    let mut progress = Progress::new(progress_mode(args));
    let mut measured = Measured { runs: Vec::new(), end: End::Complete, failure: None, warnings: Vec::new() };
    'rounds: for round in 0..plan.rounds {
        for mode in plan.order(round) {
            if leash.is_pulled() {
                break 'rounds;
            }
            let job = Job { parent: std::process::id(), plan: plan.clone(), mode, round: round + 1, ground: ground.clone() };
            let result = run_one(&program, &job, &leash, &mut progress, &mut measured.warnings);
            match result {
                Ok(run) => {
                    let by = run.stopped_by;
                    measured.runs.push(run);
                    match by {
                        StoppedBy::Threshold => {
                            measured.end = End::Aborted;
                            break 'rounds;
                        }
                        // The next mode has its own chance.
                        StoppedBy::Condition => measured.end = End::Stopped,
                        _ => {}
                    }
                }
                Err(ProcessError::Interrupted { .. }) => break 'rounds,
                Err(error) => {
                    let exit = if matches!(error, ProcessError::Died { .. }) { Exit::Internal } else { Exit::CouldNotRun };
                    measured.failure = Some(Failure { exit, error: error.into() });
                    measured.end = End::Failed;
                    break 'rounds;
                }
            }
        }
    }
    if leash.is_pulled() && measured.failure.is_none() {
        measured.end = End::Interrupted;
    }
    progress.finish();
    Ok(measured)
}

fn progress_mode(args: &RunArgs) -> ProgressMode {
    match () {
        () if args.no_progress || args.quiet => ProgressMode::Off,
        () if io::stderr().is_terminal() => ProgressMode::Animated,
        () => ProgressMode::Plain,
    }
}

fn run_one(program: &Path, job: &Job, leash: &Leash, progress: &mut Progress, warnings: &mut Vec<String>) -> Result<ModeRun, ProcessError> {
    process::run(program, &["run-mode"], job, leash, |event| match event {
        Event::Progress(seen) => show(progress, job, &seen),
        Event::Warning(text) => {
            let warning = format!("{}, round {}: {text}", job.mode, job.round);
            progress.note(&format!("warning: {warning}"));
            warnings.push(warning);
        }
        // It is judged in the child.
        Event::SoFar(_) => {}
    })
}

fn show(progress: &mut Progress, job: &Job, seen: &engine::Progress) {
    let left_s = seen.fraction.filter(|f| *f > 0.02).map(|f| seen.elapsed_s * (1.0 - f) / f);
    progress.update(&Status {
        mode: job.mode,
        round: job.round,
        rounds: job.plan.rounds,
        phase: match seen.phase {
            Phase::Warmup => "warm-up",
            Phase::Measured => "running",
            Phase::Drain => "draining",
        },
        elapsed_s: seen.elapsed_s,
        fraction: seen.fraction,
        left_s,
        completed: seen.completed,
        failed: seen.failed,
        in_flight: seen.in_flight,
        rate: seen.rate,
        p50_ms: seen.p50_ms,
        p99_ms: seen.p99_ms,
    });
}

/// The first Ctrl-C or SIGTERM drains the run, the second ends it now.
#[cfg(unix)]
fn heed_signals(leash: Arc<Leash>) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in signals.forever() {
            if !leash.pull() {
                // In the middle of a preflight, say: nothing was measured, and nothing can be told to end. The
                // built-in server ends by itself.
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn heed_signals(_leash: Arc<Leash>) -> io::Result<()> {
    Ok(())
}

fn result_of(source: &Source, plan: &Plan, secrets: &Secrets, runs: Vec<ModeRun>, end: End, started_at: Timestamp) -> RunResult {
    let comparison = Comparison::of(&runs, &plan.modes, ideal(plan, &source.folder));
    let build = Build::current();
    let Judged { thresholds, warnings: doubts } = gate::judge(plan, &runs, comparison.as_ref());
    RunResult {
        schema: SCHEMA.into(),
        end,
        scenario: ScenarioEcho {
            name: plan.name.clone(),
            description: plan.description.clone(),
            fingerprint: plan.fingerprint(secrets),
            seed: plan.seed,
            source: source.text.clone(),
            file: source.path().map(Into::into),
        },
        plan: plan.shown(secrets),
        host: Host::current(),
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        comparison,
        thresholds,
        baseline: None,
        validity: overall(&runs),
        warnings: warnings(&build, &runs, end).into_iter().chain(doubts).collect(),
        loadgen: build,
        runs,
    }
}

/// The worst of the runs, with the checks that were not passed, each under its run's name.
fn overall(runs: &[ModeRun]) -> Validity {
    let failed = runs.iter().flat_map(|run| {
        run.validity.checks.iter().filter(|c| c.verdict != Verdict::Valid).cloned().map(move |mut check| {
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
        End::Failed => warnings.push("a mode could not be run: the figures are of those before it".into()),
        End::Aborted => warnings.push("a threshold aborted the run: modes and rounds after it did not run".into()),
        End::Complete | End::Stopped => {}
    }
    if runs.iter().any(|r| r.counts.completed > 0 && r.counts.ok == 0) {
        warnings.push("no operation of some mode succeeded: its response times are those of failures".into());
    }
    warnings
}
