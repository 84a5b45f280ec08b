//! What was typed, of the commands that compare versions.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args as ClapArgs, Subcommand};

use super::input::{InputArgs, OnInvalid};
use crate::base::{Nanos, Rate, Share, parse};
use crate::cli::values::{Modes, modes, target, tolerance};
use crate::plan::Metric;
use crate::scenario::Overrides;

/// The folder of baselines, unless another is named.
pub(crate) const BASELINE_STORE: &str = "baselines";

/// What is wanted of a comparison of versions.
#[derive(Debug, ClapArgs)]
pub(crate) struct JudgeArgs {
    /// How much worse a figure may be (such as p99=10%), in place of what the scenario says; may be
    /// given several times
    #[arg(long, env = "LOADGEN_TOLERANCE", value_parser = tolerance, value_name = "METRIC=SHARE", value_delimiter = ',', action = ArgAction::Append)]
    pub tolerance: Vec<(Metric, Share)>,
    /// Exit with 96 where the runs don't tell
    #[arg(long, env = "LOADGEN_FAIL_ON_INCONCLUSIVE", value_parser = BoolishValueParser::new())]
    pub fail_on_inconclusive: bool,
    /// Whether pairs with an invalid run are left out, and exit with 97 where the others don't tell
    /// (fail), or are judged with a warning (warn) [default: fail]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
    /// Print nothing but errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
}

/// `loadgen ab`
#[derive(Debug, ClapArgs)]
pub(crate) struct AbArgs {
    /// The scenario, or - for standard input; its thresholds are left out
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the version is that is known
    #[arg(long, value_parser = target, value_name = "URL|NAME=URL", action = ArgAction::Append, required_unless_present = "a_start", requires = "b")]
    pub a: Vec<(Option<String>, String)>,
    /// Where the version is that is judged
    #[arg(long, value_parser = target, value_name = "URL|NAME=URL", action = ArgAction::Append, requires = "a")]
    pub b: Vec<(Option<String>, String)>,
    /// Starts the server of the known version, in a shell; it is stopped after each run
    #[arg(long, value_name = "CMD", requires = "b_start")]
    pub a_start: Option<String>,
    /// Starts the server of the version that is judged
    #[arg(long, value_name = "CMD", requires = "a_start")]
    pub b_start: Option<String>,
    /// How long a server may take to come up
    #[arg(long, env = "LOADGEN_START_TIMEOUT", value_parser = parse::duration, value_name = "DURATION", default_value = "30s")]
    pub start_timeout: Nanos,
    /// How often each version is run: A B, B A, A B, …
    #[arg(long, env = "LOADGEN_PAIRS", value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pairs: u32,
    /// What is wanted of the comparison.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Modes to run: sequential, threaded, async, simulated (separated by commas), or all
    #[arg(long, env = "LOADGEN_MODE", value_parser = modes, value_name = "MODES")]
    pub mode: Option<Modes>,
    /// Event loops of the async mode
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N")]
    pub workers: Option<u32>,
    /// Closed model with so many virtual users, in place of the file's load model
    #[arg(
        short = 'u',
        long,
        env = "LOADGEN_VUS",
        value_name = "N",
        conflicts_with = "rate"
    )]
    pub vus: Option<u32>,
    /// Open model with this arrival rate (such as 500/s), in place of the file's load model
    #[arg(short = 'r', long, env = "LOADGEN_RATE", value_parser = parse::rate, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// No new iteration after this long (such as 30s), in each run; part of the work: results of
    /// another length can't be compared
    #[arg(short = 'd', long, env = "LOADGEN_DURATION", value_parser = parse::duration, value_name = "DURATION")]
    pub duration: Option<Nanos>,
    /// No more than so many iterations, in each run
    #[arg(short = 'i', long, env = "LOADGEN_ITERATIONS", value_name = "N")]
    pub iterations: Option<u64>,
    /// What is put into the scenario.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The seed of all random draws, the same for every run
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the results and the comparison [default: reports/NAME-ab-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Show no progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
}

impl AbArgs {
    /// What goes before the file's values, with these targets.
    pub(crate) fn overrides(&self, targets: &[(Option<String>, String)]) -> Overrides {
        Overrides {
            modes: self.mode.as_ref().map(|m| m.0.clone()),
            workers: self.workers,
            vus: self.vus,
            rate: self.rate,
            duration: self.duration,
            iterations: self.iterations,
            targets: targets.to_vec(),
            vars: self.inputs.var.clone(),
            allow_targets: self.inputs.allow_target.clone(),
            seed: self.seed,
            ..Overrides::default()
        }
    }
}

/// `loadgen compare`
#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    /// The result.json of the version that is known, or a folder of repeated ones
    #[arg(value_name = "BASE")]
    pub base: PathBuf,
    /// The result.json of the version that is judged, or a folder of as many
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// What is wanted of it.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Compare results of different machines, or of different builds of loadgen
    #[arg(long, env = "LOADGEN_ALLOW_ENVIRONMENT", value_parser = BoolishValueParser::new())]
    pub allow_environment: bool,
    /// Compare each version with itself so often, and say how often that is called a regression
    #[arg(long, env = "LOADGEN_CALIBRATE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub calibrate: Option<u32>,
    /// The seed of the draws of --calibrate
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for comparison.json and the page
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// `loadgen baseline`
#[derive(Debug, ClapArgs)]
pub(crate) struct BaselineArgs {
    /// The folder that they are kept in
    #[arg(long, global = true, env = "LOADGEN_BASELINES", value_name = "DIR", default_value = BASELINE_STORE)]
    pub store: PathBuf,
    /// What to do with them.
    #[command(subcommand)]
    pub what: BaselineCommand,
}

/// What to do with baselines.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Keep a result, or a folder of repeated ones, under a name
    Save {
        /// The name: small letters, digits, `.`, `_` and `-`
        name: String,
        /// The result.json of a run, or a folder of repeated ones [default: the latest in reports/]
        result: Option<PathBuf>,
        /// In place of the baseline that has this name
        #[arg(long)]
        replace: bool,
        /// Whether an invalid run fails (exit code 97), or is a warning [default: fail]
        #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
        on_invalid: Option<OnInvalid>,
    },
    /// List them
    List,
}
