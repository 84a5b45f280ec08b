//! `loadgen validate`: takes the same path as `run`, up to the plan.

use anyhow::anyhow;

use super::args::ValidateArgs;
use super::exit::{Exit, Failure};
use super::output::{self, Console};
use super::{job, shard};
use crate::engine::preflight::safety;
use crate::plan::Aborts;
use crate::scenario::{Compiled, Overrides};

/// Checks every file, even if some are invalid.
pub(super) fn run(args: &ValidateArgs, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for file in &args.files {
        let loaded = job::load(file, &Overrides::default(), console);
        if let Ok(Some((_, compiled))) = &loaded {
            // Not an error: a flag of the run may allow them or replace them.
            safety::foresee(&compiled.plan)
                .iter()
                .for_each(|doubt| console.warning(doubt));
        }
        if let (Ok(Some((source, compiled))), Some(count)) = (&loaded, args.shards) {
            let refusals = shard::refusals(compiled, count, Aborts::Refused);
            for refusal in &refusals {
                console.error(&anyhow!("{}: in {count} shards: {refusal}", source.name));
            }
            if !refusals.is_empty() {
                exit = Exit::Usage;
                continue;
            }
        }
        match loaded {
            Ok(Some((source, compiled))) if args.plan => output::print(&format!(
                "# {}\n{}",
                source.name,
                job::describe(&source, &compiled)?
            ))?,
            Ok(Some((source, Compiled { plan, secrets, .. }))) => {
                let entries = plan.mix.len();
                let operations = plan.operations().count();
                let plural = |n: usize| if n == 1 { "" } else { "s" };
                let summary = format!(
                    "{}: ok ({}: {entries} mix entr{}, {operations} operation{})\n",
                    source.name,
                    secrets.redact(&plan.name),
                    if entries == 1 { "y" } else { "ies" },
                    plural(operations)
                );
                output::print(&summary)?;
            }
            Ok(None) => exit = Exit::Usage,
            Err(failure) if failure.exit == Exit::Usage => {
                console.error(&failure.error);
                exit = Exit::Usage;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(exit)
}
