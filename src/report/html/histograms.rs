//! The histograms from which the page's script reads percentiles.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::chart::trace::{Cast, Trace};
use super::figure_tables::outermost;
use crate::result::codec;

/// The input of the script: the histograms as stored in the result, and the percentiles that they
/// support.
#[derive(Serialize)]
struct Histograms<'a> {
    outermost: Option<f64>,
    times: BTreeMap<&'a str, String>,
}

/// Returns the histograms behind the percentiles, by trace, for an element that ends at the first
/// `</` in any context.
pub(super) fn histograms(cast: &Cast<'_>) -> String {
    let of = |trace: &Trace<'_>| {
        let others = [
            ("service", trace.times(|h| Some(&h.service))),
            ("first byte", trace.times(|h| h.first_byte.as_ref())),
            ("iteration", trace.times(|h| h.iteration.as_ref())),
            ("first event", trace.times(|h| h.stream_first.as_ref())),
            ("gap between events", trace.times(|h| h.stream_gap.as_ref())),
            ("time per unit", trace.times(|h| h.stream_unit.as_ref())),
        ];
        let response = trace
            .compared
            .filter(|_| trace.response().is_some())
            .map(|m| ("response", m.response.clone()));
        let times = response.into_iter().chain(
            others
                .into_iter()
                .filter_map(|(name, sum)| Some((name, codec::encode(&sum?)))),
        );
        let summary = trace.compared.and_then(|m| m.response_ms.as_ref());
        Histograms {
            outermost: summary.and_then(outermost),
            times: times.collect(),
        }
    };
    let all: BTreeMap<&str, Histograms<'_>> = cast
        .traces
        .iter()
        .map(|trace| (trace.key.as_str(), of(trace)))
        .collect();
    serde_json::to_string(&all)
        .unwrap_or_default()
        .replace('<', "\\u003c")
}
