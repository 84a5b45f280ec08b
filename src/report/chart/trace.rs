//! [`Trace`]: the source of one line of a chart: a mode of a result. [`Cast`]: all traces of a
//! chart, of one result or of several overlaid ones. Charts only deal with traces, so each of them
//! supports both.

use hdrhistogram::Histogram;

use crate::metrics::{histogram, summary};
use crate::plan::Mode;
use crate::result::{Histograms, ModeComparison, ModeRun, RunResult, Window, codec};

use super::super::{asked, tally, view};
use super::ladder::Ladder;
use super::palette::{self, LineStyle};
use super::planned::Planned;

/// The maximum number of characters of a name in a legend.
const NAME: usize = 40;
/// The maximum number of characters of a name next to a bar, without and with a mode.
const SHORT: (usize, usize) = (24, 13);

/// The percentiles that every window has, in thousandths.
const USUAL: [u32; 3] = [50_000, 90_000, 99_000];

/// A percentile of response time of windows, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowPercentile(u32);

impl WindowPercentile {
    /// Returns its name: `p95`.
    pub fn name(self) -> String {
        format!("p{}", f64::from(self.0) / 1_000.0)
    }

    /// Returns its value in a window, in milliseconds: the window's own figure, or that of its
    /// histogram.
    pub fn in_window(self, window: &Window) -> Option<f64> {
        match self.0 {
            50_000 => window.p50_ms,
            90_000 => window.p90_ms,
            99_000 => window.p99_ms,
            thousandths => {
                let histogram = codec::decode_window(window.response.as_deref()?)
                    .ok()
                    .filter(|h| !h.is_empty())?;
                Some(summary::percentile_ms(
                    &histogram,
                    f64::from(thousandths) / 1_000.0,
                    window.max_ms.unwrap_or(f64::INFINITY),
                ))
            }
        }
    }
}

/// One mode of one result.
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    /// Its identifier in attributes: letters, digits and hyphens only.
    pub key: String,
    /// Its name for readers.
    pub label: String,
    /// Its name where space is limited.
    pub short: String,
    /// How it looks.
    pub style: LineStyle,
    /// The mode.
    pub mode: Mode,
    /// Its rounds merged, if the result compares them.
    pub compared: Option<&'a ModeComparison>,
    /// Its rounds.
    pub rounds: Vec<&'a ModeRun>,
    /// The result that contains it.
    pub result: &'a RunResult,
}

/// Every trace of a chart.
#[derive(Clone, Debug)]
pub struct Cast<'a> {
    /// The name of what ran.
    pub name: String,
    /// The traces in display order.
    pub traces: Vec<Trace<'a>>,
    /// Whether several results are overlaid.
    pub overlaid: bool,
}

impl<'a> Cast<'a> {
    /// Creates the traces of the modes of one result.
    pub fn from_result(result: &'a RunResult) -> Self {
        let trace = |mode: Mode| {
            Trace::new(
                result,
                mode,
                mode.name().to_owned(),
                [mode.name(); 2].map(str::to_owned),
                palette::line_style(mode),
            )
        };
        Self {
            name: view::shortened(&result.scenario.name, 48),
            traces: tally::modes(result).into_iter().map(trace).collect(),
            overlaid: false,
        }
    }

    /// Creates the traces of the modes of several results, named after their results.
    pub fn overlaid(results: &'a [(String, RunResult)]) -> Self {
        let names: Vec<String> = results
            .iter()
            .map(|(name, _)| view::shortened(&view::plain(name), NAME))
            .collect();
        let mut traces = Vec::new();
        for (i, ((_, result), name)) in results.iter().zip(&names).enumerate() {
            let modes = tally::modes(result);
            // If every result has the same mode, it is omitted from the names.
            let alone = results
                .iter()
                .all(|(_, other)| tally::modes(other) == modes)
                && modes.len() == 1;
            for mode in modes {
                let names = if alone {
                    [name.clone(), view::shortened(name, SHORT.0)]
                } else {
                    [
                        format!("{name} · {mode}"),
                        format!("{} · {mode}", view::shortened(name, SHORT.1)),
                    ]
                };
                let style = palette::of_index(traces.len());
                traces.push(Trace::new(
                    result,
                    mode,
                    format!("r{}-{mode}", i + 1),
                    names,
                    style,
                ));
            }
        }
        Self {
            name: view::shortened(&view::list(&names), 60),
            traces,
            overlaid: true,
        }
    }

    /// Returns the start and end of the time series, in seconds from the run's epoch, or `None` if
    /// there is none.
    pub fn span(&self) -> Option<(f64, f64)> {
        let spans = self.traces.iter().filter_map(Trace::span);
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Returns the planned load up to `end`: of the result, or of overlaid results if all planned
    /// the same.
    pub fn planned(&self, end: f64) -> Planned {
        let mut plans = self
            .traces
            .iter()
            .map(|trace| Planned::from_result(trace.result, end));
        let Some(first) = plans.next() else {
            return Planned::default();
        };
        if self.overlaid && plans.any(|other| other != first) {
            Planned::default()
        } else {
            first
        }
    }

    /// Returns the results that contain the traces; one with several modes occurs several times.
    pub fn results(&self) -> Vec<&'a RunResult> {
        self.traces.iter().map(|trace| trace.result).collect()
    }

    /// Returns whether some mode ran several times, so that a time series shows one of its rounds.
    pub fn has_rounds(&self) -> bool {
        self.traces.iter().any(|trace| trace.rounds.len() > 1)
    }
}

impl<'a> Trace<'a> {
    fn new(
        result: &'a RunResult,
        mode: Mode,
        key: String,
        [label, short]: [String; 2],
        style: LineStyle,
    ) -> Self {
        let compared = result
            .comparison
            .iter()
            .flat_map(|c| &c.modes)
            .find(|m| m.mode == mode);
        Self {
            key,
            label,
            short,
            style,
            mode,
            compared,
            rounds: tally::rounds(result, mode).collect(),
            result,
        }
    }

    /// Returns the round that time series show: the first.
    pub fn run(&self) -> Option<&'a ModeRun> {
        self.rounds.first().copied()
    }

    /// Returns the time series, without windows whose time is invalid.
    pub fn series(&self) -> impl Iterator<Item = &'a Window> + use<'a> {
        self.run()
            .into_iter()
            .flat_map(|run| &run.series)
            .filter(|w| w.t_s.is_finite() && w.window_s.is_finite() && w.window_s > 0.0)
    }

    /// Returns the percentiles of its time series: those that every window has, and those that
    /// thresholds of the mode refer to.
    pub fn percentiles(&self) -> Vec<WindowPercentile> {
        let mut all: Vec<u32> = USUAL
            .into_iter()
            .chain(asked::percentiles_of_mode(self.result, self.mode))
            .collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(WindowPercentile).collect()
    }

    /// Returns the start and end of the time series, in seconds from the run's epoch, or `None` if
    /// there is none.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.series().next()?;
        let start = self.series().map(|w| w.t_s).fold(0.0, f64::min);
        let end = self
            .series()
            .map(|w| w.t_s + w.window_s)
            .filter(|t| t.is_finite())
            .fold(0.0, f64::max);
        Some((start, end))
    }

    /// Returns the response times of all rounds, if there are any.
    pub fn response(&self) -> Option<Ladder> {
        Ladder::from_histogram(&codec::decode(&self.compared?.response).ok()?)
    }

    /// Returns another time of all rounds, merged like the result's own comparison merges response
    /// times.
    pub fn times(&self, of: impl Fn(&Histograms) -> Option<&String>) -> Option<Histogram<u64>> {
        let mut sum: Option<Histogram<u64>> = None;
        for run in &self.rounds {
            let one = codec::decode(of(&run.histograms)?).ok()?;
            match sum.as_mut() {
                Some(sum) => histogram::add(sum, &one),
                None => sum = Some(one),
            }
        }
        sum.filter(|h| !h.is_empty())
    }
}
