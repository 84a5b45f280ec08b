//! [`GrpcAnswer`]: the answer of a call: its message and its status.

use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::frame::{MAX_MESSAGE, PREFIX};
use super::gzip;
use crate::base::status::{self, GRPC_OK};
use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::sink::BodySink;

/// The header with the status.
const STATUS: &str = "grpc-status";
/// The header that says how messages are compressed.
const ENCODING: &str = "grpc-encoding";
/// The longest value of a header in a message, in characters.
const MAX_SHOWN: usize = 60;

/// The answer of a call while it is received. At most one message is kept.
pub(crate) struct GrpcAnswer {
    /// Whether the message is looked at; otherwise it is only counted.
    is_needed: bool,
    /// Whether it is of another protocol, whose body has no frames.
    is_foreign: bool,
    prefix: [u8; PREFIX],
    /// How much of the prefix has arrived.
    prefixed: usize,
    message: Vec<u8>,
    /// How much of the message has arrived, and how much has been announced.
    arrived: usize,
    announced: usize,
    /// Bytes received, prefix included.
    size: u64,
    trailers: Option<HeaderMap>,
}

/// What a call ended with.
pub(crate) struct GrpcEnd {
    /// The status, as [`status`] numbers it.
    pub(crate) status: u16,
    /// The message, unpacked, if there is one and it is needed.
    pub(crate) message: Vec<u8>,
    /// The trailers.
    pub(crate) trailers: HeaderMap,
}

impl GrpcAnswer {
    /// Creates an answer of which the head has arrived.
    pub(crate) fn new(head: &Parts, is_needed: bool) -> Self {
        Self {
            is_needed,
            is_foreign: is_of_grpc(head).is_err(),
            prefix: [0; PREFIX],
            prefixed: 0,
            message: Vec::new(),
            arrived: 0,
            announced: 0,
            size: 0,
            trailers: None,
        }
    }

    /// Returns the number of bytes received.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the message as far as it has arrived, unpacked if it is whole.
    pub(crate) fn seen(&self, head: &HeaderMap) -> Vec<u8> {
        let unpacked = self.is_whole().then(|| self.unpacked(head).ok()).flatten();
        unpacked.unwrap_or_else(|| self.message.clone())
    }

    const fn is_whole(&self) -> bool {
        self.prefixed == PREFIX && self.arrived == self.announced
    }

    /// Returns the message without its compression.
    fn unpacked(&self, head: &HeaderMap) -> Result<Vec<u8>, TransportError> {
        if self.prefix[0] == 0 {
            return Ok(self.message.clone());
        }
        match head.get(ENCODING).map(HeaderValue::as_bytes) {
            Some(b"gzip") if self.is_needed => {
                gzip::unpacked(&self.message, MAX_MESSAGE).map_err(protocol)
            }
            Some(b"gzip") => Ok(Vec::new()),
            None | Some(b"identity") => Err(protocol(format!(
                "the message is compressed, and `{ENCODING}` does not say how"
            ))),
            Some(other) => Err(protocol(format!(
                "the message is compressed by {}, and loadgen accepts gzip only",
                shown(other)
            ))),
        }
    }

    /// Judges the answer when all of it has arrived.
    ///
    /// # Errors
    /// If it is not an answer of gRPC, or not a whole one.
    pub(crate) fn end(mut self, head: &Parts) -> Result<GrpcEnd, TransportError> {
        let trailers = self.trailers.take().unwrap_or_default();
        is_of_grpc(head)?;
        let found = match (trailers.get(STATUS), head.headers.get(STATUS)) {
            (Some(found), _) => found,
            (None, Some(found)) if self.size == 0 => found,
            (None, Some(_)) => {
                return Err(protocol(format!(
                    "`{STATUS}` is in the head of an answer that has a message, and not in its trailers"
                )));
            }
            (None, None) if !self.is_whole() && self.size > 0 => return Err(self.cut()),
            (None, None) => {
                return Err(protocol(format!(
                    "the answer ended without `{STATUS}` in its trailers"
                )));
            }
        };
        let code = std::str::from_utf8(found.as_bytes()).ok();
        let code: u32 = code.and_then(|code| code.parse().ok()).ok_or_else(|| {
            protocol(format!(
                "`{STATUS}` is {}, which is not a number",
                shown(found.as_bytes())
            ))
        })?;
        let status = status::of_grpc(code);
        if status == GRPC_OK {
            match self.size {
                0 => return Err(protocol("the status is OK, and there is no message".into())),
                _ if !self.is_whole() => return Err(self.cut()),
                _ => {}
            }
        }
        let message = if self.is_whole() {
            self.unpacked(&head.headers)?
        } else {
            Vec::new()
        };
        Ok(GrpcEnd {
            status,
            message,
            trailers,
        })
    }

    /// Creates the error of an answer that ended in the middle of its message.
    fn cut(&self) -> TransportError {
        let message = if self.prefixed < PREFIX {
            format!(
                "the answer ended in the middle of a prefix, after {} of {PREFIX} B",
                self.prefixed
            )
        } else {
            format!(
                "the answer ended in the middle of a message, after {} of {} B",
                self.arrived, self.announced
            )
        };
        TransportError {
            kind: FailureKind::Incomplete,
            message,
        }
    }

    /// Reads the prefix, which is complete.
    fn announce(&mut self) -> Result<(), TransportError> {
        let [flag, length @ ..] = self.prefix;
        if flag > 1 {
            return Err(protocol(format!(
                "a message begins with {flag}, which is neither 0 (plain) nor 1 (compressed)"
            )));
        }
        self.announced = u32::from_be_bytes(length) as usize;
        if self.announced > MAX_MESSAGE {
            return Err(protocol(format!(
                "a message announces {} B, more than {} MiB",
                self.announced,
                MAX_MESSAGE >> 20
            )));
        }
        Ok(())
    }
}

impl BodySink for GrpcAnswer {
    const WANTS_TRAILERS: bool = true;

    fn take(&mut self, mut data: &[u8]) -> Result<(), TransportError> {
        self.size += data.len() as u64;
        if self.is_foreign {
            return Ok(());
        }
        if self.prefixed < PREFIX {
            let part = data.len().min(PREFIX - self.prefixed);
            self.prefix[self.prefixed..self.prefixed + part].copy_from_slice(&data[..part]);
            self.prefixed += part;
            data = &data[part..];
            if self.prefixed < PREFIX {
                return Ok(());
            }
            self.announce()?;
        }
        let part = data.len().min(self.announced - self.arrived);
        if self.is_needed {
            self.message.extend_from_slice(&data[..part]);
        }
        self.arrived += part;
        if part < data.len() {
            return Err(protocol(
                "the answer has more than one message, and the method has one".into(),
            ));
        }
        Ok(())
    }

    fn take_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }
}

/// Checks that a head is that of an answer of gRPC.
fn is_of_grpc(head: &Parts) -> Result<(), TransportError> {
    let content_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if head.status != StatusCode::OK {
        return Err(protocol(format!(
            "the server answers with the HTTP status {}, not as gRPC does",
            head.status.as_u16()
        )));
    }
    let rest = content_type.and_then(|known| known.strip_prefix(b"application/grpc"));
    match (rest, content_type) {
        (Some([] | [b'+' | b';', ..]), _) => Ok(()),
        (_, None) => Err(protocol(
            "the answer has no content type, instead of `application/grpc`".into(),
        )),
        (_, Some(other)) => Err(protocol(format!(
            "the content type is {}, instead of `application/grpc`",
            shown(other)
        ))),
    }
}

fn protocol(message: String) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message,
    }
}

/// Returns the value of a header for a message.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    format!("{:?}", text.chars().take(MAX_SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::status;
    use http::Response;

    fn head(lines: &[(&str, &str)]) -> Parts {
        let mut response = Response::builder();
        for (name, value) in lines {
            response = response.header(*name, *value);
        }
        response.body(()).expect("a head").into_parts().0
    }

    fn of_grpc(more: &[(&str, &str)]) -> Parts {
        let lines: Vec<_> = [("content-type", "application/grpc+proto")]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        head(&lines)
    }

    /// Returns the name of the status and the message, or the kind of the failure and its text.
    fn end(head: &Parts, pieces: &[&[u8]], trailers: &[(&str, &str)]) -> (String, String) {
        let mut answer = GrpcAnswer::new(head, true);
        let failed = |e: TransportError| (e.kind.to_string(), e.message);
        for piece in pieces {
            if let Err(error) = answer.take(piece) {
                return failed(error);
            }
        }
        if !trailers.is_empty() {
            answer.take_trailers(of_trailers(trailers));
        }
        match answer.end(head) {
            Ok(end) => (
                status::name(end.status).into_owned(),
                String::from_utf8_lossy(&end.message).into_owned(),
            ),
            Err(error) => failed(error),
        }
    }

    fn of_trailers(lines: &[(&str, &str)]) -> HeaderMap {
        head(lines).headers
    }

    /// A head, pieces, trailers, and the kind and a part of the message of the failure.
    type Case<'c> = (
        &'c Parts,
        &'c [&'c [u8]],
        &'c [(&'c str, &'c str)],
        &'c str,
        &'c str,
    );

    const OK: [(&str, &str); 1] = [("grpc-status", "0")];

    #[test]
    fn an_answer_arrives_in_any_pieces() {
        let whole = b"\0\0\0\0\x03abc";
        for first in 0..whole.len() {
            for second in first..whole.len() {
                let pieces = [&whole[..first], &whole[first..second], &whole[second..]];
                assert_eq!(
                    end(&of_grpc(&[]), &pieces, &OK),
                    ("OK".into(), "abc".into())
                );
            }
        }
        assert_eq!(
            end(&of_grpc(&[]), &[b"\0\0\0\0\0"], &OK),
            ("OK".into(), String::new()),
            "an empty message is one"
        );
        let refused = [("grpc-status", "5")];
        assert_eq!(end(&of_grpc(&[]), &[], &refused).0, "NOT_FOUND");
        assert_eq!(
            end(&of_grpc(&refused), &[], &[]).0,
            "NOT_FOUND",
            "trailers only"
        );
        assert_eq!(
            end(&of_grpc(&[]), &[b"\0\0\0\0\x09ab"], &refused).0,
            "NOT_FOUND"
        );
        assert_eq!(
            end(&of_grpc(&[]), &[], &[("grpc-status", "77")]).0,
            "UNKNOWN"
        );
    }

    #[test]
    fn a_message_in_gzip_is_unpacked() {
        let mut frame = vec![0; PREFIX];
        frame.extend(b"hello".repeat(100));
        let frame = super::super::framed(frame, true).expect("small");
        assert!(frame[0] == 1 && frame.len() < 100, "{}", frame.len());
        let gzip = of_grpc(&[("grpc-encoding", "gzip")]);
        assert_eq!(
            end(&gzip, &[&frame], &OK),
            ("OK".into(), "hello".repeat(100))
        );
        assert_eq!(super::super::unframed(&frame), Some(b"hello".repeat(100)));
        assert!(
            end(&gzip, &[b"\x01\0\0\0\x03abc"], &OK)
                .1
                .contains("not valid gzip")
        );
    }

    #[test]
    fn what_is_not_an_answer_is_named() {
        let message: &[u8] = b"\0\0\0\0\x03abc";
        let gzip: &[u8] = b"\x01\0\0\0\x03abc";
        let plain = of_grpc(&[]);
        let cases: [Case<'_>; 14] = [
            (&plain, &[message], &[], "protocol", "without `grpc-status`"),
            (&plain, &[], &[], "protocol", "without `grpc-status`"),
            (
                &of_grpc(&OK),
                &[message],
                &[],
                "protocol",
                "in the head of an answer",
            ),
            (&plain, &[], &OK, "protocol", "there is no message"),
            (&plain, &[b"\0\0"], &OK, "incomplete", "2 of 5 B"),
            (&plain, &[b"\0\0\0\0\x09ab"], &OK, "incomplete", "2 of 9 B"),
            (&plain, &[b"\0\0\0\0\x09ab"], &[], "incomplete", "2 of 9 B"),
            (
                &plain,
                &[b"\0\xff\xff\xff\xff"],
                &OK,
                "protocol",
                "4294967295 B",
            ),
            (
                &plain,
                &[b"\x07\0\0\0\x01a"],
                &OK,
                "protocol",
                "begins with 7",
            ),
            (
                &plain,
                &[message, message],
                &OK,
                "protocol",
                "more than one message",
            ),
            (&plain, &[gzip], &OK, "protocol", "does not say how"),
            (
                &of_grpc(&[("grpc-encoding", "zstd")]),
                &[gzip],
                &OK,
                "protocol",
                "\"zstd\"",
            ),
            (
                &head(&[("content-type", "text/html")]),
                &[message],
                &OK,
                "protocol",
                "text/html",
            ),
            (
                &plain,
                &[message],
                &[("grpc-status", "ok")],
                "protocol",
                "not a number",
            ),
        ];
        for (head, pieces, trailers, kind, text) in cases {
            let seen = end(head, pieces, trailers);
            assert!(seen.0 == kind && seen.1.contains(text), "{seen:?}: {text}");
        }
        let mut unavailable = of_grpc(&[]);
        unavailable.status = StatusCode::BAD_GATEWAY;
        assert!(end(&unavailable, &[], &[]).1.contains("HTTP status 502"));
        assert!(end(&head(&[]), &[], &OK).1.contains("no content type"));
    }
}
