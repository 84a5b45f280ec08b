//! Messages in gzip.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Packs a message, behind so many bytes of room.
pub(super) fn packed(message: &[u8], room: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![0; room], Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(message);
    encoder.finish().unwrap_or_default()
}

/// Unpacks a message of at most so many bytes.
///
/// # Errors
/// If it is not gzip, or too large, with the reason.
pub(super) fn unpacked(message: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(message)
        .take(most as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|e| format!("the message is not valid gzip: {e}"))?;
    if unpacked.len() > most {
        return Err(format!(
            "the message unpacks to more than {} MiB",
            most >> 20
        ));
    }
    Ok(unpacked)
}
