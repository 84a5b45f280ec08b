//! [`Multipart`]: bodies of several parts (RFC 7578).

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use http::HeaderValue;
use regex::bytes::Regex;
use sha2::{Digest as _, Sha256};

use crate::plan::{BodyPart, Content};
use crate::value::{Names, Text, ValueError, file};

/// A compiled multipart body.
pub(super) struct Multipart {
    parts: Vec<Compiled>,
    /// Digits of a hash of the parts, which boundaries are built from.
    digest: String,
    /// The first boundary that occurs in no file.
    boundary: String,
}

struct Compiled {
    /// The part's headers, including the empty line after them.
    head: String,
    content: Filling,
}

enum Filling {
    Text(Text),
    File(Vec<u8>),
}

impl Multipart {
    /// Compiles the parts; files are read relative to `folder`.
    pub(super) fn new(parts: &[BodyPart], names: &Names, folder: &Path) -> Result<Self, String> {
        let mut compiled = Vec::with_capacity(parts.len());
        for part in parts {
            let content = match &part.content {
                Content::Text(template) => {
                    Filling::Text(Text::compile(template, names).map_err(|e| e.0)?)
                }
                Content::File(path) => {
                    Filling::File(file::read(folder, path).map_err(|e| e.to_string())?)
                }
            };
            compiled.push(Compiled {
                head: head(part)?,
                content,
            });
        }
        // Parts are plain data with string keys: serializing them cannot fail.
        let text = serde_json::to_vec(parts).unwrap_or_default();
        let digest = Sha256::digest(&text)
            .iter()
            .take(8)
            .fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
        let boundary = free(&digest, |boundary| {
            compiled.iter().any(|part| part.holds(boundary))
        });
        Ok(Self {
            parts: compiled,
            digest,
            boundary,
        })
    }

    /// Returns the body and the content type that names its boundary. `put` fills values into a
    /// text.
    pub(super) fn make(
        &self,
        put: impl Fn(&Text) -> Result<String, ValueError>,
    ) -> Result<(Bytes, String), ValueError> {
        let mut texts = Vec::new();
        for part in &self.parts {
            if let Filling::Text(text) = &part.content {
                texts.push(put(text)?);
            }
        }
        let in_texts = |boundary: &str| texts.iter().any(|text| text.contains(boundary));
        let boundary = if in_texts(&self.boundary) {
            free(&self.digest, |boundary| {
                in_texts(boundary) || self.parts.iter().any(|part| part.holds(boundary))
            })
        } else {
            self.boundary.clone()
        };
        let mut body = Vec::new();
        let mut rest = texts.iter();
        for part in &self.parts {
            let content = match &part.content {
                Filling::Text(_) => rest.next().map_or(&[][..], |text| text.as_bytes()),
                Filling::File(bytes) => bytes,
            };
            for piece in [
                b"--",
                boundary.as_bytes(),
                b"\r\n",
                part.head.as_bytes(),
                content,
                b"\r\n",
            ] {
                body.extend_from_slice(piece);
            }
        }
        for piece in [b"--", boundary.as_bytes(), b"--\r\n"] {
            body.extend_from_slice(piece);
        }
        Ok((
            body.into(),
            format!("multipart/form-data; boundary={boundary}"),
        ))
    }
}

impl Compiled {
    /// Returns whether the part's file contains a text.
    fn holds(&self, text: &str) -> bool {
        match &self.content {
            // Boundaries contain only letters, digits and literal punctuation, so the text is a
            // valid pattern, and the regex engine searches for it fast.
            Filling::File(bytes) => Regex::new(text).is_ok_and(|pattern| pattern.is_match(bytes)),
            Filling::Text(_) => false,
        }
    }
}

/// Returns the first boundary that is not taken.
fn free(digest: &str, taken: impl Fn(&str) -> bool) -> String {
    (0u64..)
        .map(|number| format!("loadgen-{digest}-{number}"))
        .find(|boundary| !taken(boundary))
        .unwrap_or_default()
}

fn head(part: &BodyPart) -> Result<String, String> {
    let mut head = format!(
        "content-disposition: form-data; name=\"{}\"",
        escaped(&part.name)
    );
    if let Some(filename) = &part.filename {
        let _ = write!(head, "; filename=\"{}\"", escaped(filename));
    }
    head.push_str("\r\n");
    let of_file = matches!(part.content, Content::File(_)).then_some("application/octet-stream");
    if let Some(content_type) = part.content_type.as_deref().or(of_file) {
        HeaderValue::from_str(content_type)
            .map_err(|e| format!("content type of part `{}`: {e}", part.name))?;
        let _ = write!(head, "content-type: {content_type}\r\n");
    }
    head.push_str("\r\n");
    Ok(head)
}

/// Escapes a name for a quoted string, as browsers do.
fn escaped(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
