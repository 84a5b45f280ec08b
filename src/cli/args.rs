//! What was typed. Resolving it is the commands' work.

pub(crate) mod input;
pub(crate) mod run;
pub(crate) mod shard;
pub(crate) mod try_once;
pub(crate) mod versions;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{BoolishValueParser, Resettable};
use clap::{ArgAction, Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::base::{Nanos, Rate, Share, parse};
use crate::plan::{MAX_SHARDS, Mode};
use crate::scenario::Workers;

pub(crate) use self::input::{GateArgs, OnInvalid, ScenarioArgs};
pub(crate) use self::run::RunArgs;
pub(crate) use self::shard::{LifecycleArgs, MergeArgs, SetupArgs, TeardownArgs};
pub(crate) use self::try_once::TryArgs;
pub(crate) use self::versions::{
    AbArgs, BASELINE_STORE, BaselineArgs, BaselineCommand, CompareArgs, JudgeArgs,
};
use super::exit;
use super::values::{Formats, formats, mode};

/// The version, with the profile of the build: figures of one profile say nothing of another.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("LOADGEN_PROFILE"),
    ")"
);

/// A load generator that compares sequential, threaded and async execution of the same work.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version = VERSION, propagate_version = true, arg_required_else_help = true, after_help = exit::in_help())]
pub(crate) struct Args {
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
pub(crate) fn shown() -> clap::Command {
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
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario, print a summary and write reports
    #[command(after_long_help = exit::in_help())]
    Run(Box<RunArgs>),
    /// Run each entry of a scenario's mix once, and show every request and response
    #[command(after_long_help = exit::in_help_of_try())]
    Try(TryArgs),
    /// Write a commented starter scenario, and the schema that editors use to complete it
    Init(InitArgs),
    /// Make a scenario of what you have: commands of curl, recorded traffic, an API's document, a log
    Import(ImportArgs),
    /// Forward requests of a browser to a target, and make a scenario of them
    Record(RecordArgs),
    /// Check scenarios without running them
    Validate(ValidateArgs),
    /// Print the JSON Schema of scenarios
    Schema,
    /// Make one result of the parts that the shards of a run wrote
    #[command(after_long_help = exit::in_help())]
    Merge(Box<MergeArgs>),
    /// Run the setup of a scenario once for all shards of a run
    Setup(SetupArgs),
    /// Run the teardown of a scenario once for all shards of a run
    Teardown(TeardownArgs),
    /// Run the built-in mock target
    Serve(ServeArgs),
    /// Generate the reports of a result file again
    Report(ReportArgs),
    /// Find the highest arrival rate that still meets a check
    #[command(after_long_help = exit::in_help())]
    Capacity(Box<CapacityArgs>),
    /// Run two versions alternately, and tell whether the second is worse
    #[command(after_long_help = exit::in_help())]
    Ab(Box<AbArgs>),
    /// Tell whether one version is worse than another, from repeated runs of both
    #[command(after_long_help = exit::in_help())]
    Compare(CompareArgs),
    /// Save results that later runs are compared with
    Baseline(BaselineArgs),
    /// Print a shell script that completes loadgen's commands and flags
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
    /// Run one mode of a plan from stdin (for loadgen's own use)
    #[command(hide = true)]
    RunMode,
}

/// `loadgen capacity`
#[derive(Debug, ClapArgs)]
pub(crate) struct CapacityArgs {
    /// The scenario, or - for standard input; planned arrivals replace its load, and its thresholds
    /// are ignored
    pub file: PathBuf,
    /// A check that a rate must meet (such as 'p99 < 50ms'); may be given several times
    #[arg(long, env = "LOADGEN_SLO", value_name = "CHECK", required = true, action = ArgAction::Append)]
    pub slo: Vec<String>,
    /// How long to try each rate, after a warm-up of a fifth of that
    #[arg(long, env = "LOADGEN_PROBE", value_parser = parse::duration, value_name = "DURATION", default_value = "5s")]
    pub probe: Nanos,
    /// The mix entry whose own load is varied; the loads of the others go on beside it
    #[arg(long, env = "LOADGEN_MIX", value_name = "NAME")]
    pub mix: Option<String>,
    /// The first rate to try [default: the file's, or 50/s]
    #[arg(long, env = "LOADGEN_FROM", value_parser = parse::rate, value_name = "RATE")]
    pub from: Option<Rate>,
    /// The highest rate to try
    #[arg(long, env = "LOADGEN_MOST", value_parser = parse::rate, value_name = "RATE", default_value = "1000000/s")]
    pub most: Rate,
    /// The mode to run: sequential, threaded, async, processes or simulated [default: the file's; async if it
    /// has several]
    #[arg(long, env = "LOADGEN_MODE", value_parser = mode, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Event loops of the async mode; `auto` leaves cores to targets on this machine
    #[arg(long, env = "LOADGEN_WORKERS", value_name = "N|auto")]
    pub workers: Option<Workers>,
    /// What replaces values of the scenario.
    #[command(flatten)]
    pub given: ScenarioArgs,
    /// Folder for capacity.json and the chart [default: reports/NAME-capacity-TIME]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Whether invalid tries are left out (fail; exit code 97 if they decide), or judged with a
    /// warning (warn) [default: fail]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
    /// Print the result as JSON instead of the summary
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Print only errors
    #[arg(short = 'q', long, env = "LOADGEN_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Don't show progress
    #[arg(long, env = "LOADGEN_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub no_progress: bool,
}

/// `loadgen init`
#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// The folder to write to; created if missing
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
}

/// `loadgen import`
#[derive(Debug, ClapArgs)]
pub(crate) struct ImportArgs {
    /// The file to import, or `-` for standard input; for Bruno, the folder of the collection
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What the file is; recognized by its content unless it is said
    #[arg(long = "as", value_enum, value_name = "KIND")]
    pub kind: Option<SourceKind>,
    /// The environment whose variables a collection uses: a file (Postman, Bruno), or a name in the source
    /// (Insomnia, Bruno)
    #[arg(long, value_name = "FILE|NAME")]
    pub env: Option<PathBuf>,
    /// The scenario file to write, which must not exist; standard output without it
    #[arg(short, long, value_name = "SCENARIO.yaml")]
    pub output: Option<PathBuf>,
    /// The hosts of a recording to keep, such as shop.test or *.shop.test (separated by commas)
    /// [default: that of the first page]
    #[arg(long, value_delimiter = ',', value_name = "HOSTS")]
    pub hosts: Vec<String>,
    /// What is kept of a recording.
    #[command(flatten)]
    pub recording: RecordingArgs,
    /// OpenAPI: make an entry of the mix for each operation, instead of each tag
    #[arg(long)]
    pub per_operation: bool,
}

/// What is kept of recorded traffic.
#[derive(Debug, ClapArgs)]
pub(crate) struct RecordingArgs {
    /// Keep the static resources of recorded pages: images, scripts, style sheets, fonts
    #[arg(long)]
    pub with_assets: bool,
    /// Write cookies that no recorded response has set as they were, instead of taking them from the
    /// environment
    #[arg(long)]
    pub keep_cookies: bool,
}

/// `loadgen record`
#[derive(Debug, ClapArgs)]
pub(crate) struct RecordArgs {
    /// The target that requests are forwarded to, by its scheme, its host and its port
    #[arg(long, value_name = "URL")]
    pub target: String,
    /// Address to listen on; port 0 picks a free one
    #[arg(
        long,
        env = "LOADGEN_LISTEN",
        default_value = "127.0.0.1:8090",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// The scenario file to write, which must not exist; standard output without it
    #[arg(short, long, value_name = "SCENARIO.yaml")]
    pub output: Option<PathBuf>,
    /// How long to record [default: until Ctrl-C]
    #[arg(long = "for", value_parser = parse::duration, value_name = "DURATION")]
    pub time: Option<Nanos>,
    /// A public host that loadgen may forward to: a name, an address, or *.NAME; may be given several
    /// times
    #[arg(long, env = "LOADGEN_ALLOW_TARGET", value_name = "HOST", value_delimiter = ',', action = ArgAction::Append)]
    pub allow_target: Vec<String>,
    /// Accept any certificate of the target
    #[arg(long)]
    pub insecure: bool,
    /// What is kept of what was recorded.
    #[command(flatten)]
    pub recording: RecordingArgs,
}

/// What a source of `loadgen import` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceKind {
    /// Commands of curl, in a script or a document
    Curl,
    /// The access log of a server
    AccessLog,
    /// A HAR: the network traffic that a browser or a proxy has saved
    #[value(alias = "k6-har")]
    Har,
    /// An OpenAPI document, in JSON or YAML
    #[value(name = "openapi")]
    OpenApi,
    /// A test plan of JMeter
    Jmx,
    /// A script of Artillery, in YAML or JSON
    Artillery,
    /// A collection of Postman, version 2.0 or 2.1
    Postman,
    /// An export of Insomnia, version 4 or 5
    Insomnia,
    /// A folder with a collection of Bruno, or a .bru file
    Bruno,
}

/// `loadgen completions`
#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `loadgen man`
#[derive(Debug, ClapArgs)]
pub(crate) struct ManArgs {
    /// The command whose page to print [default: loadgen itself]
    #[arg(value_name = "COMMAND")]
    pub of: Option<String>,
}

/// `loadgen validate`
#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// The scenarios, or - for standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Print the resolved plans
    #[arg(long)]
    pub plan: bool,
    /// Also say what keeps the scenarios from being run in this many shards
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SHARDS)))]
    pub shards: Option<u32>,
}

/// `loadgen serve`
#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(
        long,
        env = "LOADGEN_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,
    /// Address of a TCP echo port; port 0 picks a free one [default: none]
    #[arg(long, env = "LOADGEN_TCP", value_name = "ADDR")]
    pub tcp: Option<SocketAddr>,
    /// Delay every response by this much
    #[arg(long, env = "LOADGEN_LATENCY", value_parser = parse::duration, value_name = "DURATION")]
    pub latency: Option<Nanos>,
    /// Respond to this share of requests (such as 1%) with status 500
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
pub(crate) struct ReportArgs {
    /// The result.json of a run; with several, their charts are overlaid
    #[arg(required_unless_present = "follow", value_name = "RESULT")]
    pub results: Vec<PathBuf>,
    /// The folder of a run in progress: makes the report of its figures so far, and again whenever
    /// there are newer ones, until the run ends
    #[arg(long, value_name = "DIR", conflicts_with = "results")]
    pub follow: Option<PathBuf>,
    /// Folder for the files [default: the folder of the result; required with several; `running` in
    /// the folder of a run that is followed]
    #[arg(short = 'o', long, env = "LOADGEN_OUTPUT", value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Report files: html, png, svg, html-dir, markdown, csv, hlog, junit, ctrf, openmetrics,
    /// github-benchmark (separated by commas) [default: those of the run; html and png with
    /// several]
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
