//! [`Figure`]: the charts of the page, in the parts that it shows them in. Those without data are left out.

use super::super::chart::over_time::{self, CPU, IN_FLIGHT, LAG, MEMORY, WAITING};
use super::super::chart::trace::{Cast, Trace};
use super::super::chart::{band, heat, latency, modes, spread, stages, throughput};

/// A chart of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Names it on the page.
    pub id: String,
    /// The trace that it is of, where it is of one alone.
    pub key: Option<String>,
    /// Where its figures stand as text: the name of a table, as the page's script and its links
    /// know it.
    pub data: &'static str,
    /// The drawing.
    pub svg: String,
}

/// Charts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FigureGroup {
    /// Names it on the page.
    pub id: &'static str,
    /// What they are about.
    pub title: &'static str,
    /// The charts.
    pub figures: Vec<Figure>,
}

/// The tables that charts have their figures in.
pub(crate) mod data {
    /// The comparison at the top.
    pub(crate) const COMPARISON: &str = "comparison";
    /// Percentiles of all modes.
    pub(crate) const PERCENTILES: &str = "percentiles";
    /// The time line of each mode.
    pub(crate) const TIMELINE: &str = "timeline";
    /// The steps.
    pub(crate) const STEPS: &str = "steps";
}

/// The chart that makes the point, which stands at the top.
pub(crate) fn first(cast: &Cast<'_>) -> Option<Figure> {
    figure("modes", data::COMPARISON, modes::svg(cast))
}

/// All other charts.
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
    let time = [
        vec![figure("throughput", data::TIMELINE, throughput::svg(cast))],
        each("band", band::svg),
        each("heat", heat::svg),
        vec![over("in-flight", &IN_FLIGHT), over("waiting", &WAITING)],
        each("failures", over_time::failures),
        each("statuses", over_time::statuses),
    ];
    let steps = vec![figure("stages", data::STEPS, stages::svg(cast))];
    let generator = vec![
        over("lag", &LAG),
        over("cpu", &CPU),
        over("memory", &MEMORY),
    ];
    [
        ("response-times", "Response times", latency),
        ("over-time", "Over time", time.concat()),
        ("requests", "Stages of requests", steps),
        ("generator", "The generator itself", generator),
    ]
    .into_iter()
    .map(|(id, title, figures)| FigureGroup {
        id,
        title,
        figures: figures.into_iter().flatten().collect(),
    })
    .filter(|part| !part.figures.is_empty())
    .collect()
}

fn figure(id: &str, data: &'static str, svg: Option<String>) -> Option<Figure> {
    svg.map(|svg| Figure {
        id: id.to_owned(),
        key: None,
        data,
        svg,
    })
}
