//! The figures that a scenario reads from responses, over time: a chart for each name.

use super::super::view;
use super::frame::Height;
use super::over_time::{self, Figure};
use super::trace::Cast;
use crate::result::{ModeRun, Window};

/// A measure of the time line, of which there are only a few names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MeasureLine {
    name: String,
    unit: String,
}

impl MeasureLine {
    /// Returns the measures of the time line of a run, in the order of the scenario.
    pub(crate) fn of_run(run: &ModeRun) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for measure in run.measures.iter().map(|own| &own.measure) {
            let one = Self {
                name: measure.name.clone(),
                unit: measure.unit.clone(),
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// Returns the name of its column in the table of the time series.
    pub(crate) fn column(&self) -> String {
        let what = match self.unit.as_str() {
            "share" => "share",
            "total" => "per second",
            _ => "p50",
        };
        format!("{} {what}", self.name)
    }

    /// Returns its figure in a window.
    pub(crate) fn value(&self, window: &Window) -> Option<f64> {
        let mut measures = window.measures.iter();
        let own = measures.find(|own| own.name == self.name && own.unit == self.unit)?;
        match self.unit.as_str() {
            "share" => own.share,
            "total" => own.total.map(|total| total / window.window_s),
            _ => own.value.as_ref().map(|value| value.p50),
        }
    }

    /// Returns what formats its figure.
    pub(crate) fn show(&self) -> fn(f64) -> String {
        match self.unit.as_str() {
            "ms" => view::duration_ms,
            "bytes" => |bytes| view::bytes(bytes as u64),
            "share" => view::share,
            "total" => view::rate,
            _ => view::number,
        }
    }

    fn draw(&self, cast: &Cast<'_>) -> Option<String> {
        let column = self.column();
        let (what, y_label) = match self.unit.as_str() {
            "share" => (
                "Share of the responses of each window that said yes",
                "share",
            ),
            "total" => ("Sum of each window, per second of it", "per second"),
            _ => ("Median of each window", "median"),
        };
        let subtitle = format!("{what}, all steps together, by the time that operations were due.");
        over_time::figure(
            cast,
            &Figure {
                title: &format!("{} over time", self.name),
                subtitle: &subtitle,
                y_label,
                column: &column,
                value: &|_, window| self.value(window),
                show: self.show(),
                log: false,
                zeros: true,
                note: "",
                height: Height::Full,
            },
        )
    }
}

/// Draws each measure over time, in the order of the scenario.
pub(crate) fn all(cast: &Cast<'_>) -> Vec<String> {
    let mut lines: Vec<MeasureLine> = Vec::new();
    for run in cast.traces.iter().flat_map(|trace| &trace.rounds) {
        for line in MeasureLine::of_run(run) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.iter().filter_map(|line| line.draw(cast)).collect()
}
