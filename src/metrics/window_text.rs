//! For serde: the histogram of a window as text.

use std::borrow::Cow;

use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::codec;

/// Serializes as [`codec::encode`] does.
///
/// # Errors
/// Those of the format.
pub(crate) fn serialize<S: Serializer>(of: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&codec::encode(of))
}

/// Deserializes as [`codec::decode_window`] does.
///
/// # Errors
/// Those of the format, and of a damaged histogram.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    codec::decode_window(&text).map_err(D::Error::custom)
}
