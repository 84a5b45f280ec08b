//! [`Version`]: one of the two versions.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::cli::args::AbArgs;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::plan::{Address, Plan, Secrets};
use crate::report::sink;

/// The folder of the runs that were replaced by repetitions.
pub(super) const INVALID: &str = "invalid";

/// One of the two versions.
pub(super) struct Version<'a> {
    /// `a` or `b`, which names its folder.
    pub(super) letter: &'static str,
    /// Its name in the comparison.
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) start: Option<&'a str>,
    pub(super) log: Option<File>,
}

/// Rejects a server that no target refers to: it would be started in vain.
pub(super) fn check_starts(args: &AbArgs, plans: &[Plan; 2]) -> Result<(), Failure> {
    let starts = [
        ("--a-start", &args.a_start, "--a"),
        ("--b-start", &args.b_start, "--b"),
    ];
    for (plan, (flag, command, url)) in plans.iter().zip(starts) {
        let is_url = |target: usize| !matches!(plan.targets[target].address, Address::Builtin);
        if command.is_some() && !plan.targets_used().into_iter().any(is_url) {
            let error = anyhow!(
                "{flag} starts a server, but the scenario sends nothing to a URL; give its address with {url} URL"
            );
            return Err(Failure {
                exit: Exit::Usage,
                error,
            });
        }
    }
    Ok(())
}

/// Creates both versions, each with an empty folder for its results.
pub(super) fn versions_of<'a>(
    args: &'a AbArgs,
    plans: [Plan; 2],
    secrets: &Secrets,
    folder: &Path,
) -> Result<[Version<'a>; 2], Failure> {
    let [plan_a, plan_b] = plans;
    let version = |letter: &'static str, plan: Plan, start: Option<&'a str>| {
        or_exit(empty(&folder.join(letter)), Exit::Internal)?;
        let log = start
            .map(|_| folder.join(format!("{letter}.log")))
            .map(|path| File::create(&path).with_context(|| path.display().to_string()));
        let log = or_exit(
            log.transpose().context("can't write the server's log"),
            Exit::Internal,
        )?;
        let urls = plan
            .targets_used()
            .into_iter()
            .map(|target| plan.targets[target].address.to_string());
        let name = start.map_or_else(|| urls.collect::<Vec<_>>().join(", "), str::to_owned);
        Ok(Version {
            letter,
            name: secrets.redact(&format!("{}: {name}", letter.to_uppercase())),
            plan,
            start,
            log,
        })
    };
    Ok([
        version("a", plan_a, args.a_start.as_deref())?,
        version("b", plan_b, args.b_start.as_deref())?,
    ])
}

/// Removes the results of an earlier comparison from a folder.
fn empty(folder: &Path) -> anyhow::Result<()> {
    sink::prepare(folder)?;
    let aside = folder.join(INVALID);
    if aside.is_dir() {
        empty(&aside)?;
        // This fails if it still holds files that are not ours.
        let _ = fs::remove_dir(&aside);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_numbered = path.file_stem().is_some_and(|stem| {
            stem.to_string_lossy()
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        });
        if is_numbered
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            fs::remove_file(&path).with_context(|| {
                format!(
                    "can't remove {}, left by an earlier comparison",
                    path.display()
                )
            })?;
        }
    }
    Ok(())
}
