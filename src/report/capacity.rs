//! What a search for the highest rate found, as text for the terminal. Everything shown is in the result.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableStyle};

use super::paint::{self, Paint};
use super::terminal::Style;
use super::view;
use crate::result::{CapacityResult, LimitedBy, ProbeOutcome, RateProbe, Verdict};

/// The answer in one sentence.
pub fn sentence(result: &CapacityResult) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| view::NA.into(), view::rate);
    let (found, slo) = (rate(result.capacity), view::plain(&result.slo));
    let missed = rate(result.missed);
    match (result.limited_by, result.capacity) {
        (LimitedBy::Check, _) => format!("{found} meets {slo}; {missed} does not"),
        (LimitedBy::Generator, Some(_)) => {
            format!("at least {found} meets {slo}; at {missed} loadgen itself is the limit, and nothing is known of the target")
        }
        (LimitedBy::Maximum, _) => format!("at least {found} meets {slo}; no higher rate was allowed"),
        (LimitedBy::Interrupt, Some(_)) => format!("interrupted: {found} meets {slo}, and higher ones may"),
        (LimitedBy::Nothing | LimitedBy::Generator | LimitedBy::Interrupt, _) => format!("no rate was found that meets {slo}"),
    }
}

/// The curve as a table, and the answer.
pub fn render(result: &CapacityResult, style: Style) -> String {
    let name = Paint::Strong.on(&view::plain(&result.scenario.name));
    let head = format!(
        "{name} · capacity for {} · {} · {} a rate · seed {} · {}",
        view::plain(&result.slo),
        result.mode,
        view::duration_s(result.probe_s),
        result.scenario.seed,
        view::moment(&result.started_at)
    );
    let answer = Paint::Strong.on(&sentence(result));
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width.clamp(40, 400)).unwrap_or(u16::MAX))
        .set_header(["rate", "", "throughput", "p50", "p90", "p99", "max", "failed", "validity"]);
    let mut probes: Vec<&RateProbe> = result.probes.iter().collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    for probe in probes {
        table.add_row(row(probe));
    }
    for column in [0, 2, 3, 4, 5, 6, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let doubts: Vec<String> = result
        .probes
        .iter()
        .filter(|probe| probe.validity == Verdict::Invalid)
        .flat_map(|probe| probe.doubts.iter().map(|doubt| format!("  at {}: {}\n", view::rate(probe.rate), view::plain(doubt))))
        .take(3)
        .collect();
    paint::finish(&format!("{head}\n\n{}\n\n{answer}\n{}", table.trim_fmt(), doubts.concat()), style.color)
}

fn row(probe: &RateProbe) -> Vec<Cell> {
    let time = |ms: Option<f64>| view::or_na(ms, view::duration_ms);
    let word = match probe.outcome {
        ProbeOutcome::Met => Paint::Good.on("✓ met"),
        ProbeOutcome::Missed => Paint::Bad.on("✗ missed"),
        ProbeOutcome::Invalid => Paint::Warn.on("? invalid"),
    };
    let validity = match probe.validity {
        Verdict::Valid => "valid",
        Verdict::Degraded => "degraded",
        Verdict::Invalid => "invalid",
    };
    let cells = [
        view::rate(probe.rate),
        word,
        view::rate(probe.throughput_rps),
        time(probe.p50_ms),
        time(probe.p90_ms),
        time(probe.p99_ms),
        time(probe.max_ms),
        view::count(probe.failed + probe.dropped),
        validity.into(),
    ];
    cells.into_iter().map(Cell::new).collect()
}
