//! `loadgen run --shard`: runs one share of a run, and writes a part for `loadgen merge`.

mod clock;
mod sliced;
mod start;
mod which;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

pub(crate) use self::sliced::{refusals, sliced};
use self::start::Start;
pub(crate) use self::start::StartFlag;
pub(crate) use self::which::ShardFlag;
use super::args::RunArgs;
use super::exit::{Exit, Failure, or_exit};
use super::folder::Folder;
use super::output::{self, Console};
use super::outputs::Outputs;
use super::partial::Partial;
use super::result_of::result_so_far;
use super::session::{self, Session};
use super::{job, setup};
use crate::assembly::{ClockState, Measurements, PART_SCHEMA, Part, assemble};
use crate::base::clock::unix_ns;
use crate::engine::preflight::safety;
use crate::engine::{Environment, Event, Job, SetupValues};
use crate::plan::{Mode, Plan, Secrets, Shard};
use crate::report::{PARTIAL_FILE, sink};
use crate::result::{Build, End, Host, ModeRun, RunResult, StoppedBy};
use crate::scenario::{Compiled, Source};

/// The name of the file with a part.
pub(crate) const PART_FILE: &str = "part.json";

/// Returns the shard that was asked for, if any.
pub(super) fn asked(args: &RunArgs) -> Result<Option<Shard>, Failure> {
    let flag = args.sharding.shard;
    let shard = flag.map(|flag| flag.resolve(&|name| std::env::var(name).ok()));
    or_exit(shard.transpose(), Exit::Usage)
}

/// Runs a shard of a scenario and writes its part. `sliced` is the scenario with the slice.
pub(super) fn run(
    source: &Source,
    whole: &Compiled,
    sliced: &Compiled,
    args: &RunArgs,
    console: &Console,
) -> Result<Exit, Failure> {
    let Compiled { plan, secrets, .. } = whole;
    or_exit(safety::literal(&sliced.plan), Exit::Usage)?;
    let slice = sliced.plan.clone();
    let setup_values = setup_values(args, whole)?;
    let start = start(args, plan)?;
    let started_at = session::now();
    let folder = folder(args, plan, secrets, started_at)?;
    let shard = slice.load.shard();
    let draft = |runs| so_far(source, &slice, secrets, runs, started_at);
    let kept_in = folder.as_ref().map(Folder::path);
    let partial = kept_in.map(|path| Partial::open(path, secrets, console, draft));
    let mut partial = partial.transpose()?;
    let mut session = Session::open(!args.no_progress && !args.quiet, console)?;
    let environment = Environment {
        start_at: start.map(|start| start.at),
        setup_values,
        figures_every: partial.as_ref().map(|_| Partial::INTERVAL),
        ..session.environment(&slice, &source.folder, started_at)?
    };
    let mut outputs = Outputs::open(&args.out, &slice, secrets, console)?;
    let job = Job {
        parent: std::process::id(),
        mode: slice.modes[0],
        round: 1,
        plan: slice.clone(),
        environment: outputs.environment(environment),
    };
    let place = format!("[{}/{}] {}", shard.index, shard.count, job.mode);
    let measured = measure(&mut session, &job, &place, |run| {
        outputs.show(run);
        if let Some(partial) = &mut partial {
            partial.keep(&[], Some(run));
        }
    });
    let is_interrupted = session.is_interrupted();
    let mut warnings = session.close();
    let planned = measured.iter().flatten().map(planned).collect();
    let handed = outputs.finish(&planned, args.quiet);
    warnings.extend(handed.warnings);
    let measured = match measured {
        Ok(Some(measured)) => measured,
        nothing => {
            if let Some(folder) = folder {
                folder.remove_if_empty();
            }
            return nothing.map(|_| Exit::Interrupted);
        }
    };
    let (end, exit) = ending(&measured, is_interrupted);
    let part = Part {
        schema: PART_SCHEMA.into(),
        end,
        loadgen: Build::current(),
        scenario: job::echo(source, plan, secrets),
        shard,
        started_at: session::rfc3339(started_at),
        start_at: start.map(|start| start.at),
        epoch: measured.epoch(),
        clock: ClockState {
            start_file_ms: start.and_then(|start| start.file_ms),
            ..clock::kernel()
        },
        host: Host::current(),
        host_name: host_name(),
        plan: plan.shown(secrets),
        warnings,
        outputs: handed.outputs,
        measured: measured.compact().redacted(secrets),
    };
    write(part, secrets, folder.as_ref(), args, console)?;
    handed.failure.map_or(Ok(exit), Err)
}

/// Returns the values that `loadgen setup` has made for this run, if there are some.
fn setup_values(args: &RunArgs, whole: &Compiled) -> Result<SetupValues, Failure> {
    let fingerprint = whole.plan.fingerprint(&whole.secrets);
    let path = args.sharding.setup_values.as_deref();
    let values = path.map(|path| setup::read(path, &fingerprint));
    Ok(values.transpose()?.unwrap_or_default())
}

/// Prepares the folder for the part, unless that goes to standard output.
fn folder(
    args: &RunArgs,
    plan: &Plan,
    secrets: &Secrets,
    started_at: Timestamp,
) -> Result<Option<Folder>, Failure> {
    if args.sharding.part.is_some() {
        return Ok(None);
    }
    let name = secrets.redact(&plan.name);
    let given = args.output.as_deref();
    Folder::prepare(given, &name, started_at, PART_FILE).map(Some)
}

/// Measures a shard, and hands over its figures meanwhile.
fn measure(
    session: &mut Session<'_>,
    job: &Job,
    place: &str,
    mut hand_over: impl FnMut(&ModeRun),
) -> Result<Option<Measurements<'static>>, Failure> {
    let mut watch = |event| {
        if let Event::SoFar(so_far) = event {
            hand_over(&so_far.run);
        }
    };
    let measured = session.measure(job, place, &mut watch)?;
    if let Some(measured) = &measured {
        hand_over(&assemble(&job.plan, measured));
    }
    Ok(measured)
}

/// Creates the result so far of a shard. Thresholds are about the whole run.
fn so_far(
    source: &Source,
    slice: &Plan,
    secrets: &Secrets,
    runs: Vec<ModeRun>,
    started_at: Timestamp,
) -> RunResult {
    let shard = slice.load.shard();
    let plan = Plan {
        thresholds: Vec::new(),
        ..slice.clone()
    };
    let mut result = result_so_far(source, &plan, secrets, runs, started_at);
    result.warnings.push(format!(
        "these are the figures of shard {}/{} alone; `loadgen merge` makes those of the run, and judges them",
        shard.index, shard.count
    ));
    result
}

/// Returns the measured operations of a run, with its mode and round.
fn planned(measured: &Measurements<'_>) -> ((Mode, u32), u64) {
    let steps = measured.recorder.steps().iter();
    let planned = steps.map(|step| step.tally.planned).sum();
    ((measured.mode, measured.round), planned)
}

/// Returns when the shard starts, which must be still to come, the warm-up included.
fn start(args: &RunArgs, plan: &Plan) -> Result<Option<Start>, Failure> {
    let start = args.sharding.start_at.as_ref().map(StartFlag::resolve);
    let start = or_exit(start.transpose(), Exit::CouldNotRun)?;
    let is_over =
        start.is_some_and(|start| start.at.saturating_sub(plan.load.warmup.0) < unix_ns());
    if is_over {
        return Err(Failure {
            exit: Exit::CouldNotRun,
            error: anyhow!(
                "--start-at: that is in the past, or the warm-up would have begun in it; nothing was sent; give a later start"
            ),
        });
    }
    Ok(start)
}

/// Returns how a shard ended, and its exit code: `merge` judges the figures.
fn ending(measured: &Measurements<'_>, is_interrupted: bool) -> (End, Exit) {
    match measured.stopped_early {
        Some(StoppedBy::Panic) => (End::Failed, Exit::Internal),
        _ if is_interrupted => (End::Interrupted, Exit::Interrupted),
        Some(StoppedBy::Interrupt) => (End::Interrupted, Exit::Interrupted),
        Some(StoppedBy::Threshold) => (End::Aborted, Exit::Ok),
        Some(StoppedBy::Condition) => (End::Stopped, Exit::Ok),
        _ => (End::Complete, Exit::Ok),
    }
}

fn write(
    part: Part,
    secrets: &Secrets,
    folder: Option<&Folder>,
    args: &RunArgs,
    console: &Console,
) -> Result<(), Failure> {
    let (shard, iterations) = (part.shard, *part.measured.recorder.iterations());
    let mut part = part;
    part.scenario.source = secrets.redact(&part.scenario.source);
    part.scenario.name = secrets.redact(&part.scenario.name);
    part.scenario.description = part.scenario.description.map(|text| secrets.redact(&text));
    part.warnings
        .iter_mut()
        .for_each(|warning| *warning = secrets.redact(warning));
    for output in &mut part.outputs {
        output.to = secrets.redact(&output.to);
    }
    let text = or_exit(
        part.to_json().context("can't write the part"),
        Exit::Internal,
    )?;
    let place = match folder {
        None => {
            output::print_json(&text)?;
            "standard output".to_owned()
        }
        Some(folder) => {
            let written = sink::write(folder.path(), PART_FILE, text.as_bytes());
            let path = or_exit(written, Exit::Internal)?;
            or_exit(sink::remove(folder.path(), PARTIAL_FILE), Exit::Internal)?;
            format!("{}{}", path.display(), folder.replaced())
        }
    };
    if !args.quiet {
        console.say(&format!(
            "shard {}/{}: {} iterations, {} failed; part: {place}\n",
            shard.index,
            shard.count,
            iterations.started,
            iterations.failures()
        ));
    }
    Ok(())
}

/// Returns the name of this machine, or an empty text.
fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    String::new()
}
