//! What identifies an operation later: its trace, and what is kept of it if it is an example, one of
//! the slowest.

use super::attempt::Attempt;
use super::trace::Trace;
use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::metrics::{Among, Example, Outcome};
use crate::transport::TransportError;
use crate::transport::http::Message;
use crate::value::Scope;

impl<D: Driver> Attempt<'_, '_, D> {
    /// Returns the operation as an example, if it is one at the end of this try: `completed` and
    /// `error` are its last. Nearly all are not, so this costs them a comparison only.
    #[inline]
    pub(super) fn example(
        &self,
        completed: Nanos,
        error: Option<&TransportError>,
        scope: &Scope,
        trace: &Trace,
    ) -> Option<Box<Example>> {
        // A request that could not even be made has no time.
        let is_timed = error.is_none_or(|error| Outcome::Failed(error.kind).is_timed());
        let is_one = is_timed && self.is_example(completed, error.is_some());
        is_one.then(|| self.as_example(completed, error, scope, trace))
    }

    /// Returns whether the operation is one of the slowest. Always inlined, because each operation
    /// asks.
    #[inline(always)]
    fn is_example(&self, completed: Nanos, has_failed: bool) -> bool {
        let slowest = &self.worker.world.slowest;
        let (id, response) = (self.operation.id, completed - self.intended);
        let is_beaten = |among| slowest.is_beaten(id, self.intended, response, among);
        is_beaten(Among::All)
            || has_failed && is_beaten(Among::Failed)
            || self.traced.is_some_and(|trace| trace.is_sampled) && is_beaten(Among::Sampled)
    }

    #[cold]
    fn as_example(
        &self,
        completed: Nanos,
        error: Option<&TransportError>,
        scope: &Scope,
        trace: &Trace,
    ) -> Box<Example> {
        let last = &trace.last;
        let url = last.found(|found| found.url.clone()).flatten();
        Box::new(Example {
            operation: self.operation.id,
            intended: self.intended,
            response: completed - self.intended,
            status: last.hop.status.get(),
            failure: error.map(|error| (error.kind, error.message.clone())),
            url: url.or_else(|| self.url(scope)),
            trace: self.traced,
        })
    }

    /// Makes a request part of the trace of the operation, if it has one.
    pub(super) fn put_trace(&self, message: &mut Message, trace: &Trace) {
        if let Some((tracer, own)) = self.worker.world.tracer.as_ref().zip(self.traced) {
            tracer.put(own, trace.next_span(), message.headers_mut());
        }
    }

    /// Keeps the URL of a try for an example, if the operation may be one. It is asked for while it
    /// is known: before the response changes the values that it was made of.
    pub(super) fn keep_url(&self, trace: &Trace, url: impl FnOnce() -> Option<String>) {
        let ended = trace.last.hop.ended.get();
        let completed = ended.unwrap_or_else(|| self.worker.driver.now());
        if self.is_example(completed, false) {
            trace.last.find(|found| found.url = url());
        }
    }

    /// Records an operation that has ended, if it is an example.
    #[inline]
    pub(super) fn record_example(&self, example: Option<Box<Example>>) {
        if let Some(example) = example {
            self.keep_example(*example);
        }
    }

    #[cold]
    fn keep_example(&self, example: Example) {
        let is_sampled = example.trace.is_some_and(|trace| trace.is_sampled);
        for among in Among::of(example.failure.is_some(), is_sampled) {
            let slowest = &self.worker.world.slowest;
            slowest.raise(example.operation, example.intended, example.response, among);
        }
        self.worker.tape.example(example);
    }
}
