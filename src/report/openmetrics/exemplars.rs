//! [`Exemplars`]: operations with traces, one for each bucket of a histogram. Scrapers keep the one
//! that a bucket ends with, so that a person gets from a high percentile to a trace.

use super::values::{label, seconds};
use crate::base::Nanos;
use crate::metrics::BOUNDS;
use crate::metrics::summary::NANOS_PER_MS;
use crate::result::{Exemplar, Group, ModeRun};

/// The latest operation of each bucket whose trace is recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Exemplars<'a> {
    latest: Vec<Option<Latest<'a>>>,
}

#[derive(Clone, Copy, Debug)]
struct Latest<'a> {
    trace_id: &'a str,
    response: Nanos,
    /// When it ended, in seconds since 1970.
    at_s: f64,
}

impl<'a> Exemplars<'a> {
    /// Chooses from the exemplars of a result those of a step of a run.
    pub(super) fn of_step(all: &'a [Exemplar], run: &ModeRun, step: &Group) -> Self {
        let mut own = Self::default();
        // Virtual time has no time of day.
        let Some(epoch_ms) = run.epoch_unix_ms else {
            return own;
        };
        let is_of_step = |exemplar: &&Exemplar| {
            (exemplar.mode, exemplar.round) == (run.mode, run.round)
                && Some(&exemplar.mix) == step.mix.as_ref()
                && exemplar.step == step.name
        };
        for exemplar in all.iter().filter(is_of_step) {
            if let Some(trace_id) = exemplar.recorded_trace() {
                own.offer(Latest {
                    trace_id,
                    response: Nanos((exemplar.response_ms * NANOS_PER_MS).round() as u64),
                    at_s: epoch_ms / 1e3 + exemplar.ended_s(),
                });
            }
        }
        own
    }

    fn offer(&mut self, offered: Latest<'a>) {
        let bucket = BOUNDS.partition_point(|bound| *bound < offered.response);
        if self.latest.len() <= bucket {
            self.latest.resize(bucket + 1, None);
        }
        let kept = &mut self.latest[bucket];
        if kept.is_none_or(|kept| kept.at_s < offered.at_s) {
            *kept = Some(offered);
        }
    }

    /// Returns what the line of a bucket ends with: nothing if the bucket has no exemplar.
    pub(super) fn of_bucket(&self, bucket: usize) -> String {
        let own = self.latest.get(bucket).copied().flatten();
        own.map_or_else(String::new, |own| {
            let (trace_id, response) = (label(own.trace_id), seconds(own.response.0.into()));
            format!(" # {{trace_id=\"{trace_id}\"}} {response} {:.3}", own.at_s)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_bucket_has_the_latest_operation_whose_trace_is_recorded() {
        let result = fixture::one_mode();
        let run = ModeRun {
            epoch_unix_ms: Some(1_000_000.0),
            ..result.runs[0].clone()
        };
        let step = run.steps[0].clone();
        let of = |t_s: f64, response_ms: f64, id: &str| Exemplar {
            mode: run.mode,
            round: run.round,
            mix: step.mix.clone().expect("a mix entry"),
            step: step.name.clone(),
            t_s,
            response_ms,
            status: Some(200),
            kind: None,
            error: None,
            trace_id: Some(id.into()),
            sampled: Some(true),
            url: None,
        };
        let all = [
            of(1.0, 20.0, "a"),
            of(2.0, 25.0, "b"),
            Exemplar {
                sampled: Some(false),
                ..of(3.0, 24.0, "c")
            },
            Exemplar {
                step: "another".into(),
                ..of(4.0, 24.0, "d")
            },
            Exemplar {
                round: run.round + 1,
                ..of(5.0, 24.0, "e")
            },
            of(0.5, 25.000_001, "f"),
            of(0.0, 200_000.0, "g"),
        ];
        let own = Exemplars::of_step(&all, &run, &step);
        let bucket = |ms: u64| BOUNDS.partition_point(|bound| *bound < Nanos::from_millis(ms));
        let expected = [
            (bucket(10), String::new()),
            (
                bucket(25),
                " # {trace_id=\"b\"} 0.025000000 1002.025".into(),
            ),
            (
                bucket(26),
                " # {trace_id=\"f\"} 0.025000001 1000.525".into(),
            ),
            (
                BOUNDS.len(),
                " # {trace_id=\"g\"} 200.000000000 1200.000".into(),
            ),
        ];
        for (place, text) in expected {
            assert_eq!(own.of_bucket(place), text, "{place}");
        }
        let without_clock = ModeRun {
            epoch_unix_ms: None,
            ..run
        };
        let none = Exemplars::of_step(&all, &without_clock, &step);
        assert!((0..=BOUNDS.len()).all(|place| none.of_bucket(place).is_empty()));
    }
}
