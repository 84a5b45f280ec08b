//! `loadgen merge`: makes one result of the parts that the shards of a run wrote.

mod parts;
mod sum;

use anyhow::anyhow;

use self::sum::Sum;
use super::args::MergeArgs;
use super::baseline_check::BaselineCheck;
use super::exit::{Exit, Failure};
use super::folder::Folder;
use super::output::Console;
use super::run::{self, Shown};
use super::session;
use crate::report;
use crate::result::End;

/// Merges parts, judges the whole, and writes its reports.
pub(super) fn run(args: &MergeArgs, console: &Console) -> Result<Exit, Failure> {
    let mut sum: Option<Sum> = None;
    for path in parts::files(&args.parts)? {
        let (part, plan) = parts::read(&path)?;
        let added = match &mut sum {
            None => Sum::new(part, &plan).map(|first| sum = Some(first)),
            Some(sum) => sum.add(part, &plan),
        };
        if let Err(wrong) = added {
            return Err(Failure {
                exit: Exit::CouldNotRun,
                error: wrong.context(parts::name(&path)),
            });
        }
    }
    let Some(sum) = sum else {
        return Err(parts::none());
    };
    let missing = sum.missing();
    let mut plan = sum.plan().clone();
    let baseline = BaselineCheck::open(&args.gates, args.no_thresholds, &plan, sum.fingerprint())?;
    let folder = Folder::prepare(
        args.output.as_deref(),
        &plan.name,
        session::now(),
        report::RESULT_FILE,
    )?;
    if args.no_thresholds {
        plan.thresholds.clear();
    }
    let mut result = sum.into_result(&plan);
    let refused = run::compare(baseline.as_ref(), &mut result);
    let incomplete = missing.map(|missing| Failure {
        exit: Exit::CouldNotRun,
        error: anyhow!("{missing}; the figures are those of the others"),
    });
    let formats = args
        .format
        .as_ref()
        .map_or_else(|| plan.formats.clone(), |formats| formats.0.clone());
    let shown = Shown {
        json: args.json,
        quiet: args.quiet,
    };
    let failure = incomplete.or(refused);
    run::write(&result, &formats, shown, &folder, failure, console)?;
    Ok(match result.end {
        End::Failed => Exit::Internal,
        _ => run::exit_code(&result, &args.gates, baseline.is_some(), console),
    })
}
