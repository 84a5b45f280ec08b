//! What was typed, of `loadgen run`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args as ClapArgs};

use super::input::{GateArgs, QuickArgs, ScenarioArgs};
use super::shard::ShardArgs;
use crate::base::{Nanos, Rate, parse};
use crate::cli::out_flag::OutFlag;
use crate::cli::values::{Formats, Modes, formats, listen, modes};
use crate::scenario::{Overrides, Workers};

/// `loadgen run`
#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// The scenario, - for standard input, or a URL (http://, https://, unix:/SOCKET:/PATH) to
    /// request repeatedly (50 virtual users, 10s)
    #[arg(value_name = "FILE|URL")]
    pub file: PathBuf,
    /// Modes to run: sequential, threaded, async, processes, simulated (separated by commas), or
    /// all (the first three)
    #[arg(long, env = "LOADGEN_MODE", value_parser = modes, value_name = "MODES")]
    pub mode: Option<Modes>,
    /// Repeats of every mode, in rotating order
    #[arg(long, env = "LOADGEN_ROUNDS", value_name = "N")]
    pub rounds: Option<u32>,
    /// Event loops of the async mode; `auto` leaves cores to targets on this machine
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N|auto")]
    pub workers: Option<Workers>,
    /// Closed model with this many virtual users, instead of the file's load model
    #[arg(
        short = 'u',
        visible_short_alias = 'c',
        long,
        env = "LOADGEN_VUS",
        value_name = "N"
    )]
    pub vus: Option<u32>,
    /// Open model with this rate of iterations (such as 500/s), instead of the file's load model
    #[arg(short = 'r', long, env = "LOADGEN_RATE", value_parser = parse::rate, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// Start no new iteration after this long (such as 30s)
    #[arg(short = 'd', visible_short_alias = 'z', long, env = "LOADGEN_DURATION", value_parser = parse::duration, value_name = "DURATION")]
    pub duration: Option<Nanos>,
    /// The maximum number of iterations (with a URL: requests)
    #[arg(
        short = 'i',
        visible_short_alias = 'n',
        long,
        env = "LOADGEN_ITERATIONS",
        value_name = "N"
    )]
    pub iterations: Option<u64>,
    /// What replaces values of the scenario.
    #[command(flatten)]
    pub given: ScenarioArgs,
    /// Folder for this run's files [default: reports/NAME-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Report files besides result.json: html, png, svg, html-dir, markdown, csv, hlog, junit,
    /// ctrf, openmetrics, github-benchmark (separated by commas), or none
    #[arg(long, env = "LOADGEN_FORMAT", value_parser = formats, value_name = "FORMATS")]
    pub format: Option<Formats>,
    /// A check that the run must meet (such as 'p99 < 250ms'), besides the file's; may be given
    /// several times
    #[arg(long, env = "LOADGEN_THRESHOLD", value_name = "CHECK", action = ArgAction::Append)]
    pub threshold: Vec<String>,
    /// Ignore the file's thresholds
    #[arg(long, env = "LOADGEN_NO_THRESHOLDS", value_parser = BoolishValueParser::new())]
    pub no_thresholds: bool,
    /// What its result is judged by.
    #[command(flatten)]
    pub gates: GateArgs,
    /// Write the first exchanges that fail (at most 100) to this file: requests and responses,
    /// redacted. Until there are as many, each one is recorded, which costs processor time
    #[arg(long, env = "LOADGEN_DEBUG_LOG", value_name = "FILE")]
    pub debug_log: Option<PathBuf>,
    /// Hand over, while the run goes on: samples=FILE, every operation to a file (.jsonl or .csv,
    /// optionally followed by .gz or .zst); otlp=URL, metrics to a receiver of OpenTelemetry (OTLP over
    /// HTTP). May be given once for each
    #[arg(long, env = "LOADGEN_OUT", value_parser = OutFlag::parse, value_name = "KIND=WHERE", action = ArgAction::Append)]
    pub out: Vec<OutFlag>,
    /// Serve the report, and /metrics for scrapers, on this address during the run; a port alone means
    /// this machine only
    #[arg(long, env = "LOADGEN_LIVE", value_parser = listen, value_name = "ADDR")]
    pub live: Option<SocketAddr>,
    /// Print the result as JSON instead of the summary
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print only errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Print more details
    #[arg(short = 'v', long, env = "LOADGEN_VERBOSE", value_parser = BoolishValueParser::new())]
    pub verbose: bool,
    /// Don't show progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
    /// Print an outline of the run and its first request, and send nothing
    #[arg(long, env = "LOADGEN_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Print the whole resolved plan and the first planned arrivals, and send nothing
    #[arg(long, env = "LOADGEN_PLAN", value_parser = BoolishValueParser::new())]
    pub plan: bool,
    /// The share of the run.
    #[command(flatten)]
    pub sharding: ShardArgs,
    /// What a URL alone stands for.
    #[command(flatten)]
    pub quick: QuickArgs,
}

impl RunArgs {
    /// Returns the values that take precedence over the file's.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            modes: self.mode.as_ref().map(|m| m.0.clone()),
            rounds: self.rounds,
            workers: self.workers,
            vus: self.vus,
            rate: self.rate,
            duration: self.duration,
            iterations: self.iterations,
            thresholds: self.threshold.clone(),
            threshold_flag: None,
            no_thresholds: self.no_thresholds,
            formats: self.format.as_ref().map(|f| f.0.clone()),
            ..self.given.overrides()
        }
    }
}
