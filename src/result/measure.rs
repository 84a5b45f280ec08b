//! [`Measure`]: the figures of what a scenario reads from responses.

use serde::{Deserialize, Serialize};

use crate::metrics::Summary;

/// A figure that the scenario defines, of the successful operations of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepMeasure {
    /// The mix entry of the step.
    pub mix: String,
    /// The step.
    pub step: String,
    /// The figure.
    #[serde(flatten)]
    pub measure: Measure,
}

/// A figure that the scenario defines, of successful operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The unit of the values here: `ms`, `bytes`, `count`, `share` or `total`.
    pub unit: String,
    /// The number of values.
    pub count: u64,
    /// Successful responses whose value could not be read: absent, not a number, or out of range.
    pub unread: u64,
    /// The values, of times, sizes and plain numbers.
    pub value: Option<Summary>,
    /// The share of responses that said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The sum of the values of a total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// The histogram of `value` in base64: of times in nanoseconds, of sizes in bytes, and of plain
    /// numbers in thousandths. Of a stage, a target or a selection only if a threshold needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

/// A figure that the scenario defines, in one interval of the time line: of the successful operations
/// that were planned in it, all steps together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureWindow {
    /// Its name.
    pub name: String,
    /// The unit of the values here: `ms`, `bytes`, `count`, `share` or `total`.
    pub unit: String,
    /// The number of values.
    pub count: u64,
    /// Successful responses whose value could not be read.
    pub unread: u64,
    /// The values, of times, sizes and plain numbers; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<WindowValues>,
    /// The share of responses that said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The sum of the values of a total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
}

/// Values in one interval of the time line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowValues {
    /// The number of values.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Maximum.
    pub max: f64,
    /// A histogram of two significant digits, in the form of [`Histograms`](super::Histograms): of
    /// times in nanoseconds, of sizes in bytes, and of plain numbers in thousandths.
    pub histogram: String,
}
