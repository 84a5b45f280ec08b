//! The response times of the groups that are measured as a whole, over time.

use super::super::groups::MAX_CHARTS;
use super::super::part_name::PartName;
use super::super::view;
use super::frame::Height;
use super::over_time::{self, Figure};
use super::trace::Cast;
use crate::result::{ModeRun, Window, WindowValues};

/// A time of a group over time: its name, how to read it, and its value.
type Time = (&'static str, &'static str, fn(&WindowValues) -> f64);

/// The times of a group over time.
const TIMES: [Time; 2] = [
    ("p50", "Median", |own| own.p50),
    ("p99", "99th percentile", |own| own.p99),
];

/// A time of a group over time.
#[derive(Clone, Copy)]
pub(crate) struct GroupLine<'r> {
    group: PartName<'r>,
    time: usize,
}

impl<'r> GroupLine<'r> {
    /// Returns those of some runs, in the order of the scenario.
    pub(crate) fn of_runs(runs: impl IntoIterator<Item = &'r ModeRun>) -> Vec<Self> {
        let groups = PartName::of_groups(runs).into_iter();
        let times = |group| (0..TIMES.len()).map(move |time| Self { group, time });
        groups.flat_map(times).collect()
    }

    /// Returns the name of its column in the table of the time series.
    pub(crate) fn column(self) -> String {
        format!("group {} {}", self.group.label(), TIMES[self.time].0)
    }

    /// Returns its value in a window, in milliseconds.
    pub(crate) fn value(self, window: &Window) -> Option<f64> {
        let group = self.group.group_in(window)?;
        group.response_ms.as_ref().map(TIMES[self.time].2)
    }

    fn draw(self, cast: &Cast<'_>) -> Option<String> {
        let (name, what, _) = TIMES[self.time];
        let label = view::shortened(&self.group.label(), 28);
        over_time::figure(
            cast,
            &Figure {
                title: &format!("{label} over time, {name}"),
                subtitle: &format!(
                    "Lower is better. {what} of each window, without pauses, by the time that passes were due."
                ),
                y_label: "response time",
                column: &self.column(),
                value: &|_, window| self.value(window),
                show: view::duration_ms,
                log: true,
                zeros: true,
                note: "",
                height: Height::Full,
            },
        )
    }
}

/// Draws the times of each group over time, of the first groups in the order of the scenario.
pub(crate) fn all(cast: &Cast<'_>) -> Vec<String> {
    let runs = cast.traces.iter().flat_map(|trace| &trace.rounds).copied();
    let lines = GroupLine::of_runs(runs).into_iter();
    lines
        .take(MAX_CHARTS * TIMES.len())
        .filter_map(|line| line.draw(cast))
        .collect()
}
