//! Cuts a time series into the windows of a check.

use std::ops::Range;

use crate::base::Nanos;
use crate::metrics::interval::is_enough;
use crate::plan::{MeasureName, MeasureStatistic, Metric, Statistic};
use crate::result::{JoinedValues, ModeRun, Window, codec};

/// How long after its end a window is evaluated: samples arrive from the workers in batches, and a
/// figure without the last of them is too low.
const SETTLED_S: f64 = 0.2;

/// The full windows of a check, and their actual length.
pub(super) struct Cut {
    /// Their length in seconds: that of the check, or more if the time series has wider cells.
    pub window_s: f64,
    /// The windows that have a figure.
    pub windows: Vec<Judgeable>,
}

/// A full window with its figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgeable {
    /// Its start, in seconds from the epoch.
    pub t_s: f64,
    /// Its figure, in the metric's unit.
    pub value: f64,
    /// Whether it is a percentile with too few samples to support it.
    pub thin: bool,
}

/// Returns up to when the windows of a run in progress have all of their samples.
pub(super) fn settled(so_far: &ModeRun) -> Nanos {
    Nanos::from_secs_f64((so_far.measured_s - SETTLED_S).max(0.0))
}

/// Cuts spans of time after the epoch into windows of this length, each from its start. The
/// remainder at the end of a span is not a full window. A window in which nothing was planned has
/// no times and no error rate, and is omitted for these.
pub(super) fn cut(
    series: &[Window],
    metric: Metric,
    window: Nanos,
    stretches: &[Range<Nanos>],
) -> Cut {
    const ROUNDING: f64 = 1e-6;
    let wanted = window.as_secs_f64();
    let cell = series.first().map_or(wanted, |first| first.window_s);
    let cells = (wanted / cell - ROUNDING).ceil().max(1.0);
    let window_s = cells * cell;
    let mut sums: Vec<(f64, Sum)> = Vec::new();
    for stretch in stretches {
        let first = (stretch.start.as_secs_f64() / cell - ROUNDING).ceil();
        let begins = (0..MAX_WINDOWS).map(|number| (first + number as f64 * cells) * cell);
        let full = begins.take_while(|t_s| t_s + window_s <= stretch.end.as_secs_f64() + ROUNDING);
        // The time series has a bounded number of cells, and nothing is planned after its end.
        sums.extend(
            full.map(|t_s| (t_s, Sum::default()))
                .take(MAX_WINDOWS.saturating_sub(sums.len())),
        );
    }
    for window in series {
        let middle = window.t_s + cell / 2.0;
        let place = sums.partition_point(|(t_s, _)| *t_s <= middle);
        if let Some((t_s, sum)) = place.checked_sub(1).and_then(|place| sums.get_mut(place))
            && middle < *t_s + window_s
        {
            sum.add(window, metric);
        }
    }
    let windows = sums.iter().filter_map(|(t_s, sum)| {
        let (value, thin) = sum.figure(metric, window_s)?;
        Some(Judgeable {
            t_s: *t_s,
            value,
            thin,
        })
    });
    Cut {
        window_s,
        windows: windows.collect(),
    }
}

/// The maximum number of windows of a time series.
const MAX_WINDOWS: usize = 100_000;

/// The sums over the cells of one window.
#[derive(Clone, Default)]
struct Sum {
    ok: u64,
    failed: u64,
    /// Completed operations that have times.
    timed: u64,
    dropped: u64,
    completions: f64,
    streams: u64,
    good_streams: u64,
    units: f64,
    /// The responses with a value of the metric's measure, and the sum of these values.
    measured: u64,
    total: f64,
    /// The times or values that the metric is about.
    values: JoinedValues,
}

impl Sum {
    fn add(&mut self, window: &Window, metric: Metric) {
        self.ok += window.ok;
        self.failed += window.failed;
        self.dropped += window.dropped;
        self.completions += window.throughput_rps * window.window_s;
        self.timed += window.timed();
        if let Some(streams) = &window.streams {
            self.streams += streams.completed;
            self.good_streams += streams.ok;
            self.units += streams.units_per_s * window.window_s;
        }
        let (values, statistic) = match metric {
            Metric::Time(of, statistic) => (JoinedValues::of_window(window, of), statistic),
            Metric::Measure(name, MeasureStatistic::Of(statistic), _) => {
                (JoinedValues::of_measure(window, name), statistic)
            }
            Metric::Measure(name, ..) => return self.add_measure(window, name),
            _ => return,
        };
        if let Some((values, histogram)) = values {
            // Decoding costs more than all else.
            let is_needed = matches!(statistic, Statistic::Percentile(_));
            let histogram = histogram.filter(|_| is_needed);
            self.values.add(
                &values,
                histogram.and_then(|text| codec::decode_window(text).ok()),
            );
        }
    }

    /// Adds a share or a total.
    fn add_measure(&mut self, window: &Window, name: MeasureName) {
        let mut measures = window.measures.iter();
        if let Some(own) = measures.find(|own| own.name == name.as_str()) {
            let yes = own.share.map(|share| share * own.count as f64);
            self.measured += own.count;
            self.total += yes.or(own.total).unwrap_or(0.0);
        }
    }

    fn figure(&self, metric: Metric, window_s: f64) -> Option<(f64, bool)> {
        let completed = self.ok + self.failed;
        let exact = |value| Some((value, false));
        let share =
            |part: u64, whole: u64| (whole > 0).then(|| (part as f64 / whole as f64, false));
        match metric {
            Metric::Time(of, statistic) if of.is_of_windows() => figure(&self.values, statistic),
            Metric::Measure(_, MeasureStatistic::Of(statistic), _) => {
                figure(&self.values, statistic)
            }
            Metric::Measure(_, MeasureStatistic::Share, _) => {
                (self.measured > 0).then(|| (self.total / self.measured as f64, false))
            }
            Metric::Measure(_, MeasureStatistic::Total, _) => exact(self.total),
            Metric::ErrorRate => share(self.failed, completed),
            Metric::Goodput => share(self.good_streams, self.streams),
            Metric::UnitsRate => exact(self.units / window_s),
            Metric::Throughput => exact(self.completions / window_s),
            Metric::Count => exact(self.timed as f64),
            Metric::Dropped => exact(self.dropped as f64),
            _ => None,
        }
    }
}

/// Returns a statistic of times or values, and whether it is a percentile with too few samples.
fn figure(of: &JoinedValues, statistic: Statistic) -> Option<(f64, bool)> {
    match statistic {
        Statistic::Percentile(thousandths) => {
            let percentile = f64::from(thousandths) / 1000.0;
            let value = of.percentile(percentile)?;
            Some((value, !is_enough(of.count, percentile)))
        }
        Statistic::Mean => of.mean().map(|mean| (mean, false)),
        Statistic::Max => (of.count > 0).then_some((of.max, false)),
        Statistic::Min => None,
    }
}
