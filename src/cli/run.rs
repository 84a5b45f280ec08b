//! `loadgen run`: runs a scenario with all of its modes and rounds, and writes the reports.

mod measure;

use anyhow::{Context as _, anyhow};

use self::measure::{Measured, measure};
use super::args::{GateArgs, OnInvalid, RunArgs};
use super::baseline_check::BaselineCheck;
use super::exit::{Exit, Failure, Gates, or_exit};
use super::folder::Folder;
use super::output::{self, Console};
use super::result_of::result_of;
use super::{ci, job, outline, outputs, session, shard};
use crate::engine::preflight::safety;
use crate::plan::{Format, Plan, Secrets};
use crate::report::terminal::{self, Style};
use crate::report::{self, versions};
use crate::result::{End, RunResult, ThresholdResult, Verdict};
use crate::scenario::{Compiled, Source};

/// Runs a scenario.
pub(super) fn run(args: &RunArgs, console: &Console) -> Result<Exit, Failure> {
    let Some((source, compiled)) = job::load_to_run(args, console)? else {
        return Ok(Exit::Usage);
    };
    outputs::check(&args.out)?;
    let shard = shard::asked(args)?;
    let sliced = shard.map(|shard| shard::sliced(&compiled, shard, args));
    let sliced = sliced.transpose()?;
    if preview(&source, sliced.as_ref().unwrap_or(&compiled), args, console)? {
        return Ok(Exit::Ok);
    }
    if let Some(sliced) = &sliced {
        return shard::run(&source, &compiled, sliced, args, console);
    }
    let Compiled { plan, secrets, .. } = compiled;
    or_exit(safety::literal(&plan), Exit::Usage)?;
    let fingerprint = plan.fingerprint(&secrets);
    let baseline = BaselineCheck::open(&args.gates, args.no_thresholds, &plan, &fingerprint)?;
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
    let measured = measure(
        &source,
        &plan,
        &secrets,
        started_at,
        folder.path(),
        args,
        console,
    );
    if measured.as_ref().map_or(true, |m| m.runs.is_empty()) {
        return end_without_runs(measured, folder);
    }
    let Measured {
        runs,
        end,
        failure,
        warnings,
        outputs,
        live_page,
    } = measured?;
    let mut result = result_of(&source, &plan, &secrets, runs, end, started_at);
    result.warnings.extend(warnings);
    result.outputs = outputs;
    let refused = compare(baseline.as_ref(), &mut result);
    // Redacted once, before anything is written or shown: every report is made from it.
    let result = or_exit(
        result
            .redacted(&secrets)
            .context("can't redact the secrets in the result"),
        Exit::Internal,
    )?;
    if let Some(live_page) = &live_page {
        live_page.end(&result);
    }
    let failure = failure.or(refused);
    let shown = Shown {
        json: args.json,
        quiet: args.quiet,
    };
    write(&result, &plan.formats, shown, &folder, failure, console)?;
    if let Some(live_page) = live_page {
        live_page.close(console, args.quiet);
    }
    Ok(exit_code(&result, &args.gates, baseline.is_some(), console))
}

/// Compares a result with a baseline, if there is one and the run is complete. Returns the failure
/// of a comparison that is refused.
pub(super) fn compare(baseline: Option<&BaselineCheck>, result: &mut RunResult) -> Option<Failure> {
    let is_whole = matches!(result.end, End::Complete | End::Stopped);
    let (compared, refused) = baseline.filter(|_| is_whole)?.compare(result);
    result.baseline = Some(compared);
    refused
}

/// Returns the exit code of a result, and says why it is not 0.
pub(super) fn exit_code(
    result: &RunResult,
    args: &GateArgs,
    has_baseline: bool,
    console: &Console,
) -> Exit {
    let has_gates = !result.thresholds.is_empty() || has_baseline;
    let gates = Gates {
        fail_on_invalid: args
            .on_invalid
            .map_or(has_gates, |what| what == OnInvalid::Fail),
        fail_on_inconclusive: args.fail_on_inconclusive,
    };
    let exit = Exit::from_result(result, gates);
    if let Some(reason) = failure_reason(exit, result) {
        console.error(&reason);
    }
    exit
}

/// Ends without a report if no mode has run, and removes the folders that were created for it.
fn end_without_runs(measured: Result<Measured, Failure>, folder: Folder) -> Result<Exit, Failure> {
    folder.remove_if_empty();
    let Measured {
        end,
        failure,
        live_page,
        ..
    } = measured?;
    if let Some(live_page) = live_page {
        live_page.end_without_result(end);
    }
    failure.map_or(Ok(Exit::Interrupted), Err)
}

/// How a result is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// As JSON, instead of the summary.
    pub json: bool,
    /// Not at all.
    pub quiet: bool,
}

/// Prints what was requested instead of a run, if anything.
fn preview(
    source: &Source,
    compiled: &Compiled,
    args: &RunArgs,
    console: &Console,
) -> Result<bool, Failure> {
    if args.quick.print_scenario {
        print_scenario(source, &compiled.secrets, console)?;
        return Ok(true);
    }
    if args.plan || args.dry_run {
        safety::foresee(&compiled.plan)
            .iter()
            .for_each(|doubt| console.warning(doubt));
    }
    if args.plan {
        output::print(&job::describe(source, compiled)?)?;
        return Ok(true);
    }
    if args.dry_run {
        output::print(&outline::outline(source, compiled)?)?;
        return Ok(true);
    }
    Ok(false)
}

/// Writes and shows the result in every requested form. `failure` is what ended the run early.
pub(super) fn write(
    result: &RunResult,
    formats: &[Format],
    args: Shown,
    folder: &Folder,
    failure: Option<Failure>,
    console: &Console,
) -> Result<(), Failure> {
    // Every output is attempted, even if others fail.
    let written = report::write_all(result, formats, folder.path());
    result
        .thresholds
        .iter()
        .flat_map(ThresholdResult::named_warnings)
        .for_each(|warning| console.warning(&warning));
    let shown = show(result, args, console);
    if !args.quiet {
        let path = written
            .paths
            .iter()
            .find(|p| p.ends_with(report::PAGE_FILE))
            .or(written.paths.first());
        console.say(&path.map_or_else(String::new, |path| {
            format!("report: {}{}\n", path.display(), folder.replaced())
        }));
    }
    let published = ci::publish(result, console);
    let others = [shown, published]
        .into_iter()
        .filter_map(|output| output.err().map(|failure| failure.error));
    let unwritten = written.failures.into_iter().map(Into::into).chain(others);
    output::finish(unwritten, failure, console)
}

/// Prints the result to stdout in the requested form.
fn show(result: &RunResult, args: Shown, console: &Console) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&or_exit(result.to_json(), Exit::Internal)?);
    }
    if args.quiet {
        return Ok(());
    }
    let style = Style {
        color: console.stdout_color(),
        width: output::width(),
    };
    output::print(&terminal::render(result, style))?;
    result.baseline.as_ref().map_or(Ok(()), |comparison| {
        output::print(&format!("\n{}", versions::render(comparison, style)))
    })
}

/// Returns why a run that produced a result does not end with 0, if the result says so.
fn failure_reason(exit: Exit, result: &RunResult) -> Option<anyhow::Error> {
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
                "{what}, and a gate depends on its figures; `--on-invalid warn` uses them anyway"
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

/// Prints the file that a URL stands for. It is meant to be kept, and a secret in it would be kept
/// too.
fn print_scenario(source: &Source, secrets: &Secrets, console: &Console) -> Result<(), Failure> {
    let shown = secrets.redact(&source.text);
    output::print_exact(&shown)?;
    if shown != source.text {
        console.say("the secrets in it are shown as ***: declare them, as in `secrets: { token: \"${TOKEN}\" }`, and write `{{token}}` in their place\n");
    }
    Ok(())
}
