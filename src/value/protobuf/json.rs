//! Messages as JSON, as protobuf's own mapping says, but with all fields, and 64-bit integers as
//! numbers.

use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

/// Returns an encoded message as JSON. Fields that are not set have their default value, so that a
/// check finds them, and 64-bit integers are numbers, so that they can be compared.
///
/// # Errors
/// If these bytes are not such a message, or it has no form in JSON, with the reason.
pub fn to_json(bytes: &[u8], of: &MessageDescriptor) -> Result<Vec<u8>, String> {
    let options = SerializeOptions::new()
        .skip_default_fields(false)
        .stringify_64_bit_integers(false);
    let wrong = |why: String| format!("these bytes are not a `{}`: {why}", of.full_name());
    let message = DynamicMessage::decode(of.clone(), bytes).map_err(|e| wrong(e.to_string()))?;
    let mut json = serde_json::Serializer::new(Vec::new());
    message
        .serialize_with_options(&mut json, &options)
        .map_err(|e| wrong(e.to_string()))?;
    Ok(json.into_inner())
}
