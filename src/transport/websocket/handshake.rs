//! The request that opens a WebSocket, and the check of the response (RFC 6455, section 4.1).

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::response::Parts;
use http::{StatusCode, Version};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use super::failure::{closed, protocol, shown};
use super::socket::WebSocket;
use crate::transport::TransportError;
use crate::transport::counted::{ByteCounters, Metered};
use crate::transport::http::{Message as Request, error, wide};

/// The response to the request that opens a WebSocket.
pub(crate) struct Opened<Io> {
    /// The head of the response.
    pub head: Parts,
    /// The WebSocket, if the status is 101.
    pub socket: Option<WebSocket<Io>>,
}

/// Adds the headers of the handshake to a request.
pub(crate) fn ask(request: &mut Request) {
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let key = HeaderValue::from_str(&generate_key()).expect("base64 is valid in a header");
    headers.insert(SEC_WEBSOCKET_KEY, key);
}

/// Opens a WebSocket over a fresh stream, with a request that [asks](ask) for it.
///
/// # Errors
/// If the connection fails, or the response is not HTTP, or violates the rules of the handshake. A
/// status other than 101 is not an error here.
pub(crate) async fn open<Io>(io: Io, request: Request) -> Result<Opened<Io>, TransportError>
where
    Io: Read + Write + Metered + Unpin + Send + 'static,
{
    let counters = io.byte_counters();
    let before = counters.received();
    let headers = request.headers();
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or_else(|| protocol("the request does not ask for a WebSocket"))?;
    let accept = derive_accept_key(key.as_bytes());
    let offered: Vec<String> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    let failed =
        |e: &hyper::Error, counters: &ByteCounters| error(e, false, counters.received() > before);
    let (mut sender, mut driver) = wide()
        .handshake(io)
        .await
        .map_err(|e| failed(&e, &counters))?;
    let mut response = pin!(sender.send_request(request));
    let mut ended = None;
    let head = poll_fn(|cx| {
        if ended.is_none()
            && let Poll::Ready(end) = driver.poll_without_shutdown(cx)
        {
            ended = Some(end);
        }
        match response.as_mut().poll(cx) {
            Poll::Pending if ended.is_some() => Poll::Ready(None),
            other => other.map(Some),
        }
    })
    .await;
    let response = match head {
        Some(Ok(response)) => response,
        Some(Err(e)) => return Err(failed(&e, &counters)),
        None => return Err(closed("connection closed before the response")),
    };
    let (head, body) = response.into_parts();
    drop(body);
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Opened { head, socket: None });
    }
    check(&head, &accept, &offered)?;
    if ended.is_none() {
        poll_fn(|cx| driver.poll_without_shutdown(cx))
            .await
            .map_err(|e| failed(&e, &counters))?;
    }
    let http1::Parts { io, read_buf, .. } = driver.into_parts();
    Ok(Opened {
        head,
        socket: Some(WebSocket::new(io, read_buf.into())),
    })
}

/// Iterates over the words of a list in a header, which may span several lines.
fn words(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let lines = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.flat_map(|line| {
        line.split(',')
            .map(|word| word.trim().to_owned())
            .collect::<Vec<_>>()
    })
}

/// Checks that a server has understood the handshake, and accepts nothing that was not requested
/// (RFC 6455, section 4.1). `offered`: the subprotocols that it may choose from.
fn check(head: &Parts, accept: &str, offered: &[String]) -> Result<(), TransportError> {
    let headers = &head.headers;
    let has =
        |name, wanted: &str| words(headers, &name).any(|word| word.eq_ignore_ascii_case(wanted));
    if head.version != Version::HTTP_11 || !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade")
    {
        return Err(protocol(
            "the response has status 101 but does not upgrade to a WebSocket",
        ));
    }
    // Case-sensitive, because it is base64.
    let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter().peekable();
    if accepts.peek().is_none() || accepts.any(|value| value.as_bytes() != accept.as_bytes()) {
        return Err(protocol(
            "the response has the wrong `sec-websocket-accept`: it belongs to another request",
        ));
    }
    if let Some(extension) = words(headers, &SEC_WEBSOCKET_EXTENSIONS).find(|word| !word.is_empty())
    {
        return Err(protocol(&format!(
            "the server agrees to the extension {:?}, which was not offered",
            shown(&extension)
        )));
    }
    // At most one of the offered subprotocols.
    let chosen: Vec<String> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    if chosen.len() > 1 || !chosen.iter().all(|protocol| offered.contains(protocol)) {
        let chosen = chosen.join(", ");
        return Err(protocol(&format!(
            "the server chooses the subprotocol {:?}, which was not offered",
            shown(&chosen)
        )));
    }
    Ok(())
}
