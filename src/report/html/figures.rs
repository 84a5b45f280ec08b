//! [`Figure`]: the charts of the page, in groups. Charts without data are omitted.

use super::super::chart::over_time::{
    self, CPU, FIRST_EVENT, GAP, IN_FLIGHT, LAG, MEMORY, UNITS, WAITING,
};
use super::super::chart::trace::{Cast, Trace};
use super::super::chart::{
    band, groups, groups_over_time, heat, latency, measures, measures_over_time, modes, spread,
    stages, throughput, watched_over_time,
};

/// A chart of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Its identifier on the page.
    pub id: String,
    /// The key of its trace, if it shows only one.
    pub key: Option<String>,
    /// The table that contains its figures as text, by the name that the page's script and links
    /// use.
    pub data: &'static str,
    /// The drawing.
    pub svg: String,
}

/// Charts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FigureGroup {
    /// Its identifier on the page.
    pub id: &'static str,
    /// The title of the group.
    pub title: &'static str,
    /// The charts.
    pub figures: Vec<Figure>,
}

/// The tables that contain the figures of charts.
pub(crate) mod data {
    /// The comparison at the top.
    pub(crate) const COMPARISON: &str = "comparison";
    /// Percentiles of all modes.
    pub(crate) const PERCENTILES: &str = "percentiles";
    /// The figures of streams.
    pub(crate) const STREAMS: &str = "streams";
    /// The figures that the scenario defines.
    pub(crate) const MEASURES: &str = "measures";
    /// What went on beside the runs.
    pub(crate) const WATCHED: &str = "watched";
    /// The groups of steps that are measured as a whole.
    pub(crate) const GROUPS: &str = "groups";
    /// The time series of each mode.
    pub(crate) const TIMELINE: &str = "timeline";
    /// The steps.
    pub(crate) const STEPS: &str = "steps";
}

/// Returns the main chart, shown at the top.
pub(crate) fn first(cast: &Cast<'_>) -> Option<Figure> {
    figure("modes", data::COMPARISON, modes::svg(cast))
}

/// The identifier of the charts of streams.
pub(super) const STREAMS: &str = "stream-times";
/// The identifier of the charts of groups that are measured as a whole.
pub(super) const GROUPS: &str = "group-times";
/// The identifier of the charts of figures that the scenario defines.
pub(super) const MEASURES: &str = "measure-values";

/// The identifier of the charts of what went on beside the runs.
pub(super) const WATCHED: &str = "watched-over-time";

/// Returns all other charts, and the groups without charts.
pub(crate) fn parts(cast: &Cast<'_>) -> Vec<FigureGroup> {
    let each =
        |id: &str, draw: fn(&Cast<'_>, &Trace<'_>) -> Option<String>| -> Vec<Option<Figure>> {
            let one = |trace: &Trace<'_>| {
                let drawn = figure(
                    &format!("{id}-{}", trace.key),
                    data::TIMELINE,
                    draw(cast, trace),
                )?;
                Some(Figure {
                    key: Some(trace.key.clone()),
                    ..drawn
                })
            };
            cast.traces.iter().map(one).collect()
        };
    let over = |id: &str, what| figure(id, data::TIMELINE, over_time::figure(cast, what));
    let latency = vec![
        figure("latency", data::PERCENTILES, latency::svg(cast)),
        figure("distribution", data::PERCENTILES, spread::violins(cast)),
        figure("cdf", data::PERCENTILES, spread::cdf(cast)),
    ];
    let streams = vec![
        figure("first-events", data::STREAMS, latency::first_events(cast)),
        figure("gaps", data::STREAMS, latency::gaps(cast)),
        figure("units", data::STREAMS, latency::units(cast)),
        figure("rates", data::STREAMS, spread::rates(cast)),
        over("first-events-over-time", &FIRST_EVENT),
        over("gaps-over-time", &GAP),
        over("units-over-time", &UNITS),
    ];
    let spreads = measures::all(cast).into_iter().enumerate();
    let lines = measures_over_time::all(cast).into_iter().enumerate();
    let measures = spreads
        .map(|(place, svg)| figure(&format!("measure-{place}"), data::MEASURES, Some(svg)))
        .chain(lines.map(|(place, svg)| {
            let id = format!("measure-over-time-{place}");
            figure(&id, data::TIMELINE, Some(svg))
        }))
        .collect();
    let time = [
        vec![figure("throughput", data::TIMELINE, throughput::svg(cast))],
        each("band", band::svg),
        each("heat", heat::svg),
        vec![over("in-flight", &IN_FLIGHT), over("waiting", &WAITING)],
        each("failures", over_time::failures),
        each("statuses", over_time::statuses),
    ];
    let watched = watched_over_time::all(cast).into_iter().enumerate();
    let watched = watched
        .map(|(place, svg)| figure(&format!("watched-{place}"), data::WATCHED, Some(svg)))
        .collect();
    let steps = vec![figure("stages", data::STEPS, stages::svg(cast))];
    let generator = vec![
        over("lag", &LAG),
        over("cpu", &CPU),
        over("memory", &MEMORY),
    ];
    [
        (STREAMS, "Streams", streams),
        ("response-times", "Response times", latency),
        (GROUPS, "Groups as a whole", grouped(cast)),
        (MEASURES, "Measures", measures),
        ("over-time", "Over time", time.concat()),
        (WATCHED, "What else went on", watched),
        ("requests", "Stages of requests", steps),
        ("generator", "The generator itself", generator),
    ]
    .into_iter()
    .map(|(id, title, figures)| FigureGroup {
        id,
        title,
        figures: figures.into_iter().flatten().collect(),
    })
    .collect()
}

/// Returns the charts of groups that are measured as a whole.
fn grouped(cast: &Cast<'_>) -> Vec<Option<Figure>> {
    let lines = groups_over_time::all(cast).into_iter().enumerate();
    let lines = lines.map(|(place, svg)| {
        let id = format!("group-over-time-{place}");
        figure(&id, data::TIMELINE, Some(svg))
    });
    let first = figure("groups", data::GROUPS, groups::svg(cast));
    std::iter::once(first).chain(lines).collect()
}

fn figure(id: &str, data: &'static str, svg: Option<String>) -> Option<Figure> {
    svg.map(|svg| Figure {
        id: id.to_owned(),
        key: None,
        data,
        svg,
    })
}
