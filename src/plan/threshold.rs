//! Thresholds and conditions: what a run must meet, and what ends it early.

use serde::{Deserialize, Serialize};

use super::Mode;
use super::{Check, Metric, Quantity, Statistic};
use crate::base::Nanos;

/// The part of a run that a check is about; what is not given does not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// A mix entry.
    pub mix: Option<String>,
    /// A step, by its name.
    pub step: Option<String>,
    /// A target.
    pub target: Option<String>,
    /// A stage of the load.
    pub stage: Option<String>,
    /// A value of a tag, as its figures are named.
    pub tag: Option<String>,
    /// A mode.
    pub mode: Option<Mode>,
}

impl Selector {
    /// What it narrows a check to but for the mode: the keys that are given, in the order of the
    /// documentation.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parts = [
            ("mix", &self.mix),
            ("step", &self.step),
            ("target", &self.target),
            ("stage", &self.stage),
            ("tag", &self.tag),
        ];
        parts
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    /// Whether it takes some operations and leaves others, by what they are.
    pub const fn is_of_operations(&self) -> bool {
        self.mix.is_some() || self.step.is_some() || self.target.is_some()
    }

    /// Whether a check with it is about this mode.
    pub fn is_about(&self, mode: Mode) -> bool {
        self.mode.is_none_or(|own| own == mode)
    }

    /// The same part in whatever mode.
    pub fn of_any_mode(&self) -> Self {
        Self {
            mode: None,
            ..self.clone()
        }
    }
}

/// A check that a run must meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The check.
    pub check: Check,
    /// What it is about.
    pub selector: Selector,
    /// Every full window of this length must meet it, where it is given, and not the whole run.
    pub window: Option<Nanos>,
    /// Whether the run ends when it is not met.
    pub abort: bool,
    /// It doesn't end the run before this moment.
    pub after: Option<Nanos>,
    /// Its line in the scenario, counted from 1; one of the command line has none.
    #[serde(default)]
    pub line: Option<u32>,
}

/// A check that ends a run normally as soon as it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopWhen {
    /// The check.
    pub check: Check,
    /// It must hold in a full window of this length, where it is given, and not over all so far.
    pub window: Option<Nanos>,
}

/// A figure that must not become worse than that of a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The figure.
    pub metric: Metric,
    /// What it is about.
    pub selector: Selector,
    /// How much worse it may be: a part of the baseline's, for shares the difference.
    pub max_regression: f64,
    /// The confidence of the verdict on it.
    pub confidence: f64,
    /// Its line in the scenario, counted from 1; one that nobody wrote has none.
    #[serde(default)]
    pub line: Option<u32>,
}

impl Guard {
    /// The confidence of a verdict, where nobody asks for another.
    pub const CONFIDENCE: f64 = 0.95;

    /// Of the whole run, with what is usually tolerated: 5 %, and 10 % where few requests decide;
    /// of shares one of a hundred.
    pub fn usual(metric: Metric) -> Self {
        let max_regression = match metric {
            _ if metric.is_share() => 0.01,
            Metric::Time(_, Statistic::Percentile(thousandths)) if thousandths >= 95_000 => 0.10,
            Metric::Time(_, Statistic::Max) => 0.10,
            _ => 0.05,
        };
        Self {
            metric,
            selector: Selector::default(),
            max_regression,
            confidence: Self::CONFIDENCE,
            line: None,
        }
    }

    /// Those where nobody names others: how long it takes, how much it does, and whether it works.
    pub fn all_usual() -> Vec<Self> {
        let percentile =
            |thousandths| Metric::Time(Quantity::Response, Statistic::Percentile(thousandths));
        [
            percentile(50_000),
            percentile(99_000),
            Metric::Throughput,
            Metric::ErrorRate,
        ]
        .into_iter()
        .map(Self::usual)
        .collect()
    }
}
