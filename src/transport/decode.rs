//! Decodes the content encodings of a body.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use ruzstd::decoding::StreamingDecoder;

use super::TransportError;
use crate::metrics::FailureKind;

/// The maximum size of a decoded body, in bytes.
pub(crate) const LARGEST: u64 = 64 << 20;
/// The maximum number of stacked encodings; no server needs more.
const MAX_ENCODINGS: usize = 4;
/// The buffer size of the brotli decoder.
const BUFFER: usize = 4096;
/// The maximum number of characters of a header in a message.
const MAX_SHOWN: usize = 60;

/// Decodes the encodings that a body's headers name; without any, returns the body as it is.
///
/// # Errors
/// Of kind `check` if an encoding is unknown or the body grows too large; of kind `protocol` if it
/// is corrupt.
pub(crate) fn decoded(headers: &HeaderMap, body: Vec<u8>) -> Result<Vec<u8>, TransportError> {
    // A response to HEAD names the encoding of the body that it omits.
    if body.is_empty() || !headers.contains_key(CONTENT_ENCODING) {
        return Ok(body);
    }
    let named: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into())
        .collect();
    let named = named.join(",").to_ascii_lowercase();
    let encodings: Vec<&str> = named
        .split(',')
        .map(str::trim)
        .filter(|name| !matches!(*name, "" | "identity"))
        .collect();
    if encodings.len() > MAX_ENCODINGS {
        return Err(check(format!(
            "the body has {} nested content encodings, but at most {MAX_ENCODINGS} are decoded",
            encodings.len()
        )));
    }
    // The last one named was applied last.
    encodings
        .into_iter()
        .rev()
        .try_fold(body, |body, encoding| take_off(encoding, &body))
}

fn take_off(encoding: &str, body: &[u8]) -> Result<Vec<u8>, TransportError> {
    let taken = match encoding {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(body)),
        // The standard prescribes zlib's format; some servers send the bare stream.
        "deflate" if is_zlib(body) => read(ZlibDecoder::new(body)),
        "deflate" => read(DeflateDecoder::new(body)),
        "br" => read(Decompressor::new(body, BUFFER)),
        "zstd" => zstd(body),
        other => {
            let shown: String = other.chars().take(MAX_SHOWN).collect();
            return Err(check(format!(
                "content-encoding {shown:?} is not supported, and the body is needed; send `accept-encoding` with gzip, deflate, br or zstd"
            )));
        }
    };
    let whole = taken.map_err(|e| TransportError {
        kind: FailureKind::Protocol,
        message: format!("the body is not valid {encoding}: {e}"),
    })?;
    if whole.len() as u64 > LARGEST {
        return Err(check(format!(
            "the body is larger than {} MiB once decoded from {encoding}, and is not kept",
            LARGEST >> 20
        )));
    }
    Ok(whole)
}

fn check(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Check,
        message,
    }
}

/// Reads everything, up to one byte beyond the limit.
fn read(decoder: impl Read) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    decoder.take(LARGEST + 1).read_to_end(&mut whole)?;
    Ok(whole)
}

/// Returns whether it begins like zlib's format (RFC 1950).
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31))
}

/// Decodes all frames in sequence.
fn zstd(mut body: &[u8]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    while !body.is_empty() && whole.len() as u64 <= LARGEST {
        let decoder = StreamingDecoder::new(&mut body).map_err(io::Error::other)?;
        decoder
            .take(LARGEST + 1 - whole.len() as u64)
            .read_to_end(&mut whole)?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    const TEXT: &[u8] = b"the same text, the same text, the same text";

    fn taken(encoding: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, encoding.parse().expect("a value"));
        decoded(&headers, body.to_vec()).map_err(|e| format!("{}: {}", e.kind, e.message))
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("into memory");
        encoder.finish().expect("into memory")
    }

    #[test]
    fn every_encoding_comes_off() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).expect("into memory");
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(TEXT).expect("into memory");
        let zstd =
            ruzstd::encoding::compress_to_vec(TEXT, ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(taken("gzip", &gzip(TEXT)).as_deref(), Ok(TEXT));
        assert_eq!(taken("X-GZIP, identity", &gzip(TEXT)).as_deref(), Ok(TEXT));
        assert_eq!(
            taken("deflate", &zlib.finish().expect("into memory")).as_deref(),
            Ok(TEXT)
        );
        assert_eq!(
            taken("deflate", &deflate.finish().expect("into memory")).as_deref(),
            Ok(TEXT)
        );
        assert_eq!(
            taken("zstd", &[zstd.clone(), zstd].concat()),
            Ok([TEXT, TEXT].concat())
        );
        assert_eq!(taken("gzip, gzip", &gzip(&gzip(TEXT))).as_deref(), Ok(TEXT));
        // A brotli stream with one uncompressed part (RFC 7932, section 9.2).
        assert_eq!(
            taken("br", b"\x0b\x01\x80abc\x03").as_deref(),
            Ok(&b"abc"[..])
        );
        assert_eq!(taken("identity", TEXT).as_deref(), Ok(TEXT));
        assert_eq!(
            taken("gzip", b"").as_deref(),
            Ok(&b""[..]),
            "an answer to HEAD"
        );
    }

    #[test]
    fn what_is_broken_unknown_or_too_large_is_said() {
        for encoding in ["gzip", "br", "zstd", "deflate"] {
            let message = taken(encoding, b"\xff\xff\xff\xff no such thing").expect_err(encoding);
            assert!(
                message.starts_with(&format!("protocol: the body is not valid {encoding}")),
                "{message}"
            );
        }
        let cut = gzip(TEXT);
        assert!(taken("gzip", &cut[..cut.len() - 9]).is_err(), "cut off");
        assert!(
            taken("compress", TEXT)
                .expect_err("unknown")
                .starts_with("check: content-encoding \"compress\" is not supported")
        );
        assert!(
            taken("gzip,gzip,gzip,gzip,gzip", TEXT)
                .expect_err("too many")
                .starts_with("check:")
        );
        let bomb = gzip(&vec![0; LARGEST as usize + 1]);
        assert!(
            taken("gzip", &bomb)
                .expect_err("a bomb")
                .contains("larger than 64 MiB")
        );
    }
}
