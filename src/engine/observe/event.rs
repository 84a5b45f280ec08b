//! [`Event`]: what a run reports while it is in progress. The engine prints nothing itself.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::assembly::{Measurements, SoFar};
use crate::metrics::summary::percentile_ms;
use crate::metrics::{histogram, window_text};
use crate::result::{Exchange, StoppedBy};

/// The phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The warm-up, which is not measured.
    Warmup,
    /// The measured part.
    Measured,
    /// The drain: no new work starts, and what is in flight ends.
    Drain,
}

/// The progress of a run, reported at most ten times a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Seconds since the start of this mode and round, including the warm-up.
    pub elapsed_s: f64,
    /// The fraction of the run that is done, if known.
    pub fraction: Option<f64>,
    /// Seconds until no new work is taken, if known.
    pub left_s: Option<f64>,
    /// What has ended the run early, if anything.
    pub stopped_early: Option<StoppedBy>,
    /// The number of operations completed.
    pub completed: u64,
    /// The number of those that failed.
    pub failed: u64,
    /// The number of operations in flight.
    pub in_flight: u64,
    /// Completions per second since the last report.
    pub rate: f64,
    /// The times of the last windows.
    pub recent: Recent,
    /// The counts of the measured part so far, for each operation of the plan in order.
    pub steps: Vec<StepCounts>,
}

/// The counts of one operation of the plan so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounts {
    /// The number completed.
    pub completed: u64,
    /// The number of those that failed.
    pub failed: u64,
}

impl Progress {
    /// Returns the progress of several processes of one run; `None` if there are none.
    pub(crate) fn of_all<'a>(
        mut processes: impl Iterator<Item = &'a Self> + Clone,
    ) -> Option<Self> {
        let count = processes.clone().count() as f64;
        let mut all = processes.next()?.clone();
        for other in processes {
            all.phase = all.phase.min(other.phase);
            all.elapsed_s = all.elapsed_s.max(other.elapsed_s);
            all.fraction = all.fraction.zip(other.fraction).map(|(a, b)| a + b);
            all.left_s = all.left_s.into_iter().chain(other.left_s).reduce(f64::max);
            all.stopped_early = all.stopped_early.or(other.stopped_early);
            all.completed += other.completed;
            all.failed += other.failed;
            all.in_flight += other.in_flight;
            all.rate += other.rate;
            all.recent.add(&other.recent);
            for (step, more) in all.steps.iter_mut().zip(&other.steps) {
                step.completed += more.completed;
                step.failed += more.failed;
            }
        }
        all.fraction = all.fraction.map(|sum| sum / count);
        Some(all)
    }
}

/// The times of the operations that completed in the last windows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// Their response times.
    #[serde(with = "window_text")]
    response: Histogram<u64>,
    /// The generator's own lateness.
    #[serde(with = "window_text")]
    lag: Histogram<u64>,
}

impl Recent {
    pub(super) const fn new(response: Histogram<u64>, lag: Histogram<u64>) -> Self {
        Self { response, lag }
    }

    fn add(&mut self, other: &Self) {
        histogram::add(&mut self.response, &other.response);
        histogram::add(&mut self.lag, &other.lag);
    }

    /// Returns a percentile of the response times, in milliseconds.
    pub fn response_ms(&self, p: f64) -> Option<f64> {
        percentile(&self.response, p)
    }

    /// Returns a percentile of the generator's own lateness, in milliseconds.
    pub fn lag_ms(&self, p: f64) -> Option<f64> {
        percentile(&self.lag, p)
    }
}

fn percentile(of: &Histogram<u64>, p: f64) -> Option<f64> {
    (!of.is_empty()).then(|| percentile_ms(of, p, f64::INFINITY))
}

/// What a run reports while it is in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Everything is ready, and the run waits to be told when it starts.
    Ready,
    /// The progress.
    Progress(Box<Progress>),
    /// The figures so far, if the plan judges them during the run or somebody watches.
    SoFar(Box<SoFar>),
    /// The measurements so far, instead of the figures, if another process adds them up.
    Measured(Box<Measurements<'static>>),
    /// A problem that does not end the run.
    Warning(String),
    /// An exchange that was to be recorded, and has ended.
    Exchange(Box<Exchange>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(fraction: Option<f64>, completed: u64, response_ms: &[u64]) -> Progress {
        let mut response = histogram::window();
        for ms in response_ms {
            response
                .record(ms * 1_000_000)
                .expect("it is in its bounds");
        }
        Progress {
            phase: Phase::Measured,
            elapsed_s: 2.0,
            fraction,
            left_s: Some(completed as f64),
            stopped_early: None,
            completed,
            failed: 1,
            in_flight: 3,
            rate: 10.0,
            recent: Recent::new(response, histogram::window()),
            steps: vec![StepCounts {
                completed,
                failed: 1,
            }],
        }
    }

    #[test]
    fn the_progress_of_several_processes_is_that_of_all_their_operations() {
        // Nine of ten are fast, and all of those are in one process.
        let fast = progress(Some(0.5), 9, &[10; 9]);
        let slow = progress(Some(0.1), 1, &[900]);
        let all = Progress::of_all([&fast, &slow].into_iter()).expect("there are two");
        assert_eq!((all.completed, all.failed, all.in_flight), (10, 2, 6));
        assert_eq!(
            (all.fraction, all.left_s, all.rate),
            (Some(0.3), Some(9.0), 20.0)
        );
        assert_eq!(all.steps[0].completed, 10);
        let at = |p| all.recent.response_ms(p).expect("there are some");
        assert!((at(50.0) - 10.0).abs() < 0.2 && (at(99.0) - 900.0).abs() < 9.0);
        assert_eq!(all.recent.lag_ms(50.0), None);
        let unknown = progress(None, 1, &[]);
        let all = Progress::of_all([&fast, &unknown].into_iter()).expect("there are two");
        assert_eq!(all.fraction, None);
        let text = serde_json::to_string(&fast).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Progress>(&text).expect("it is one"),
            fast
        );
    }
}
