//! Values of scalar fields: what they are called, and how their texts are encoded.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::BufMut as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::Kind;

/// base64 with or without padding, as protobuf's mapping to JSON accepts it.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Returns what a field of this kind is, with its article.
pub(super) fn name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => format!("a message `{}`", message.full_name()),
        Kind::Enum(of) => format!("an enum `{}`", of.full_name()),
        Kind::Int32 => "an int32".into(),
        Kind::Int64 => "an int64".into(),
        Kind::Uint32 => "a uint32".into(),
        Kind::Uint64 => "a uint64".into(),
        Kind::Sint32 => "a sint32".into(),
        Kind::Sint64 => "a sint64".into(),
        Kind::Fixed32 => "a fixed32".into(),
        Kind::Fixed64 => "a fixed64".into(),
        Kind::Sfixed32 => "an sfixed32".into(),
        Kind::Sfixed64 => "an sfixed64".into(),
        Kind::Float => "a float".into(),
        Kind::Double => "a double".into(),
        Kind::Bool => "a bool".into(),
        Kind::String => "a string".into(),
        Kind::Bytes => "bytes".into(),
    }
}

/// Returns how to write a value of this kind.
pub(super) fn example(kind: &Kind) -> &'static str {
    match kind {
        Kind::Message(_) => "write a map of its fields",
        Kind::Enum(_) => "write the name of a value",
        Kind::Bool => "write `true` or `false`",
        Kind::String => "write a text; quote it if it looks like something else",
        Kind::Bytes => "write the bytes in base64",
        Kind::Float | Kind::Double => "write a number",
        _ => "write an integer in its range",
    }
}

/// Returns whether a number may be the value of a field of this kind.
pub(super) const fn is_number(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_)
    )
}

/// Returns whether a text that is only a part of the value makes sense in a field of this kind.
pub(super) const fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::String | Kind::Bytes | Kind::Enum(_))
}

/// Appends a field with the value that a text stands for.
///
/// # Errors
/// If it stands for none.
pub(super) fn put(kind: &Kind, number: u32, text: &str, out: &mut Vec<u8>) -> Result<(), ()> {
    let varint = |value: u64, out: &mut Vec<u8>| {
        encode_key(number, WireType::Varint, out);
        encode_varint(value, out);
    };
    let zigzag = |n: i64| ((n << 1) ^ (n >> 63)) as u64;
    match kind {
        Kind::Int32 => varint(i64::from(integer::<i32>(text)?) as u64, out),
        Kind::Int64 => varint(integer::<i64>(text)? as u64, out),
        Kind::Uint32 => varint(u64::from(integer::<u32>(text)?), out),
        Kind::Uint64 => varint(integer::<u64>(text)?, out),
        Kind::Sint32 => varint(zigzag(i64::from(integer::<i32>(text)?)), out),
        Kind::Sint64 => varint(zigzag(integer::<i64>(text)?), out),
        Kind::Fixed32 => four(number, integer::<u32>(text)?.to_le_bytes(), out),
        Kind::Sfixed32 => four(number, integer::<i32>(text)?.to_le_bytes(), out),
        Kind::Float => four(number, float(text)?.to_le_bytes(), out),
        Kind::Fixed64 => eight(number, integer::<u64>(text)?.to_le_bytes(), out),
        Kind::Sfixed64 => eight(number, integer::<i64>(text)?.to_le_bytes(), out),
        Kind::Double => eight(number, double(text)?.to_le_bytes(), out),
        Kind::Bool => varint(u64::from(text.parse::<bool>().map_err(drop)?), out),
        Kind::String => bytes(number, text.as_bytes(), out),
        Kind::Bytes => {
            let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
            bytes(number, &decoded.map_err(drop)?, out);
        }
        Kind::Enum(of) => {
            let value = match of.get_value_by_name(text) {
                Some(value) => value.number(),
                None => integer::<i32>(text)?,
            };
            varint(i64::from(value) as u64, out);
        }
        Kind::Message(_) => return Err(()),
    }
    Ok(())
}

/// Appends a field with its length.
pub(super) fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.put_slice(content);
}

fn four(number: u32, content: [u8; 4], out: &mut Vec<u8>) {
    encode_key(number, WireType::ThirtyTwoBit, out);
    out.put_slice(&content);
}

fn eight(number: u32, content: [u8; 8], out: &mut Vec<u8>) {
    encode_key(number, WireType::SixtyFourBit, out);
    out.put_slice(&content);
}

/// Returns the integer that a text stands for, which may be written as `5.0` or `1e3`.
fn integer<T: std::str::FromStr + TryFrom<i128>>(text: &str) -> Result<T, ()> {
    // The largest integer up to which a float has them all.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    text.parse().or_else(|_| {
        let number: f64 = text.parse().map_err(drop)?;
        if number.fract() != 0.0 || number.abs() > EXACT {
            return Err(());
        }
        T::try_from(number as i128).map_err(drop)
    })
}

fn double(text: &str) -> Result<f64, ()> {
    let number: f64 = text.parse().map_err(drop)?;
    // Anything else that is so large has lost its value.
    let is_named = text.trim_start_matches('-').starts_with(['I', 'i']);
    (number.is_finite() || number.is_nan() || is_named)
        .then_some(number)
        .ok_or(())
}

fn float(text: &str) -> Result<f32, ()> {
    let number = double(text)?;
    let short = number as f32;
    (short.is_finite() || !number.is_finite())
        .then_some(short)
        .ok_or(())
}
