//! [`JoinedValues`]: the values of windows of a time line as those of one.

use hdrhistogram::Histogram;

use super::{Window, WindowValues};
use crate::metrics::histogram;
use crate::metrics::summary::{NANOS_PER_MS, percentile_in};
use crate::plan::{MeasureKind, MeasureName, Quantity};

/// The values of one window, or of several: times in milliseconds, or what the scenario measures.
#[derive(Clone, Debug)]
pub(crate) struct JoinedValues {
    /// The number of values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Their maximum.
    pub max: f64,
    /// Their histogram, if it was added.
    pub histogram: Option<Histogram<u64>>,
    /// How many units of the histogram one unit of the values has.
    per: f64,
}

impl Default for JoinedValues {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            max: 0.0,
            histogram: None,
            per: NANOS_PER_MS,
        }
    }
}

impl JoinedValues {
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
                    sum: window.mean_ms? * count as f64,
                    max: window.max_ms.unwrap_or(0.0),
                    ..Self::default()
                };
                return Some((times, window.response.as_deref()));
            }
        };
        Some(Self::of_values(own, NANOS_PER_MS))
    }

    /// Returns the values of a measure in a cell of the time series, if it has any, and their
    /// histogram.
    pub(crate) fn of_measure(window: &Window, name: MeasureName) -> Option<(Self, Option<&str>)> {
        let mut measures = window.measures.iter();
        let own = measures.find(|own| own.name == name.as_str())?;
        let kind = MeasureKind::of_reported(&own.unit)?;
        Some(Self::of_values(
            own.value.as_ref()?,
            kind.stored_per_reported(),
        ))
    }

    fn of_values(own: &WindowValues, per: f64) -> (Self, Option<&str>) {
        let values = Self {
            count: own.count,
            sum: own.mean * own.count as f64,
            max: own.max,
            histogram: None,
            per,
        };
        (values, Some(&own.histogram))
    }

    /// Adds those of another window, with its histogram if percentiles are needed.
    pub(crate) fn add(&mut self, other: &Self, histogram: Option<Histogram<u64>>) {
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.per = other.per;
        if let Some(histogram) = histogram {
            let sum = self.histogram.get_or_insert_with(histogram::window);
            histogram::add(sum, &histogram);
        }
    }

    /// Returns the mean; `None` without values.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Returns a percentile; `None` without a histogram.
    pub(crate) fn percentile(&self, percentile: f64) -> Option<f64> {
        let histogram = self.histogram.as_ref()?;
        Some(percentile_in(histogram, percentile, self.max, self.per))
    }
}
