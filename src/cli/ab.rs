//! `loadgen ab`: runs two versions under the same load in turn, and says whether the second is
//! worse.

mod pairs;
mod served;
mod start;
mod version;

use self::pairs::PairRunner;
use self::version::{check_starts, versions_of};
use super::args::AbArgs;
use super::exit::{Exit, Failure, or_exit};
use super::folder::Folder;
use super::output::{self, Console};
use super::session::{self, Session};
use super::{compare, job};
use crate::engine::preflight::safety;
use crate::gate::versions::Terms;
use crate::plan::{Guard, Plan};
use crate::report;
use crate::result::{RunOrder, VersionComparison};
use crate::scenario::Compiled;

/// Runs and compares both versions.
pub(super) fn run(args: &AbArgs, console: &Console) -> Result<Exit, Failure> {
    let Some((source, compiled)) = job::load(&args.file, &args.overrides(&args.a), console)? else {
        return Ok(Exit::Usage);
    };
    let Some(other) = job::compiled_again(&source, &args.overrides(&args.b), console) else {
        return Ok(Exit::Usage);
    };
    let Compiled { plan, secrets, .. } = compiled;
    // The same seed, so that both do exactly the same work.
    let other = Plan {
        seed: plan.seed,
        ..other
    };
    let guards = compare::guards(plan.guards.clone(), &args.judge);
    let plans = [plan, other].map(|plan| plan_of(plan, &guards));
    for plan in &plans {
        or_exit(safety::literal(plan), Exit::Usage)?;
    }
    check_starts(args, &plans)?;
    served::check_name(args, &plans[0])?;
    let at = session::now();
    let folder = Folder::prepare(
        args.output.as_deref(),
        &secrets.redact(&format!("{}-ab", plans[0].name)),
        at,
        report::COMPARISON_FILE,
    )?;
    let versions = versions_of(args, plans, &secrets, folder.path())?;
    let names = [versions[0].name.as_str(), versions[1].name.as_str()];
    let leave_out_invalid = compare::gates(&args.judge).fail_on_invalid;
    let terms = Terms {
        guards,
        optional: served::guards(args),
        same_machine: true,
        leave_out_invalid,
        order: Some(RunOrder::Interleaved),
    };
    let mut pairs = PairRunner {
        source: &source,
        versions: &versions,
        secrets: &secrets,
        args,
        at,
        folder: folder.path(),
        session: Session::open(!args.no_progress && !args.judge.quiet, console)?,
        results: [Vec::new(), Vec::new()],
        remade: 0,
        unwritten: Vec::new(),
    };
    let compared = pairs.compare(names, &terms);
    pairs.session.close();
    let unwritten = pairs.unwritten;
    let (comparison, failure) = match compared {
        Ok(Some(compared)) => compared,
        nothing => {
            output::finish(unwritten, nothing.err(), console)?;
            return Ok(Exit::Interrupted);
        }
    };
    write(&comparison, args, &folder, unwritten, failure, console)?;
    let exit = Exit::from_comparison(&comparison, compare::gates(&args.judge));
    compare::complain(exit, &comparison, console);
    Ok(exit)
}

/// Writes and shows the comparison. `unwritten` holds the results that could not be written,
/// `failure` what ended the runs early.
fn write(
    comparison: &VersionComparison,
    args: &AbArgs,
    folder: &Folder,
    mut unwritten: Vec<anyhow::Error>,
    failure: Option<Failure>,
    console: &Console,
) -> Result<(), Failure> {
    // Every output is attempted, even if others fail.
    let written = report::write_versions(comparison, folder.path());
    let shown = compare::show(comparison, args.json, args.judge.quiet, console);
    if !args.judge.quiet {
        console.say(&format!(
            "results: {}{}\n",
            folder.path().display(),
            folder.replaced()
        ));
    }
    compare::tell(&written, &args.judge, console);
    unwritten.extend(
        written
            .failures
            .into_iter()
            .map(Into::into)
            .chain(shown.err().map(|failure| failure.error)),
    );
    output::finish(unwritten, failure, console)
}

/// Returns the plan of one run: every mode once. Thresholds only apply to `run`; guards are kept,
/// because some figures are only measured if something refers to them.
fn plan_of(plan: Plan, guards: &[Guard]) -> Plan {
    Plan {
        rounds: 1,
        thresholds: Vec::new(),
        guards: guards.to_vec(),
        formats: Vec::new(),
        ..plan
    }
}
