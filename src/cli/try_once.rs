//! `loadgen try`: runs each mix entry once and shows every request and response, before any load.

mod transcript;

use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;

use self::transcript::Transcript;
use super::args::TryArgs;
use super::exit::{Exit, Failure, or_exit};
use super::job;
use super::output::{self, Console};
use super::session::{self, Session};
use crate::engine::preflight::safety;
use crate::engine::{Environment, Event, Recorded, RunError, run_passes};
use crate::plan::{Plan, Secrets, Step};
use crate::report::view;
use crate::result::{Build, Exchange, Pass, TRY_SCHEMA, TryResult};
use crate::scenario::{Compiled, nearest};

/// Runs each mix entry once.
pub(super) fn run(args: &TryArgs, console: &Console) -> Result<Exit, Failure> {
    let Some((source, Compiled { plan, secrets, .. })) =
        job::load(&args.file, &args.given.overrides(), console)?
    else {
        return Ok(Exit::Usage);
    };
    let plan = or_exit(selected(&plan, args), Exit::Usage)?;
    or_exit(safety::literal(&plan), Exit::Usage)?;
    let started_at = session::now();
    let mut session = Session::open(false, console)?;
    let environment = Environment {
        recorded: Recorded::All,
        ..session.environment(&plan, &source.folder, started_at)?
    };
    let text = (!args.json).then(|| console.stdout_color());
    let step = args.step.as_deref();
    let transcript = Mutex::new(Transcript::new(&plan, &secrets, step, text));
    let say = |event: Event| {
        let mut transcript = transcript.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Exchange(exchange) => transcript.take(*exchange),
            Event::Warning(text) => console.warning(&text),
            _ => {}
        }
    };
    let row = args.data_row.map(|row| row - 1);
    let ran = run_passes(&plan, &environment, row, &session.signal(), &say);
    let transcript = transcript
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let (passes, unwritten) = transcript.end();
    let (exit, error) = ending(&passes, ran, &secrets);
    if args.json {
        let result = TryResult {
            schema: TRY_SCHEMA.into(),
            loadgen: Build::current(),
            name: secrets.redact(&plan.name),
            seed: plan.seed,
            started_at: session::rfc3339(started_at),
            passed: exit == Exit::Ok,
            passes,
            error: error
                .as_ref()
                .map(|error| secrets.redact(&error.to_string())),
        };
        let text = or_exit(serde_json::to_string_pretty(&result), Exit::Internal)?;
        output::print_json(&format!("{text}\n"))?;
    }
    unwritten.map_or(Ok(()), Err)?;
    if let Some(error) = error {
        console.error(&error);
    }
    Ok(exit)
}

/// Returns the plan of what was asked for.
fn selected(plan: &Plan, args: &TryArgs) -> anyhow::Result<Plan> {
    let mut entries: Vec<usize> = (0..plan.mix.len()).collect();
    if let Some(name) = &args.mix {
        let known = plan.mix.iter().map(|entry| entry.name.as_str());
        entries.retain(|entry| plan.mix[*entry].name == *name);
        if entries.is_empty() {
            return Err(unknown("mix entry", name, known));
        }
    }
    if let Some(name) = &args.step {
        let of_entry = |entry: &usize| -> Vec<&str> {
            let flows = plan.mix[*entry].flows();
            flows.into_iter().flat_map(|steps| names(steps)).collect()
        };
        let mut known: Vec<&str> = names(&plan.setup);
        known.extend(names(&plan.teardown));
        known.extend(entries.iter().flat_map(of_entry));
        if !known.contains(&name.as_str()) {
            return Err(unknown("step", name, known));
        }
        entries.retain(|entry| of_entry(entry).contains(&name.as_str()));
    }
    let plan = plan.once_through(&entries, args.step.as_deref());
    let used = plan.mix.iter().flat_map(|entry| &entry.data);
    for feed in used.filter_map(|feed| plan.feeds.get(*feed)) {
        if let Some(row) = args.data_row.filter(|row| *row > feed.rows) {
            return Err(anyhow!(
                "--data-row {row}: data `{}` has only {}",
                feed.name,
                view::things(feed.rows, "row")
            ));
        }
    }
    Ok(plan)
}

/// Returns the names of all steps, in source order, each once.
fn names(steps: &[Step]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for step in steps {
        for name in std::iter::once(step.name.as_str()).chain(names(step.inside())) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

/// Returns the error that there is nothing with this name.
fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> anyhow::Error {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("the scenario has {}", view::list(&known))
        }
    };
    anyhow!("unknown {what} `{name}`; {hint}")
}

/// Returns how the command ends, and why it did not end well.
fn ending(
    passes: &[Pass],
    ran: Result<(), RunError>,
    secrets: &Secrets,
) -> (Exit, Option<anyhow::Error>) {
    let all = || passes.iter().flat_map(|pass| &pass.exchanges);
    let failed: Vec<&Exchange> = all().filter(|e| e.is_final_failure()).collect();
    let failure = failed.first().map(|first| {
        let total = all().filter(|exchange| !exchange.is_retried).count() as u64;
        let of = if total == 1 {
            "the operation failed".into()
        } else {
            format!("{} of {total} operations failed", failed.len())
        };
        let why = first.failure.as_ref();
        let why = why.map_or("", |failure| failure.message.as_str());
        anyhow!(
            "{of}; the first is `{}`: {why}",
            secrets.redact(&first.step)
        )
    });
    match ran {
        Err(RunError::Interrupted) => (Exit::Interrupted, None),
        Err(error @ (RunError::Panicked | RunError::Deadlock)) => {
            (Exit::Internal, Some(error.into()))
        }
        // What failed in the setup is among the failures.
        Ok(()) | Err(RunError::Setup(_)) if !failed.is_empty() => {
            let exit = if failed.iter().any(|exchange| exchange.is_unreachable()) {
                Exit::CouldNotRun
            } else {
                Exit::Threshold
            };
            (exit, failure)
        }
        Ok(()) => (Exit::Ok, None),
        Err(error) => (Exit::CouldNotRun, Some(error.into())),
    }
}
