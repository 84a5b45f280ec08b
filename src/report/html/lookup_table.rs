//! The table of the lookups of names during a run.

use super::super::{lookups, view};
use super::tables::Table;
use crate::result::{Lookups, ModeRun, UnusedAddress};

/// Creates the table of a run's lookups, if its scenario asks for some.
pub(super) fn of_run(run: &ModeRun) -> Option<Table> {
    Table::new(
        "Lookups of names",
        "words",
        &[
            "target",
            "lookups",
            "failed",
            "changes",
            "addresses",
            "not used",
        ],
        run.lookups.iter().map(row).collect(),
    )
}

fn row(lookups: &Lookups) -> Vec<String> {
    let used = lookups.addresses.iter().map(lookups::used);
    let unused = lookups
        .unused
        .iter()
        .map(|UnusedAddress { address, reason }| {
            format!("{}: {}", view::plain(address), view::plain(reason))
        });
    vec![
        view::plain(&lookups.target),
        view::count(lookups.made),
        view::count(lookups.failed),
        view::count(lookups.changes),
        used.collect::<Vec<_>>().join(", "),
        unused.collect::<Vec<_>>().join(", "),
    ]
}
