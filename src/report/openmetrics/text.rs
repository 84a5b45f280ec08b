//! [`Text`]: the lines of the format.

use std::fmt::Write as _;

use super::exemplars::Exemplars;
use super::exposition::Exposition;
use super::values::{bound, label, seconds};
use crate::metrics::{Cumulative, Summary};
use crate::report::view;

/// The quantiles of a summary, with the names of their percentiles.
const QUANTILES: [(&str, &str); 5] = [
    ("p50", "0.5"),
    ("p90", "0.9"),
    ("p95", "0.95"),
    ("p99", "0.99"),
    ("p999", "0.999"),
];

/// The text so far.
pub(super) struct Text {
    out: String,
    scenario: String,
    form: Exposition,
}

impl Text {
    /// Creates an empty text about a scenario.
    pub(super) fn new(scenario: &str, form: Exposition) -> Self {
        Self {
            out: String::new(),
            scenario: label(scenario),
            form,
        }
    }

    /// Returns the complete text.
    pub(super) fn end(mut self) -> String {
        if self.form == Exposition::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// Begins a metric family; its name ends with its unit, if it has one.
    pub(super) fn family(&mut self, name: &str, kind: &'static str, unit: &str, help: &str) {
        let (name, kind) = self.form.announced(name, kind);
        let _ = writeln!(self.out, "# TYPE loadgen_{name} {kind}");
        if !unit.is_empty() && self.form == Exposition::OpenMetrics {
            let _ = writeln!(self.out, "# UNIT loadgen_{name} {unit}");
        }
        let _ = writeln!(self.out, "# HELP loadgen_{name} {help}");
    }

    /// Writes the lines of a summary whose values are divided by `per`: those quantiles that the
    /// sample carries, the sum and the count.
    pub(super) fn summary(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        summary: &Summary,
        per: f64,
    ) {
        for (percentile, quantile) in QUANTILES {
            let value = view::percentile_ms(Some(summary), percentile).map(|value| value / per);
            let labels = [labels, &[("quantile", quantile)]].concat();
            self.line(name, &labels, value);
        }
        let count = summary.count as f64;
        let sum = summary.mean * count / per;
        self.line(&format!("{name}_sum"), labels, Some(sum));
        self.line(&format!("{name}_count"), labels, Some(count));
    }

    /// Writes the lines of a histogram: its buckets, the sum and the count. The older form has no
    /// exemplars.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        times: &Cumulative,
        exemplars: &Exemplars<'_>,
    ) {
        let bounded = times.up_to_bounds().map(|(at, n)| (bound(at), n));
        let last = ("+Inf".to_owned(), times.count());
        for (place, (bound, count)) in bounded.chain([last]).enumerate() {
            let labels = [labels, &[("le", bound.as_str())]].concat();
            let mut value = count.to_string();
            if self.form == Exposition::OpenMetrics {
                value.push_str(&exemplars.of_bucket(place));
            }
            self.exact(&format!("{name}_bucket"), &labels, &value);
        }
        self.exact(&format!("{name}_sum"), labels, &seconds(times.sum()));
        self.exact(&format!("{name}_count"), labels, &times.count().to_string());
    }

    /// Writes a line of the family, unless the value is unknown. Label values are escaped already.
    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: Option<f64>) {
        if let Some(value) = value.and_then(view::digits) {
            self.exact(name, labels, &value);
        }
    }

    fn exact(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let _ = write!(self.out, "loadgen_{name}{{scenario=\"{}\"", self.scenario);
        for (key, text) in labels {
            let _ = write!(self.out, ",{key}=\"{text}\"");
        }
        let _ = writeln!(self.out, "}} {value}");
    }
}
