//! What a search for the highest rate found, as text for the terminal. Everything shown is in the result.

use comfy_table::{Cell, CellAlignment};

use super::paint::{self, Paint};
use super::terminal::{self, Style};
use super::thresholds::figure;
use super::view;
use crate::result::{CapacityResult, LimitedBy, ProbeOutcome, RateProbe, ThresholdResult};

/// Metrics that have a column of their own.
const SHOWN: [&str; 4] = ["p50", "p90", "p99", "max"];

/// The answer in one sentence.
pub fn sentence(result: &CapacityResult) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| view::NA.into(), view::rate);
    let slo = view::list(&result.slo.iter().map(|check| view::plain(check)).collect::<Vec<_>>());
    let (meets, meet) = if result.slo.len() == 1 { ("meets", "meet") } else { ("meets all of", "meet all of") };
    let (found, missed) = (rate(result.capacity), rate(result.missed));
    match (result.limited_by, result.capacity) {
        (LimitedBy::Check, _) => format!("{found} {meets} {slo}; {missed} does not"),
        (LimitedBy::Generator, Some(_)) => {
            format!("at least {found} {meets} {slo}; at {missed} loadgen itself is the limit, and nothing is known of the target")
        }
        (LimitedBy::Generator, None) => {
            format!("loadgen itself is the limit, down to {missed}: nothing is known of the target, and whether a rate would {meet} {slo}")
        }
        (LimitedBy::Maximum, _) => format!("at least {found} {meets} {slo}; no higher rate was allowed"),
        (LimitedBy::Interrupt, Some(_)) => format!("interrupted: {found} {meets} {slo}, and higher rates may"),
        (LimitedBy::Interrupt, None) => format!("interrupted before a rate was found that {meets} {slo}"),
        (LimitedBy::Failure, Some(_)) => format!("broken off: {found} {meets} {slo}, and higher rates may"),
        (LimitedBy::Failure, None) => format!("broken off before a rate was found that {meets} {slo}"),
        (LimitedBy::Nothing, _) => format!("no rate down to {missed} {meets} {slo}"),
    }
}

/// What came of one rate, on one line, for those who wait.
pub fn line(probe: &RateProbe) -> String {
    let mut parts: Vec<String> = probe.thresholds.iter().map(|of| format!("{} {}", metric(of), observed(of))).collect();
    let why = match probe.outcome {
        ProbeOutcome::Met => None,
        ProbeOutcome::Missed if probe.thresholds.iter().any(|of| !of.is_met()) => None,
        ProbeOutcome::Missed => probe.reasons.first(),
        ProbeOutcome::Invalid => probe.doubts.first(),
    };
    parts.extend(why.map(|why| view::plain(brief(why))));
    format!("{:>9}  {}  {}", view::rate(probe.rate), word(probe.outcome), parts.join(", "))
}

/// What was seen, without what it means.
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

/// The metric of a check, which is its first word.
fn metric(threshold: &ThresholdResult) -> String {
    view::plain(threshold.check.split_whitespace().next().unwrap_or_default())
}

fn observed(threshold: &ThresholdResult) -> String {
    view::or_na(threshold.observed, |value| figure(threshold.unit, value))
}

/// The curve as a table, and the answer.
pub fn render(result: &CapacityResult, style: Style) -> String {
    let name = Paint::Strong.on(&view::plain(&result.scenario.name));
    let slo = view::list(&result.slo.iter().map(|check| view::plain(check)).collect::<Vec<_>>());
    let implied = result.implied.as_ref().map(|check| format!(" (and {})", view::plain(check))).unwrap_or_default();
    let head = format!(
        "{name} · capacity for {slo}{implied} · {} · {} a rate · seed {} · {}",
        result.mode,
        view::round(&view::duration_s(result.probe_s)),
        result.scenario.seed,
        view::moment(&result.started_at)
    );
    let mut probes: Vec<&RateProbe> = result.probes.iter().collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    // Every probe was held to the same checks.
    let more: Vec<(usize, String)> = probes.first().map_or_else(Vec::new, |probe| {
        let metrics = probe.thresholds.iter().map(metric).enumerate();
        metrics.filter(|(_, name)| !SHOWN.contains(&name.as_str()) && name != "error_rate").collect()
    });
    let width = style.width.clamp(40, 400);
    let mut table = terminal::table(width);
    let header = ["rate", "", "throughput"].into_iter().chain(more.iter().map(|(_, name)| name.as_str()));
    let header = header.chain(SHOWN).chain(["failed", "lost"]);
    table.set_header(header);
    for probe in &probes {
        table.add_row(row(probe, &more));
    }
    let columns = table.column_count();
    for column in std::iter::once(0).chain(2..columns) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let answer = Paint::Strong.on(&sentence(result));
    let notes: String =
        notes(result, &probes).into_iter().map(|note| format!("{}\n", terminal::indented(&view::plain(&note), width))).collect();
    paint::finish(&format!("{head}\n\n{}\n\n{answer}\n{notes}", table.trim_fmt()), style.color)
}

fn row(probe: &RateProbe, more: &[(usize, String)]) -> Vec<Cell> {
    let time = |ms: Option<f64>| view::or_na(ms, view::duration_ms);
    let paint = match probe.outcome {
        ProbeOutcome::Met => Paint::Good,
        ProbeOutcome::Missed => Paint::Bad,
        ProbeOutcome::Invalid => Paint::Warn,
    };
    let mut cells = vec![view::rate(probe.rate), paint.on(word(probe.outcome)), view::rate(probe.throughput_rps)];
    cells.extend(more.iter().map(|(index, _)| probe.thresholds.get(*index).map_or_else(|| view::NA.into(), observed)));
    cells.extend([time(probe.p50_ms), time(probe.p90_ms), time(probe.p99_ms), time(probe.max_ms)]);
    cells.extend([view::count(probe.failed), view::count(probe.lost)]);
    cells.into_iter().map(Cell::new).collect()
}

/// Why the rate above was missed, where the figures don't say it; why tries could not be believed; and what was warned of.
fn notes(result: &CapacityResult, probes: &[&RateProbe]) -> Vec<String> {
    let at = |probe: &RateProbe, text: &str| format!("at {}: {text}", view::rate(probe.rate));
    let above = probes.iter().filter(|probe| Some(probe.rate) == result.missed && probe.outcome == ProbeOutcome::Missed);
    let mut notes: Vec<String> = above.flat_map(|probe| probe.reasons.iter().map(|reason| at(probe, reason))).take(1).collect();
    let invalid: Vec<&&RateProbe> = probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Invalid).collect();
    let of_missed = invalid.iter().filter(|probe| Some(probe.rate) == result.missed);
    match of_missed.last().or(invalid.last()) {
        Some(probe) if result.limited_by == LimitedBy::Generator => notes.extend(probe.doubts.iter().map(|doubt| at(probe, doubt))),
        Some(probe) => {
            let (some, all) = (view::count(invalid.len() as u64), view::count(probes.len() as u64));
            let doubt = probe.doubts.first().map_or("", |doubt| brief(doubt));
            notes.push(format!(
                "{some} of {all} tries could not be believed and were made again, the last of them at {}: {doubt}",
                view::rate(probe.rate)
            ));
        }
        None => {}
    }
    notes.extend(result.warnings.iter().map(|warning| format!("warning: {warning}")));
    notes
}
