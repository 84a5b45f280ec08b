//! What runs as a shard: a slice of the plan, unless something in it can't be divided.

use anyhow::anyhow;

use crate::cli::args::RunArgs;
use crate::cli::exit::{Exit, Failure};
use crate::plan::{Aborts, Plan, Shard, SliceError};
use crate::scenario::Compiled;

/// Returns the scenario of a shard: the same with a slice of the plan.
pub(crate) fn sliced(
    compiled: &Compiled,
    shard: Shard,
    args: &RunArgs,
) -> Result<Compiled, Failure> {
    let aborts = aborts(args.sharding.abort_alone);
    let plan = &compiled.plan;
    let mut wrong = refusals(compiled, shard.count, aborts);
    if !plan.setup.is_empty() && args.sharding.setup_values.is_none() {
        wrong.push("`setup`: it runs once for all shards; run `loadgen setup FILE -o VALUES` first, and give --setup-values VALUES".into());
    }
    let slice = plan.slice(shard.index, shard.count, aborts, &compiled.secrets);
    match slice {
        Ok(plan) if wrong.is_empty() => Ok(Compiled {
            plan,
            warnings: compiled.warnings.clone(),
            secrets: compiled.secrets.clone(),
            has_seed: compiled.has_seed,
        }),
        _ => Err(Failure {
            exit: Exit::Usage,
            error: anyhow!("{}", wrong.join("\n       ")),
        }),
    }
}

const fn aborts(alone: bool) -> Aborts {
    if alone {
        Aborts::Alone
    } else {
        Aborts::Refused
    }
}

/// Returns why a scenario cannot be run in this many shards.
pub(crate) fn refusals(compiled: &Compiled, count: u32, aborts: Aborts) -> Vec<String> {
    let seed = (!compiled.has_seed).then(|| {
        "`seed`: shards that draw different seeds run different work; add `seed: 42`, or give --seed"
            .to_owned()
    });
    // A part has the plan without secrets, from which the figures are made.
    let shown = compiled.plan.shown(&compiled.secrets);
    let hidden = serde_json::from_value::<Plan>(shown).is_err().then(|| {
        "`secrets`: the value of one also stands for a number or a keyword of the scenario, where a part would have to hide it, and could not be merged; use a longer secret, or put that value into `vars`"
            .to_owned()
    });
    let others = compiled.plan.unsliceable(count, aborts);
    seed.into_iter()
        .chain(hidden)
        .chain(others.iter().map(SliceError::to_string))
        .collect()
}
