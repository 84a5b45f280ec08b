//! What all ways to make reports share: reading a result, choosing the formats, and naming the files.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::args::ReportArgs;
use crate::cli::exit::{Exit, Failure, or_exit};
use crate::cli::output::{self, Console};
use crate::plan::Format;
use crate::report::Written;
use crate::result::RunResult;

/// Reads a result.
pub(super) fn read(path: &Path) -> Result<RunResult, Failure> {
    let text = or_exit(
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display())),
        Exit::Usage,
    )?;
    or_exit(
        RunResult::from_json(&text).with_context(|| path.display().to_string()),
        Exit::Usage,
    )
}

/// Prints the paths of what was written.
pub(super) fn finish(written: Written, console: &Console) -> Result<Exit, Failure> {
    let shown = output::print(
        &written
            .paths
            .iter()
            .map(|p| format!("{}\n", p.display()))
            .collect::<String>(),
    );
    output::finish(
        written
            .failures
            .into_iter()
            .map(Into::into)
            .chain(shown.err().map(|failure| failure.error)),
        None,
        console,
    )?;
    Ok(Exit::Ok)
}

/// Returns the formats of a result's report.
pub(super) fn formats(args: &ReportArgs, result: &RunResult) -> Vec<Format> {
    let asked = args.format.as_ref().map(|formats| formats.0.clone());
    asked.unwrap_or_else(|| formats_of(result))
}

/// Returns the formats that the run itself wrote, or the default ones if its plan doesn't say.
fn formats_of(result: &RunResult) -> Vec<Format> {
    result
        .plan
        .get("formats")
        .and_then(|list| list.as_array())
        .map_or_else(
            || vec![Format::Html, Format::Png],
            |list| {
                list.iter()
                    .filter_map(|f| Format::from_name(f.as_str()?))
                    .collect()
            },
        )
}
