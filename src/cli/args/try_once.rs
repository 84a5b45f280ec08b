//! What was typed, of `loadgen try`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::BoolishValueParser;

use super::input::ScenarioArgs;

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
    /// What replaces values of the scenario.
    #[command(flatten)]
    pub given: ScenarioArgs,
    /// Print everything as one JSON document
    #[arg(long, env = "LOADGEN_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}
