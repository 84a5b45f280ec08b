//! [`ShardFlag`]: which shard of a run this process is.

use anyhow::{anyhow, bail};

use crate::plan::{MAX_SHARDS, Shard};

/// The value of `--shard`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShardFlag {
    /// Whatever the engine that started this process says.
    Auto,
    /// This one.
    Given(Shard),
}

/// An engine that starts the processes of a run, and how it numbers them.
struct Engine {
    name: &'static str,
    /// A variable that must be set, too: without it the others mean something else.
    needs: Option<&'static str>,
    index: &'static str,
    count: &'static str,
}

const ENGINES: [Engine; 6] = [
    Engine {
        name: "Slurm",
        // In a batch script that is not a step, the number is 0 however many tasks there are.
        needs: Some("SLURM_STEP_ID"),
        index: "SLURM_PROCID",
        count: "SLURM_STEP_NUM_TASKS",
    },
    Engine {
        name: "Open MPI",
        needs: None,
        index: "OMPI_COMM_WORLD_RANK",
        count: "OMPI_COMM_WORLD_SIZE",
    },
    Engine {
        name: "MPI",
        needs: None,
        index: "PMI_RANK",
        count: "PMI_SIZE",
    },
    Engine {
        name: "Kubernetes",
        needs: None,
        index: "JOB_COMPLETION_INDEX",
        // It tells no total.
        count: "LOADGEN_SHARDS",
    },
    Engine {
        name: "AWS Batch",
        needs: None,
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        count: "AWS_BATCH_JOB_ARRAY_SIZE",
    },
    Engine {
        name: "Cloud Run",
        needs: None,
        index: "CLOUD_RUN_TASK_INDEX",
        count: "CLOUD_RUN_TASK_COUNT",
    },
];

impl ShardFlag {
    /// Parses `I/N` or `auto`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let (index, count) = numbers.ok_or("give I/N, such as 0/4, or auto")?;
        checked(index, count).map(Self::Given)
    }

    /// Returns the shard. `env` looks up the variables of the engines.
    pub(crate) fn resolve(self, env: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Shard> {
        match self {
            Self::Given(shard) => Ok(shard),
            Self::Auto => automatic(env),
        }
    }
}

fn checked(index: u32, count: u32) -> Result<Shard, String> {
    match () {
        () if count > MAX_SHARDS => Err(format!("there are at most {MAX_SHARDS} shards")),
        () if index >= count => Err(format!(
            "shard {index} of {count} does not exist: shards are counted from 0"
        )),
        () => Ok(Shard { index, count }),
    }
}

fn automatic(env: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Shard> {
    let mut known: Option<(&Engine, Shard)> = None;
    let is_there = |engine: &&Engine| {
        env(engine.index).is_some() && engine.needs.is_none_or(|name| env(name).is_some())
    };
    for engine in ENGINES.iter().filter(is_there) {
        let number = |name: &str| -> anyhow::Result<u32> {
            let text = env(name).ok_or_else(|| {
                anyhow!(
                    "--shard auto: {} sets {}, but {name} is not set, so the number of shards is not known",
                    engine.name,
                    engine.index
                )
            })?;
            text.parse()
                .map_err(|_| anyhow!("--shard auto: {name} is `{text}`, which is not a number"))
        };
        let shard = checked(number(engine.index)?, number(engine.count)?)
            .map_err(|wrong| anyhow!("--shard auto: {}: {wrong}", engine.name))?;
        match known {
            Some((other, one)) if one != shard => bail!(
                "--shard auto: {} says shard {}/{}, and {} says {}/{}; give --shard I/N",
                other.name,
                one.index,
                one.count,
                engine.name,
                shard.index,
                shard.count
            ),
            Some(_) => {}
            None => known = Some((engine, shard)),
        }
    }
    let Some((_, shard)) = known else {
        let hint = if env("SLURM_PROCID").is_some() {
            "this is a batch script of Slurm and not a step of it: start loadgen with srun"
        } else {
            "start it by srun, mpirun, an indexed Job of Kubernetes, an array of AWS Batch or tasks of Cloud Run, or give --shard I/N"
        };
        bail!("--shard auto: no engine says which shard this is; {hint}");
    };
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(variables: &[(&str, &str)]) -> Result<(u32, u32), String> {
        let env = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        ShardFlag::Auto
            .resolve(&env)
            .map(|shard| (shard.index, shard.count))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_shard_is_a_number_below_another() {
        let given = |index, count| ShardFlag::Given(Shard { index, count });
        assert_eq!(ShardFlag::parse("3/4"), Ok(given(3, 4)));
        assert_eq!(ShardFlag::parse("auto"), Ok(ShardFlag::Auto));
        for (text, said) in [
            ("4/4", "counted from 0"),
            ("0/0", "counted from 0"),
            ("0/4097", "at most 4096"),
            ("-1/2", "I/N"),
            ("1", "I/N"),
            ("", "I/N"),
            ("1/2/3", "I/N"),
        ] {
            let wrong = ShardFlag::parse(text).expect_err(text);
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }

    #[test]
    fn each_engine_says_which_shard_this_is() {
        let slurm = [
            ("SLURM_STEP_ID", "0"),
            ("SLURM_PROCID", "2"),
            ("SLURM_STEP_NUM_TASKS", "4"),
        ];
        let both = [&slurm[..], &[("PMI_RANK", "2"), ("PMI_SIZE", "4")]].concat();
        for (variables, shard) in [
            (&slurm[..], (2, 4)),
            (&both, (2, 4)),
            (
                &[("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "3")],
                (0, 3),
            ),
            (&[("PMI_RANK", "1"), ("PMI_SIZE", "2")], (1, 2)),
            (
                &[("JOB_COMPLETION_INDEX", "7"), ("LOADGEN_SHARDS", "8")],
                (7, 8),
            ),
            (
                &[
                    ("AWS_BATCH_JOB_ARRAY_INDEX", "1"),
                    ("AWS_BATCH_JOB_ARRAY_SIZE", "5"),
                ],
                (1, 5),
            ),
            (
                &[("CLOUD_RUN_TASK_INDEX", "0"), ("CLOUD_RUN_TASK_COUNT", "1")],
                (0, 1),
            ),
        ] {
            assert_eq!(resolved(variables), Ok(shard), "{variables:?}");
        }
    }

    #[test]
    fn what_no_engine_or_two_say_is_refused() {
        let batch = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        let two = [
            ("PMI_RANK", "1"),
            ("PMI_SIZE", "2"),
            ("JOB_COMPLETION_INDEX", "0"),
            ("LOADGEN_SHARDS", "2"),
        ];
        for (variables, said) in [
            (&[][..], "no engine"),
            (&batch, "srun"),
            (&two, "Kubernetes says 0/2"),
            (&[("JOB_COMPLETION_INDEX", "1")], "LOADGEN_SHARDS"),
            (&[("PMI_RANK", "2"), ("PMI_SIZE", "2")], "counted from 0"),
            (&[("PMI_RANK", "x"), ("PMI_SIZE", "2")], "not a number"),
        ] {
            let wrong = resolved(variables).expect_err("it is refused");
            assert!(wrong.contains(said), "{variables:?}: {wrong}");
        }
    }
}
