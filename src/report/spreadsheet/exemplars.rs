//! The table of the slowest operations.

use std::io;

use super::cells::{known, table, text};
use crate::result::RunResult;

/// Returns a row for each exemplar, in the order of the result.
///
/// # Errors
/// Never in practice: it only writes to memory.
pub(crate) fn exemplars(result: &RunResult) -> io::Result<String> {
    let head = [
        "scenario",
        "mode",
        "round",
        "mix",
        "step",
        "t_s",
        "response_ms",
        "status",
        "kind",
        "error",
        "trace_id",
        "sampled",
        "url",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let word = |word: &Option<String>| word.as_deref().map_or_else(String::new, text);
    for own in &result.exemplars {
        let status = own.status.map(|status| status.to_string());
        let sampled = own.sampled.map(|sampled| sampled.to_string());
        rows.push(vec![
            text(&result.scenario.name),
            own.mode.to_string(),
            own.round.to_string(),
            text(&own.mix),
            text(&own.step),
            known(Some(own.t_s)),
            known(Some(own.response_ms)),
            status.unwrap_or_default(),
            word(&own.kind),
            word(&own.error),
            word(&own.trace_id),
            sampled.unwrap_or_default(),
            word(&own.url),
        ]);
    }
    table(&rows)
}
