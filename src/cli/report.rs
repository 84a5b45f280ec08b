//! `loadgen report`: recreates the reports of a result file, or overlays several results.

mod files;
mod follow;

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use self::files::{finish, formats, read};
use super::args::ReportArgs;
use super::exit::{Exit, Failure};
use super::folder;
use super::output::Console;
use crate::plan::Format;
use crate::report::{self, OVERLAID, RESULT_FILE, Written};
use crate::result::RunResult;

/// The maximum number of results that can be told apart on a chart.
const MAX_RESULTS: usize = 12;

/// Reads results and writes their reports.
pub(super) fn run(args: &ReportArgs, console: &Console) -> Result<Exit, Failure> {
    if let Some(run) = &args.follow {
        return follow::follow(run, args, console);
    }
    let written = match args.results.as_slice() {
        [path] => {
            let result = read(path)?;
            let beside = path
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            let folder = args.output.as_deref().unwrap_or(beside);
            let _lock = folder::lock(folder)?;
            report::write_all(&result, &formats(args, &result), folder)
        }
        _ => overlaid(args)?,
    };
    finish(written, console)
}

fn overlaid(args: &ReportArgs) -> Result<Written, Failure> {
    let usage = |text: String| Failure {
        exit: Exit::Usage,
        error: anyhow!(text),
    };
    let Some(folder) = args.output.as_deref() else {
        return Err(usage(
            "a report of several results needs a folder of its own: name it with --output DIR"
                .into(),
        ));
    };
    if args.results.len() > MAX_RESULTS {
        return Err(usage(format!(
            "{} results can't be told apart on a chart; give at most {MAX_RESULTS}",
            args.results.len()
        )));
    }
    let formats = args
        .format
        .as_ref()
        .map_or_else(|| vec![Format::Html, Format::Png], |f| f.0.clone());
    if let Some(other) = formats.iter().find(|format| !OVERLAID.contains(format)) {
        let names = OVERLAID.map(Format::name).join(", ");
        return Err(usage(format!(
            "the format `{}` is for one result; for several, use {names}",
            other.name()
        )));
    }
    let results = args
        .results
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let names = names(&args.results);
    let named: Vec<(String, RunResult)> = names.into_iter().zip(results).collect();
    let _lock = folder::lock(folder)?;
    Ok(report::write_overlaid(&named, &formats, folder))
}

/// Returns the name of a result: its file or the folder that contains it, with this many of the
/// parent folders.
fn name(path: &Path, folders: usize) -> String {
    let own = if path.file_name().is_some_and(|file| file == RESULT_FILE)
        && path.parent().and_then(Path::file_name).is_some()
    {
        path.parent().unwrap_or(path).to_owned()
    } else {
        path.with_extension("")
    };
    let parts: Vec<String> = own
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    parts[parts.len().saturating_sub(folders + 1)..].join("/")
}

/// Returns the names of results, each with as many folders as needed to make it unique; a file that
/// is given twice is numbered.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let deepest = paths
        .iter()
        .map(|path| path.iter().count())
        .max()
        .unwrap_or_default();
    let is_unique = |path: &PathBuf, folders: usize| {
        let own = name(path, folders);
        paths
            .iter()
            .filter(|other| name(other, folders) == own)
            .count()
            == 1
    };
    let told: Vec<String> = paths
        .iter()
        .map(|path| {
            name(
                path,
                (0..=deepest)
                    .find(|folders| is_unique(path, *folders))
                    .unwrap_or_default(),
            )
        })
        .collect();
    let number = |(i, name): (usize, &String)| {
        let before = told[..i].iter().filter(|other| *other == name).count();
        if before > 0 {
            format!("{name} ({})", before + 1)
        } else {
            name.clone()
        }
    };
    told.iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_called_after_their_folder_or_file() {
        let called = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(
            called(&["reports/before/result.json", "after.json", "result.json"]),
            ["before", "after", "result"]
        );
        let alike = [
            "reports/before/result.json",
            "after.json",
            "x/before/result.json",
        ];
        assert_eq!(called(&alike), ["reports/before", "after", "x/before"]);
        assert_eq!(
            called(&["out/a/01.json", "out/b/01.json", "out/b/02.json"]),
            ["a/01", "b/01", "02"]
        );
        assert_eq!(
            called(&["x/a/01.json", "y/a/01.json", "./x/a/01.json"]),
            ["x/a/01", "y/a/01", "./x/a/01"]
        );
        assert_eq!(called(&["a.json", "a.json"]), ["a", "a (2)"]);
    }
}
