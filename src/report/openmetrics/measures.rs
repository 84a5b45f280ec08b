//! The metrics of the figures that a scenario reads from responses, of each round.

use super::text::{Text, label};
use crate::result::{Measure, RunResult};

/// A metric family: its name, its kind, its unit, what it is, the suffix of its lines, and its value.
type Family = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    fn(&Measure) -> Option<f64>,
);

const FAMILIES: [Family; 3] = [
    (
        "measure_share_ratio",
        "gauge",
        "ratio",
        "Share of responses whose measure said yes.",
        "",
        |own| own.share,
    ),
    (
        "measure_total_sum",
        "gauge",
        "",
        "Sum of the values of a total.",
        "",
        |own| own.total,
    ),
    (
        "measure_unread",
        "counter",
        "",
        "Responses whose value could not be read.",
        "_total",
        |own| Some(own.unread as f64),
    ),
];

/// Writes the metrics, if there are measures.
pub(super) fn metrics(text: &mut Text, result: &RunResult) {
    let mut all = Vec::new();
    for run in &result.runs {
        for placed in &run.measures {
            let own = &placed.measure;
            let labels = [
                ("mode", run.mode.name().to_owned()),
                ("round", run.round.to_string()),
                ("mix", label(&placed.mix)),
                ("step", label(&placed.step)),
                ("measure", own.name.clone()),
                ("unit", own.unit.clone()),
            ];
            all.push((own, labels));
        }
    }
    if all.is_empty() {
        return;
    }
    for (name, kind, unit, help, suffix, value) in FAMILIES {
        text.family(name, kind, unit, help);
        for (own, labels) in &all {
            text.line(
                &format!("{name}{suffix}"),
                &labels.each_ref().map(borrowed),
                value(own),
            );
        }
    }
    text.family(
        "measure",
        "summary",
        "",
        "A figure that the scenario reads from responses.",
    );
    for (own, labels) in &all {
        let Some(summary) = own.value.as_ref().filter(|summary| summary.count > 0) else {
            continue;
        };
        text.summary("measure", &labels.each_ref().map(borrowed), summary, 1.0);
    }
}

fn borrowed<'l>((key, text): &'l (&'static str, String)) -> (&'l str, &'l str) {
    (key, text)
}
