//! The request for TLS of PostgreSQL, which a server answers with a single byte before anything else.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::BytesMut;
use hyper::rt::{Read, ReadBuf, Write};
use postgres_protocol::message::frontend;

use crate::metrics::FailureKind;
use crate::transport::TransportError;

fn request() -> BytesMut {
    let mut out = BytesMut::new();
    frontend::ssl_request(&mut out);
    out
}

fn failed(message: impl Into<String>) -> TransportError {
    TransportError {
        kind: FailureKind::Tls,
        message: message.into(),
    }
}

/// Returns whether the answer allows TLS.
fn judge(answer: Option<u8>) -> Result<(), TransportError> {
    match answer {
        Some(b'S') => Ok(()),
        Some(b'N') => Err(failed(
            "the server does not offer TLS; without `tls` the target connects without it",
        )),
        Some(_) => Err(failed(
            "the response to the request for TLS is not PostgreSQL's",
        )),
        None => Err(failed(
            "the server closed the connection when asked for TLS",
        )),
    }
}

/// Asks for TLS over a connection that has carried nothing yet.
///
/// # Errors
/// If the server does not offer it, or the connection fails.
pub(crate) async fn ask<Io: Read + Write + Unpin>(io: &mut Io) -> Result<(), TransportError> {
    let out = request();
    let mut sent = 0;
    let written = poll_fn(|cx| {
        while sent < out.len() {
            sent += ready!(Pin::new(&mut *io).poll_write(cx, &out[sent..]))?;
        }
        Pin::new(&mut *io).poll_flush(cx)
    });
    written.await.map_err(|e| failed(e.to_string()))?;
    let answer = poll_fn(|cx| {
        let mut room = [MaybeUninit::uninit(); 1];
        let mut buffer = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *io).poll_read(cx, buffer.unfilled()))?;
        Poll::Ready(Ok::<_, io::Error>(buffer.filled().first().copied()))
    });
    judge(answer.await.map_err(|e| failed(e.to_string()))?)
}

/// Asks for TLS over a blocking socket.
///
/// # Errors
/// As for [`ask`].
pub(crate) fn ask_blocking(mut socket: impl io::Read + io::Write) -> Result<(), TransportError> {
    let mut answer = [0];
    socket
        .write_all(&request())
        .and_then(|()| socket.read_exact(&mut answer))
        .map_err(|e| failed(e.to_string()))?;
    judge(Some(answer[0]))
}
