//! [`JoinedTimes`]: the times of windows of a time line as those of one.

use hdrhistogram::Histogram;

use super::Window;
use crate::metrics::histogram;
use crate::metrics::summary::percentile_ms;
use crate::plan::Quantity;

/// The times of one window, or of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct JoinedTimes {
    /// The number of times.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: f64,
    /// Their maximum in milliseconds.
    pub max_ms: f64,
    /// Their histogram in nanoseconds, if it was added.
    pub histogram: Option<Histogram<u64>>,
}

impl JoinedTimes {
    /// Returns the times of a cell of the time series, if it has any, and their histogram.
    pub(crate) fn of_window(window: &Window, of: Quantity) -> Option<(Self, Option<&str>)> {
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

    /// Adds those of another window, with its histogram if percentiles are needed.
    pub(crate) fn add(&mut self, other: &Self, histogram: Option<Histogram<u64>>) {
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
        if let Some(histogram) = histogram {
            let sum = self.histogram.get_or_insert_with(histogram::window);
            histogram::add(sum, &histogram);
        }
    }

    /// Returns the mean in milliseconds; `None` without times.
    pub(crate) fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ms / self.count as f64)
    }

    /// Returns a percentile in milliseconds; `None` without a histogram.
    pub(crate) fn percentile_ms(&self, percentile: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref()?;
        Some(percentile_ms(histogram, percentile, self.max_ms))
    }
}
