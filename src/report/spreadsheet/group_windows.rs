//! The columns of groups that are measured as a whole in the time series.

use super::cells::text;
use crate::report::part_name::PartName;
use crate::result::Window;

/// The columns of a group in the time series.
const OF_WINDOWS: [&str; 9] = [
    "planned",
    "ok",
    "failed",
    "throughput_rps",
    "mean_ms",
    "p50_ms",
    "p99_ms",
    "max_ms",
    "think_mean_ms",
];

/// Returns the names of the columns of a group, which begin with its mix entry and its name.
pub(super) fn names(group: &PartName<'_>) -> [String; OF_WINDOWS.len()] {
    OF_WINDOWS.map(|figure| text(&format!("group_{}.{}_{figure}", group.mix, group.name)))
}

/// Returns the cells of a group in a window, as many as there are names.
pub(super) fn of_window(group: &PartName<'_>, window: &Window) -> [Option<f64>; OF_WINDOWS.len()] {
    let own = group.group_in(window);
    let times = own.and_then(|own| own.response_ms.as_ref());
    [
        own.map(|own| own.planned as f64),
        own.map(|own| own.ok as f64),
        own.map(|own| own.failed as f64),
        own.map(|own| own.throughput_rps),
        times.map(|own| own.mean),
        times.map(|own| own.p50),
        times.map(|own| own.p99),
        times.map(|own| own.max),
        own.and_then(|own| own.think_mean_ms),
    ]
}
