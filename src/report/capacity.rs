//! Formats the result of a search for the highest rate as text for the terminal. Everything shown
//! is in the result.

mod watched;

use comfy_table::{Cell, CellAlignment};

use super::paint::{self, Paint};
use super::terminal::{self, Style};
use super::thresholds::figure;
use super::view;
use crate::result::{CapacityResult, LimitedBy, ProbeOutcome, RateProbe, ThresholdResult};

/// Metrics with their own column.
const COLUMNS: [&str; 2] = ["p50", "p99"];

/// The only column that holds a word.
const OUTCOME: usize = 1;

/// Returns the answer in one sentence.
pub(crate) fn sentence(result: &CapacityResult) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| view::NA.into(), view::rate);
    let slo = view::list(
        &result
            .slo
            .iter()
            .map(|check| view::plain(check))
            .collect::<Vec<_>>(),
    );
    let (meets, meet) = if result.slo.len() == 1 {
        ("meets", "meet")
    } else {
        ("meets all of", "meet all of")
    };
    let (found, missed) = (rate(result.capacity), rate(result.missed));
    match (result.limited_by, result.capacity) {
        (LimitedBy::Check, _) => format!("{found} {meets} {slo}; {missed} does not"),
        (LimitedBy::Generator, Some(_)) => {
            format!(
                "at least {found} {meets} {slo}; at {missed} loadgen itself is the limit, and nothing is known about the target"
            )
        }
        (LimitedBy::Generator, None) => {
            format!(
                "loadgen itself is the limit, even at {missed}: nothing is known about the target, nor whether a rate would {meet} {slo}"
            )
        }
        (LimitedBy::Machine, Some(_)) => {
            format!(
                "at least {found} {meets} {slo}; then this machine was too busy with other work to judge {missed}"
            )
        }
        (LimitedBy::Machine, None) => {
            format!(
                "this machine was too busy with other work to judge any rate: it is not known whether one would {meet} {slo}"
            )
        }
        (LimitedBy::Maximum, _) => {
            format!("at least {found} {meets} {slo}; no higher rate was allowed")
        }
        (LimitedBy::Interrupt, Some(_)) => {
            format!("interrupted: {found} {meets} {slo}, and higher rates may")
        }
        (LimitedBy::Interrupt, None) => {
            format!("interrupted before a rate was found that {meets} {slo}")
        }
        (LimitedBy::Failure, Some(_)) => {
            format!("ended by a failure: {found} {meets} {slo}, and higher rates may")
        }
        (LimitedBy::Failure, None) => {
            format!("ended by a failure before a rate was found that {meets} {slo}")
        }
        (LimitedBy::Nothing, _) => format!("no rate down to {missed} {meets} {slo}"),
    }
}

/// Formats the outcome of one rate on one line, for progress output.
pub(crate) fn line(probe: &RateProbe) -> String {
    let mut parts: Vec<String> = probe
        .thresholds
        .iter()
        .map(|of| format!("{} {}", metric(of), observed(of)))
        .collect();
    let why = match probe.outcome {
        ProbeOutcome::Met => None,
        ProbeOutcome::Missed if probe.thresholds.iter().any(|of| !of.is_met()) => None,
        ProbeOutcome::Missed => probe.reasons.first(),
        ProbeOutcome::Invalid => probe.doubts.first(),
    };
    parts.extend(why.map(|why| view::plain(brief(why))));
    format!(
        "{:>9}  {}  {}",
        view::rate(probe.rate),
        word(probe.outcome),
        parts.join(", ")
    )
}

/// Returns the observation without its interpretation.
fn brief(doubt: &str) -> &str {
    doubt.split(';').next().unwrap_or(doubt)
}

const fn word(outcome: ProbeOutcome) -> &'static str {
    match outcome {
        ProbeOutcome::Met => "✓ met",
        ProbeOutcome::Missed => "✗ missed",
        ProbeOutcome::Invalid => "? invalid",
    }
}

/// Returns the metric of a check, which is its first word.
fn metric(threshold: &ThresholdResult) -> String {
    view::plain(
        threshold
            .check
            .split_whitespace()
            .next()
            .unwrap_or_default(),
    )
}

fn observed(threshold: &ThresholdResult) -> String {
    view::or_na(threshold.observed, |value| figure(threshold.unit, value))
}

/// Renders the curve as a table, and the answer.
pub(crate) fn render(result: &CapacityResult, style: Style) -> String {
    let name = Paint::Strong.on(&view::plain(&result.scenario.name));
    let slo = view::list(
        &result
            .slo
            .iter()
            .map(|check| view::plain(check))
            .collect::<Vec<_>>(),
    );
    let implied = result
        .implied
        .as_ref()
        .map(|check| format!(" (and {})", view::plain(check)))
        .unwrap_or_default();
    let head = format!(
        "{name} · capacity for {slo}{implied} · {} · {} a rate · seed {} · {}",
        result.mode,
        view::round(&view::duration_s(result.probe_s)),
        result.scenario.seed,
        view::moment(&result.started_at)
    );
    let mut probes: Vec<&RateProbe> = result.probes.iter().collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    // Every probe has the same checks.
    let more: Vec<(usize, String)> = probes.first().map_or_else(Vec::new, |probe| {
        let metrics = probe.thresholds.iter().map(metric).enumerate();
        metrics
            .filter(|(_, name)| !COLUMNS.contains(&name.as_str()) && name != "error_rate")
            .collect()
    });
    let width = style.width.clamp(40, 400);
    let mut table = terminal::table(width);
    let header = ["rate", "", "throughput"]
        .into_iter()
        .chain(more.iter().map(|(_, name)| name.as_str()));
    let any_lost = probes.iter().any(|probe| probe.lost > 0);
    let header = header
        .chain(COLUMNS)
        .chain(["failed"])
        .chain(any_lost.then_some("lost"));
    table.set_header(header);
    for probe in &probes {
        table.add_row(row(probe, &more, any_lost));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if index != OUTCOME {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let answer = Paint::Strong.on(&sentence(result));
    let notes: String = notes(result, &probes)
        .into_iter()
        .map(|note| format!("{}\n", terminal::indented(&view::plain(&note), width)))
        .collect();
    let watched =
        watched::table(result, width).map_or_else(String::new, |watched| format!("{watched}\n"));
    paint::finish(
        &format!(
            "{head}\n\n{}\n\n{watched}{answer}\n{notes}",
            table.trim_fmt()
        ),
        style.color,
    )
}

fn row(probe: &RateProbe, more: &[(usize, String)], any_lost: bool) -> Vec<Cell> {
    let time = |ms: Option<f64>| view::or_na(ms, view::duration_ms);
    let paint = match probe.outcome {
        ProbeOutcome::Met => Paint::Good,
        ProbeOutcome::Missed => Paint::Bad,
        ProbeOutcome::Invalid => Paint::Warn,
    };
    let mut cells = vec![
        view::rate(probe.rate),
        paint.on(word(probe.outcome)),
        view::rate(probe.throughput_rps),
    ];
    cells.extend(more.iter().map(|(index, _)| {
        probe
            .thresholds
            .get(*index)
            .map_or_else(|| view::NA.into(), observed)
    }));
    cells.extend([
        time(probe.p50_ms),
        time(probe.p99_ms),
        view::count(probe.failed),
    ]);
    cells.extend(any_lost.then(|| view::count(probe.lost)));
    cells.into_iter().map(Cell::new).collect()
}

/// Returns why the rate above was missed, if the figures don't show it; why probes were invalid;
/// and the warnings.
fn notes(result: &CapacityResult, probes: &[&RateProbe]) -> Vec<String> {
    let at = |probe: &RateProbe, text: &str| format!("at {}: {text}", view::rate(probe.rate));
    let above = probes
        .iter()
        .filter(|probe| Some(probe.rate) == result.missed && probe.outcome == ProbeOutcome::Missed);
    let mut notes: Vec<String> = above
        .flat_map(|probe| probe.reasons.iter().map(|reason| at(probe, reason)))
        .take(1)
        .collect();
    let invalid: Vec<&&RateProbe> = probes
        .iter()
        .filter(|probe| probe.outcome == ProbeOutcome::Invalid)
        .collect();
    let of_missed = invalid
        .iter()
        .rfind(|probe| Some(probe.rate) == result.missed);
    match of_missed.or(invalid.last()) {
        Some(probe) if matches!(result.limited_by, LimitedBy::Generator | LimitedBy::Machine) => {
            notes.extend(probe.doubts.iter().map(|doubt| at(probe, doubt)));
            notes.extend(seen(&invalid).filter(|_| result.limited_by == LimitedBy::Machine));
        }
        Some(probe) => {
            let (some, all) = (
                view::count(invalid.len() as u64),
                view::count(probes.len() as u64),
            );
            let doubt = probe.doubts.first().map_or("", |doubt| brief(doubt));
            notes.push(format!(
                "{some} of {all} tries gave unreliable figures, the last of them at {}: {doubt}",
                view::rate(probe.rate)
            ));
        }
        None => {}
    }
    notes.extend(watched::full(result));
    notes.extend(
        result
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    notes
}

/// Returns what was observed at the highest rate that met everything, but with invalid figures.
fn seen(invalid: &[&&RateProbe]) -> Option<String> {
    let met = invalid
        .iter()
        .filter(|probe| probe.thresholds.iter().all(ThresholdResult::is_met));
    let highest = met.max_by(|a, b| a.rate.total_cmp(&b.rate))?;
    let figures: Vec<String> = highest
        .thresholds
        .iter()
        .map(|of| format!("{} {}", metric(of), observed(of)))
        .collect();
    Some(format!(
        "at {} {}, according to these figures; `--on-invalid warn` accepts such figures",
        view::rate(highest.rate),
        figures.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden_and_in_colour() {
        let result = fixture::capacity::found();
        golden::check(
            "capacity-100.txt",
            &render(
                &result,
                Style {
                    color: false,
                    width: 100,
                },
            ),
        );
        golden::check(
            "capacity-color.txt",
            &render(
                &result,
                Style {
                    color: true,
                    width: 80,
                },
            ),
        );
    }

    #[test]
    fn every_end_has_its_sentence() {
        let ends = fixture::capacity::ends();
        let text: String = ends
            .iter()
            .map(|(name, result)| format!("{name}: {}\n", sentence(result)))
            .collect();
        golden::check("capacity-ends.txt", &text);
    }

    #[test]
    fn nothing_gets_through_to_the_terminal() {
        for (name, result) in fixture::capacity::ends()
            .into_iter()
            .chain([("silent", fixture::capacity::silent())])
        {
            let lines: String = result.probes.iter().map(line).collect();
            for text in [render(&result, Style::default()), lines] {
                assert!(
                    text.chars().all(|c| c == '\n' || !c.is_control()),
                    "{name}: {text:?}"
                );
                assert!(
                    !text.contains("NaN") && !text.contains("inf"),
                    "{name}: {text}"
                );
            }
        }
    }
}
