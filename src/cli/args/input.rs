//! What several commands ask for: their input, and what becomes of an invalid run.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args as ClapArgs, ValueEnum};

use crate::cli::values::{assignment, header, http_client, target};
use crate::plan::HttpClient;
use crate::scenario::Overrides;

/// Inputs of a scenario that every command takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct InputArgs {
    /// The value of a variable, instead of the file's
    #[arg(long, env = "LOADGEN_VAR", hide_env_values = true, value_parser = assignment, value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub var: Vec<(String, String)>,
    /// A public host that loadgen may put under load: a name, an address, or *.NAME; may be given
    /// several times
    #[arg(long, env = "LOADGEN_ALLOW_TARGET", value_name = "HOST", value_delimiter = ',', action = ArgAction::Append)]
    pub allow_target: Vec<String>,
    /// Let the scenario run programs, which its `exec` steps do
    #[arg(long, env = "LOADGEN_ALLOW_EXEC", value_parser = BoolishValueParser::new())]
    pub allow_exec: bool,
}

/// What a result is judged by, besides its thresholds.
#[derive(Debug, ClapArgs)]
pub(crate) struct GateArgs {
    /// The result to compare with, a folder of repeated results, or a name saved with
    /// `loadgen baseline save`
    #[arg(long, env = "LOADGEN_BASELINE", value_name = "FILE|NAME")]
    pub baseline: Option<PathBuf>,
    /// Compare even if the baseline is from another machine or another build of loadgen
    #[arg(long, env = "LOADGEN_ALLOW_ENVIRONMENT", value_parser = BoolishValueParser::new())]
    pub allow_environment: bool,
    /// Exit with 96 if the comparison with the baseline is inconclusive
    #[arg(long, env = "LOADGEN_FAIL_ON_INCONCLUSIVE", value_parser = BoolishValueParser::new())]
    pub fail_on_inconclusive: bool,
    /// Whether an invalid run fails (exit code 97) or is a warning [default: fail if there is a
    /// threshold or a baseline]
    #[arg(long, env = "LOADGEN_ON_INVALID", value_enum, value_name = "WHAT")]
    pub on_invalid: Option<OnInvalid>,
}

/// What a command takes in place of a scenario's values, whatever it does with the scenario.
#[derive(Debug, ClapArgs)]
pub(crate) struct ScenarioArgs {
    /// The URL of a target, instead of the file's
    #[arg(long, env = "LOADGEN_TARGET", value_parser = target, value_name = "URL|NAME=URL", value_delimiter = ',', action = ArgAction::Append)]
    pub target: Vec<(Option<String>, String)>,
    /// The client that speaks HTTP/1.1, instead of the file's: hyper, or lean, which takes less
    /// processor time
    #[arg(long, env = "LOADGEN_HTTP_CLIENT", value_parser = http_client, value_name = "CLIENT")]
    pub http_client: Option<HttpClient>,
    /// Inputs of the scenario.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The seed of all random draws
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
}

impl ScenarioArgs {
    /// Returns the values that take precedence over the file's.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            targets: self.target.clone(),
            http_client: self.http_client,
            vars: self.inputs.var.clone(),
            allow_targets: self.inputs.allow_target.clone(),
            allow_exec: self.inputs.allow_exec,
            seed: self.seed,
            ..Overrides::default()
        }
    }
}

/// The flags that belong to `loadgen run URL`.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "With a URL")]
pub(crate) struct QuickArgs {
    /// The method [default: GET, or POST with a body]
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
    /// The body, sent unchanged
    #[arg(
        short = 'b',
        long,
        env = "LOADGEN_BODY",
        hide_env_values = true,
        value_name = "BODY",
        allow_hyphen_values = true
    )]
    pub body: Option<String>,
    /// Accept any certificate of an https:// URL
    #[arg(short = 'k', long, env = "LOADGEN_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,
    /// Print the scenario file equivalent to the URL and the flags, without running it
    #[arg(long, env = "LOADGEN_PRINT_SCENARIO", value_parser = BoolishValueParser::new())]
    pub print_scenario: bool,
}

/// How an invalid run is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnInvalid {
    /// Exit with 97
    Fail,
    /// Print a warning
    Warn,
}
