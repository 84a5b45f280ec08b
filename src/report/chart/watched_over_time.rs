//! What went on beside the runs, over time: a chart for each figure that was not always zero.

use super::frame::Height;
use super::over_time::{self, Figure};
use super::trace::{Cast, Trace};
use crate::report::watched;
use crate::result::{Watched, Window};

/// Draws each figure over time, in the order of the scenario.
pub(crate) fn all(cast: &Cast<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in cast.results().into_iter().flat_map(watched::names) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.iter().filter_map(|name| draw(cast, name)).collect()
}

fn draw(cast: &Cast<'_>, name: &str) -> Option<String> {
    let results = cast.results();
    let mut all = results.iter().flat_map(|result| &result.watched);
    let first = all.find(|own| watched::called(own) == name)?;
    let subtitle = format!(
        "What was watched: {}. Mean of the samples of each window.",
        first.source
    );
    over_time::figure(
        cast,
        &Figure {
            title: name,
            subtitle: &subtitle,
            y_label: match first.unit.as_str() {
                "share" => "share",
                "bytes" => "bytes",
                "/s" => "per second",
                _ => "value",
            },
            column: name,
            value: &|trace, window| value(of_first_round(trace, name)?, window),
            show: watched::show(first.unit),
            log: false,
            zeros: false,
            note: "",
            height: Height::Low,
        },
    )
}

/// Returns a figure of the first round of a trace, which is the one whose time series are shown.
fn of_first_round<'t>(trace: &Trace<'t>, name: &str) -> Option<&'t Watched> {
    let run = trace.rounds.first()?;
    let is_own = |own: &&Watched| {
        own.mode == Some(run.mode) && own.round == run.round && watched::called(own) == name
    };
    trace.result.watched.iter().find(is_own)
}

/// Returns the mean of the samples in a window, if there are any.
fn value(watched: &Watched, window: &Window) -> Option<f64> {
    let end = window.t_s + window.window_s;
    let is_in = |t_s: f64| window.t_s <= t_s && t_s < end;
    let values = watched.series.iter().filter(|point| is_in(point.t_s));
    let values: Vec<f64> = values.map(|point| point.value).collect();
    let sum: f64 = values.iter().sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}
