//! Text of a file that is compressed, or in another encoding.

use std::io::{self, Read, Seek as _, Write as _};

use encoding_rs::{DecoderResult, Encoding};
use flate2::read::MultiGzDecoder;
use tempfile::SpooledTempFile;

use super::error::FeedError;

/// The maximum length of a decompressed text, in bytes, if its rows need not be in memory.
pub(super) const LARGEST_ON_DISK: u64 = 64 << 30;
/// How much of a text is kept in memory, in bytes; a longer one is in a temporary file.
const IN_MEMORY: usize = 1 << 20;
/// How much is decoded at once, in bytes.
const PIECE: usize = 64 << 10;

/// Returns the text of a compressed file, which has at `most` so many bytes.
///
/// # Errors
/// If it cannot be decompressed, is longer, or cannot be written to a temporary file.
pub(super) fn decompressed(
    file: &str,
    content: impl Read,
    most: u64,
) -> Result<SpooledTempFile, FeedError> {
    let failed = |message| FeedError::Compressed {
        file: file.into(),
        message,
    };
    let mut text = tempfile::spooled_tempfile(IN_MEMORY);
    let mut decoder = MultiGzDecoder::new(content).take(most + 1);
    let length = io::copy(&mut decoder, &mut text)
        .and_then(|length| text.rewind().map(|()| length))
        .map_err(|error| failed(error.to_string()))?;
    if length > most {
        return Err(failed(format!(
            "it has more than {} MiB of text",
            most >> 20
        )));
    }
    Ok(text)
}

/// Returns the text of a file in UTF-8.
///
/// # Errors
/// If it is not in that encoding, cannot be read, or cannot be written to a temporary file.
pub(super) fn in_utf8(
    file: &str,
    mut content: impl Read,
    encoding: &'static Encoding,
) -> Result<SpooledTempFile, FeedError> {
    let failed = |source| FeedError::of_io(file, source);
    let mut text = tempfile::spooled_tempfile(IN_MEMORY);
    let mut decoder = encoding.new_decoder();
    let (mut read, mut decoded) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let count = match content.read(&mut read) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count.map_err(failed)?,
        };
        let mut rest = &read[..count];
        loop {
            let (result, used, made) =
                decoder.decode_to_utf8_without_replacement(rest, &mut decoded, count == 0);
            text.write_all(&decoded[..made]).map_err(failed)?;
            rest = &rest[used..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    return Err(FeedError::Encoding {
                        file: file.into(),
                        encoding: encoding.name(),
                    });
                }
            }
        }
        if count == 0 {
            text.rewind().map_err(failed)?;
            return Ok(text);
        }
    }
}
