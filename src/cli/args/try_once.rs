//! What was typed, of `loadgen try`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args as ClapArgs};

use super::input::InputArgs;
use crate::cli::values::target;
use crate::scenario::Overrides;

/// `loadgen try`
#[derive(Debug, ClapArgs)]
pub(crate) struct TryArgs {
    /// The scenario, or - for standard input
    pub file: PathBuf,
    /// Run only this entry of the mix
    #[arg(long, env = "LOADGEN_MIX", value_name = "NAME")]
    pub mix: Option<String>,
    /// Show only this step; the ones before it run, too, but none after it
    #[arg(long, env = "LOADGEN_STEP", value_name = "NAME")]
    pub step: Option<String>,
    /// The row that is taken of every data file; the first one is 1 [default: the first that a run
    /// would take]
    #[arg(long, env = "LOADGEN_DATA_ROW", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub data_row: Option<u64>,
    /// The URL of a target, instead of the file's
    #[arg(long, env = "LOADGEN_TARGET", value_parser = target, value_name = "URL|NAME=URL", value_delimiter = ',', action = ArgAction::Append)]
    pub target: Vec<(Option<String>, String)>,
    /// Inputs of the scenario.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// The seed of all random draws
    #[arg(long, env = "LOADGEN_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// Print everything as one JSON document
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

impl TryArgs {
    /// Returns the values that take precedence over the file's.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            targets: self.target.clone(),
            vars: self.inputs.var.clone(),
            allow_targets: self.inputs.allow_target.clone(),
            allow_exec: self.inputs.allow_exec,
            seed: self.seed,
            ..Overrides::default()
        }
    }
}
