//! `loadgen setup` and `loadgen teardown`: what runs once around all shards of a run.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};

use super::args::{LifecycleArgs, SetupArgs, TeardownArgs};
use super::exit::{Exit, Failure, or_exit};
use super::job;
use super::output::Console;
use super::session::{self, Session};
use crate::engine::preflight::safety;
use crate::engine::{Environment, Event, RunError, SetupValues, Signal, run_setup, run_teardown};
use crate::plan::Plan;
use crate::report::sink;
use crate::scenario::{Compiled, Source};

/// The schema that this version writes and reads.
const SCHEMA: &str = "loadgen.values/1";

/// The file with the values that a setup ended with. They may be secrets.
#[derive(Serialize, Deserialize)]
struct ValuesFile {
    schema: String,
    /// The fingerprint of the plan whose setup it was.
    fingerprint: String,
    values: SetupValues,
}

/// Runs the setup and writes the values that it ends with.
pub(super) fn setup(args: &SetupArgs, console: &Console) -> Result<Exit, Failure> {
    let Some((source, compiled)) = load(&args.scenario, console)? else {
        return Ok(Exit::Usage);
    };
    let Compiled { plan, secrets, .. } = &compiled;
    let (folder, name) = or_exit(place(&args.output), Exit::Usage)?;
    or_exit(sink::prepare(&folder), Exit::Internal)?;
    let none = SetupValues::default();
    let values = around(&source, plan, none, console, |environment, signal, say| {
        run_setup(plan, environment, signal, say)
    })?;
    let Some(values) = values else {
        return Ok(Exit::Interrupted);
    };
    let values = ValuesFile {
        schema: SCHEMA.into(),
        fingerprint: plan.fingerprint(secrets),
        values,
    };
    let text = or_exit(serde_json::to_string_pretty(&values), Exit::Internal)?;
    let path = or_exit(
        sink::write_private(&folder, &name, format!("{text}\n").as_bytes()),
        Exit::Internal,
    )?;
    console.say(&format!("setup values: {}\n", path.display()));
    Ok(Exit::Ok)
}

/// Runs the teardown with the values that the setup ended with.
pub(super) fn teardown(args: &TeardownArgs, console: &Console) -> Result<Exit, Failure> {
    let Some((source, compiled)) = load(&args.scenario, console)? else {
        return Ok(Exit::Usage);
    };
    let Compiled { plan, secrets, .. } = &compiled;
    let values = read(&args.setup_values, &plan.fingerprint(secrets))?;
    let ended = around(
        &source,
        plan,
        values,
        console,
        |environment, signal, say| {
            let trouble = run_teardown(plan, environment, signal, say);
            trouble.map_or(Ok(()), |trouble| Err(RunError::Teardown(trouble)))
        },
    )?;
    Ok(ended.map_or(Exit::Interrupted, |()| Exit::Ok))
}

fn load(args: &LifecycleArgs, console: &Console) -> Result<Option<(Source, Compiled)>, Failure> {
    let loaded = job::load(&args.file, &args.given.overrides(), console)?;
    if let Some((_, compiled)) = &loaded {
        or_exit(safety::literal(&compiled.plan), Exit::Usage)?;
    }
    Ok(loaded)
}

/// Runs a setup or a teardown that starts with these values; returns `None` if it was interrupted.
fn around<T>(
    source: &Source,
    plan: &Plan,
    setup_values: SetupValues,
    console: &Console,
    work: impl FnOnce(
        &Environment,
        &(dyn Fn() -> Option<Signal> + Sync),
        &(dyn Fn(Event) + Sync),
    ) -> Result<T, RunError>,
) -> Result<Option<T>, Failure> {
    let mut session = Session::open(false, console)?;
    let environment = Environment {
        setup_values,
        ..session.environment(plan, &source.folder, session::now())?
    };
    let ended = work(&environment, &session.signal(), &|_| {});
    session.close();
    match ended {
        Ok(ended) => Ok(Some(ended)),
        Err(RunError::Interrupted) => Ok(None),
        Err(error) => Err(Failure {
            exit: Exit::CouldNotRun,
            error: error.into(),
        }),
    }
}

/// Reads the values that the setup of the plan with this fingerprint ended with.
pub(super) fn read(path: &Path, fingerprint: &str) -> Result<SetupValues, Failure> {
    let named = || format!("--setup-values {}", path.display());
    or_exit(protected(path).with_context(named), Exit::Usage)?;
    let text = or_exit(fs::read_to_string(path).with_context(named), Exit::Usage)?;
    let file: ValuesFile = or_exit(
        serde_json::from_str(&text)
            .context("it is not a file that `loadgen setup` wrote")
            .with_context(named),
        Exit::CouldNotRun,
    )?;
    if file.schema != SCHEMA || file.fingerprint != fingerprint {
        return Err(Failure {
            exit: Exit::CouldNotRun,
            error: anyhow!(
                "{}: it is of the setup of another scenario; run `loadgen setup` of this one",
                named()
            ),
        });
    }
    Ok(file.values)
}

/// Checks that nobody else can read a file.
fn protected(path: &Path) -> anyhow::Result<()> {
    let file = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if is_exposed(file.mode(), file.uid()) {
            anyhow::bail!(
                "others can read it, and it may contain secrets; protect it with `chmod 600`"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Returns whether a file of this mode and owner is open to others. A group may read a file of
/// root: a Secret of Kubernetes is one, and the processes of its Pod are only of its group.
#[cfg(unix)]
const fn is_exposed(mode: u32, owner: u32) -> bool {
    let others = if owner == 0 { 0o037 } else { 0o077 };
    mode & others != 0
}

/// Returns the folder and the name of a file.
fn place(path: &Path) -> anyhow::Result<(std::path::PathBuf, String)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| anyhow!("--output {}: not a file", path.display()))?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    Ok((folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_group_may_read_only_what_is_roots() {
        for (mode, owner, exposed) in [
            (0o100_600, 1000, false),
            (0o100_400, 1000, false),
            (0o100_640, 1000, true),
            (0o100_604, 1000, true),
            (0o100_600, 0, false),
            (0o100_440, 0, false),
            (0o100_660, 0, true),
            (0o100_644, 0, true),
        ] {
            assert_eq!(
                super::is_exposed(mode, owner),
                exposed,
                "{mode:o} of {owner}"
            );
        }
    }
}
