//! `loadgen capacity`: finds the highest arrival rate that still meets its checks.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use super::args::{CapacityArgs, OnInvalid};
use super::exit::{Exit, Failure, or_exit};
use super::folder::Folder;
use super::job;
use super::output::{self, Console};
use super::probing::{Prober, warmup};
use super::searched::Searched;
use super::session::{self, Session};
use crate::base::{Nanos, Rate};
use crate::engine::preflight::safety;
use crate::gate::{Search, objective};
use crate::plan::{Check, Load, LoadModel, Mode, Plan, Selector, Threshold};
use crate::report::terminal::Style;
use crate::report::{self, capacity};
use crate::result::{
    Build, CAPACITY_SCHEMA, CapacityResult, Host, LimitedBy, ProbeOutcome, RateProbe,
};
use crate::scenario::{Compiled, Overrides, Source};

/// The first rate if neither a flag nor the file gives one.
const FIRST: f64 = 50.0;
/// The minimum duration of a probe.
const SHORTEST: Nanos = Nanos::from_secs(1);
/// The minimum number of iterations of a probe: fewer say nothing.
const FEWEST: f64 = 20.0;

/// Runs the command.
pub(super) fn run(args: &CapacityArgs, console: &Console) -> Result<Exit, Failure> {
    let slo = or_exit(checks(args), Exit::Usage)?;
    let implied = objective::implied(&slo);
    let Some((source, compiled)) = job::load(&args.file, &overrides(args, implied), console)?
    else {
        return Ok(Exit::Usage);
    };
    let Compiled { plan, secrets, .. } = compiled;
    let searched = or_exit(Searched::choose(&plan, args.mix.as_deref()), Exit::Usage)?;
    let mode = args.mode.unwrap_or_else(|| mode_of(&plan));
    let load = described(&plan, searched);
    let mut search = or_exit(search_of(args, searched.load(&plan)), Exit::Usage)?;
    or_exit(check_has_capacity(&plan), Exit::Usage)?;
    or_exit(safety::literal(&plan), Exit::Usage)?;
    // Keeps one mode, and adjusts everything that depends on the modes.
    let plan = Plan {
        modes: vec![mode],
        rounds: 1,
        thresholds: about(searched.selector(&plan), plan.thresholds),
        ..plan
    };
    let started_at = session::now();
    let folder = Folder::prepare(
        args.output.as_deref(),
        &format!("{}-capacity", secrets.redact(&plan.name)),
        started_at,
        report::CAPACITY_FILE,
    )?;
    announce(&load, args, console);
    let work = (&plan, searched);
    let found = run_search(&mut search, work, mode, &source, started_at, args, console);
    if found.as_ref().map_or(true, |found| found.probes.is_empty()) {
        folder.remove_if_empty();
        return found?.failure.map_or(Ok(Exit::Interrupted), Err);
    }
    let SearchOutcome {
        probes,
        failure,
        warnings,
    } = found?;
    let limited_by = search.limited_by().unwrap_or(if failure.is_some() {
        LimitedBy::Failure
    } else {
        LimitedBy::Interrupt
    });
    let result = CapacityResult {
        schema: CAPACITY_SCHEMA.into(),
        loadgen: Build::current(),
        scenario: job::echo(&source, &plan, &secrets),
        host: Host::current(),
        started_at: session::rfc3339(started_at),
        mode,
        probe_s: args.probe.as_secs_f64(),
        slo: slo.iter().map(Check::to_string).collect(),
        implied: implied.map(|check| check.to_string()),
        capacity: search.found(),
        missed: search.missed(),
        limited_by,
        warnings: all_warnings(&probes, search.found(), warnings),
        probes,
    };
    // Redacted once, before anything is written or shown: every report is made from it.
    let result = or_exit(
        result
            .redacted(&secrets)
            .context("can't redact the secrets in the result"),
        Exit::Internal,
    )?;
    write(&result, args, &folder, failure, console)?;
    let exit = Exit::from_search(limited_by);
    if matches!(exit, Exit::Invalid | Exit::Threshold) {
        console.error(&anyhow!("{}", capacity::sentence(&result)));
    }
    Ok(exit)
}

/// Tells the user which load replaces that of the file.
fn announce(load: &str, args: &CapacityArgs, console: &Console) {
    if !args.quiet {
        console.say(&format!(
            "instead of {load}, iterations start at planned times: each rate for {} after a warm-up of {}; the file's thresholds and \
             stop conditions are ignored\n",
            args.probe,
            warmup(args.probe)
        ));
    }
}

/// Writes and shows the result in every requested form. `failure` is what ended the search early.
fn write(
    result: &CapacityResult,
    args: &CapacityArgs,
    folder: &Folder,
    failure: Option<Failure>,
    console: &Console,
) -> Result<(), Failure> {
    // Every output is attempted, even if others fail.
    let written = report::write_capacity(result, folder.path());
    let shown = show(result, args, console);
    if !args.quiet {
        let lines: String = written
            .paths
            .iter()
            .map(|path| format!("report: {}{}\n", path.display(), folder.replaced()))
            .collect();
        console.say(&lines);
    }
    let unwritten = written
        .failures
        .into_iter()
        .map(Into::into)
        .chain(shown.err().map(|failure| failure.error));
    output::finish(unwritten, failure, console)
}

/// Prints the result to stdout in the requested form.
fn show(result: &CapacityResult, args: &CapacityArgs, console: &Console) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&or_exit(result.to_json(), Exit::Internal)?);
    }
    if args.quiet {
        return Ok(());
    }
    output::print(&capacity::render(
        result,
        Style {
            color: console.stdout_color(),
            width: output::width(),
        },
    ))
}

/// Returns the checks that a rate has to meet. Checks that cannot be parsed are left to the
/// compiler, which gives better diagnostics.
fn checks(args: &CapacityArgs) -> anyhow::Result<Vec<Check>> {
    let read: Vec<Check> = args
        .slo
        .iter()
        .filter_map(|text| Check::parse(text).ok())
        .collect();
    for check in &read {
        objective::check(check).context("--slo")?;
    }
    Ok(read)
}

fn overrides(args: &CapacityArgs, implied: Option<Check>) -> Overrides {
    Overrides {
        modes: args.mode.map(|mode| vec![mode]),
        workers: args.workers,
        thresholds: args
            .slo
            .iter()
            .cloned()
            .chain(implied.map(|check| check.to_string()))
            .collect(),
        threshold_flag: Some("--slo"),
        no_thresholds: true,
        ..args.given.overrides()
    }
}

/// Returns the file's mode; if it has several, the one that can drive the most load.
fn mode_of(plan: &Plan) -> Mode {
    match plan.modes.as_slice() {
        [one] => *one,
        several if several.contains(&Mode::Async) => Mode::Async,
        several => several.first().copied().unwrap_or(Mode::Async),
    }
}

/// Makes thresholds about the operations that a search is about.
fn about(selector: Option<Selector>, mut thresholds: Vec<Threshold>) -> Vec<Threshold> {
    if let Some(selector) = selector {
        for threshold in &mut thresholds {
            threshold.selector.mix = selector.mix.clone();
        }
    }
    thresholds
}

/// Describes the load that is replaced.
fn described(plan: &Plan, searched: Searched) -> String {
    let load = searched.load(plan);
    let whose = match searched {
        Searched::Shared => "the file's load".into(),
        Searched::Own(mix) => format!("the load of `{}`", plan.mix[mix].name),
    };
    let level = match load.model {
        LoadModel::Closed { vus: 1 } => "1 virtual user".into(),
        LoadModel::Closed { vus } => format!("{vus} virtual users"),
        LoadModel::Open { rate, .. } => rate.to_string(),
    };
    match load.stages.len() {
        0 => format!("{whose} ({level})"),
        1 => format!("{whose} (a stage of at most {level})"),
        several => format!("{whose} ({several} stages of at most {level})"),
    }
}

/// Creates the search from its first rate and its limits.
fn search_of(args: &CapacityArgs, load: &Load) -> anyhow::Result<Search> {
    if args.probe < SHORTEST {
        return Err(anyhow!(
            "--probe {} is too short to measure anything; write at least {SHORTEST}",
            args.probe
        ));
    }
    for (flag, rate) in [("--from", args.from), ("--most", Some(args.most))] {
        if rate.is_some_and(|rate| rate.events == 0) {
            return Err(anyhow!(
                "{flag}: a rate of 0 starts nothing; write one above 0, such as 50/s"
            ));
        }
    }
    let most = args.most.per_second_f64();
    let least = FEWEST / args.probe.as_secs_f64();
    let fewest = |flag: &str, rate: Rate| {
        anyhow!(
            "{flag} {rate} starts fewer than {FEWEST} iterations in {}, too few to judge; write a longer --probe, or a higher \
             rate",
            args.probe
        )
    };
    if most < least {
        return Err(fewest("--most", args.most));
    }
    let of_file = match load.model {
        LoadModel::Open { rate, .. } if load.stages.is_empty() => rate.per_second_f64(),
        _ => FIRST,
    };
    match args.from {
        Some(from) if from.per_second_f64() < least => Err(fewest("--from", from)),
        Some(from) if from.per_second_f64() > most => Err(anyhow!(
            "--from {from} is above --most {}; lower --from, or raise --most",
            args.most
        )),
        from => Ok(Search::new(
            from.map_or(of_file, Rate::per_second_f64),
            least,
            most,
        )),
    }
}

/// Rejects a plan without a target and without a limit: the only capacity to find would be
/// loadgen's own.
fn check_has_capacity(plan: &Plan) -> anyhow::Result<()> {
    let mixes = plan.mix.iter().map(|entry| &entry.limits);
    let steps = plan.operations().map(|(_, _, operation)| &operation.limits);
    let is_limited = std::iter::once(&plan.limits)
        .chain(mixes)
        .chain(steps)
        .any(|of| of.concurrency.is_some() || of.rate.is_some());
    if plan.is_mock() && !is_limited {
        return Err(anyhow!(
            "scenario `{}` has mock operations only, and no `limits`: it has no target whose capacity could be measured; add a step with a \
             request, or limits to measure what they allow",
            plan.name
        ));
    }
    Ok(())
}

/// What a search produced.
struct SearchOutcome {
    probes: Vec<RateProbe>,
    failure: Option<Failure>,
    warnings: Vec<String>,
}

/// Tries rates until the search ends or the user stops it.
fn run_search(
    search: &mut Search,
    (plan, searched): (&Plan, Searched),
    mode: Mode,
    source: &Source,
    started_at: Timestamp,
    args: &CapacityArgs,
    console: &Console,
) -> Result<SearchOutcome, Failure> {
    let show_progress = !args.no_progress && !args.quiet;
    let mut session = Session::open(show_progress, console)?;
    let environment = session.environment(plan, &source.folder, started_at)?;
    let fail_on_invalid = args.on_invalid != Some(OnInvalid::Warn);
    let mut prober = Prober::new(
        session,
        plan,
        searched,
        mode,
        args.probe,
        environment,
        fail_on_invalid,
    );
    let mut outcome = SearchOutcome {
        probes: Vec::new(),
        failure: None,
        warnings: Vec::new(),
    };
    while let Some(rate) = search.next() {
        match prober.probe(rate) {
            Ok(Some(tried)) => {
                search.take(tried.probe.outcome, tried.cause);
                if show_progress {
                    prober.session.note(&capacity::line(&tried.probe));
                }
                outcome.probes.push(tried.probe);
            }
            Ok(None) => break,
            Err(failure) => {
                outcome.failure = Some(failure);
                break;
            }
        }
        if prober.session.is_interrupted() {
            break;
        }
    }
    outcome.warnings = prober.session.close();
    Ok(outcome)
}

/// Returns the warnings given during the search, and the doubts about the rate that was found.
fn all_warnings(probes: &[RateProbe], found: Option<f64>, said: Vec<String>) -> Vec<String> {
    let mut warnings = Vec::new();
    if Build::current().profile == "debug" {
        warnings
            .push("this is a debug build of loadgen: its own overhead is many times that of a release build; build it with `cargo build --release`".into());
    }
    let of_found = probes
        .iter()
        .filter(|probe| Some(probe.rate) == found && probe.outcome == ProbeOutcome::Met);
    warnings.extend(of_found.flat_map(|probe| probe.doubts.clone()));
    warnings.extend(said);
    let mut seen = BTreeSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    warnings
}
