//! [`Streaming`]: the figures of answers that come in pieces.

use serde::{Deserialize, Serialize};

use crate::metrics::Summary;

/// The figures of answers that come in pieces. All are absent without such answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Streaming {
    /// From intended to the first counted event, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_first_ms: Option<Summary>,
    /// From started to the first counted event, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_first_service_ms: Option<Summary>,
    /// Between counted events as they are read, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_gap_ms: Option<Summary>,
    /// Time per unit of each successful stream, (last − first) ÷ (units − 1), in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_unit_ms: Option<Summary>,
    /// Units per second of each successful stream, units ÷ (last − started).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_rate: Option<Summary>,
    /// How late the workers of a run woke up while streams were open, in milliseconds; not of parts
    /// of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_lag_ms: Option<Summary>,
    /// Counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Streams>,
}

/// Counts of streams, and of what came in them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Streams {
    /// Streams that completed, successful or not.
    pub completed: u64,
    /// Successful streams, which met all their limits.
    pub ok: u64,
    /// Streams that the client ended because the scenario asks for no more.
    pub hung_up: u64,
    /// Counted events.
    pub events: u64,
    /// Other events: those without anything in the place that the scenario names.
    pub other_events: u64,
    /// What units are: `events`, or `units` if the server reports how many there are.
    pub unit: String,
    /// Units.
    pub units: u64,
    /// Successful streams whose server did not report its units; they have no times per unit.
    pub without_units: u64,
    /// Units of successful streams that completed inside the measured window ÷ `measured_s`.
    pub units_per_s: f64,
    /// `ok` ÷ `completed`.
    pub goodput: Option<f64>,
}
