//! [`Streams`]: how answers are read as streams, and how many are open.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::base::CachePadded;
use crate::engine::compiled::call::Call;
use crate::engine::compiled::streaming::StreamRules;
use crate::plan::{Operation, Plan};
use crate::value::ValueError;

/// How answers are read as streams, and how many are being read.
pub(crate) struct Streams {
    /// By operation id: the rules, if its answers are streams.
    rules: Vec<Option<StreamRules>>,
    open: CachePadded<AtomicI64>,
}

impl Streams {
    /// Compiles the rules of a plan; `calls` are its calls of gRPC, by operation id.
    ///
    /// # Errors
    /// If a JSONPath query is invalid; validation of the scenario reports these first.
    pub(super) fn new(plan: &Plan, calls: &[Option<Call>]) -> Result<Self, ValueError> {
        let rules = |operation: &Operation| {
            let stream = operation.stream.as_deref();
            let call = calls.get(operation.id as usize).and_then(Option::as_ref);
            stream
                .map(|stream| StreamRules::new(stream, call.map(Call::output)))
                .transpose()
        };
        let rules = plan.operations().map(|(.., operation)| rules(operation));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            open: CachePadded::default(),
        })
    }

    /// Returns how the answers of an operation are read, if they are streams.
    pub(crate) fn rules(&self, operation: &Operation) -> Option<&StreamRules> {
        self.rules[operation.id as usize].as_ref()
    }

    /// Returns whether any answers are streams.
    pub(crate) fn is_any(&self) -> bool {
        self.rules.iter().any(Option::is_some)
    }

    /// Returns whether a stream is open.
    pub(crate) fn is_any_open(&self) -> bool {
        self.open.0.load(Ordering::Relaxed) > 0
    }

    /// Counts a stream as open until the guard is dropped.
    pub(crate) fn open(&self) -> OpenStream<'_> {
        self.open.0.fetch_add(1, Ordering::Relaxed);
        OpenStream(&self.open.0)
    }
}

/// A stream that is open; it is not any more when this is dropped.
pub(crate) struct OpenStream<'w>(&'w AtomicI64);

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
