//! [`Inbox`]: the messages of a call, as they come.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use h2::RecvStream;
use http::HeaderMap;
use prost::Message;

use super::refusal::{INTERNAL, RESOURCE_EXHAUSTED, Refusal, UNAVAILABLE, UNIMPLEMENTED};

/// The bytes before each message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;
/// The largest message, in bytes.
const MAX_MESSAGE: usize = 4 << 20;
/// How long the next piece of a call may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The messages of a call, as they come.
pub(super) struct Inbox {
    body: RecvStream,
    /// What has come and was not read.
    buffer: Vec<u8>,
    is_gzip: bool,
}

impl Inbox {
    /// Creates the messages of a call with these headers.
    pub(super) fn new(body: RecvStream, headers: &HeaderMap) -> Self {
        let encoding = headers.get("grpc-encoding");
        Self {
            body,
            buffer: Vec::new(),
            is_gzip: encoding.is_some_and(|encoding| encoding == "gzip"),
        }
    }

    /// Returns the only message of a call.
    pub(super) async fn only<M: Message + Default>(&mut self) -> Result<M, Refusal> {
        let missing = Refusal(INTERNAL, "the call has no message");
        let message = self.next().await?.ok_or(missing)?;
        match self.next::<M>().await? {
            None => Ok(message),
            Some(_) => Err(Refusal(INTERNAL, "the call has more than one message")),
        }
    }

    /// Returns the next message, and `None` after the last one.
    pub(super) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Refusal> {
        loop {
            if let Some(message) = self.buffered()? {
                return Ok(Some(message));
            }
            let late = |_| Refusal(UNAVAILABLE, "the message did not arrive within 60 s");
            let piece = tokio::time::timeout(TIMEOUT, self.body.data()).await;
            let Some(piece) = piece.map_err(late)? else {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(Refusal(INTERNAL, "the length of the message is wrong"))
                };
            };
            let piece = piece.map_err(|_| Refusal(UNAVAILABLE, "the call was cut"))?;
            let _ = self.body.flow_control().release_capacity(piece.len());
            self.buffer.extend_from_slice(&piece);
        }
    }

    /// Takes the first message off what has come, if all of it has.
    fn buffered<M: Message + Default>(&mut self) -> Result<Option<M>, Refusal> {
        let Some((prefix, rest)) = self.buffer.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_MESSAGE {
            return Err(Refusal(RESOURCE_EXHAUSTED, "the message is over 4 MiB"));
        }
        let Some(content) = rest.get(..length) else {
            return Ok(None);
        };
        let message = decoded(flag, content, self.is_gzip)?;
        self.buffer.drain(..PREFIX + length);
        Ok(Some(message))
    }
}

/// Returns the message of a frame.
fn decoded<M: Message + Default>(flag: u8, content: &[u8], is_gzip: bool) -> Result<M, Refusal> {
    let mut unpacked = Vec::new();
    let content = match (flag, is_gzip) {
        (0, _) => content,
        (1, true) => {
            let most = MAX_MESSAGE as u64;
            let read = GzDecoder::new(content)
                .take(most)
                .read_to_end(&mut unpacked);
            read.map_err(|_| Refusal(INTERNAL, "the message is not gzip"))?;
            &unpacked
        }
        _ => return Err(Refusal(UNIMPLEMENTED, "messages may be in gzip only")),
    };
    M::decode(content).map_err(|_| Refusal(INTERNAL, "the message is not that of the method"))
}
