//! [`Measure`]: the figures of what a scenario reads from responses.

use serde::{Deserialize, Serialize};

use crate::metrics::Summary;

/// A figure that the scenario defines, of the successful operations of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The mix entry of its step.
    pub mix: String,
    /// The step.
    pub step: String,
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
    /// numbers in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}
