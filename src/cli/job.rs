//! Shared by commands: loads a scenario from its file into a plan.

use std::path::Path;

use anyhow::anyhow;

use super::args::RunArgs;
use super::exit::{Exit, Failure, or_exit};
use super::output::Console;
use super::quick::QuickInput;
use super::{ci, quick};
use crate::base::Nanos;
use crate::engine::compiled::choice::Choice;
use crate::pacing::arrivals::{Arrival, WARMUP_NUMBERS};
use crate::pacing::{Arrivals, LoggedTimes};
use crate::plan::{FeedSource, Load, LoadModel, NumberedLoad, Plan, Secrets};
use crate::result::ScenarioEcho;
use crate::scenario::{Compiled, Overrides, Source, SourceError, compile};
use crate::value::feed::{self, RowList};

/// The number of planned starts that a plan shows.
const SHOWN_STARTS: usize = 10;

/// Reads and compiles a scenario, and prints its problems in full. Returns `None` if there are
/// errors.
pub(super) fn load(
    path: &Path,
    overrides: &Overrides,
    console: &Console,
) -> Result<Option<(Source, Compiled)>, Failure> {
    read(path, overrides, QuickInput::Files, console)
}

/// Does the same; if the file does not exist, suggests that an address may have been meant.
fn read(
    path: &Path,
    overrides: &Overrides,
    takes: QuickInput,
    console: &Console,
) -> Result<Option<(Source, Compiled)>, Failure> {
    let source =
        Source::read(path).map_err(|error| match (&error, quick::misplaced(path, takes)) {
            (SourceError::Missing(_), Some(said)) => anyhow!(said),
            _ => error.into(),
        });
    Ok(compiled(or_exit(source, Exit::Usage)?, overrides, console))
}

/// Does the same for `run`, where a URL may replace the scenario file.
pub(super) fn load_to_run(
    args: &RunArgs,
    console: &Console,
) -> Result<Option<(Source, Compiled)>, Failure> {
    match quick::url(&args.file) {
        Some(url) => Ok(compiled(
            quick::source(url, args),
            &quick::overrides(args),
            console,
        )),
        None => read(&args.file, &args.overrides(), QuickInput::Urls, console),
    }
}

fn compiled(
    source: Source,
    overrides: &Overrides,
    console: &Console,
) -> Option<(Source, Compiled)> {
    match compile(&source, overrides, &|name| std::env::var(name).ok()) {
        Ok(compiled) => {
            console.hide(&compiled.secrets);
            if !compiled.warnings.is_empty() {
                console.say(&compiled.warnings.render(&source, console.stderr_color()));
                ci::point_at(&compiled.warnings, &source, console);
            }
            Some((source, compiled))
        }
        Err(problems) => {
            console.hide(problems.secrets());
            console.say(&problems.render(&source, console.stderr_color()));
            ci::point_at(&problems, &source, console);
            None
        }
    }
}

/// Compiles a valid scenario again with other values from the command line; its warnings have been
/// printed already.
pub(super) fn compiled_again(
    source: &Source,
    overrides: &Overrides,
    console: &Console,
) -> Option<Plan> {
    match compile(source, overrides, &|name| std::env::var(name).ok()) {
        Ok(compiled) => Some(compiled.plan),
        Err(problems) => {
            console.say(&problems.render(source, console.stderr_color()));
            None
        }
    }
}

/// Creates the echo of the scenario in results.
pub(super) fn echo(source: &Source, plan: &Plan, secrets: &Secrets) -> ScenarioEcho {
    ScenarioEcho {
        name: plan.name.clone(),
        description: plan.description.clone(),
        tags: plan.tags.clone(),
        fingerprint: plan.fingerprint(secrets),
        seed: plan.seed,
        source: source.text.clone(),
        file: source.path().map(Into::into),
    }
}

/// Describes a plan without secrets: the resolved scenario, its fingerprint and the first
/// iterations.
pub(super) fn describe(source: &Source, compiled: &Compiled) -> Result<String, Failure> {
    let Compiled { plan, secrets, .. } = compiled;
    // By way of JSON, because YAML cannot represent nested enums (a sleep with a random duration);
    // keys keep their order.
    let text = or_exit(serde_yaml::to_string(&plan.shown(secrets)), Exit::Internal)?;
    let mut lines = vec![
        format!("# fingerprint {}", plan.fingerprint(secrets)),
        text.trim_end().into(),
    ];
    let (head, first) = first_iterations(plan, secrets, &source.folder, SHOWN_STARTS);
    lines.push(format!("# {head}"));
    lines.extend(first.iter().map(|line| format!("#   {line}")));
    Ok(lines.join("\n") + "\n")
}

/// Describes the first iterations of a plan, whose files are relative to `folder`, up to a maximum: a
/// caption, and a line for each.
pub(super) fn first_iterations(
    plan: &Plan,
    secrets: &Secrets,
    folder: &Path,
    most: usize,
) -> (String, Vec<String>) {
    let choice = Choice::new(plan);
    let entry = |number: u64| secrets.redact(&plan.mix[choice.mix_of(number)].name);
    if plan.has_own_loads() {
        let each = plan.loads().flat_map(|own| {
            let (_, lines) = first_of_load(plan, &own, &entry, folder, most);
            lines
        });
        return ("first iterations of each load:".into(), each.collect());
    }
    let shared = NumberedLoad {
        load: &plan.load,
        mix: None,
    };
    first_of_load(plan, &shared, &entry, folder, most)
}

/// Describes the first iterations of a load; `entry` returns the name of the mix entry that an
/// iteration runs.
fn first_of_load(
    plan: &Plan,
    own: &NumberedLoad<'_>,
    entry: &dyn Fn(u64) -> String,
    folder: &Path,
    most: usize,
) -> (String, Vec<String>) {
    let load = own.load;
    match load.model {
        LoadModel::Open { rate, .. } => {
            let how = match &load.replay {
                Some(replay) => format!("as in `{}`", replay.file),
                None if load.stages.is_empty() => format!("at {rate}"),
                None => format!("in stages of at most {rate}"),
            };
            let line = |a: Arrival| {
                format!(
                    "{:>12}  iteration {}: {}",
                    a.at.to_string(),
                    a.number,
                    entry(a.number)
                )
            };
            let first = first_arrivals(plan, own, folder, most);
            (
                format!("first planned arrivals, {how}:"),
                first.into_iter().map(line).collect(),
            )
        }
        LoadModel::Closed { vus } => {
            let staged = if load.stages.is_empty() {
                ""
            } else {
                "at most "
            };
            let all = load.total_iterations().unwrap_or(u64::MAX).min(most as u64);
            let head = format!(
                "first iterations, started by {staged}{vus} virtual users as they become free:"
            );
            (
                head,
                (0..all)
                    .map(|number| own.first_number() + load.shard().nth(number))
                    .map(|number| format!("iteration {number}: {}", entry(number)))
                    .collect(),
            )
        }
    }
}

/// Returns the first planned arrivals of a load, counted from the end of the warm-up; none if a log
/// that it replays has been changed so that it can't be read.
fn first_arrivals(plan: &Plan, own: &NumberedLoad<'_>, folder: &Path, most: usize) -> Vec<Arrival> {
    if let Some(logged) = logged_times(plan, own.load, folder) {
        let warmup = own.load.warmup;
        let all = Arrivals::of_load(own, plan.seed, Some(&logged));
        let measured = all.filter(|arrival| arrival.number < WARMUP_NUMBERS);
        let measured = measured.map(|arrival| Arrival {
            at: arrival.at - warmup,
            ..arrival
        });
        return measured.take(most).collect();
    }
    let measured = Load {
        warmup: Nanos::ZERO,
        ..own.load.clone()
    };
    let own = NumberedLoad {
        load: &measured,
        ..*own
    };
    Arrivals::of_load(&own, plan.seed, None)
        .take(most)
        .collect()
}

/// Reads the times of the log that a load replays, if it does.
fn logged_times(plan: &Plan, load: &Load, folder: &Path) -> Option<LoggedTimes> {
    let replay = load.replay.clone()?;
    let log = plan.feeds.iter().find_map(|feed| match &feed.source {
        FeedSource::Log(log) => Some(log),
        _ => None,
    })?;
    match feed::read_log(folder, log, plan.seed).ok()?.rows {
        RowList::Log(log) => Some(LoggedTimes::new(log, replay, load.warmup)),
        _ => None,
    }
}
