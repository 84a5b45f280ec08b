//! WebSocket (RFC 6455): opened by a request over HTTP/1.1, then messages both ways.
//!
//! The framing is tungstenite's, which reads and writes whatever stream it is handed and says so where that would
//! block: the same code serves the blocking drivers and the event loop. Fragments are put together, pings answered
//! and texts checked in there.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::response::Parts;
use http::{StatusCode, Version};
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBuf, Write};
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use super::TransportError;
use super::counted::{Metered, Passed};
use super::http::{Message as Request, wide};
use crate::metrics::FailureKind;

/// The largest message that is taken, in bytes.
const MOST: usize = 16 << 20;
/// What is read at once; each connection has so much room.
const CHUNK: usize = 8 * 1024;

/// An open WebSocket. Dropping it closes its connection.
pub struct Socket<Io> {
    io: Io,
    context: WebSocketContext,
    passed: Arc<Passed>,
    /// It has failed, or one side has closed it: nothing more comes of it.
    ended: bool,
}

/// How the request that opens a WebSocket was answered.
pub struct Opened<Io> {
    /// The head of the answer.
    pub head: Parts,
    /// What was opened, where the status is 101.
    pub socket: Option<Socket<Io>>,
}

/// Opens a WebSocket over a fresh stream: `request` has all that is not the handshake's own.
///
/// # Errors
/// When the connection fails, or the answer is no HTTP, or breaks the rules of the handshake. Another status than
/// 101 is no error here.
pub async fn open<Io>(io: Io, mut request: Request) -> Result<Opened<Io>, TransportError>
where
    Io: Read + Write + Metered + Unpin + Send + 'static,
{
    let passed = io.passed();
    let before = passed.received();
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).map_err(|e| protocol(&e.to_string()))?);
    let offered: Vec<String> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    let failed = |e: &hyper::Error, passed: &Passed| TransportError::exchange(e, false, passed.received() > before);
    let (mut sender, mut driver) = wide().handshake(io).await.map_err(|e| failed(&e, &passed))?;
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
        Some(Err(error)) => return Err(failed(&error, &passed)),
        None => return Err(closed("connection closed before the response")),
    };
    let (head, body) = response.into_parts();
    drop(body);
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Opened { head, socket: None });
    }
    check(&head, &accept, &offered)?;
    if ended.is_none() {
        poll_fn(|cx| driver.poll_without_shutdown(cx)).await.map_err(|e| failed(&e, &passed))?;
    }
    let http1::Parts { io, read_buf, .. } = driver.into_parts();
    let config =
        WebSocketConfig::default().read_buffer_size(CHUNK).write_buffer_size(CHUNK).max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let context = WebSocketContext::from_partially_read(read_buf.into(), Role::Client, Some(config));
    Ok(Opened { head, socket: Some(Socket { io, context, passed, ended: false }) })
}

/// The words of a list in a header, which may stand in several lines.
fn words(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let lines = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.flat_map(|line| line.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>())
}

/// Whether a server has understood what it says yes to, and says yes to nothing that it was not asked (RFC 6455,
/// section 4.1). `offered`: the subprotocols that it may choose from.
fn check(head: &Parts, accept: &str, offered: &[String]) -> Result<(), TransportError> {
    let headers = &head.headers;
    let has = |name, wanted: &str| words(headers, &name).any(|word| word.eq_ignore_ascii_case(wanted));
    if head.version != Version::HTTP_11 || !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        return Err(protocol("the answer has status 101 and does not say that it upgrades to a WebSocket"));
    }
    // Case counts here: it is base64.
    let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter().peekable();
    if accepts.peek().is_none() || accepts.any(|value| value.as_bytes() != accept.as_bytes()) {
        return Err(protocol("the answer has the wrong `sec-websocket-accept`: it is to another request"));
    }
    if let Some(extension) = words(headers, &SEC_WEBSOCKET_EXTENSIONS).find(|word| !word.is_empty()) {
        return Err(protocol(&format!("the server agrees to the extension {:?}, which was not offered", shown(&extension))));
    }
    // One of them, or none.
    let chosen: Vec<String> = words(headers, &SEC_WEBSOCKET_PROTOCOL).collect();
    if chosen.len() > 1 || !chosen.iter().all(|protocol| offered.contains(protocol)) {
        let chosen = chosen.join(", ");
        return Err(protocol(&format!("the server chooses the subprotocol {:?}, which was not offered", shown(&chosen))));
    }
    Ok(())
}

fn protocol(message: &str) -> TransportError {
    TransportError { kind: FailureKind::Protocol, message: message.into() }
}

fn closed(message: &str) -> TransportError {
    TransportError { kind: FailureKind::Incomplete, message: message.into() }
}

impl<Io: Read + Write + Metered + Unpin> Socket<Io> {
    /// What has passed over it so far.
    pub fn passed(&self) -> Arc<Passed> {
        self.passed.clone()
    }

    /// Sends one text to the last byte.
    ///
    /// # Errors
    /// When the connection fails, or was closed before.
    pub async fn send(&mut self, text: String) -> Result<(), TransportError> {
        self.still_open()?;
        let mut message = Some(Message::Text(text.into()));
        let sent = poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            if let Some(message) = message.take() {
                match context.write(&mut stream, message) {
                    // It is in the buffer then, which is flushed below.
                    Ok(()) => {}
                    Err(error) if would_block(&error) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            pending(context.flush(&mut stream))
        })
        .await;
        sent.map_err(|error| self.failed(&error))
    }

    /// Waits for the next message: its text, or its bytes.
    ///
    /// # Errors
    /// When the connection fails, what comes is no WebSocket, a message is too large, or the peer closes.
    pub async fn receive(&mut self) -> Result<Bytes, TransportError> {
        self.still_open()?;
        loop {
            match self.next().await {
                Ok(Message::Text(text)) => return Ok(text.into()),
                Ok(Message::Binary(bytes)) => return Ok(bytes),
                Ok(Message::Close(frame)) => {
                    self.ended = true;
                    self.answer_close().await;
                    return Err(closed(&closing_words(frame.as_ref())));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => give_way().await,
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// Says goodbye, and waits for the peer to do so too; counts the messages that come before that.
    pub async fn close(&mut self, messages: &Cell<u64>) {
        if self.ended {
            return;
        }
        self.ended = true;
        let mut asked = false;
        let said = poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            let result = if asked { context.flush(&mut stream) } else { context.close(&mut stream, None) };
            asked = true;
            pending(result)
        })
        .await;
        while said.is_ok() {
            match self.next().await {
                Ok(Message::Text(_) | Message::Binary(_)) => messages.set(messages.get() + 1),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(_)) | Err(_) => break,
            }
            give_way().await;
        }
    }

    fn still_open(&self) -> Result<(), TransportError> {
        if self.ended { Err(closed("the WebSocket was closed before")) } else { Ok(()) }
    }

    /// The next message of whatever kind.
    async fn next(&mut self) -> Result<Message, Error> {
        poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            pending(context.read(&mut stream))
        })
        .await
    }

    /// Answers the goodbye of the peer, as far as that can be done at once.
    async fn answer_close(&mut self) {
        poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            // Who has said goodbye may not listen any more.
            let _ = context.flush(&mut stream);
            Poll::Ready(())
        })
        .await;
    }

    fn split<'a, 'cx>(&'a mut self, cx: &'a mut Context<'cx>) -> (&'a mut WebSocketContext, Stream<'a, 'cx, Io>) {
        (&mut self.context, Stream { io: &mut self.io, cx })
    }

    fn failed(&mut self, error: &Error) -> TransportError {
        self.ended = true;
        match error {
            Error::Io(error) => TransportError::stream(error, false, true),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => {
                closed("connection closed without a closing handshake")
            }
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                protocol(&format!("a message of more than {} MiB, and no more is taken", MOST >> 20))
            }
            other => protocol(&other.to_string()),
        }
    }
}

/// Lets everybody else have a turn: a peer that sends without end must hold up neither a sibling nor a deadline.
pub async fn give_way() {
    let mut given = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// As much of a text as a message shows.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// What a peer said when it closed.
fn closing_words(frame: Option<&CloseFrame>) -> String {
    let said = frame.map(|CloseFrame { code, reason }| {
        let reason = shown(reason.as_str());
        if reason.is_empty() { format!(" (code {code})") } else { format!(" (code {code}: {reason})") }
    });
    format!("the server closed the WebSocket{} before the answer", said.unwrap_or_default())
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// What would block is pending: the stream has seen to it that the task is woken.
fn pending<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(error) if would_block(&error) => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// A stream in the middle of a poll, as a blocking one: what is pending would block.
struct Stream<'a, 'cx, Io> {
    io: &'a mut Io,
    cx: &'a mut Context<'cx>,
}

fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<Io: Read + Unpin> io::Read for Stream<'_, '_, Io> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(room);
        blocking(Pin::new(&mut *self.io).poll_read(self.cx, buffer.unfilled()))?;
        Ok(buffer.filled().len())
    }
}

impl<Io: Write + Unpin> io::Write for Stream<'_, '_, Io> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        blocking(Pin::new(&mut *self.io).poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        blocking(Pin::new(&mut *self.io).poll_flush(self.cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::rt::ReadBufCursor;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::pin::pin;
    use std::task::Waker;

    /// A peer that says what it was told to, piece by piece, and then ends.
    struct Scripted {
        pieces: VecDeque<Vec<u8>>,
        heard: Vec<u8>,
        passed: Arc<Passed>,
    }

    impl Metered for Scripted {
        fn passed(&self) -> Arc<Passed> {
            self.passed.clone()
        }
    }

    impl Read for Scripted {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.pieces.pop_front() {
                if piece.is_empty() {
                    // There is nothing yet.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let rest = piece.split_off(piece.len().min(buf.remaining()));
                buf.put_slice(&piece);
                self.passed.receive(piece.len());
                if !rest.is_empty() {
                    self.pieces.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    impl Write for Scripted {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            // Never all at once.
            let n = bytes.len().min(7);
            self.heard.extend(&bytes[..n]);
            Poll::Ready(Ok(n))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Polls until it is done, which has to be soon.
    fn soon<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                return value;
            }
        }
        panic!("it goes on and on");
    }

    fn scripted(pieces: &[&[u8]]) -> Scripted {
        Scripted { pieces: pieces.iter().map(|piece| piece.to_vec()).collect(), heard: Vec::new(), passed: Arc::default() }
    }

    fn socket(pieces: &[&[u8]]) -> Socket<Scripted> {
        let io = scripted(pieces);
        let passed = io.passed();
        let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
        Socket { io, context: WebSocketContext::new(Role::Client, Some(config)), passed, ended: false }
    }

    /// All messages up to the end, and the kind of that.
    fn all(socket: &mut Socket<Scripted>) -> (Vec<Bytes>, FailureKind) {
        let mut messages = Vec::new();
        loop {
            match soon(socket.receive()) {
                Ok(message) => messages.push(message),
                Err(error) => return (messages, error.kind),
            }
        }
    }

    #[test]
    fn fragments_are_put_together_and_pings_answered() {
        let mut socket = socket(&[b"\x01\x02he", b"", b"\x89\x02pi\x80\x03l", b"lo\x82\x01", b"\xff"]);
        assert_eq!(all(&mut socket), (vec![Bytes::from("hello"), Bytes::from_static(b"\xff")], FailureKind::Incomplete));
        assert_eq!((socket.io.heard[0], socket.io.heard[1]), (0x8a, 0x82), "a pong, with a mask");
        assert_eq!(soon(socket.send("late".into())).map_err(|e| e.kind), Err(FailureKind::Incomplete), "it is over");
    }

    #[test]
    fn a_goodbye_is_answered_and_waited_for() {
        let mut said = socket(&[b"\x81\x01a\x88\x02\x03\xe8"]);
        let count = Cell::new(0);
        soon(said.close(&count));
        assert_eq!((count.get(), &said.io.heard[..2]), (1, &[0x88, 0x80][..]), "one message came before it");
        let mut heard = socket(&[b"\x88\x04\x0f\xa0no"]);
        let error = soon(heard.receive()).expect_err("closed");
        assert_eq!((error.kind, heard.io.heard[0]), (FailureKind::Incomplete, 0x88));
        assert!(error.message.contains("code 4000: no"), "{}", error.message);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hang(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (_, kind) = all(&mut socket(&pieces));
            prop_assert!(matches!(kind, FailureKind::Incomplete | FailureKind::Protocol));
        }

        #[test]
        fn no_answer_to_a_handshake_makes_it_panic_or_hang(head in "HTTP/1\\.[01] [0-9]{3} ?[ -~]{0,20}\r\n([a-zA-Z-]{1,12}: ?[ -~]{0,20}\r\n){0,4}(\r\n)?", tail in prop::collection::vec(any::<u8>(), 0..20)) {
            let opened = soon(open(scripted(&[head.as_bytes(), &tail]), Request::default()));
            if let Ok(Opened { head, socket }) = opened {
                prop_assert!(socket.is_none() && head.status != StatusCode::SWITCHING_PROTOCOLS, "nobody knows the key");
            }
        }
    }
}
