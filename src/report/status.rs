//! [`Status`]: the state of a run, for display.

use super::view;

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Status<'a> {
    /// What is in progress: the mode and its round, or the rate being tried.
    pub place: &'a str,
    /// `setup`, `warm-up`, `running`, `draining` …
    pub phase: &'a str,
    /// Seconds since the start.
    pub elapsed_s: f64,
    /// The completed fraction, from 0 to 1, if known.
    pub fraction: Option<f64>,
    /// The remaining seconds, if known.
    pub left_s: Option<f64>,
    /// Operations completed.
    pub completed: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Operations in flight.
    pub in_flight: u64,
    /// Recent completions per second.
    pub rate: f64,
    /// Recent median response time.
    pub p50_ms: Option<f64>,
    /// Recent 99th percentile of response time.
    pub p99_ms: Option<f64>,
    /// Recent 99th percentile of the generator's own lag.
    pub lag_p99_ms: Option<f64>,
    /// The state of each step.
    pub steps: &'a [StepStatus],
}

/// The state of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepStatus {
    /// Its name.
    pub name: String,
    /// Operations completed.
    pub completed: u64,
    /// How many of them failed.
    pub failed: u64,
}

impl Status<'_> {
    /// Formats the phase and the times: `warm-up · 3 s · 57 s left`.
    pub(super) fn time(&self) -> String {
        let phase = (self.phase != "running").then(|| view::plain(self.phase));
        let left = self
            .left_s
            .filter(|s| s.is_finite())
            .map(|s| format!("{} left", seconds(s)));
        [phase, Some(seconds(self.elapsed_s)), left]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · ")
    }

    /// Formats the figures so far, in less than 80 columns.
    pub(super) fn figures(&self) -> String {
        let mut parts = vec![
            view::rate(self.rate),
            format!("{} done", view::count(self.completed)),
        ];
        parts.push(format!("{} failed", view::count(self.failed)));
        if let (Some(p50), Some(p99)) = (self.p50_ms, self.p99_ms) {
            parts.push(format!(
                "p50 {} p99 {}",
                view::duration_ms(p50),
                view::duration_ms(p99)
            ));
        }
        parts.push(format!("{} in flight", view::count(self.in_flight)));
        parts.join(" · ")
    }

    pub(super) fn share(&self) -> f64 {
        self.fraction
            .filter(|f| f.is_finite())
            .unwrap_or(0.0)
            .clamp(0.0, 1.0)
    }
}

/// Formats whole seconds, because constantly changing tenths are unreadable.
fn seconds(s: f64) -> String {
    let whole = s.max(0.0).round() as u64;
    if whole < 120 {
        format!("{whole} s")
    } else {
        format!("{}:{:02} min", whole / 60, whole % 60)
    }
}
