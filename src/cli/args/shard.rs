//! What was typed, of runs that several processes share.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::BoolishValueParser;

use super::input::{GateArgs, ScenarioArgs};
use crate::cli::shard::{ShardFlag, StartFlag};
use crate::cli::values::{Formats, formats};

/// The flags of `run` for one of several processes that share a run.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ShardArgs {
    /// Run one share of the work, shard I of N (from 0), and write a part for `loadgen merge`; auto
    /// takes both numbers from Slurm, MPI, Kubernetes, AWS Batch or Cloud Run
    #[arg(long, env = "LOADGEN_SHARD", value_parser = ShardFlag::parse, value_name = "I/N|auto", conflicts_with_all = ["json", "baseline", "live", "debug_log", "print_scenario"])]
    pub shard: Option<ShardFlag>,
    /// With --shard: when the measured part begins (such as 2026-11-26T15:00:00Z), the same for all
    /// shards; @FILE waits for a file that contains it
    #[arg(long, env = "LOADGEN_START_AT", value_parser = StartFlag::parse, value_name = "TIME|@FILE", requires = "shard")]
    pub start_at: Option<StartFlag>,
    /// With --shard: write the part to standard output (-) instead of a folder
    #[arg(long, env = "LOADGEN_PART", value_parser = ["-"], value_name = "-", requires = "shard", conflicts_with = "output")]
    pub part: Option<String>,
    /// With --shard: the values that `loadgen setup` wrote
    #[arg(
        long,
        env = "LOADGEN_SETUP_VALUES",
        value_name = "VALUES",
        requires = "shard"
    )]
    pub setup_values: Option<PathBuf>,
    /// With --shard: let thresholds with `abort: true` end a shard by its own figures
    #[arg(long, env = "LOADGEN_ABORT_ALONE", value_parser = BoolishValueParser::new(), requires = "shard")]
    pub abort_alone: bool,
}

/// `loadgen merge`
#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// The parts that the shards wrote: files, folders of them, or - for standard input
    #[arg(required = true, value_name = "PART")]
    pub parts: Vec<PathBuf>,
    /// Folder for the files of the run [default: reports/NAME-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Report files besides result.json: html, png, svg, html-dir, markdown, csv, hlog, junit,
    /// ctrf, openmetrics, github-benchmark (separated by commas), or none [default: those of the
    /// scenario]
    #[arg(long, env = "LOADGEN_FORMAT", value_parser = formats, value_name = "FORMATS")]
    pub format: Option<Formats>,
    /// Ignore the scenario's thresholds
    #[arg(long, env = "LOADGEN_NO_THRESHOLDS", value_parser = BoolishValueParser::new())]
    pub no_thresholds: bool,
    /// What its result is judged by.
    #[command(flatten)]
    pub gates: GateArgs,
    /// Print the result as JSON instead of the summary
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print only errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
}

/// What `loadgen setup` and `loadgen teardown` have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct LifecycleArgs {
    /// The scenario, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What replaces values of the scenario.
    #[command(flatten)]
    pub given: ScenarioArgs,
}

/// `loadgen setup`
#[derive(Debug, ClapArgs)]
pub(crate) struct SetupArgs {
    /// The scenario.
    #[command(flatten)]
    pub scenario: LifecycleArgs,
    /// The file for the values that the setup ends with; only you can read it
    #[arg(short = 'o', long, value_name = "VALUES")]
    pub output: PathBuf,
}

/// `loadgen teardown`
#[derive(Debug, ClapArgs)]
pub(crate) struct TeardownArgs {
    /// The scenario.
    #[command(flatten)]
    pub scenario: LifecycleArgs,
    /// The values that `loadgen setup` wrote
    #[arg(long, value_name = "VALUES")]
    pub setup_values: PathBuf,
}
