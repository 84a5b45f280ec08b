//! The table of the shards of a run.

use super::super::view;
use super::tables::Table;
use crate::result::RunResult;

/// Creates the table of the shards of a run.
pub(crate) fn shards(result: &RunResult) -> Option<Table> {
    let shards = result.shards.as_ref()?;
    let ms = |value: Option<f64>| value.map_or_else(|| "n/a".into(), |ms| format!("{ms:.1} ms"));
    let rows = shards
        .parts
        .iter()
        .map(|part| {
            vec![
                part.shard.to_string(),
                view::plain(&part.host),
                format!("{:.1} %", part.share * 100.0),
                ms(part.late_ms),
                ms(part.lag_p99_ms),
                part.verdict.name().to_owned(),
            ]
        })
        .collect();
    let caption = format!("Shards: {} of {}", shards.present, shards.expected);
    Table::new(
        &caption,
        "words",
        &[
            "shard",
            "host",
            "share",
            "began after the first",
            "p99 of lag",
            "verdict",
        ],
        rows,
    )
}
