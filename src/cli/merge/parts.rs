//! Finds and reads the parts of a run.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::assembly::Part;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::cli::shard::PART_FILE;
use crate::plan::{MAX_SHARDS, Plan};

/// The maximum size of a part.
const LARGEST: u64 = 256 << 20;

/// Returns the files of the parts: those given, and of a folder its own part or those in it and in
/// its folders.
pub(super) fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in given {
        let found = in_folder(path).with_context(|| format!("can't read {}", path.display()));
        all.extend(or_exit(found, Exit::Usage)?);
    }
    if given.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Failure {
            exit: Exit::Usage,
            error: anyhow!("standard input (-) can be read only once"),
        });
    }
    Ok(all)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn in_folder(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if is_stdin(path) || !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(PART_FILE);
    if own.is_file() {
        return Ok(vec![own]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let inner = path.join(PART_FILE);
        if inner.is_file() {
            files.push(inner);
        } else if path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
        if files.len() > MAX_SHARDS as usize {
            bail!("there are more than {MAX_SHARDS} parts in it");
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the name of a file in messages.
pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".into()
    } else {
        path.display().to_string()
    }
}

/// Returns the failure of a merge without parts.
pub(super) fn none() -> Failure {
    Failure {
        exit: Exit::CouldNotRun,
        error: anyhow!(
            "no parts to merge; give the part.json files that `loadgen run --shard` wrote, or folders of them"
        ),
    }
}

/// Reads a part and its plan.
pub(super) fn read(path: &Path) -> Result<(Part, Plan), Failure> {
    let text = text(path).with_context(|| format!("can't read {}", name(path)));
    let text = or_exit(text, Exit::CouldNotRun)?;
    or_exit(
        Part::from_json(&text).with_context(|| name(path)),
        Exit::CouldNotRun,
    )
}

fn text(path: &Path) -> anyhow::Result<String> {
    let input: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path)?;
        // Reading a device or a pipe might never end.
        if !file.metadata()?.is_file() {
            bail!("it is not a file");
        }
        Box::new(file)
    };
    let mut text = String::new();
    input.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("it is larger than any part ({} MiB)", LARGEST >> 20);
    }
    Ok(text)
}
