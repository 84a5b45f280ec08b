//! `loadgen baseline`: manages a folder of named results that later runs are compared with. It
//! belongs in the repository, next to the code that it measures.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};

use super::args::{BASELINE_STORE, BaselineArgs, BaselineCommand, OnInvalid};
use super::exit::{Exit, Failure, or_exit};
use super::output::{self, Console};
use super::results;
use crate::gate::side::Side;
use crate::report::{RESULT_FILE, sink, view};
use crate::result::{RunResult, Verdict};

/// The folder in which runs put their results.
const REPORTS: &str = "reports";

/// Stores a baseline, or lists them.
pub(super) fn run(args: &BaselineArgs, console: &Console) -> Result<Exit, Failure> {
    match &args.what {
        BaselineCommand::Save {
            name,
            result,
            replace,
            on_invalid,
        } => save(
            &args.store,
            name,
            result.as_deref(),
            *replace,
            *on_invalid,
            console,
        ),
        BaselineCommand::List => list(&args.store),
    }
}

/// Returns the file or folder that a `--baseline` refers to: a path, or a name in the store.
pub(super) fn find(given: &Path) -> PathBuf {
    let stored = Path::new(BASELINE_STORE).join(given);
    if !given.exists() && stored.exists() {
        stored
    } else {
        given.to_owned()
    }
}

fn save(
    store: &Path,
    name: &str,
    result: Option<&Path>,
    replace: bool,
    on_invalid: Option<OnInvalid>,
    console: &Console,
) -> Result<Exit, Failure> {
    or_exit(check_name(name), Exit::Usage)?;
    let path = match result {
        Some(path) => path.to_owned(),
        None => or_exit(latest(), Exit::Usage)?,
    };
    let all = results::read(&path)?;
    let side = Side::from_results(&path.display().to_string(), &all);
    if let [first, ..] = side.troubles().as_slice() {
        return Err(Failure {
            exit: Exit::CouldNotRun,
            error: anyhow!("this is not a baseline: {first}"),
        });
    }
    if side.validity() == Verdict::Invalid && on_invalid != Some(OnInvalid::Warn) {
        let error = anyhow!(
            "{}: it contains an invalid run, and later runs would be compared with it; `--on-invalid warn` saves it anyway",
            path.display()
        );
        return Err(Failure {
            exit: Exit::Invalid,
            error,
        });
    }
    let folder = store.join(name);
    if folder.exists() && !replace {
        let error = anyhow!("{} already exists; --replace replaces it", folder.display());
        return Err(Failure {
            exit: Exit::Usage,
            error,
        });
    }
    or_exit(write(&folder, &all), Exit::Internal)?;
    let written = folder.display();
    output::print(&format!("{written}\n"))?;
    console.say(&format!(
        "{} of {} saved; `loadgen run FILE --baseline {name}` compares a run with it\n",
        view::things(side.len() as u64, "run"),
        view::plain(&all[0].scenario.name)
    ));
    Ok(Exit::Ok)
}

/// Writes one result as `result.json`, as a run does; several are numbered.
fn write(folder: &Path, all: &[RunResult]) -> anyhow::Result<()> {
    sink::prepare(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
        }
    }
    for (number, result) in all.iter().enumerate() {
        let name = if all.len() == 1 {
            RESULT_FILE.to_owned()
        } else {
            format!("{:03}.json", number + 1)
        };
        sink::write(folder, &name, result.to_json()?.as_bytes())?;
    }
    Ok(())
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.len() <= 100
        && name.starts_with(good)
        && name
            .chars()
            .all(|c| good(c) || matches!(c, '.' | '_' | '-'))
    {
        return Ok(());
    }
    bail!(
        "this is not a valid baseline name, because it becomes a folder; use lowercase letters, digits, `.`, `_` and `-`, and begin with a letter or a digit"
    )
}

/// Returns the most recently written result in `reports/`.
fn latest() -> anyhow::Result<PathBuf> {
    let written = |path: &PathBuf| {
        fs::metadata(path)
            .and_then(|meta| meta.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let entries = fs::read_dir(REPORTS)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let results = entries
        .map(|entry| entry.path().join(RESULT_FILE))
        .filter(|path| path.is_file());
    results.max_by_key(written).with_context(|| {
        format!("there is no result in {REPORTS}/; run a scenario first, or name a result")
    })
}

fn list(store: &Path) -> Result<Exit, Failure> {
    let mut names: Vec<PathBuf> = match fs::read_dir(store) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .collect(),
        Err(error) => {
            let error = anyhow!(error).context(format!(
                "can't read {}; `loadgen baseline save NAME` creates it",
                store.display()
            ));
            return Err(Failure {
                exit: Exit::Usage,
                error,
            });
        }
    };
    names.sort();
    let mut text = String::new();
    for path in names {
        let name = view::plain(&path.file_name().unwrap_or_default().to_string_lossy());
        let line = match results::read(&path) {
            Ok(all) => described(&Side::from_results(&name, &all)),
            Err(failure) => format!("not readable: {:#}", failure.error),
        };
        text.push_str(&format!("{name:<20}  {}\n", view::plain(&line)));
    }
    output::print(&text)?;
    Ok(Exit::Ok)
}

fn described(side: &Side<'_>) -> String {
    let Some(first) = side.results().first() else {
        return String::new();
    };
    let modes: Vec<String> = side
        .modes()
        .iter()
        .map(|mode| mode.name().to_owned())
        .collect();
    let mut parts = vec![
        first.scenario.name.clone(),
        first.scenario.fingerprint.clone(),
        format!(
            "{} of {}",
            view::things(side.len() as u64, "run"),
            view::list(&modes)
        ),
        view::moment(&first.started_at),
        format!(
            "loadgen {} ({})",
            first.loadgen.version, first.loadgen.profile
        ),
    ];
    if side.validity() == Verdict::Invalid {
        parts.push("invalid".into());
    }
    parts.join(" · ")
}
