//! Results without secrets.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CapacityResult, RunResult};
use crate::plan::Secrets;

/// The keys of a result whose values consist only of loadgen's own words and figures. A secret that
/// happens to equal one of them is not disclosed by it, and readers of the result need them
/// unchanged.
const OURS: [&str; 19] = [
    "schema",
    "end",
    "loadgen",
    "host",
    "started_at",
    "fingerprint",
    "mode",
    "baseline_mode",
    "verdict",
    "kind",
    "stopped_by",
    "order",
    "histogram",
    "histograms",
    "response",
    "plan",
    "unit",
    "outcome",
    "limited_by",
];

impl RunResult {
    /// Returns the result with every secret hidden in every text. The plan contains none anyway;
    /// see [`crate::plan::Plan::shown`].
    ///
    /// # Errors
    /// If a text cannot be read back, which does not happen with a result of loadgen.
    pub fn redacted(self, secrets: &Secrets) -> serde_json::Result<Self> {
        redacted(self, secrets)
    }
}

impl CapacityResult {
    /// Returns the result with every secret hidden in every text.
    ///
    /// # Errors
    /// If a text cannot be read back, which does not happen with a result of loadgen.
    pub fn redacted(self, secrets: &Secrets) -> serde_json::Result<Self> {
        redacted(self, secrets)
    }
}

fn redacted<T: Serialize + DeserializeOwned>(
    result: T,
    secrets: &Secrets,
) -> serde_json::Result<T> {
    if secrets.is_empty() {
        return Ok(result);
    }
    let mut value = serde_json::to_value(result)?;
    hide(&mut value, secrets);
    serde_json::from_value(value)
}

fn hide(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => *text = secrets.redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        Value::Object(fields) => {
            fields
                .iter_mut()
                .filter(|(key, _)| !OURS.contains(&key.as_str()))
                .for_each(|(_, item)| hide(item, secrets));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
