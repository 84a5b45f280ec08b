//! [`WebSocket`]: an open WebSocket.
//!
//! tungstenite does the framing. It reads from and writes to any stream and reports when that would
//! block, so the same code serves the blocking drivers and the event loop. It also joins fragments,
//! answers pings and validates texts.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::rt::{Read, ReadBuf, Write};
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::failure::{closed, closing_words, protocol};
use crate::transport::TransportError;
use crate::transport::counted::{ByteCounters, Metered};
use crate::transport::task::suspend;

/// The maximum size of a received message, in bytes.
const MAX_MESSAGE: usize = 16 << 20;
/// The maximum number of messages that are kept for later receives.
const MAX_WAITING: usize = 1000;
/// The bytes read at once; each connection has a buffer of this size.
const CHUNK: usize = 8 * 1024;

/// An open WebSocket. Dropping it closes its connection.
pub struct WebSocket<Io> {
    io: Io,
    context: WebSocketContext,
    counters: Arc<ByteCounters>,
    /// The bytes received and sent at the time of the last accounting to an operation.
    accounted: (u64, u64),
    /// Messages that arrived before a step waited for one.
    waiting: VecDeque<Bytes>,
    /// The error to report, if it has failed or one side has closed it.
    ended: Option<TransportError>,
}

impl<Io: Read + Write + Metered + Unpin> WebSocket<Io> {
    /// Creates a WebSocket over a stream whose handshake is complete, with the data that followed
    /// it.
    pub(super) fn new(io: Io, begun: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(CHUNK)
            .write_buffer_size(CHUNK)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let context = WebSocketContext::from_partially_read(begun, Role::Client, Some(config));
        let counters = io.byte_counters();
        let accounted = (counters.received(), counters.sent());
        Self {
            io,
            context,
            counters,
            accounted,
            waiting: VecDeque::new(),
            ended: None,
        }
    }

    /// Returns its traffic so far.
    pub fn byte_counters(&self) -> Arc<ByteCounters> {
        self.counters.clone()
    }

    /// Returns the bytes received and sent by the end of the last operation: later traffic belongs
    /// to the next one.
    pub const fn accounted(&self) -> (u64, u64) {
        self.accounted
    }

    /// Accounts all traffic so far to an operation.
    pub fn account(&mut self) {
        self.accounted = (self.counters.received(), self.counters.sent());
    }

    /// Sends one text completely.
    ///
    /// # Errors
    /// If the connection fails, or was already closed.
    pub async fn send(&mut self, text: String) -> Result<(), TransportError> {
        self.still_open()?;
        let mut message = Some(Message::Text(text.into()));
        let sent = poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            if let Some(message) = message.take() {
                match context.write(&mut stream, message) {
                    // It is now in the buffer, which is flushed below.
                    Ok(()) => {}
                    Err(error) if would_block(&error) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            pending(context.flush(&mut stream))
        })
        .await;
        match sent {
            Ok(()) => Ok(()),
            Err(error) => {
                let failed = self.failed(&error);
                Err(self.pending_close().await.unwrap_or(failed))
            }
        }
    }

    /// Waits for the next message: its text, or its bytes.
    ///
    /// # Errors
    /// If the connection fails, the data is not valid WebSocket, a message is too large, or the
    /// peer closes.
    pub async fn receive(&mut self) -> Result<Bytes, TransportError> {
        if let Some(message) = self.waiting.pop_front() {
            return Ok(message);
        }
        self.still_open()?;
        loop {
            if let Some(message) = self.take_next().await? {
                return Ok(message);
            }
            yield_now().await;
        }
    }

    /// Receives while no step waits for a message: answers pings, and keeps messages for later
    /// receives. Ends when nothing more arrives, or no more can be kept; the peer has to wait then.
    pub async fn receive_in_background(&mut self) {
        while self.ended.is_none() && self.waiting.len() < MAX_WAITING {
            // The next user of the socket gets the failure.
            let message = self.take_next().await.ok().flatten();
            self.waiting.extend(message);
            yield_now().await;
        }
    }

    /// Like [`Self::receive_in_background`], but only for data that has arrived by now.
    pub async fn receive_arrived(&mut self) {
        // Only a peer that sends without end exceeds this.
        for _ in 0..MAX_WAITING {
            if self.ended.is_some() || self.waiting.len() == MAX_WAITING {
                return;
            }
            let taken = {
                let mut next = pin!(self.take_next());
                poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
            };
            match taken {
                // The next user of the socket gets the failure.
                Poll::Ready(message) => self.waiting.extend(message.ok().flatten()),
                Poll::Pending => return,
            }
        }
    }

    /// Receives the next frame; returns it if it is a message.
    async fn take_next(&mut self) -> Result<Option<Bytes>, TransportError> {
        match self.next().await {
            Ok(Message::Text(text)) => Ok(Some(text.into())),
            Ok(Message::Binary(bytes)) => Ok(Some(bytes)),
            Ok(Message::Close(frame)) => {
                let error = self.end(closed(&closing_words(frame.as_ref())));
                self.answer_close().await;
                Err(error)
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Returns the peer's reason if it closed before the connection failed.
    async fn pending_close(&mut self) -> Option<TransportError> {
        poll_fn(|cx| {
            for _ in 0..MAX_WAITING {
                let (context, mut stream) = self.split(cx);
                match context.read(&mut stream) {
                    Ok(Message::Close(frame)) => {
                        let error = closed(&closing_words(frame.as_ref()));
                        return Poll::Ready(Some(self.end(error)));
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
            Poll::Ready(None)
        })
        .await
    }

    /// Marks it as ended.
    fn end(&mut self, error: TransportError) -> TransportError {
        self.ended = Some(error.clone());
        error
    }

    /// Closes it, and waits for the peer to do so too; counts the messages that arrive before that.
    pub async fn close(&mut self, messages: &Cell<u64>) {
        messages.set(self.waiting.len() as u64);
        if self.ended.is_some() {
            return;
        }
        self.end(closed("the WebSocket is already closed"));
        let mut asked = false;
        let said = poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            let result = if asked {
                context.flush(&mut stream)
            } else {
                context.close(&mut stream, None)
            };
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
            yield_now().await;
        }
    }

    fn still_open(&self) -> Result<(), TransportError> {
        self.ended.clone().map_or(Ok(()), Err)
    }

    /// Receives the next message of any kind.
    async fn next(&mut self) -> Result<Message, Error> {
        poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            pending(context.read(&mut stream))
        })
        .await
    }

    /// Answers the peer's close frame, as far as that is possible without waiting.
    async fn answer_close(&mut self) {
        poll_fn(|cx| {
            let (context, mut stream) = self.split(cx);
            // A peer that has closed may no longer be listening.
            let _ = context.flush(&mut stream);
            Poll::Ready(())
        })
        .await;
    }

    fn split<'a, 'cx>(
        &'a mut self,
        cx: &'a mut Context<'cx>,
    ) -> (&'a mut WebSocketContext, Stream<'a, 'cx, Io>) {
        (
            &mut self.context,
            Stream {
                io: &mut self.io,
                cx,
            },
        )
    }

    fn failed(&mut self, error: &Error) -> TransportError {
        let error = match error {
            Error::Io(error) => TransportError::stream(error, false, true),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => closed("connection closed without a closing handshake"),
            Error::Capacity(CapacityError::MessageTooLong { .. }) => protocol(&format!(
                "a message is larger than {} MiB, the maximum",
                MAX_MESSAGE >> 20
            )),
            other => protocol(&other.to_string()),
        };
        self.end(error)
    }
}

/// Yields to other tasks: a peer that sends without end must not delay a sibling or a deadline.
pub(crate) async fn yield_now() {
    suspend(Waker::wake_by_ref).await;
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Converts "would block" to pending: the stream has arranged for the task to be woken.
fn pending<T>(result: Result<T, Error>) -> Poll<Result<T, Error>> {
    match result {
        Err(error) if would_block(&error) => Poll::Pending,
        other => Poll::Ready(other),
    }
}

/// Presents a stream in the middle of a poll as a blocking one: pending becomes "would block".
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
    use crate::metrics::FailureKind;
    use crate::transport::websocket::handshake::Opened;
    use crate::transport::websocket::{ask, open};
    use http::StatusCode;
    use hyper::rt::ReadBufCursor;
    use proptest::prelude::*;
    use std::pin::pin;
    use std::task::Waker;

    /// A peer that sends given pieces in turn, and then ends.
    struct Scripted {
        pieces: VecDeque<Vec<u8>>,
        heard: Vec<u8>,
        counters: Arc<ByteCounters>,
    }

    impl Metered for Scripted {
        fn byte_counters(&self) -> Arc<ByteCounters> {
            self.counters.clone()
        }
    }

    impl Read for Scripted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            mut buf: ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.pieces.pop_front() {
                if piece.is_empty() {
                    // Nothing has arrived yet.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let rest = piece.split_off(piece.len().min(buf.remaining()));
                buf.put_slice(&piece);
                self.counters.receive(piece.len());
                if !rest.is_empty() {
                    self.pieces.push_front(rest);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    impl Write for Scripted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
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

    /// Polls until it is ready, which must be soon.
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
        Scripted {
            pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
            heard: Vec::new(),
            counters: Arc::default(),
        }
    }

    fn socket(pieces: &[&[u8]]) -> WebSocket<Scripted> {
        let io = scripted(pieces);
        let counters = io.byte_counters();
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let context = WebSocketContext::new(Role::Client, Some(config));
        WebSocket {
            io,
            context,
            counters,
            accounted: (0, 0),
            waiting: VecDeque::new(),
            ended: None,
        }
    }

    /// Receives all messages up to the end; returns them and its kind.
    fn all(socket: &mut WebSocket<Scripted>) -> (Vec<Bytes>, FailureKind) {
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
        let mut socket = socket(&[
            b"\x01\x02he",
            b"",
            b"\x89\x02pi\x80\x03l",
            b"lo\x82\x01",
            b"\xff",
        ]);
        assert_eq!(
            all(&mut socket),
            (
                vec![Bytes::from("hello"), Bytes::from_static(b"\xff")],
                FailureKind::Incomplete
            )
        );
        assert_eq!(
            (socket.io.heard[0], socket.io.heard[1]),
            (0x8a, 0x82),
            "a pong, with a mask"
        );
        assert_eq!(
            soon(socket.send("late".into())).map_err(|e| e.kind),
            Err(FailureKind::Incomplete),
            "it is over"
        );
    }

    #[test]
    fn a_goodbye_is_answered_and_waited_for() {
        let mut said = socket(&[b"\x81\x01a\x88\x02\x03\xe8"]);
        let count = Cell::new(0);
        soon(said.close(&count));
        assert_eq!(
            (count.get(), &said.io.heard[..2]),
            (1, &[0x88, 0x80][..]),
            "one message came before it"
        );
        let mut heard = socket(&[b"\x88\x04\x0f\xa0no"]);
        let error = soon(heard.receive()).expect_err("closed");
        assert_eq!(
            (error.kind, heard.io.heard[0]),
            (FailureKind::Incomplete, 0x88)
        );
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
            let mut message = crate::transport::http::Message::default();
            ask(&mut message);
            let opened = soon(open(scripted(&[head.as_bytes(), &tail]), message));
            if let Ok(Opened { head, socket }) = opened {
                prop_assert!(socket.is_none() && head.status != StatusCode::SWITCHING_PROTOCOLS, "nobody knows the key");
            }
        }
    }
}
