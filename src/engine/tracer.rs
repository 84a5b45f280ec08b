//! [`Tracer`]: the identities of traces and spans, as a function of the seed and of the place of an
//! operation.

use http::{HeaderMap, HeaderName, HeaderValue};
use rand::{Rng as _, RngExt as _};

use super::draw::{self, Position, Purpose};
use crate::metrics::TraceIdentity;
use crate::plan::tracing::{TRACEPARENT, TRACESTATE};
use crate::plan::{Plan, Tracing};

/// Makes the requests of a run part of traces: each operation is one, and each of its requests a span.
pub(crate) struct Tracer {
    seed: u64,
    sample: f64,
    state: Option<HeaderValue>,
}

impl Tracer {
    /// Creates that of a plan, if it has one. `run` tells apart runs of the same plan.
    pub(super) fn new(plan: &Plan, run: u64) -> Option<Self> {
        let Tracing {
            sample, tracestate, ..
        } = plan.trace.as_ref()?;
        let state = tracestate.as_ref();
        Some(Self {
            seed: draw::chain(plan.seed, run),
            sample: sample.0,
            // A scenario has only such that can be sent.
            state: state.and_then(|state| HeaderValue::from_str(state).ok()),
        })
    }

    /// Returns the trace of an operation. All of its tries belong to it.
    pub(super) fn identify(&self, iteration: u64, position: Position) -> TraceIdentity {
        let position = position.attempt(0);
        let mut draws = draw::generator(self.seed, iteration, position, Purpose::Trace);
        let (high, low) = (draws.next_u64(), draws.next_u64());
        let share: f64 = draws.random();
        TraceIdentity {
            // An id of zeros is not valid.
            id: (u128::from(high) << 64 | u128::from(low)).max(1),
            is_sampled: share < self.sample,
        }
    }

    /// Adds the headers of a request to those that it has; `number` counts the requests of its
    /// operation.
    pub(super) fn put(&self, trace: TraceIdentity, number: u32, headers: &mut HeaderMap) {
        let text = traceparent(trace, number);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(TRACEPARENT), value);
        }
        if let Some(state) = &self.state {
            headers.insert(HeaderName::from_static(TRACESTATE), state.clone());
        }
    }
}

/// Returns version, trace id, span id and flags, as the W3C defines them.
fn traceparent(trace: TraceIdentity, number: u32) -> String {
    let (high, low) = ((trace.id >> 64) as u64, trace.id as u64);
    let span = draw::chain(draw::chain(high, low), number.into()).max(1);
    let flags = u8::from(trace.is_sampled);
    format!("00-{:032x}-{span:016x}-{flags:02x}", trace.id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenario::fixture;

    fn tracer(sample: &str, run: u64) -> Tracer {
        let text = format!(
            "{{name: t, seed: 5, mix: [{{name: m, flow: [{{get: /}}]}}], targets: {{t: {{url: builtin}}}},
             load: {{iterations: 1}}, trace: {{propagate: w3c, sample: {sample}, tracestate: 'a=b'}}}}"
        );
        Tracer::new(&fixture::plan(&text), run).expect("it traces")
    }

    #[test]
    fn identities_are_unique_and_the_same_for_the_same_place() {
        let (own, again) = (tracer("10%", 0), tracer("10%", 0));
        let mut seen = HashSet::new();
        let mut sampled = 0;
        for run in 0..3 {
            let tracer = tracer("10%", run);
            for iteration in 0..2_000 {
                for step in 0..2 {
                    let position = Position::default().inside(step);
                    let trace = tracer.identify(iteration, position);
                    assert!(seen.insert(trace.id));
                    sampled += u32::from(trace.is_sampled);
                }
            }
        }
        let place = Position::default().inside(1);
        assert_eq!(own.identify(7, place), again.identify(7, place.attempt(3)));
        // 12,000 draws of 10 %: four standard deviations are 131.
        assert!((1_069..=1_331).contains(&sampled), "{sampled}");
        for (sample, wanted) in [("0%", false), ("100%", true)] {
            let tracer = tracer(sample, 0);
            assert!((0..100).all(|n| tracer.identify(n, place).is_sampled == wanted));
        }
    }

    #[test]
    fn each_request_has_a_span_of_its_own_in_the_same_trace() {
        let tracer = tracer("100%", 0);
        let trace = tracer.identify(0, Position::default());
        let mut spans = HashSet::new();
        for number in 0..100 {
            let mut headers = HeaderMap::new();
            tracer.put(trace, number, &mut headers);
            let text = headers["traceparent"].to_str().expect("ASCII").to_owned();
            let parts: Vec<&str> = text.split('-').collect();
            let [version, id, span, flags] = parts[..] else {
                panic!("{text}");
            };
            assert_eq!((version, flags), ("00", "01"));
            assert_eq!(id, format!("{:032x}", trace.id));
            assert!(span.len() == 16 && spans.insert(span.to_owned()), "{text}");
            assert_eq!(headers["tracestate"], "a=b");
        }
    }

    #[test]
    fn no_id_is_zero() {
        let zero = TraceIdentity {
            id: 1,
            is_sampled: false,
        };
        let text = traceparent(zero, 0);
        assert!(text.starts_with("00-00000000000000000000000000000001-") && text.ends_with("-00"));
    }
}
