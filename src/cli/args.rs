//! What was typed. Resolving it is the commands' work.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, Resettable};
use clap::{ArgAction, Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::base::{Nanos, Rate, Share, parse};
use crate::plan::Mode;
use crate::scenario::Overrides;

pub use super::args_versions::{AbArgs, BaselineArgs, BaselineCommand, CompareArgs, JudgeArgs};
use super::exit;
use super::values::{Formats, Modes, assignment, formats, header, listen, mode, modes, target};

/// A load generator that compares sequential, threaded and async execution of the same work.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, propagate_version = true, arg_required_else_help = true, after_help = exit::in_help())]
pub struct Args {
    /// When to use colour
    #[arg(
        long,
        global = true,
        env = "LOADGEN_COLOR",
        value_enum,
        default_value = "auto"
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line without the commands for loadgen's own use: what completions and manual pages
/// are made of.
pub fn shown() -> clap::Command {
    let whole = Args::command();
    let shown = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    // A manual has a section of its own for how a command ends.
    let shown = shown.map(|command| command.clone().after_long_help(Resettable::Reset));
    clap::Command::new("loadgen")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .propagate_version(true)
        .subcommand_required(true)
        .args(whole.get_arguments().cloned())
        .subcommands(shown)
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What becomes of a run whose figures can't be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInvalid {
    /// Exit with 97
    Fail,
    /// Warn of it
    Warn,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario, print a summary and write reports
    #[command(after_long_help = exit::in_help())]
    Run(Box<RunArgs>),
    /// Write a commented starter scenario, and the schema by which editors complete it
    Init(InitArgs),
    /// Check scenarios without running them
    Validate(ValidateArgs),
    /// Print the JSON Schema of scenarios
    Schema,
    /// Run the built-in mock target
    Serve(ServeArgs),
    /// Make the reports of a result file again
    Report(ReportArgs),
    /// Find the highest arrival rate that still meets a check
    #[command(after_long_help = exit::in_help())]
    Capacity(Box<CapacityArgs>),
    /// Run two versions in turn, and say whether the second is worse
    #[command(after_long_help = exit::in_help())]
    Ab(Box<AbArgs>),
    /// Say whether a version is worse than another, from repeated runs of both
    #[command(after_long_help = exit::in_help())]
    Compare(CompareArgs),
    /// Keep results that later runs are held against
    Baseline(BaselineArgs),
    /// Print what makes a shell complete loadgen's commands and flags
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
    /// Run one mode of a plan from stdin (for loadgen's own use)
    #[command(hide = true)]
    RunMode,
}

/// `loadgen run`
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// The scenario, - for standard input, or a URL (http://, https://, unix:/SOCKET:/PATH) for one
    /// request over and over (50 virtual users, 10s)
    #[arg(value_name = "FILE|URL")]
    pub file: PathBuf,
    /// Modes to run: sequential, threaded, async, simulated (separated by commas), or all
    #[arg(long, env = "LOADGEN_MODE", value_parser = modes, value_name = "MODES")]
    pub mode: Option<Modes>,
    /// Repeats of every mode, in rotating order
    #[arg(long, env = "LOADGEN_ROUNDS", value_name = "N")]
    pub rounds: Option<u32>,
    /// Event loops of the async mode
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N")]
    pub workers: Option<u32>,
    /// Closed model with so many virtual users, in place of the file's load model
    #[arg(
        short = 'u',
        visible_short_alias = 'c',
        long,
        env = "LOADGEN_VUS",
        value_name = "N"
    )]
    pub vus: Option<u32>,
    /// Open model with this rate of iterations (such as 500/s), in place of the file's load model
    #[arg(short = 'r', long, env = "LOADGEN_RATE", value_parser = parse::rate, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// No new iteration after this long (such as 30s)
    #[arg(short = 'd', visible_short_alias = 'z', long, env = "LOADGEN_DURATION", value_parser = parse::duration, value_name = "DURATION")]
    pub duration: Option<Nanos>,
    /// No more than so many iterations (of a URL: requests)
    #[arg(
        short = 'i',
        visible_short_alias = 'n',
        long,
        env = "LOADGEN_ITERATIONS",
        value_name = "N"
    )]
    pub iterations: Option<u64>,
    /// Where a target is, in place of the file's URL
    #[arg(long, env = "LOADGEN_TARGET", value_parser = target, value_name = "URL|NAME=URL", value_delimiter = ',', action = ArgAction::Append)]
    pub target: Vec<(Option<String>, String)>,
    /// What is put into the scenario.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The seed of all random draws
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for this run's files [default: reports/NAME-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Report files beside result.json: html, png, svg, html-dir, markdown, csv, hlog, junit, ctrf,
    /// openmetrics, github-benchmark (separated by commas), or none
    #[arg(long, env = "LOADGEN_FORMAT", value_parser = formats, value_name = "FORMATS")]
    pub format: Option<Formats>,
    /// A check that the run must meet (such as 'p99 < 250ms'), beside the file's; may be given
    /// several times
    #[arg(long, env = "LOADGEN_THRESHOLD", value_name = "CHECK", action = ArgAction::Append)]
    pub threshold: Vec<String>,
    /// Leave out the file's thresholds
    #[arg(long, env = "LOADGEN_NO_THRESHOLDS", value_parser = BoolishValueParser::new())]
    pub no_thresholds: bool,
    /// The result of the version that is known, a folder of repeated ones, or a name of
    /// `loadgen baseline save`
    #[arg(long, env = "LOADGEN_BASELINE", value_name = "FILE|NAME")]
    pub baseline: Option<PathBuf>,
    /// Compare with a baseline of another machine, or of another build of loadgen
    #[arg(long, env = "LOADGEN_ALLOW_ENVIRONMENT", value_parser = BoolishValueParser::new())]
    pub allow_environment: bool,
    /// Exit with 96 where the comparison with the baseline is inconclusive
    #[arg(long, env = "LOADGEN_FAIL_ON_INCONCLUSIVE", value_parser = BoolishValueParser::new())]
    pub fail_on_inconclusive: bool,
    /// Whether an invalid run fails (exit code 97), or is a warning [default: fail where there is a
    /// threshold or a baseline]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
    /// Serve the report on this address while the run goes on; a port alone is on this machine only
    #[arg(long, env = "LOADGEN_LIVE", value_parser = listen, value_name = "ADDR")]
    pub live: Option<SocketAddr>,
    /// Print the result as JSON instead of the summary
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print nothing but errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Say more about what goes on
    #[arg(short = 'v', long, env = "LOADGEN_VERBOSE", value_parser = BoolishValueParser::new())]
    pub verbose: bool,
    /// Show no progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
    /// Print what the run would amount to and its first request, and send nothing
    #[arg(long, env = "LOADGEN_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Print the whole resolved plan and the first planned arrivals, and send nothing
    #[arg(long, env = "LOADGEN_PLAN", value_parser = BoolishValueParser::new())]
    pub plan: bool,
    /// What a URL alone stands for.
    #[command(flatten)]
    pub quick: QuickArgs,
}

/// What is put into a scenario, whatever is done with it.
#[derive(Debug, ClapArgs)]
pub struct InputArgs {
    /// The value of a variable, in place of the file's
    #[arg(long, env = "LOADGEN_VAR", hide_env_values = true, value_parser = assignment, value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub var: Vec<(String, String)>,
    /// A public host that may be put under load: a name, an address, or *.NAME; may be given
    /// several times
    #[arg(long, env = "LOADGEN_ALLOW_TARGET", value_name = "HOST", value_delimiter = ',', action = ArgAction::Append)]
    pub allow_target: Vec<String>,
}

/// The flags that belong to `loadgen run URL`.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With a URL")]
pub struct QuickArgs {
    /// The method [default: GET, or POST where there is a body]
    #[arg(
        short = 'X',
        visible_short_alias = 'm',
        long,
        env = "LOADGEN_METHOD",
        value_name = "METHOD"
    )]
    pub method: Option<String>,
    /// A header; may be given several times
    #[arg(short = 'H', long, env = "LOADGEN_HEADER", hide_env_values = true, value_parser = header, value_name = "NAME: VALUE", action = ArgAction::Append)]
    pub header: Vec<(String, String)>,
    /// The body, sent as it stands
    #[arg(
        short = 'b',
        long,
        env = "LOADGEN_BODY",
        hide_env_values = true,
        value_name = "BODY",
        allow_hyphen_values = true
    )]
    pub body: Option<String>,
    /// Take any certificate of an https:// URL
    #[arg(short = 'k', long, env = "LOADGEN_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,
    /// Print the scenario file that the URL and the flags stand for, and run nothing
    #[arg(long, env = "LOADGEN_PRINT_SCENARIO", value_parser = BoolishValueParser::new())]
    pub print_scenario: bool,
}

impl RunArgs {
    /// What goes before the file's values.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            modes: self.mode.as_ref().map(|m| m.0.clone()),
            rounds: self.rounds,
            workers: self.workers,
            vus: self.vus,
            rate: self.rate,
            duration: self.duration,
            iterations: self.iterations,
            targets: self.target.clone(),
            vars: self.inputs.var.clone(),
            thresholds: self.threshold.clone(),
            threshold_flag: None,
            no_thresholds: self.no_thresholds,
            allow_targets: self.inputs.allow_target.clone(),
            seed: self.seed,
            formats: self.format.as_ref().map(|f| f.0.clone()),
        }
    }
}

/// `loadgen capacity`
#[derive(Debug, ClapArgs)]
pub struct CapacityArgs {
    /// The scenario, or - for standard input; planned arrivals take the place of its load, and its
    /// thresholds are left out
    pub file: PathBuf,
    /// What a rate has to meet (such as 'p99 < 50ms'); may be given several times
    #[arg(long, env = "LOADGEN_SLO", value_name = "CHECK", required = true, action = ArgAction::Append)]
    pub slo: Vec<String>,
    /// How long each rate is tried, after a warm-up of a fifth of that
    #[arg(long, env = "LOADGEN_PROBE", value_parser = parse::duration, value_name = "DURATION", default_value = "5s")]
    pub probe: Nanos,
    /// The first rate to try [default: the file's, or 50/s]
    #[arg(long, env = "LOADGEN_FROM", value_parser = parse::rate, value_name = "RATE")]
    pub from: Option<Rate>,
    /// The highest rate to try
    #[arg(long, env = "LOADGEN_MOST", value_parser = parse::rate, value_name = "RATE", default_value = "1000000/s")]
    pub most: Rate,
    /// The mode to drive: sequential, threaded, async or simulated [default: the file's; async
    /// where it has several]
    #[arg(long, env = "LOADGEN_MODE", value_parser = mode, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Event loops of the async mode
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N")]
    pub workers: Option<u32>,
    /// Where a target is, in place of the file's URL
    #[arg(long, env = "LOADGEN_TARGET", value_parser = target, value_name = "URL|NAME=URL", value_delimiter = ',', action = ArgAction::Append)]
    pub target: Vec<(Option<String>, String)>,
    /// What is put into the scenario.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The seed of all random draws
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for capacity.json and the chart [default: reports/NAME-capacity-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Whether rates whose figures can't be believed are left out, which ends with 97 where they
    /// decide, or are judged on them with a warning [default: fail]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
    /// Print the result as JSON instead of the summary
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print nothing but errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Show no progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
}

/// `loadgen init`
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// Where to write it; created if missing
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
}

/// `loadgen completions`
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `loadgen man`
#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// The command whose page to print [default: that of loadgen itself]
    #[arg(value_name = "COMMAND")]
    pub of: Option<String>,
}

/// `loadgen validate`
#[derive(Debug, ClapArgs)]
pub struct ValidateArgs {
    /// The scenarios, or - for standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print the resolved plans
    #[arg(long)]
    pub plan: bool,
}

/// `loadgen serve`
#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "LOADGEN_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Address of a TCP port that sends back what comes; port 0 takes a free one, and without it
    /// there is none
    #[arg(long, env = "LOADGEN_TCP", value_name = "ADDR")]
    pub tcp: Option<SocketAddr>,
    /// Answer every request later by this much
    #[arg(long, env = "LOADGEN_LATENCY", value_parser = parse::duration, value_name = "DURATION")]
    pub latency: Option<Nanos>,
    /// Answer this share of requests (such as 1%) with status 500
    #[arg(long, env = "LOADGEN_FAIL", value_parser = parse::share, value_name = "SHARE", default_value = "0%")]
    pub fail: Share,
    /// Serve one request every 1/RATE (such as 800/s), in order
    #[arg(long, env = "LOADGEN_CAPACITY", value_parser = parse::rate, value_name = "RATE")]
    pub capacity: Option<Rate>,
    /// The seed of its random draws
    #[arg(long, env = "LOADGEN_SEED", default_value = "1", value_name = "N")]
    pub seed: u64,
    /// Stop when standard input closes (how a run stops its own server)
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// `loadgen report`
#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// The result.json of a run; of several, their charts are laid over one another
    #[arg(required = true, value_name = "RESULT")]
    pub results: Vec<PathBuf>,
    /// Folder for the files [default: the one that the result is in; several need one]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Report files: html, png, svg, html-dir, markdown, csv, hlog, junit, ctrf, openmetrics,
    /// github-benchmark (separated by commas) [default: those of the run; of several html and png]
    #[arg(long, env = "LOADGEN_FORMAT", value_parser = formats, value_name = "FORMATS")]
    pub format: Option<Formats>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
