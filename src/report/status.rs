//! [`Status`]: where a run stands, for whoever shows it.

use super::view;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Status<'a> {
    /// What is under way: the mode and its round, or the rate that is tried.
    pub place: &'a str,
    /// `setup`, `warm-up`, `running`, `draining` …
    pub phase: &'a str,
    /// Seconds since it began.
    pub elapsed_s: f64,
    /// How much of it is done, from 0 to 1, where that can be told.
    pub fraction: Option<f64>,
    /// Seconds that it will take yet, where that can be told.
    pub left_s: Option<f64>,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Operations in flight.
    pub in_flight: u64,
    /// Completions a second of late.
    pub rate: f64,
    /// Median response time of late.
    pub p50_ms: Option<f64>,
    /// 99th percentile of response time of late.
    pub p99_ms: Option<f64>,
    /// 99th percentile of the generator's own lateness of late.
    pub lag_p99_ms: Option<f64>,
    /// What each step has brought so far.
    pub steps: &'a [StepStatus],
}

/// What a step has brought so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepStatus {
    /// Its name.
    pub name: String,
    /// Operations completed.
    pub completed: u64,
    /// Of these, failed.
    pub failed: u64,
}

impl Status<'_> {
    /// Where the time goes: `warm-up · 3 s · 57 s left`.
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

    /// What has come of it, in less than 80 columns.
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

/// Whole seconds, because tenths that change all the time can't be read.
fn seconds(s: f64) -> String {
    let whole = s.max(0.0).round() as u64;
    if whole < 120 {
        format!("{whole} s")
    } else {
        format!("{}:{:02} min", whole / 60, whole % 60)
    }
}
