//! Cells and tables as spreadsheets read them.

use std::collections::BTreeMap;
use std::io;

use csv::{Terminator, WriterBuilder};

use crate::report::view;

/// The percentiles that every summary has.
pub(super) const PERCENTILES: [&str; 7] = ["p50", "p75", "p90", "p95", "p99", "p999", "p9999"];
/// The percentiles of times other than the response time.
pub(super) const FEW_PERCENTILES: [&str; 3] = ["p50", "p90", "p99"];

pub(super) fn number(value: f64) -> String {
    view::digits(value).unwrap_or_default()
}

pub(super) fn known(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

/// Formats failures as `status 3; timeout_total 2`, by name, so that equal failures are equal
/// cells.
pub(super) fn failures(kinds: &BTreeMap<String, u64>) -> String {
    text(
        &kinds
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(kind, n)| format!("{kind} {n}"))
            .collect::<Vec<_>>()
            .join("; "),
    )
}

/// Returns text on one line that no spreadsheet takes for a formula: a leading apostrophe marks it
/// as text.
pub(super) fn text(text: &str) -> String {
    let text = view::plain(text);
    let is_formula = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{text}") } else { text }
}

pub(super) fn table(rows: &[Vec<String>]) -> io::Result<String> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    rows.iter().try_for_each(|row| writer.write_record(row))?;
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
