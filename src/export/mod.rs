//! Floor 4: what a run hands to other programs while it goes on: every sample to a file, and figures as
//! metrics of OpenTelemetry. It
//! knows nothing of how a run is made; nothing in it makes a worker wait.

pub(crate) mod otlp;
pub(crate) mod samples;
