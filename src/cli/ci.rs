//! Reports to GitHub Actions, in addition to the normal output: problems and gates as annotations
//! of the scenario's lines, and the report as the job summary. Does nothing elsewhere.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::exit::{Exit, Failure, or_exit};
use super::github::is_github;
use super::output::Console;
use crate::report::{annotations, markdown};
use crate::result::RunResult;
use crate::scenario::{Diagnostics, Place, Severity, Source};

/// The variable with the file that collects a job's summary; each step has its own.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The variable with the path where the repository was checked out.
const WORKSPACE: &str = "GITHUB_WORKSPACE";
/// The maximum number of annotations that GitHub shows per step.
const MAX_ANNOTATIONS: usize = 10;

/// Publishes a finished run.
///
/// # Errors
/// If the summary cannot be written.
pub(super) fn publish(result: &RunResult, console: &Console) -> Result<(), Failure> {
    if is_github() {
        let file = result.scenario.file.as_deref().map(in_repository);
        console.command(&annotations::render(result, file.as_deref()));
    }
    if let Some(path) = env::var_os(SUMMARY)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
    {
        or_exit(
            append(&path, &markdown::render(result))
                .with_context(|| format!("can't write to ${SUMMARY}")),
            Exit::Internal,
        )?;
        console.say(&format!(
            "the report was appended to the summary of the job (${SUMMARY})\n"
        ));
    }
    Ok(())
}

/// Annotates the problems of a scenario.
pub(super) fn point_at(problems: &Diagnostics, source: &Source, console: &Console) {
    if !is_github() {
        return;
    }
    let file = source.path().map(in_repository);
    for problem in problems.iter().take(MAX_ANNOTATIONS) {
        let kind = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = match problem.place {
            Place::At(span) => Some(span.line(&source.text)),
            Place::Flag(_) => None,
        };
        let remedy = problem
            .remedy
            .iter()
            .map(|remedy| format!("\n{remedy}"))
            .collect::<String>();
        let text = format!("{}{remedy}", problem.message);
        // Before escaping: an escaped secret would no longer be recognized.
        let text = problems.secrets().redact(&text);
        console.command(&annotations::command(
            kind,
            file.as_deref(),
            line,
            "loadgen",
            &text,
        ));
    }
}

/// Appends to the file, which may already have content from earlier steps.
fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)?
        .write_all(format!("{text}\n").as_bytes())
}

/// Returns the path of a file as GitHub knows it: relative to the root of the repository,
/// regardless of the current directory.
fn in_repository(file: &str) -> String {
    let whole = |path: &Path| fs::canonicalize(path).ok();
    let top = env::var_os(WORKSPACE).and_then(|top| whole(Path::new(&top)));
    let inside = top
        .zip(whole(Path::new(file)))
        .and_then(|(top, file)| file.strip_prefix(top).ok().map(Path::to_path_buf));
    inside.map_or_else(|| file.into(), |path| path.display().to_string())
}
