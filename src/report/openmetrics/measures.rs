//! The metrics of the figures that a scenario reads from responses, of each round: of steps, and in
//! families of their own, so that no sum over a family counts a response twice, of targets, stages
//! and values of tags.

use super::text::Text;
use super::values::label;
use crate::report::measures::{self, MeasuredPart};
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
        "measure_total_value",
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

/// The labels of a line.
type Labels = Vec<(&'static str, String)>;

/// Returns what the names of the families of a part begin with, and its labels.
fn place(of: MeasuredPart<'_>) -> (&'static str, Labels) {
    let step = [("mix", label(of.mix)), ("step", label(of.step))];
    match of {
        _ if !of.target.is_empty() => ("target_", vec![("target", label(of.target))]),
        _ if !of.stage.is_empty() => ("stage_", vec![("stage", label(of.stage))]),
        _ if !of.tag.is_empty() => {
            let tag = ("tag", label(of.tag));
            ("tag_", step.into_iter().chain([tag]).collect())
        }
        _ => ("", step.to_vec()),
    }
}

/// Writes the metrics, if there are measures.
pub(super) fn metrics(text: &mut Text, result: &RunResult) {
    let mut all = Vec::new();
    for run in &result.runs {
        for own in measures::of_run(run) {
            let (prefix, place) = place(own.of);
            let mode = run.mode.name().to_owned();
            let first = [("mode", mode), ("round", run.round.to_string())];
            let last = [
                ("measure", label(&own.measure.name)),
                ("unit", label(&own.measure.unit)),
            ];
            let labels: Labels = first.into_iter().chain(place).chain(last).collect();
            all.push((prefix, own.measure, labels));
        }
    }
    for prefix in ["", "target_", "stage_", "tag_"] {
        let own = all.iter().filter(|(own, ..)| *own == prefix);
        let own: Vec<(&Measure, Vec<(&str, &str)>)> = own
            .map(|(_, measure, labels)| {
                let labels = labels.iter().map(|(key, value)| (*key, value.as_str()));
                (*measure, labels.collect())
            })
            .collect();
        if !own.is_empty() {
            families(text, prefix, &own);
        }
    }
}

/// Writes the families whose names have this prefix.
fn families(text: &mut Text, prefix: &str, all: &[(&Measure, Vec<(&str, &str)>)]) {
    for (name, kind, unit, help, suffix, value) in FAMILIES {
        text.family(&format!("{prefix}{name}"), kind, unit, help);
        for (own, labels) in all {
            text.line(&format!("{prefix}{name}{suffix}"), labels, value(own));
        }
    }
    let name = format!("{prefix}measure");
    let help = "A figure that the scenario reads from responses.";
    text.family(&name, "summary", "", help);
    for (own, labels) in all {
        if let Some(summary) = own.value.as_ref().filter(|summary| summary.count > 0) {
            text.summary(&name, labels, summary, 1.0);
        }
    }
}
