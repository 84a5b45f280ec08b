//! [`Text`]: the lines of the format.

use std::fmt::Write as _;

use crate::metrics::Summary;
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
}

impl Text {
    /// Creates an empty text about a scenario.
    pub(super) fn new(scenario: &str) -> Self {
        Self {
            out: String::new(),
            scenario: label(scenario),
        }
    }

    /// Returns the complete text.
    pub(super) fn end(mut self) -> String {
        self.out.push_str("# EOF\n");
        self.out
    }

    /// Begins a metric family; its name ends with its unit, if it has one.
    pub(super) fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let _ = writeln!(self.out, "# TYPE loadgen_{name} {kind}");
        if !unit.is_empty() {
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

    /// Writes a line of the family, unless the value is unknown. Label values are escaped already.
    pub(super) fn line(&mut self, name: &str, labels: &[(&str, &str)], value: Option<f64>) {
        let Some(value) = value.and_then(view::digits) else {
            return;
        };
        let _ = write!(self.out, "loadgen_{name}{{scenario=\"{}\"", self.scenario);
        for (key, text) in labels {
            let _ = write!(self.out, ",{key}=\"{text}\"");
        }
        let _ = writeln!(self.out, "}} {value}");
    }
}

/// Escapes a label value for use between quotes.
pub(super) fn label(text: &str) -> String {
    view::shortened(&view::plain(text), 500)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
}
