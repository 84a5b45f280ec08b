//! Floor 2: the results of a run. `result.json` consists of this module's types and nothing else;
//! every report and every gate is a function of it. [`Exchange`] is not part of it: it is what
//! `try` shows.

pub(crate) mod apdex;
mod capacity;
pub(crate) mod change;
pub(crate) mod comparison;
pub(crate) mod counts;
pub(crate) mod exchange;
mod exchange_stream;
pub(crate) mod exemplar;
pub(crate) mod histograms;
pub(crate) mod host;
pub(crate) mod joined_values;
pub(crate) mod load_figures;
mod lookups;
pub(crate) mod measure;
pub(crate) mod measured;
pub(crate) mod mode_run;
mod output;
pub(crate) mod program;
mod redact;
pub(crate) mod replayed;
pub(crate) mod run_result;
pub(crate) mod shards;
mod step_window;
pub(crate) mod streams;
pub(crate) mod threshold;
pub(crate) mod timed_group;
pub(crate) mod validity;
pub(crate) mod versions;
pub(crate) mod watched;
mod window;

pub use crate::metrics::codec::{self, CodecError};
pub use apdex::Apdex;
pub use capacity::{CAPACITY_SCHEMA, CapacityResult, LimitedBy, ProbeOutcome, RateProbe};
pub use change::{Change, Outcome};
pub use comparison::{Comparison, ModeComparison};
pub use counts::Counts;
pub use exchange::{
    Body, Captured, Exchange, ExchangeFailure, ExchangeOutcome, ExchangeTimes, Header, Hop,
    MAX_TEXT, Pass, Received, Section, SeenCheck, Sent, TRY_SCHEMA, TryResult,
};
pub use exchange_stream::ExchangeStream;
pub use exemplar::Exemplar;
pub use histograms::Histograms;
pub use host::Host;
pub(crate) use joined_values::JoinedValues;
pub(crate) use load_figures::LoadFigures;
pub use lookups::{LookedUpAddress, Lookups, UnusedAddress};
pub use measure::{Measure, MeasureWindow, StepMeasure, WindowValues};
pub use mode_run::{
    ChecksHeld, ErrorExample, Group, Iterations, LimitPeak, ModeRun, Probe, Resources,
    ResponseCheck, StoppedBy, Times, Warmup,
};
pub use output::Output;
pub use program::{Build, End, ScenarioEcho};
pub use replayed::Replayed;
pub use run_result::{ReadError, RunResult, SCHEMA};
pub use shards::{ShardHost, ShardPart, Shards};
pub use step_window::{HeatInterval, StepWindow};
pub use streams::{Streaming, Streams};
pub use threshold::{FailingWindow, ThresholdResult, ThresholdVerdict};
pub use timed_group::{GroupHistograms, GroupWindow, TimedGroup};
pub use validity::{Check, Validity, Verdict};
pub use versions::{
    Calibration, InvalidRun, RunOrder, VERSIONS_SCHEMA, Version, VersionComparison,
};
pub use watched::{Watched, WatchedPoint};
pub use window::{StreamWindow, Window};
