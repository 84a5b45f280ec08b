//! `loadgen report`: the reports of a result file, made again, or of several, laid over one another.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::args::ReportArgs;
use super::exit::{Exit, Failure};
use super::{or_exit, output};
use crate::plan::Format;
use crate::report::{self, OVERLAID, RESULT_FILE};
use crate::result::RunResult;

/// More results than can be told apart on a chart.
const MOST: usize = 12;

/// Reads results and writes their reports.
pub fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let written = match args.results.as_slice() {
        [path] => {
            let result = read(path)?;
            let formats = args.format.as_ref().map_or_else(|| formats_of(&result), |f| f.0.clone());
            let beside = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            or_exit(report::write_all(&result, &formats, args.output.as_deref().unwrap_or(beside)), Exit::Internal)?
        }
        _ => overlaid(args)?,
    };
    output::print(&written.iter().map(|p| format!("{}\n", p.display())).collect::<String>())?;
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<RunResult, Failure> {
    let text = or_exit(fs::read_to_string(path).with_context(|| format!("can't read {}", path.display())), Exit::Usage)?;
    or_exit(RunResult::from_json(&text).with_context(|| path.display().to_string()), Exit::Usage)
}

fn overlaid(args: &ReportArgs) -> Result<Vec<std::path::PathBuf>, Failure> {
    let usage = |text: String| Failure { exit: Exit::Usage, error: anyhow!(text) };
    let Some(folder) = args.output.as_deref() else {
        return Err(usage("a report of several results is none of their own: say where it goes with --output DIR".into()));
    };
    if args.results.len() > MOST {
        return Err(usage(format!("{} results can't be told apart on a chart; give at most {MOST}", args.results.len())));
    }
    let formats = args.format.as_ref().map_or_else(|| vec![Format::Html, Format::Png], |f| f.0.clone());
    if let Some(other) = formats.iter().find(|format| !OVERLAID.contains(format)) {
        let names = OVERLAID.map(Format::name).join(", ");
        return Err(usage(format!("the format `{}` is of one result; of several there are {names}", other.name())));
    }
    let results = args.results.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let names = names(&args.results.iter().map(|path| name(path)).collect::<Vec<_>>());
    let named: Vec<(String, RunResult)> = names.into_iter().zip(results).collect();
    or_exit(report::write_overlaid(&named, &formats, folder), Exit::Internal)
}

/// What a result is called: its file, or the folder that it is the result of.
fn name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).filter(|_| file == RESULT_FILE);
    folder.or(path.file_stem()).unwrap_or_default().to_string_lossy().into_owned()
}

/// The same with a number behind each that comes again.
fn names(names: &[String]) -> Vec<String> {
    let number = |(i, name): (usize, &String)| {
        let before = names[..i].iter().filter(|other| *other == name).count();
        if before > 0 { format!("{name} ({})", before + 1) } else { name.clone() }
    };
    names.iter().enumerate().map(number).collect()
}

/// The forms that the run itself wrote; the default ones where its plan doesn't say.
fn formats_of(result: &RunResult) -> Vec<Format> {
    result
        .plan
        .get("formats")
        .and_then(|list| list.as_array())
        .map_or_else(|| vec![Format::Html, Format::Png], |list| list.iter().filter_map(|f| Format::from_name(f.as_str()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_called_after_their_folder_or_file() {
        let paths = ["reports/before/result.json", "after.json", "x/before/result.json", "result.json"].map(|path| name(Path::new(path)));
        assert_eq!(names(&paths), ["before", "after", "before (2)", "result"]);
    }
}
