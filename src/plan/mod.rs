//! Floor 1: the compiled scenario. Immutable, resolved, with every default explicit.
//!
//! A [`Plan`] is plain data: it is written to `result.json`, printed by `--dry-run` and handed to
//! the process that runs a mode. It knows nothing of YAML, files, sockets, clocks or threads.

pub mod check;
pub mod delay;
pub mod expect;
mod fingerprint;
pub mod flow;
pub mod kinds;
pub mod limits;
pub mod load;
pub mod metric;
pub mod operation;
pub mod secrets;
pub mod target;
pub mod template;
pub mod threshold;
pub mod values;

use serde::{Deserialize, Serialize};

pub use check::{Check, CheckError, Operator};
pub use delay::Delay;
pub use expect::{BodyRule, Expect, JsonKind, JsonRule, StatusRule};
pub use flow::{Parallel, Passes, Race, Repeat, Step, StepKind, Websocket};
pub use kinds::websocket::{Framing, Message, Receive, TcpExchange};
pub use limits::{Limits, OnFull};
pub use load::{Load, LoadModel, Spread, Stage};
pub use metric::{Metric, Quantity, Statistic, Unit};
pub use operation::{
    Action, Backoff, Body, Content, HttpRequest, Operation, Part, Retry, Timeouts,
};
pub use secrets::Secrets;
pub use target::{Address, HttpOptions, KeepAlive, Protocol, Scheme, Target, TlsOptions};
pub use template::{Encode, Piece, Template};
pub use threshold::{Guard, Selector, StopWhen, Threshold};
pub use values::{AtEnd, Capture, Feed, Name, Order, Source, Tag};

/// How a run executes its iterations: the driver, by its public name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One thing after another on one thread, with blocking calls.
    Sequential,
    /// One operating-system thread for each virtual user, with blocking calls.
    Threaded,
    /// Tasks on an event loop.
    Async,
    /// Virtual time, with no overhead at all; mock operations only.
    Simulated,
}

impl Mode {
    /// The three modes that run on real threads and sockets, in the order of comparisons.
    pub const REAL: [Self; 3] = [Self::Sequential, Self::Threaded, Self::Async];

    /// The name in scenarios, on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threaded => "threaded",
            Self::Async => "async",
            Self::Simulated => "simulated",
        }
    }

    /// The mode with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Sequential,
            Self::Threaded,
            Self::Async,
            Self::Simulated,
        ]
        .into_iter()
        .find(|m| m.name() == name)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One flow of the request mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixEntry {
    /// Free text, unique in the mix.
    pub name: String,
    /// How often it is drawn, relative to the other entries' weights.
    pub weight: f64,
    /// Caps of this entry's iterations.
    pub limits: Limits,
    /// The feeds that each of its iterations takes a row of, by their index.
    pub data: Vec<usize>,
    /// The steps, in order.
    pub flow: Vec<Step>,
}

/// A file form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One self-contained page.
    Html,
    /// The page with style and script in files of their own, for servers that forbid inline ones.
    HtmlDir,
    /// The charts as pictures.
    Png,
    /// The charts as drawings.
    Svg,
    /// A page of text for a pull request's comment or a job's summary.
    Markdown,
    /// Tables for a spreadsheet: the figures of every part, and the time line.
    Csv,
    /// A log of histograms that HdrHistogram's readers open.
    Hlog,
    /// The gates as test cases, in JUnit's XML.
    Junit,
    /// The gates as test cases, in the Common Test Report Format.
    Ctrf,
    /// The figures of each mode as OpenMetrics text.
    Openmetrics,
    /// What github-action-benchmark keeps a history of.
    GithubBenchmark,
}

impl Format {
    /// Every form there is.
    pub const ALL: [Self; 11] = [
        Self::Html,
        Self::Png,
        Self::Svg,
        Self::HtmlDir,
        Self::Markdown,
        Self::Csv,
        Self::Hlog,
        Self::Junit,
        Self::Ctrf,
        Self::Openmetrics,
        Self::GithubBenchmark,
    ];

    /// The name in scenarios and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::HtmlDir => "html-dir",
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Hlog => "hlog",
            Self::Junit => "junit",
            Self::Ctrf => "ctrf",
            Self::Openmetrics => "openmetrics",
            Self::GithubBenchmark => "github-benchmark",
        }
    }

    /// The form with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// A compiled scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `[a-z0-9][a-z0-9._-]*`: the stem of the output folder.
    pub name: String,
    /// What the scenario is for, in its author's words.
    pub description: Option<String>,
    /// The seed of every random draw.
    pub seed: u64,
    /// The modes to run, in the order of the first round.
    pub modes: Vec<Mode>,
    /// How often each mode runs.
    pub rounds: u32,
    /// Event loops of the async mode.
    pub workers: u32,
    /// The services under load.
    pub targets: Vec<Target>,
    /// The feeds of rows.
    pub feeds: Vec<Feed>,
    /// Every name that templates and conditions use.
    pub names: Vec<Name>,
    /// Steps before the run, once for each mode and round; their operations are numbered on their
    /// own.
    pub setup: Vec<Step>,
    /// Steps after the run, wherever the setup began; their operations are numbered on their own.
    pub teardown: Vec<Step>,
    /// The request mix; never empty.
    pub mix: Vec<MixEntry>,
    /// How much load, for how long.
    pub load: Load,
    /// Caps of the whole run.
    pub limits: Limits,
    /// What the run must meet.
    pub thresholds: Vec<Threshold>,
    /// What must not become worse than in a baseline. Left out where there is none, so that
    /// fingerprints stay what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// Report files to write beside `result.json`.
    pub formats: Vec<Format>,
    /// The public hosts that may be put under load: names, addresses, and `*.` before a name for
    /// all below it.
    pub allow_targets: Vec<String>,
}

impl Plan {
    /// The modes of one round, rotated so that no mode is always first (s t a · t a s · a s t).
    ///
    /// `round` counts from zero.
    pub fn order(&self, round: u32) -> Vec<Mode> {
        let mut modes = self.modes.clone();
        if !modes.is_empty() {
            let shift = round as usize % modes.len();
            modes.rotate_left(shift);
        }
        modes
    }

    /// Every step of every flow, those inside of groups included, with the index of its mix entry,
    /// in the order written.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        let mut all = Vec::new();
        for (mix, entry) in self.mix.iter().enumerate() {
            flow::each(&entry.flow, &mut |step| all.push((mix, step)));
        }
        all.into_iter()
    }

    /// Every operation with the index of its mix entry and its name, ordered by [`Operation::id`].
    pub fn operations(&self) -> impl Iterator<Item = (usize, &str, &Operation)> {
        self.steps()
            .filter_map(|(mix, step)| Some((mix, step.name.as_str(), step.operation()?)))
    }

    /// Whether no operation needs a network, so that the plan can run in virtual time.
    pub fn is_mock(&self) -> bool {
        self.targets_used().is_empty()
    }

    /// The indices of the targets that some operation uses, in order; setup and teardown included.
    pub fn targets_used(&self) -> Vec<usize> {
        let mut used = Vec::new();
        let mut look = |step: &Step| {
            used.extend(
                step.operation()
                    .and_then(|operation| operation.action.target()),
            )
        };
        let flows = self
            .mix
            .iter()
            .map(|entry| &entry.flow)
            .chain([&self.setup, &self.teardown]);
        for flow in flows {
            flow::each(flow, &mut look);
        }
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Identifies the work itself: equal for plans that differ only in target URLs, seed, modes,
    /// rounds, name of the author's description, thresholds, hosts allowed, and report, so that two
    /// such runs can be compared.
    ///
    /// Sixteen hexadecimal digits. They don't depend on the secrets, which are hidden first.
    pub fn fingerprint(&self, secrets: &Secrets) -> String {
        fingerprint::of(self, secrets)
    }

    /// The plan as JSON, to be seen: without secrets.
    pub fn shown(&self, secrets: &Secrets) -> serde_json::Value {
        // A plan is plain data with text keys: it always has a JSON form.
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = shown.as_object_mut().filter(|_| !secrets.is_empty()) {
            // These have words of ours alone, which a secret may be by chance.
            fields
                .iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "modes" | "formats" | "seed"))
                .for_each(|(_, value)| secrets.redact_json(value));
        }
        shown
    }
}
