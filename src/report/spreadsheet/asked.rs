//! The columns of the figures that the scenario asks for.

use super::cells::known;
use crate::metrics::Summary;
use crate::report::asked;
use crate::result::{Apdex, RunResult};

/// Returns the names of the columns.
pub(super) fn header(result: &RunResult) -> Vec<String> {
    let reporting = asked::reporting(result);
    let apdex = reporting.apdex.map(|_| "apdex".to_owned());
    let percentiles = reporting.named();
    let percentiles = percentiles.map(|(name, _)| format!("response_{name}_ms"));
    apdex.into_iter().chain(percentiles).collect()
}

/// Returns the cells of a part with this index and these response times.
pub(super) fn cells(
    result: &RunResult,
    apdex: Option<Apdex>,
    response: Option<&Summary>,
) -> Vec<String> {
    let reporting = asked::reporting(result);
    let score = reporting
        .apdex
        .map(|_| known(apdex.map(|apdex| apdex.score)));
    let value = |name: &str| *response?.percentiles.get(name)?;
    let values = reporting.named().map(|(name, _)| known(value(&name)));
    score.into_iter().chain(values).collect()
}
