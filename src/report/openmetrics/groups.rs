//! The metrics of groups of steps that are measured as a whole, of each round.

use super::text::Text;
use super::values::label;
use crate::metrics::Summary;
use crate::result::{RunResult, TimedGroup};

/// A time of groups: its name, what it is, and where it is.
type Time = (
    &'static str,
    &'static str,
    fn(&TimedGroup) -> Option<&Summary>,
);

const TIMES: [Time; 2] = [
    (
        "group_response_seconds",
        "From the planned moment of the first operation of a group to the end of its last one, without pauses.",
        |own| own.response_ms.as_ref(),
    ),
    (
        "group_think_seconds",
        "The pauses of each pass through a group.",
        |own| own.think_ms.as_ref(),
    ),
];

/// Writes the metrics, if there are such groups.
pub(super) fn metrics(text: &mut Text, result: &RunResult) {
    let mut all = Vec::new();
    for run in &result.runs {
        for own in &run.groups {
            let labels = [
                ("mode", run.mode.name().to_owned()),
                ("round", run.round.to_string()),
                ("mix", label(&own.mix)),
                ("group", label(&own.name)),
            ];
            all.push((own, labels));
        }
    }
    if all.is_empty() {
        return;
    }
    let all: Vec<(&TimedGroup, [(&str, &str); 4])> = all
        .iter()
        .map(|(own, labels)| {
            (
                *own,
                labels.each_ref().map(|(key, value)| (*key, value.as_str())),
            )
        })
        .collect();
    counters(text, &all);
    let name = "group_throughput_passes_per_second";
    let help = "Successful passes through a group per second.";
    text.family(name, "gauge", "passes_per_second", help);
    for (own, labels) in &all {
        text.line(name, labels, Some(own.throughput_rps));
    }
    for (name, help, get) in TIMES {
        text.family(name, "summary", "seconds", help);
        for (own, labels) in &all {
            if let Some(summary) = get(own).filter(|summary| summary.count > 0) {
                text.summary(name, labels, summary, 1e3);
            }
        }
    }
}

/// Writes how passes ended.
fn counters(text: &mut Text, all: &[(&TimedGroup, [(&str, &str); 4])]) {
    let help = "Passes through a group, by outcome.";
    text.family("group_passes", "counter", "", help);
    for (own, labels) in all {
        let outcomes = [
            ("ok", own.counts.ok),
            ("failed", own.counts.failed),
            ("cancelled", own.counts.cancelled),
            ("unfinished", own.counts.unfinished),
        ];
        for (outcome, count) in outcomes {
            let labels = [&labels[..], &[("outcome", outcome)]].concat();
            text.line("group_passes_total", &labels, Some(count as f64));
        }
    }
    if all.iter().all(|(own, _)| own.failures.is_empty()) {
        return;
    }
    let help = "Failed passes through a group, by the kind of their first failure.";
    text.family("group_failures", "counter", "", help);
    for (own, labels) in all {
        for (kind, count) in &own.failures {
            let kind = label(kind);
            let labels = [&labels[..], &[("kind", kind.as_str())]].concat();
            text.line("group_failures_total", &labels, Some(*count as f64));
        }
    }
}
