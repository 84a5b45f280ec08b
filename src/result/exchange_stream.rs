//! [`ExchangeStream`]: what was read of the answer to one try as a stream of events.

use serde::{Deserialize, Serialize};

/// What was read of the answer to one try as a stream of events, however the try ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExchangeStream {
    /// The number of counted events.
    pub events: u64,
    /// The number of events that are not counted.
    pub other_events: u64,
    /// The number of units; null if the server should have told and did not.
    pub units: Option<u64>,
    /// Whether the client hung up because the scenario asks for no more.
    pub hung_up: bool,
    /// From when the operation was intended to the first counted event.
    pub first_ms: Option<f64>,
    /// The longest time between two counted events; null for fewer than two.
    pub max_gap_ms: Option<f64>,
    /// The time per unit.
    pub unit_ms: Option<f64>,
}
