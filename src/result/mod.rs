//! Floor 2: what a run leaves behind. `result.json` is this module's types and nothing else; every report
//! and every gate is a function of it.

pub mod codec;
pub mod comparison;
pub mod host;
pub mod mode_run;
mod redact;
pub mod run_result;

pub use codec::CodecError;
pub use comparison::{Comparison, ModeComparison};
pub use host::Host;
pub use mode_run::{
    Check, Counts, ErrorExample, Group, Histograms, Iterations, LimitPeak, ModeRun, Resources, StoppedBy, Validity, Verdict, Warmup, Window,
};
pub use run_result::{Build, End, ReadError, RunResult, SCHEMA, ScenarioEcho};
