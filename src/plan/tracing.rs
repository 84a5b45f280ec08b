//! [`Tracing`]: how the requests of a run become part of distributed traces.

use serde::{Deserialize, Serialize};

use crate::base::Share;

/// The header that tells a service which trace a request belongs to.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The header that carries what a tracing system adds to it.
pub(crate) const TRACESTATE: &str = "tracestate";

/// How requests become part of traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracing {
    /// The form of the headers.
    pub propagate: Propagation,
    /// The share of operations whose traces the services are asked to record.
    pub sample: Share,
    /// What every request has as `tracestate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The URL of a trace in the place where people look at it, with [`Self::ID`] for its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Tracing {
    /// The share of operations unless the scenario says otherwise.
    pub const SAMPLE: Share = Share(0.01);
    /// The placeholder of a trace id in a URL.
    pub const ID: &str = "{trace_id}";

    /// Returns the headers that it adds to requests.
    pub fn headers(&self) -> impl Iterator<Item = &'static str> {
        let state = self.tracestate.as_ref().map(|_| TRACESTATE);
        std::iter::once(TRACEPARENT).chain(state)
    }
}

/// The form in which requests carry the identity of their trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    /// Trace Context of the W3C: `traceparent`.
    W3c,
}
