//! [`Replayed`]: what a replayed log says of requests, beside their figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::Summary;

/// What a replayed log says of the requests with one pattern of paths that completed, and their
/// statuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Responses by status, as the log has them.
    pub log_status_codes: BTreeMap<String, u64>,
    /// How long the requests took, as the log has it, in milliseconds.
    pub log_duration_ms: Option<Summary>,
    /// Responses by status, as they were received.
    pub status_codes: BTreeMap<String, u64>,
}
