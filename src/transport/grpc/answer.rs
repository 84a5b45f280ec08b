//! [`GrpcAnswer`]: the answer of a call: its message and its status.

use http::response::Parts;
use http::{HeaderMap, HeaderValue};

use super::incoming::{ENCODING, Incoming};
use super::outcome::{self, is_of_grpc, protocol};
use crate::base::status::GRPC_OK;
use crate::transport::TransportError;
use crate::transport::sink::BodySink;

/// The answer of a call while it is received. At most one message is kept.
pub(crate) struct GrpcAnswer {
    /// Whether it is of another protocol, whose body has no frames.
    is_foreign: bool,
    incoming: Incoming,
    /// Bytes received, prefix included.
    size: u64,
    trailers: Option<HeaderMap>,
}

/// What a call ended with.
pub(crate) struct GrpcEnd {
    /// The status, as [`crate::base::status`] numbers it.
    pub(crate) status: u16,
    /// The message, unpacked, if there is one and it is needed.
    pub(crate) message: Vec<u8>,
    /// The trailers.
    pub(crate) trailers: HeaderMap,
}

/// What is judged of a call that the client gave up because it needed no more: a success.
impl Default for GrpcEnd {
    fn default() -> Self {
        Self {
            status: GRPC_OK,
            message: Vec::new(),
            trailers: HeaderMap::new(),
        }
    }
}

impl GrpcAnswer {
    /// Creates an answer of which the head has arrived.
    pub(crate) fn new(head: &Parts, is_needed: bool) -> Self {
        Self {
            is_foreign: is_of_grpc(head).is_err(),
            incoming: Incoming::new(is_needed),
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
        let is_whole = self.incoming.is_whole();
        let unpacked = is_whole.then(|| self.unpacked(head).ok()).flatten();
        unpacked.unwrap_or_else(|| self.incoming.raw().to_vec())
    }

    /// Returns the message without its compression.
    fn unpacked(&self, head: &HeaderMap) -> Result<Vec<u8>, TransportError> {
        let encoding = head.get(ENCODING).map(HeaderValue::as_bytes);
        Ok(self.incoming.unpacked(encoding)?.into_owned())
    }

    /// Judges the answer when all of it has arrived.
    ///
    /// # Errors
    /// If it is not an answer of gRPC, or not a whole one.
    pub(crate) fn end(mut self, head: &Parts) -> Result<GrpcEnd, TransportError> {
        let trailers = self.trailers.take().unwrap_or_default();
        let (is_empty, is_whole) = (self.size == 0, self.incoming.is_whole());
        let cut = || (!is_whole && !is_empty).then(|| self.incoming.cut());
        let status = outcome::status(head, &trailers, is_empty, cut)?;
        if status == GRPC_OK {
            if is_empty {
                return Err(protocol("the status is OK, and there is no message".into()));
            }
            if !is_whole {
                return Err(self.incoming.cut());
            }
        }
        let message = if is_whole {
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
}

impl BodySink for GrpcAnswer {
    const WANTS_TRAILERS: bool = true;

    fn take(&mut self, data: &[u8]) -> Result<(), TransportError> {
        self.size += data.len() as u64;
        if self.is_foreign || self.incoming.take(data)?.is_empty() {
            return Ok(());
        }
        Err(protocol(
            "the answer has more than one message, and the method has one".into(),
        ))
    }

    fn take_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::status;
    use crate::transport::grpc::frame::PREFIX;
    use http::{Response, StatusCode};

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
        assert_eq!(
            super::super::unframed(&frame),
            Some(vec![b"hello".repeat(100)])
        );
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
