//! `loadgen compare`: compares repeated runs of two versions, and says whether the new one is
//! worse.

use anyhow::anyhow;

use super::args::{CompareArgs, JudgeArgs, OnInvalid};
use super::exit::{Exit, Failure, Gates, or_exit};
use super::output::{self, Console};
use super::{folder, results};
use crate::gate::calibration;
use crate::gate::side::Side;
use crate::gate::versions::{self, Incomparable, Terms};
use crate::plan::Guard;
use crate::report::terminal::Style;
use crate::report::versions::{render, sentence};
use crate::report::{self, Written, view};
use crate::result::{RunResult, VersionComparison};

/// The maximum number of invalid runs named if the exit code is not 0; the warnings list all of
/// them.
const MAX_NAMED: usize = 5;

/// Compares two results, or two folders of results.
pub(super) fn run(args: &CompareArgs, console: &Console) -> Result<Exit, Failure> {
    let (base, new) = (results::read(&args.base)?, results::read(&args.new)?);
    let base = Side::from_results(&args.base.display().to_string(), &base);
    let new = Side::from_results(&args.new.display().to_string(), &new);
    let guards = guards(guards_of(new.results()), &args.judge);
    let terms = Terms {
        optional: Vec::new(),
        guards,
        same_machine: !args.allow_environment,
        leave_out_invalid: gates(&args.judge).fail_on_invalid,
        order: None,
    };
    let mut comparison = versions::compare(&base, &new, &terms).map_err(cant_be_compared)?;
    if let Some(comparisons) = args.calibrate {
        let seed = args.seed.unwrap_or(1);
        comparison.calibration = Some(
            calibration::calibrate([&base, &new], &terms.guards, comparisons, seed)
                .map_err(cant_be_compared)?,
        );
    }
    let _lock = args.output.as_deref().map(folder::lock).transpose()?;
    // Every output is attempted, even if others fail.
    let shown = show(&comparison, args.json, args.judge.quiet, console);
    let written = args
        .output
        .as_deref()
        .map(|folder| report::write_versions(&comparison, folder))
        .unwrap_or_default();
    tell(&written, &args.judge, console);
    let unwritten = written
        .failures
        .into_iter()
        .map(Into::into)
        .chain(shown.err().map(|failure| failure.error));
    output::finish(unwritten, None, console)?;
    let exit = Exit::from_comparison(&comparison, gates(&args.judge));
    complain(exit, &comparison, console);
    Ok(exit)
}

/// Tells the user where the page is, or what else was written.
pub(super) fn tell(written: &Written, args: &JudgeArgs, console: &Console) {
    if !args.quiet {
        console.say(
            &written
                .paths
                .last()
                .map_or_else(String::new, |path| format!("report: {}\n", path.display())),
        );
    }
}

/// Returns the guards that a scenario defines for comparisons with a baseline, from the plan echoed
/// in the results.
fn guards_of(results: &[&RunResult]) -> Vec<Guard> {
    let named = results.first().and_then(|result| result.plan.get("guards"));
    named
        .and_then(|guards| serde_json::from_value(guards.clone()).ok())
        .unwrap_or_default()
}

/// Returns the figures that must not become worse: those of the scenario or the defaults, with the
/// overrides of the command line.
pub(super) fn guards(mut named: Vec<Guard>, args: &JudgeArgs) -> Vec<Guard> {
    if named.is_empty() {
        named = Guard::all_usual();
    }
    for (metric, tolerance) in &args.tolerance {
        if !named.iter().any(|guard| guard.metric == *metric) {
            named.push(Guard::usual(*metric));
        }
        named
            .iter_mut()
            .filter(|guard| guard.metric == *metric)
            .for_each(|guard| guard.max_regression = tolerance.0);
    }
    named
}

/// Returns the gate settings of the command line: a comparison relies on its figures unless told
/// otherwise.
pub(super) fn gates(args: &JudgeArgs) -> Gates {
    Gates {
        fail_on_invalid: args.on_invalid != Some(OnInvalid::Warn),
        fail_on_inconclusive: args.fail_on_inconclusive,
    }
}

/// Lists every reason on its own line.
pub(super) fn cant_be_compared(Incomparable(reasons): Incomparable) -> Failure {
    let error = match reasons.as_slice() {
        [one] => anyhow!("the results can't be compared: {one}"),
        all => anyhow!("the results can't be compared:\n  - {}", all.join("\n  - ")),
    };
    Failure {
        exit: Exit::CouldNotRun,
        error,
    }
}

/// Writes the comparison to stdout.
pub(super) fn show(
    comparison: &VersionComparison,
    json: bool,
    quiet: bool,
    console: &Console,
) -> Result<(), Failure> {
    if json {
        output::print_json(&or_exit(comparison.to_json(), Exit::Internal)?)
    } else if !quiet {
        output::print(&render(
            comparison,
            Style {
                color: console.stdout_color(),
                width: output::width(),
            },
        ))
    } else {
        Ok(())
    }
}

/// Explains an exit code other than 0.
pub(super) fn complain(exit: Exit, comparison: &VersionComparison, console: &Console) {
    match exit {
        Exit::Invalid => {
            let runs: Vec<String> = comparison
                .invalid
                .iter()
                .map(|run| format!("run {} of {}", run.run, run.source))
                .collect();
            let named = if runs.len() > MAX_NAMED {
                format!(
                    "{} and {} more",
                    runs[..MAX_NAMED].join(", "),
                    runs.len() - MAX_NAMED
                )
            } else {
                view::list(&runs)
            };
            let why = comparison
                .invalid
                .iter()
                .find_map(|run| run.reasons.first())
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            let rest = if comparison.pairs == 0 {
                "no pair is left without those"
            } else {
                "the remaining pairs are inconclusive"
            };
            console.error(&anyhow!(
                "the figures of {named} are not reliable{why}, and {rest}; `--on-invalid warn` judges them anyway"
            ));
        }
        Exit::Regression | Exit::Inconclusive => console.error(&anyhow!(sentence(comparison))),
        _ => {}
    }
}
