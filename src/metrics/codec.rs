//! Histograms as text: HdrHistogram's V2 format, deflated, in base64, as its reference readers
//! expect it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use thiserror::Error;

use super::histogram::{COARSE_DIGITS, HIGHEST, LOWEST, SIGNIFICANT_DIGITS, WINDOW_DIGITS};

/// Why a text is not one of loadgen's histograms.
#[derive(Debug, Error)]
pub enum CodecError {
    /// Not base64.
    #[error("histogram is not base64")]
    Base64(#[from] base64::DecodeError),
    /// Not HdrHistogram's V2 deflate format.
    #[error("histogram is not in HdrHistogram's V2 deflate format: {0}")]
    Format(String),
    /// A valid histogram whose bounds differ from loadgen's.
    #[error(
        "histogram has bounds {low} to {high} at {digits} digits; expected {LOWEST} to {HIGHEST} at {expected}"
    )]
    Bounds {
        /// Its lowest value.
        low: u64,
        /// Its highest value.
        high: u64,
        /// Its number of significant digits.
        digits: u8,
        /// The expected number of significant digits.
        expected: u8,
    },
}

/// Encodes a histogram of nanoseconds.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory fails only if the histogram needs more bytes than a u32 can count, which
    // loadgen's never do.
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(&bytes),
        Err(_) => String::new(),
    }
}

/// Decodes the text written by [`encode`].
///
/// # Errors
/// If the text is damaged, or the histogram has other bounds than loadgen's: adding it would
/// silently put values into other buckets.
pub fn decode(text: &str) -> Result<Histogram<u64>, CodecError> {
    read(text, SIGNIFICANT_DIGITS)
}

/// Decodes the histogram of a window of the time line, which is coarser.
///
/// # Errors
/// As [`decode`].
pub fn decode_window(text: &str) -> Result<Histogram<u64>, CodecError> {
    read(text, WINDOW_DIGITS)
}

/// Decodes the histogram of a step in a part of its time line, which is coarser still.
///
/// # Errors
/// As [`decode`].
pub fn decode_coarse(text: &str) -> Result<Histogram<u64>, CodecError> {
    read(text, COARSE_DIGITS)
}

/// Decodes a histogram with this many significant digits.
///
/// # Errors
/// As [`decode`].
pub(super) fn read(text: &str, digits: u8) -> Result<Histogram<u64>, CodecError> {
    let bytes = STANDARD.decode(text)?;
    let histogram: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|e| CodecError::Format(e.to_string()))?;
    if (histogram.low(), histogram.high(), histogram.sigfig()) != (LOWEST, HIGHEST, digits) {
        return Err(CodecError::Bounds {
            low: histogram.low(),
            high: histogram.high(),
            digits: histogram.sigfig(),
            expected: digits,
        });
    }
    Ok(histogram)
}
