//! Reads results from a file or from a folder of repeated runs.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::exit::{Exit, Failure, or_exit};
use crate::report::RESULT_FILE;
use crate::result::RunResult;

/// The maximum size of a result: those of hours, with hundreds of windows and steps, have a few
/// megabytes.
const LARGEST: u64 = 256 << 20;
/// The maximum number of results in a folder.
const MAX_RESULTS: usize = 10_000;

/// Reads a result, or every result of a folder in order of their names: its `result.json` if it
/// exists, otherwise each `*.json` in it and each `result.json` in its subfolders. A missing file
/// is bad usage; a file that is not a result cannot be compared.
pub(super) fn read(path: &Path) -> Result<Vec<RunResult>, Failure> {
    let paths = or_exit(
        files(path).with_context(|| format!("can't read {}", path.display())),
        Exit::Usage,
    )?;
    if paths.is_empty() {
        let error = anyhow!(
            "{}: there is no result in this folder; give a result.json, or a folder of them",
            path.display()
        );
        return Err(Failure {
            exit: Exit::CouldNotRun,
            error,
        });
    }
    paths.iter().map(|path| one(path)).collect()
}

fn one(path: &Path) -> Result<RunResult, Failure> {
    let text = or_exit(
        text(path).with_context(|| format!("can't read {}", path.display())),
        Exit::CouldNotRun,
    )?;
    or_exit(
        RunResult::from_json(&text).with_context(|| path.display().to_string()),
        Exit::CouldNotRun,
    )
}

fn text(path: &Path) -> anyhow::Result<String> {
    let file = File::open(path)?;
    // Reading a device or a pipe might never end.
    if !file.metadata()?.is_file() {
        bail!("it is not a file");
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("it is larger than any result ({} MiB)", LARGEST >> 20);
    }
    Ok(text)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(RESULT_FILE);
    if own.is_file() {
        return Ok(vec![own]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let inner = path.join(RESULT_FILE);
        if inner.is_file() {
            files.push(inner);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
        if files.len() > MAX_RESULTS {
            bail!("there are more than {MAX_RESULTS} results in it");
        }
    }
    files.sort();
    Ok(files)
}
