//! Thresholds and conditions: the criteria that a run must meet, and those that end it early.

use serde::{Deserialize, Serialize};

use super::Mode;
use super::{Check, Metric, Quantity, Statistic};
use crate::base::Nanos;

/// Selects the part of a run that a check applies to; keys that are not set do not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Name of a mix entry.
    pub mix: Option<String>,
    /// Name of a step.
    pub step: Option<String>,
    /// Name of a group of steps that is measured as a whole. Omitted if not set, so that results
    /// without one stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Name of a target.
    pub target: Option<String>,
    /// Name of a stage of the load.
    pub stage: Option<String>,
    /// Tag and value, written the way their metrics are named.
    pub tag: Option<String>,
    /// A mode.
    pub mode: Option<Mode>,
}

impl Selector {
    /// Returns the keys that are set, except the mode, in the order of the documentation.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parts = [
            ("mix", &self.mix),
            ("step", &self.step),
            ("group", &self.group),
            ("target", &self.target),
            ("stage", &self.stage),
            ("tag", &self.tag),
        ];
        parts
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    /// Selects the operations of a mix entry.
    pub fn of_mix(name: &str) -> Self {
        Self {
            mix: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Returns whether it selects among operations by their properties.
    pub const fn is_of_operations(&self) -> bool {
        self.mix.is_some() || self.step.is_some() || self.target.is_some()
    }

    /// Returns whether it selects a part of the run whose metrics are recorded separately only for
    /// it; those of stages always are.
    pub const fn is_probed(&self) -> bool {
        let is_of_part = self.is_of_operations() || self.group.is_some() || self.tag.is_some();
        is_of_part && self.stage.is_none()
    }

    /// Returns whether a check with this selector applies to `mode`.
    pub fn is_about(&self, mode: Mode) -> bool {
        self.mode.is_none_or(|own| own == mode)
    }

    /// Returns the selector without its mode.
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
    /// The part of the run that it applies to.
    pub selector: Selector,
    /// Length of the windows that must each meet the check (full windows only); if not set, it
    /// applies to the whole run.
    pub window: Option<Nanos>,
    /// Whether a violation aborts the run.
    pub abort: bool,
    /// Time before which it does not abort the run.
    pub after: Option<Nanos>,
    /// Line in the scenario, counted from 1; `None` for a check from the command line.
    #[serde(default)]
    pub line: Option<u32>,
}

/// A check that ends a run early, without failing it, as soon as it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopWhen {
    /// The check.
    pub check: Check,
    /// Length of the full window in which the check must hold; if not set, it applies to the run so
    /// far.
    pub window: Option<Nanos>,
}

/// A metric that must not regress from a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// The metric.
    pub metric: Metric,
    /// The part of the run that it applies to.
    pub selector: Selector,
    /// Tolerated regression: relative to the baseline, for shares the absolute difference.
    pub max_regression: f64,
    /// Confidence of the verdict.
    pub confidence: f64,
    /// Line in the scenario, counted from 1; `None` for a default guard.
    #[serde(default)]
    pub line: Option<u32>,
}

impl Guard {
    /// Default confidence of a verdict.
    pub const CONFIDENCE: f64 = 0.95;

    /// Creates a guard of the whole run with the default tolerance: 5 %, 10 % for metrics that few
    /// requests determine, and one percentage point for shares.
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

    /// Returns the default guards: response time, throughput and errors.
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
