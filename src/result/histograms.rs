//! [`Histograms`]: the data from which any percentile can be computed.

use serde::{Deserialize, Serialize};

/// Histograms of the whole run: HdrHistogram V2, deflated, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histograms {
    /// Response times.
    pub response: String,
    /// Response times of successful operations.
    pub response_ok: String,
    /// Service times.
    pub service: String,
    /// Lag.
    pub lag: String,
    /// Deliberate waits.
    pub queue: String,
    /// Durations of iterations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<String>,
    /// Times to the first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<String>,
    /// Times to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<String>,
    /// Times of TLS handshakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Times until the request was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
    /// Times from the head of the response to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Times from intended to the first counted event of streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_first: Option<String>,
    /// Times from started to the first counted event of streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_first_service: Option<String>,
    /// Times between counted events of streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_gap: Option<String>,
    /// Times per unit of streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_unit: Option<String>,
    /// Units per second of streams, in millionths instead of `ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_rate: Option<String>,
    /// How late workers woke up while streams were open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_lag: Option<String>,
    /// `ns`.
    pub unit: String,
    /// The lowest value that is distinguished from zero.
    pub lowest: u64,
    /// Highest value.
    pub highest: u64,
    /// The number of significant decimal digits.
    pub significant_digits: u8,
}
