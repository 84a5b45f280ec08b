//! [`Selection`]: the figures that a check refers to, over all rounds of a mode.

use crate::metrics::histogram;
use crate::metrics::interval::is_enough;
use crate::metrics::summary::{Summary, percentile_ms};
use crate::plan::{Metric, Quantity, Selector, Statistic};
use crate::result::{
    Apdex, ChecksHeld, Counts, Group, Iterations, Measure, ModeComparison, ModeRun, Streaming,
    Streams, Window, codec,
};

/// The part of one run that a selector selects.
#[derive(Clone, Copy)]
pub(super) enum Selected<'r> {
    /// The whole run.
    Whole(&'r ModeRun),
    /// A group of its operations, with its time series if there is one.
    Group(&'r Group, &'r [Window]),
}

impl<'r> Selected<'r> {
    fn counts(self) -> &'r Counts {
        match self {
            Self::Whole(run) => &run.counts,
            Self::Group(group, _) => &group.counts,
        }
    }

    /// Returns the number of refused iterations, for which no operation was planned.
    fn refused(self) -> u64 {
        self.iterations()
            .map_or(0, |iterations| iterations.counts.dropped)
    }

    /// Returns its iterations, if it has its own.
    const fn iterations(self) -> Option<&'r Iterations> {
        match self {
            Self::Whole(run) => Some(&run.iterations),
            Self::Group(group, _) => group.iterations.as_ref(),
        }
    }

    /// Returns how often expectations held.
    fn checks(self) -> ChecksHeld {
        match self {
            Self::Whole(run) => {
                run.checks
                    .iter()
                    .fold(ChecksHeld::default(), |sum, check| ChecksHeld {
                        passed: sum.passed + check.passed,
                        failed: sum.failed + check.failed,
                    })
            }
            Self::Group(group, _) => group.checks.unwrap_or_default(),
        }
    }

    const fn apdex(self) -> Option<Apdex> {
        match self {
            Self::Whole(run) => run.apdex,
            Self::Group(group, _) => group.apdex,
        }
    }

    const fn throughput_rps(self) -> f64 {
        match self {
            Self::Whole(run) => run.throughput_rps,
            Self::Group(group, _) => group.throughput_rps,
        }
    }

    /// Returns the counts of its streams, if it has any.
    const fn streams(self) -> Option<&'r Streams> {
        self.streaming().streams.as_ref()
    }

    const fn streaming(self) -> &'r Streaming {
        match self {
            Self::Whole(run) => &run.streaming,
            Self::Group(group, _) => &group.streaming,
        }
    }

    const fn bytes_in(self) -> u64 {
        match self {
            Self::Whole(run) => run.bytes_in,
            Self::Group(group, _) => group.bytes_in,
        }
    }

    fn summary(self, of: Quantity) -> Option<&'r Summary> {
        let times = match self {
            Self::Whole(run) => &run.times,
            Self::Group(group, _) => &group.times,
        };
        let streaming = self.streaming();
        let all = match of {
            Quantity::Response => &times.response_ms,
            Quantity::Ok => &times.response_ok_ms,
            Quantity::Service => &times.service_ms,
            Quantity::Lag => &times.lag_ms,
            Quantity::Queue => &times.queue_ms,
            Quantity::FirstByte => &times.first_byte_ms,
            Quantity::Iteration => &self.iterations()?.duration_ms,
            Quantity::StreamFirst => &streaming.stream_first_ms,
            Quantity::StreamService => &streaming.stream_first_service_ms,
            Quantity::StreamGap => &streaming.stream_gap_ms,
            Quantity::StreamUnit => &streaming.stream_unit_ms,
            Quantity::StreamRate => &streaming.stream_rate,
        };
        all.as_ref().filter(|summary| summary.count > 0)
    }

    fn histogram(self, of: Quantity) -> Option<&'r str> {
        match self {
            Self::Whole(run) => match of {
                Quantity::Response => Some(&run.histograms.response),
                Quantity::Ok => Some(&run.histograms.response_ok),
                Quantity::Service => Some(&run.histograms.service),
                Quantity::Lag => Some(&run.histograms.lag),
                Quantity::Queue => Some(&run.histograms.queue),
                Quantity::Iteration => run.histograms.iteration.as_deref(),
                Quantity::FirstByte => run.histograms.first_byte.as_deref(),
                Quantity::StreamFirst => run.histograms.stream_first.as_deref(),
                Quantity::StreamService => run.histograms.stream_first_service.as_deref(),
                Quantity::StreamGap => run.histograms.stream_gap.as_deref(),
                Quantity::StreamUnit => run.histograms.stream_unit.as_deref(),
                Quantity::StreamRate => run.histograms.stream_rate.as_deref(),
            },
            Self::Group(group, _) => group.histograms.get(of.name()).map(String::as_str),
        }
    }

    /// Returns its measures: those of all steps of a run, each by itself.
    pub(super) fn measures(self) -> Vec<&'r Measure> {
        match self {
            Self::Whole(run) => run.measures.iter().map(|own| &own.measure).collect(),
            Self::Group(group, _) => group.measures.iter().collect(),
        }
    }

    /// Returns its time series.
    pub(super) fn series(self) -> &'r [Window] {
        match self {
            Self::Whole(run) => &run.series,
            Self::Group(_, series) => series,
        }
    }
}

/// The parts of the runs of one mode that a selector selects.
pub(super) struct Selection<'r> {
    /// Each part with its run.
    pub parts: Vec<(&'r ModeRun, Selected<'r>)>,
}

/// A figure of a selection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// The value, in the metric's unit.
    pub value: f64,
    /// Whether it is a percentile with too few independent samples to support it.
    pub thin: bool,
}

impl<'r> Selection<'r> {
    /// Applies the selector to the runs of one mode.
    pub(super) fn from_runs(
        runs: impl IntoIterator<Item = &'r ModeRun>,
        selector: &Selector,
    ) -> Self {
        let parts = runs
            .into_iter()
            .flat_map(|run| {
                select(run, selector)
                    .into_iter()
                    .map(move |part| (run, part))
            })
            .collect();
        Self { parts }
    }

    fn sum(&self, count: impl Fn(Selected<'r>) -> u64) -> u64 {
        self.parts.iter().map(|(_, part)| count(*part)).sum()
    }

    /// Returns the figure of all parts together, if there are samples. Figures that require a
    /// comparison of modes are taken from there.
    pub(super) fn figure(
        &self,
        metric: Metric,
        compared: Option<&ModeComparison>,
    ) -> Option<Figure> {
        let completed = self.sum(|part| part.counts().completed);
        let dropped = self.sum(|part| part.counts().dropped + part.refused());
        if completed + dropped == 0 {
            return None;
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let value = match metric {
            Metric::Time(of, statistic) => return self.time(of, statistic, compared),
            Metric::Measure(name, statistic, _) => return self.measure(name, statistic),
            Metric::Watch(name, statistic, _) => return self.watched(&name, statistic),
            Metric::ErrorRate => share(self.sum(|part| part.counts().failed), completed),
            Metric::DropRate => share(
                dropped,
                self.sum(|part| part.counts().planned + part.refused()),
            ),
            Metric::CheckRate => self.check_rate(),
            Metric::Apdex => {
                let parts = self.parts.iter().filter_map(|(_, part)| part.apdex());
                Apdex::merged(parts).map(|apdex| apdex.score)
            }
            Metric::Throughput => self.rate(|part| Some(part.throughput_rps())),
            Metric::UnitsRate => self.rate(|part| Some(part.streams()?.units_per_s)),
            Metric::Goodput => {
                let sum =
                    |count: fn(&Streams) -> u64| self.sum(|part| part.streams().map_or(0, count));
                share(sum(|streams| streams.ok), sum(|streams| streams.completed))
            }
            Metric::Count => Some(self.sum(|part| {
                part.summary(Quantity::Response)
                    .map_or(0, |response| response.count)
            }) as f64),
            Metric::Dropped => Some(dropped as f64),
            Metric::Iterations => {
                let each: Option<u64> = self
                    .parts
                    .iter()
                    .map(|(_, part)| part.iterations().map(|own| own.counts.completed))
                    .sum();
                each.map(|completed| completed as f64)
            }
            Metric::BytesIn => Some(self.sum(Selected::bytes_in) as f64),
            Metric::Speedup => compared.and_then(|mode| mode.speedup),
            Metric::Efficiency => compared.and_then(|mode| mode.efficiency),
            Metric::CpuPerRequest => compared
                .and_then(|mode| mode.cpu_us_per_operation)
                .map(|us| us / 1e3),
            Metric::PeakRss => compared
                .and_then(|mode| mode.peak_rss_bytes)
                .map(|bytes| bytes as f64),
        };
        value.map(|value| Figure { value, thin: false })
    }

    fn time(
        &self,
        of: Quantity,
        statistic: Statistic,
        compared: Option<&ModeComparison>,
    ) -> Option<Figure> {
        let filled: Vec<(Selected<'_>, &Summary)> = self
            .parts
            .iter()
            .filter_map(|(_, part)| part.summary(of).map(|summary| (*part, summary)))
            .collect();
        let count: u64 = filled.iter().map(|(_, summary)| summary.count).sum();
        let max = filled
            .iter()
            .map(|(_, summary)| summary.max)
            .reduce(f64::max)?;
        let exact = |value| Some(Figure { value, thin: false });
        match statistic {
            Statistic::Mean => exact(
                filled
                    .iter()
                    .map(|(_, summary)| summary.mean * summary.count as f64)
                    .sum::<f64>()
                    / count as f64,
            ),
            Statistic::Min => filled
                .iter()
                .map(|(_, summary)| summary.min)
                .reduce(f64::min)
                .and_then(exact),
            Statistic::Max => exact(max),
            Statistic::Percentile(thousandths) => {
                let mut whole = histogram::empty();
                for (part, _) in &filled {
                    histogram::add(&mut whole, &codec::decode(part.histogram(of)?).ok()?);
                }
                let percentile = f64::from(thousandths) / 1000.0;
                let is_whole = of == Quantity::Response
                    && filled
                        .iter()
                        .all(|(part, _)| matches!(part, Selected::Whole(_)));
                // The figure reported for all rounds together, if there is one.
                let shown = compared
                    .and_then(|mode| mode.response_ms.as_ref())
                    .filter(|_| is_whole);
                let depends = match shown {
                    Some(shown) => shown.depends_too_much(percentile),
                    None => filled
                        .iter()
                        .any(|(_, summary)| summary.depends_too_much(percentile)),
                };
                Some(Figure {
                    value: percentile_ms(&whole, percentile, max),
                    thin: depends || !is_enough(count, percentile),
                })
            }
        }
    }

    /// Returns a rate over the measured time of all rounds, from that of each part; `None` if no part
    /// has it.
    fn rate(&self, of_part: impl Fn(Selected<'r>) -> Option<f64>) -> Option<f64> {
        let mut seconds = 0.0;
        let mut last = None;
        for (run, _) in &self.parts {
            // Several parts of one run share its time.
            if last != Some(run.round) {
                seconds += run.measured_s;
                last = Some(run.round);
            }
        }
        let counts = self
            .parts
            .iter()
            .filter_map(|(run, part)| Some(of_part(*part)? * run.measured_s));
        let count = counts.reduce(|sum, count| sum + count)?;
        (seconds > 0.0).then(|| count / seconds)
    }

    fn check_rate(&self) -> Option<f64> {
        let passed = self.sum(|part| part.checks().passed);
        let evaluated = passed + self.sum(|part| part.checks().failed);
        (evaluated > 0).then(|| passed as f64 / evaluated as f64)
    }
}

fn select<'r>(run: &'r ModeRun, selector: &Selector) -> Vec<Selected<'r>> {
    if let Some(stage) = &selector.stage {
        // The time series of a stage is a section of the run's.
        return run
            .stages
            .iter()
            .filter(|group| group.name == *stage)
            .map(|group| Selected::Group(group, &run.series))
            .collect();
    }
    if selector.is_probed() {
        let wanted = selector.of_any_mode();
        let probes = run.probes.iter().filter(|probe| probe.selector == wanted);
        return probes
            .map(|probe| Selected::Group(&probe.figures, &probe.series))
            .collect();
    }
    vec![Selected::Whole(run)]
}
