//! Decodes a comparison with a baseline: `vs: baseline`.

use crate::base::Share;
use crate::plan::{Guard, Metric, Selector};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, Place, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::tree::{Entry, Node};

/// Bounds of the confidence: below them, chance decides; above, nobody runs enough pairs.
const MIN_CONFIDENCE: Share = Share(0.8);
const MAX_CONFIDENCE: Share = Share(0.999);

/// Decodes a threshold with `vs: baseline`: its metric, and the tolerated regression.
pub(super) fn guard(
    text: Option<&Node>,
    versus: &Entry,
    selector: Selector,
    fields: &mut Fields<'_>,
    problems: &mut Diagnostics,
) -> Option<(Guard, Place)> {
    let is_baseline = decode::text(&versus.value, "vs", problems).is_some_and(|text| {
        if text != "baseline" {
            problems
                .error(versus.value.span, format!("`vs` can't be {}", quoted(text)))
                .help("write `vs: baseline`");
        }
        text == "baseline"
    });
    for key in ["window", "abort", "after"] {
        if let Some(entry) = fields.entry(key) {
            problems
                .error(
                    entry.key_span,
                    format!("a comparison with a baseline covers whole runs, and does not support `{key}`"),
                )
                .help("remove it, or write a threshold with its own limit beside this one");
        }
    }
    let metric = text.and_then(|node| compared_metric(node, problems));
    let tolerated = fields
        .take("max_regression", problems)
        .and_then(|node| decode::share(node, "max_regression", problems));
    let confidence = fields
        .take("confidence", problems)
        .and_then(|node| confidence(node, problems));
    let (metric, place) = metric.filter(|_| is_baseline)?;
    let usual = Guard::usual(metric);
    let guard = Guard {
        metric,
        selector,
        max_regression: tolerated.map_or(usual.max_regression, |share| share.0),
        confidence: confidence.map_or(usual.confidence, |share| share.0),
        line: None,
    };
    Some((guard, place))
}

/// Decodes the metric of a comparison with a baseline.
fn compared_metric(node: &Node, problems: &mut Diagnostics) -> Option<(Metric, Place)> {
    let text = decode::text(node, "check", problems)?;
    if text.contains(['<', '>', '=']) {
        problems
            .error(
                node.span,
                format!(
                    "{} has its own limit, but `vs: baseline` takes it from the baseline",
                    quoted(text)
                ),
            )
            .help("write the metric alone, as in `check: p99, vs: baseline, max_regression: 10%`, or remove `vs`");
        return None;
    }
    match text.trim().parse::<Metric>() {
        Ok(metric) if metric.worse().is_some() => Some((metric, Place::from(node.span))),
        Ok(metric) => {
            problems
                .error(
                    node.span,
                    format!(
                        "`{metric}` is neither good nor bad by itself, so it can't become worse"
                    ),
                )
                .help("compare `throughput`, `error_rate`, `drop_rate` or a time");
            None
        }
        Err(error) => {
            decode::with_remedy(&error, node.span, problems);
            None
        }
    }
}

fn confidence(node: &Node, problems: &mut Diagnostics) -> Option<Share> {
    let share = decode::share(node, "confidence", problems)?;
    if !(MIN_CONFIDENCE..=MAX_CONFIDENCE).contains(&share) {
        problems
            .error(
                node.span,
                format!("a confidence of {share} is out of range"),
            )
            .help(format!(
                "write one from {MIN_CONFIDENCE} to {MAX_CONFIDENCE}; `95%` is usual"
            ));
        return None;
    }
    Some(share)
}
