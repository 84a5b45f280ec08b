//! [`Part`]: the charts of the page with the tables of their figures.

use super::super::chart::trace::Cast;
use super::figures::{self, Figure};
use super::tables::{self, Table};
use super::{group_table, measure_table, watched_table};
use crate::result::RunResult;

/// Charts that belong together, and the tables that are shown below them.
pub(super) struct Part {
    /// Its identifier on the page.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The charts.
    pub figures: Vec<Figure>,
    /// The tables.
    pub tables: Vec<Table>,
}

/// Returns the parts that have something to show.
pub(super) fn parts(cast: &Cast<'_>) -> Vec<Part> {
    let part = |charts: figures::FigureGroup| Part {
        id: charts.id,
        title: charts.title,
        figures: charts.figures,
        tables: match charts.id {
            figures::STREAMS => streams(cast),
            figures::GROUPS => group_table::grouped(cast).into_iter().collect(),
            figures::MEASURES => only(cast)
                .and_then(measure_table::measured)
                .into_iter()
                .collect(),
            figures::WATCHED => only(cast)
                .and_then(watched_table::of_result)
                .into_iter()
                .collect(),
            _ => Vec::new(),
        },
    };
    let mut parts: Vec<Part> = figures::parts(cast).into_iter().map(part).collect();
    parts.retain(|part| !(part.figures.is_empty() && part.tables.is_empty()));
    parts
}

/// Returns the tables of streams of each result; links lead to those of the first.
fn streams(cast: &Cast<'_>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut results = cast.results();
    results.dedup_by(|a, b| std::ptr::eq(*a, *b));
    for result in results {
        for mut table in tables::streamed(result) {
            if tables.iter().any(|known| known.id == table.id) {
                table.id.clear();
            }
            tables.push(table);
        }
    }
    tables
}

/// Returns the only result of a page; those about several leave some tables to the page of each.
pub(super) fn only<'r>(cast: &Cast<'r>) -> Option<&'r RunResult> {
    let results = cast.results();
    let first = *results.first()?;
    let is_only = results.iter().all(|own| std::ptr::eq(*own, first));
    is_only.then_some(first)
}
