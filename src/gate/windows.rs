//! Cuts a time series into the windows of a check.

use std::ops::Range;

use hdrhistogram::Histogram;

use crate::base::Nanos;
use crate::metrics::histogram;
use crate::metrics::interval::is_enough;
use crate::metrics::summary::percentile_ms;
use crate::plan::{Metric, Quantity, Statistic};
use crate::result::{Window, codec};

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
    /// Those that the metric is about.
    times: Times,
}

/// The times of one window, or of several.
#[derive(Clone, Default)]
struct Times {
    count: u64,
    sum_ms: f64,
    max_ms: f64,
    histogram: Option<Histogram<u64>>,
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
        if let Metric::Time(of, statistic) = metric
            && let Some((times, histogram)) = Times::of_window(window, of)
        {
            // Decoding costs more than all else.
            let is_needed = matches!(statistic, Statistic::Percentile(_));
            let histogram = histogram.filter(|_| is_needed);
            self.times.add(
                &times,
                histogram.and_then(|text| codec::decode_window(text).ok()),
            );
        }
    }

    fn figure(&self, metric: Metric, window_s: f64) -> Option<(f64, bool)> {
        let completed = self.ok + self.failed;
        let exact = |value| Some((value, false));
        let share =
            |part: u64, whole: u64| (whole > 0).then(|| (part as f64 / whole as f64, false));
        match metric {
            Metric::Time(of, statistic) if of.is_of_windows() => self.times.figure(statistic),
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

impl Times {
    /// Returns the times of a cell of the time series, if it has any, and their histogram.
    fn of_window(window: &Window, of: Quantity) -> Option<(Self, Option<&str>)> {
        let streams = window.streams.as_ref();
        let own = match of {
            Quantity::StreamFirst => streams?.first_ms.as_ref()?,
            Quantity::StreamGap => streams?.gap_ms.as_ref()?,
            Quantity::StreamUnit => streams?.unit_ms.as_ref()?,
            _ => {
                let count = window.timed();
                let times = Self {
                    count,
                    sum_ms: window.mean_ms? * count as f64,
                    max_ms: window.max_ms.unwrap_or(0.0),
                    histogram: None,
                };
                return Some((times, window.response.as_deref()));
            }
        };
        let times = Self {
            count: own.count,
            sum_ms: own.mean * own.count as f64,
            max_ms: own.max,
            histogram: None,
        };
        Some((times, Some(&own.histogram)))
    }

    fn add(&mut self, other: &Self, histogram: Option<Histogram<u64>>) {
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
        if let Some(histogram) = histogram {
            let sum = self.histogram.get_or_insert_with(histogram::window);
            histogram::add(sum, &histogram);
        }
    }

    fn figure(&self, statistic: Statistic) -> Option<(f64, bool)> {
        let is_any = self.count > 0;
        match statistic {
            Statistic::Percentile(thousandths) => {
                let percentile = f64::from(thousandths) / 1000.0;
                let value = percentile_ms(self.histogram.as_ref()?, percentile, self.max_ms);
                Some((value, !is_enough(self.count, percentile)))
            }
            Statistic::Mean => is_any.then(|| (self.sum_ms / self.count as f64, false)),
            Statistic::Max => is_any.then_some((self.max_ms, false)),
            Statistic::Min => None,
        }
    }
}
