//! [`Output`]: what a run has handed to other programs while it went on.

use serde::{Deserialize, Serialize};

/// What a run has handed to another program, or to a file besides the reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What was handed over: `samples`, or metrics as `otlp`.
    pub kind: String,
    /// Where it went, as given.
    pub to: String,
    /// How much was handed over: the number of samples, each a measured operation, or of intervals.
    pub written: u64,
    /// How much was not: it did not fit in the queue, or could not be written.
    pub dropped: u64,
    /// Why it could not be handed over, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
