//! What was typed, of the commands that compare versions.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args as ClapArgs, Subcommand};

use super::input::{InputArgs, OnInvalid};
use crate::base::{Nanos, Rate, Share, parse};
use crate::cli::values::{Modes, http_client, modes, target, tolerance};
use crate::plan::HttpClient;
use crate::plan::Metric;
use crate::scenario::{Overrides, Workers};

/// The folder of baselines, unless another is named.
pub(crate) const BASELINE_STORE: &str = "baselines";

/// What is wanted of a comparison of versions.
#[derive(Debug, ClapArgs)]
pub(crate) struct JudgeArgs {
    /// How much worse a figure may be (such as p99=10%), instead of the scenario's tolerance;
    /// may be given several times
    #[arg(long, env = "LOADGEN_TOLERANCE", value_parser = tolerance, value_name = "METRIC=SHARE", value_delimiter = ',', action = ArgAction::Append)]
    pub tolerance: Vec<(Metric, Share)>,
    /// Exit with 96 if the comparison is inconclusive
    #[arg(long, env = "LOADGEN_FAIL_ON_INCONCLUSIVE", value_parser = BoolishValueParser::new())]
    pub fail_on_inconclusive: bool,
    /// Whether pairs with an invalid run are left out (fail; exit code 97 if the others are
    /// inconclusive), or judged with a warning (warn) [default: fail]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
    /// Print only errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
}

/// `loadgen ab`
#[derive(Debug, ClapArgs)]
pub(crate) struct AbArgs {
    /// The scenario, or - for standard input; its thresholds are ignored
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The URL of the known version
    #[arg(long, value_parser = target, value_name = "URL|NAME=URL", action = ArgAction::Append, required_unless_present = "a_start", requires = "b")]
    pub a: Vec<(Option<String>, String)>,
    /// The URL of the version to judge
    #[arg(long, value_parser = target, value_name = "URL|NAME=URL", action = ArgAction::Append, requires = "a")]
    pub b: Vec<(Option<String>, String)>,
    /// A shell command that starts the server of the known version; it is stopped after each run
    #[arg(long, value_name = "CMD", requires = "b_start")]
    pub a_start: Option<String>,
    /// A shell command that starts the server of the version to judge
    #[arg(long, value_name = "CMD", requires = "a_start")]
    pub b_start: Option<String>,
    /// How long a server may take to start
    #[arg(long, env = "LOADGEN_START_TIMEOUT", value_parser = parse::duration, value_name = "DURATION", default_value = "30s")]
    pub start_timeout: Nanos,
    /// How many times to run each version: A B, B A, A B, …
    #[arg(long, env = "LOADGEN_PAIRS", value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pairs: u32,
    /// What is wanted of the comparison.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Modes to run: sequential, threaded, async, processes, simulated (separated by commas), or
    /// all (the first three)
    #[arg(long, env = "LOADGEN_MODE", value_parser = modes, value_name = "MODES")]
    pub mode: Option<Modes>,
    /// Event loops of the async mode; `auto` leaves cores to targets on this machine
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N|auto")]
    pub workers: Option<Workers>,
    /// Closed model with this many virtual users, instead of the file's load model
    #[arg(
        short = 'u',
        long,
        env = "LOADGEN_VUS",
        value_name = "N",
        conflicts_with = "rate"
    )]
    pub vus: Option<u32>,
    /// Open model with this arrival rate (such as 500/s), instead of the file's load model
    #[arg(short = 'r', long, env = "LOADGEN_RATE", value_parser = parse::rate, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// Start no new iteration after this long (such as 30s), in each run; part of the work: results
    /// of different durations can't be compared
    #[arg(short = 'd', long, env = "LOADGEN_DURATION", value_parser = parse::duration, value_name = "DURATION")]
    pub duration: Option<Nanos>,
    /// The maximum number of iterations, in each run
    #[arg(short = 'i', long, env = "LOADGEN_ITERATIONS", value_name = "N")]
    pub iterations: Option<u64>,
    /// The client that speaks HTTP/1.1, instead of the file's: hyper, or lean, which takes less
    /// processor time
    #[arg(long, env = "LOADGEN_HTTP_CLIENT", value_parser = http_client, value_name = "CLIENT")]
    pub http_client: Option<HttpClient>,
    /// Inputs of the scenario.
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
    /// Don't show progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
}

impl AbArgs {
    /// Returns the values that take precedence over the file's, with these targets.
    pub(crate) fn overrides(&self, targets: &[(Option<String>, String)]) -> Overrides {
        Overrides {
            modes: self.mode.as_ref().map(|m| m.0.clone()),
            workers: self.workers,
            vus: self.vus,
            rate: self.rate,
            duration: self.duration,
            iterations: self.iterations,
            targets: targets.to_vec(),
            http_client: self.http_client,
            vars: self.inputs.var.clone(),
            allow_targets: self.inputs.allow_target.clone(),
            allow_exec: self.inputs.allow_exec,
            seed: self.seed,
            ..Overrides::default()
        }
    }
}

/// `loadgen compare`
#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    /// The result.json of the known version, or a folder of repeated results
    #[arg(value_name = "BASE")]
    pub base: PathBuf,
    /// The result.json of the version to judge, or a folder of as many results
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// What is wanted of it.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Compare even if the results are from different machines or different builds of loadgen
    #[arg(long, env = "LOADGEN_ALLOW_ENVIRONMENT", value_parser = BoolishValueParser::new())]
    pub allow_environment: bool,
    /// Compare each version with itself this many times, and tell how often that is called a
    /// regression
    #[arg(long, env = "LOADGEN_CALIBRATE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub calibrate: Option<u32>,
    /// The seed of the random draws of --calibrate
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
    /// The folder of the baselines
    #[arg(long, global = true, env = "LOADGEN_BASELINES", value_name = "DIR", default_value = BASELINE_STORE)]
    pub store: PathBuf,
    /// What to do with them.
    #[command(subcommand)]
    pub what: BaselineCommand,
}

/// What to do with baselines.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Save a result, or a folder of repeated results, under a name
    Save {
        /// The name: lowercase letters, digits, `.`, `_` and `-`
        name: String,
        /// The result.json of a run, or a folder of repeated results [default: the latest in
        /// reports/]
        result: Option<PathBuf>,
        /// Replace the baseline that has this name
        #[arg(long)]
        replace: bool,
        /// Whether an invalid run fails (exit code 97) or is a warning [default: fail]
        #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
        on_invalid: Option<OnInvalid>,
    },
    /// List the baselines
    List,
}
