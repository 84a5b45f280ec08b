//! `loadgen report --follow`: the report of a run while it goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;

use super::files::{finish, formats, read};
use crate::cli::args::ReportArgs;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::cli::folder;
use crate::cli::output::Console;
use crate::cli::shard::PART_FILE;
use crate::report::{self, PARTIAL_FILE, RESULT_FILE, sink};

/// How often to look for newer figures.
const LOOK: Duration = Duration::from_millis(200);
/// The folder for the report, in that of the run.
const FOLDER: &str = "running";

/// What there is of a run.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It goes on, and has measured this.
    SoFar(PathBuf),
    /// It goes on, and has written nothing yet.
    Nothing,
    /// It has ended with this result.
    Result(PathBuf),
    /// It has ended without a result, and left this.
    Remains(PathBuf),
    /// It was a shard, which has ended and left this part.
    Part(PathBuf),
    /// There is no run.
    NoRun,
}

/// Makes the report of the run that writes to a folder, until it ends.
pub(super) fn follow(run: &Path, args: &ReportArgs, console: &Console) -> Result<Exit, Failure> {
    let own = run.join(FOLDER);
    let into = args.output.as_deref().unwrap_or(&own);
    let mut lock = None;
    let mut shown: Option<SystemTime> = None;
    loop {
        let found = look(run);
        let (path, is_end) = match &found {
            Found::NoRun => {
                return Err(Failure {
                    exit: Exit::Usage,
                    error: anyhow!(
                        "there is no run in {}; name the folder that `loadgen run --output` writes to",
                        run.display()
                    ),
                });
            }
            Found::Part(path) => {
                console.say(&format!(
                    "the shard has ended; `loadgen merge {}` and the other parts make the result\n",
                    path.display()
                ));
                return Ok(Exit::Ok);
            }
            Found::Nothing => {
                thread::sleep(LOOK);
                continue;
            }
            Found::SoFar(path) => (path, false),
            Found::Result(path) | Found::Remains(path) => (path, true),
        };
        let changed = fs::metadata(path).and_then(|file| file.modified()).ok();
        if !is_end && changed == shown {
            thread::sleep(LOOK);
            continue;
        }
        let result = match read(path) {
            // The run has just ended, and has replaced it by its result.
            Err(_) if !is_end => continue,
            read => read?,
        };
        shown = changed;
        let is_first = lock.is_none();
        if is_first {
            or_exit(sink::prepare(into), Exit::Internal)?;
            lock = Some(folder::lock(into)?);
        }
        let written = report::write_all(&result, &formats(args, &result), into);
        if matches!(found, Found::Remains(_)) {
            console.warning("the run ended without a result: these are its figures up to its last `partial.json`");
        }
        if is_end || !written.failures.is_empty() {
            return finish(written, console);
        }
        if is_first {
            let page = written
                .paths
                .iter()
                .find(|path| path.ends_with(report::PAGE_FILE));
            let page = page.or(written.paths.first());
            console.say(&page.map_or_else(String::new, |page| {
                format!("following the run: {}\n", page.display())
            }));
        }
    }
}

/// Looks what there is in the folder of a run.
fn look(run: &Path) -> Found {
    let (partial, result) = (run.join(PARTIAL_FILE), run.join(RESULT_FILE));
    let part = run.join(PART_FILE);
    // Before the files: what a run in progress has not written may be there by now, but a run that
    // has ended has written everything.
    let goes_on = folder::is_locked(run);
    match (goes_on, partial.exists(), result.exists()) {
        (true, true, _) => Found::SoFar(partial),
        (true, false, _) => Found::Nothing,
        (false, true, _) => Found::Remains(partial),
        (false, false, true) => Found::Result(result),
        (false, false, false) if part.exists() => Found::Part(part),
        (false, false, false) => Found::NoRun,
    }
}
