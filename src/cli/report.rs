//! `loadgen report`: the reports of a result file, made again.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::args::ReportArgs;
use super::exit::{Exit, Failure};
use super::{or_exit, output};
use crate::plan::Format;
use crate::report;
use crate::result::RunResult;

/// Reads a result and writes its reports.
pub fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let path = &args.result;
    let text = or_exit(fs::read_to_string(path).with_context(|| format!("can't read {}", path.display())), Exit::Usage)?;
    let result = or_exit(RunResult::from_json(&text).with_context(|| path.display().to_string()), Exit::Usage)?;
    let formats = args.format.as_ref().map_or_else(|| formats_of(&result), |f| f.0.clone());
    let beside = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = or_exit(report::write_all(&result, &formats, args.output.as_deref().unwrap_or(beside)), Exit::Internal)?;
    output::print(&written.iter().map(|p| format!("{}\n", p.display())).collect::<String>())?;
    Ok(Exit::Ok)
}

/// The forms that the run itself wrote; the default ones where its plan doesn't say.
fn formats_of(result: &RunResult) -> Vec<Format> {
    result
        .plan
        .get("formats")
        .and_then(|list| list.as_array())
        .map_or_else(|| vec![Format::Html, Format::Png], |list| list.iter().filter_map(|f| Format::from_name(f.as_str()?)).collect())
}
