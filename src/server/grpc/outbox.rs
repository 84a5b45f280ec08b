//! [`Outbox`]: what a call answers.

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message;

use super::inbox::PREFIX;
use super::refusal::{CANCELLED, Refusal};

/// What a call answers: its messages, and its status behind them, or in the head if there are none.
pub(super) struct Outbox {
    respond: SendResponse<Bytes>,
    /// Where messages go once the head was sent.
    stream: Option<SendStream<Bytes>>,
}

impl Outbox {
    /// Creates an answer of which nothing was sent.
    pub(super) const fn new(respond: SendResponse<Bytes>) -> Self {
        Self {
            respond,
            stream: None,
        }
    }

    /// Sends the head, so that the client knows that messages may follow.
    pub(super) fn begin(&mut self) -> Result<&mut SendStream<Bytes>, Refusal> {
        if self.stream.is_none() {
            let stream = self.respond.send_response(head(), false);
            self.stream = Some(stream.map_err(|_| GONE)?);
        }
        self.stream.as_mut().ok_or(GONE)
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: &impl Message) -> Result<(), Refusal> {
        let mut frame = vec![0; PREFIX];
        let length = message.encoded_len() as u32;
        frame[1..].copy_from_slice(&length.to_be_bytes());
        frame.extend(message.encode_to_vec());
        let stream = self.begin()?;
        stream.send_data(frame.into(), false).map_err(|_| GONE)
    }

    /// Ends the answer with its status.
    pub(super) fn end(mut self, outcome: Result<(), Refusal>) {
        let (code, why) = match outcome {
            Ok(()) => (0, ""),
            Err(Refusal(code, why)) => (code, why),
        };
        // What fails here ends with its stream.
        let _ = match &mut self.stream {
            Some(stream) => {
                let mut trailers = HeaderMap::new();
                put_status(&mut trailers, code, why);
                stream.send_trailers(trailers)
            }
            None => {
                let mut head = head();
                put_status(head.headers_mut(), code, why);
                self.respond.send_response(head, true).map(|_| ())
            }
        };
    }
}

/// The end of a call whose client is gone.
const GONE: Refusal = Refusal(CANCELLED, "the client is gone");

/// Returns the head of an answer.
fn head() -> Response<()> {
    let mut head = Response::new(());
    let content_type = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert(CONTENT_TYPE, content_type);
    head
}

fn put_status(headers: &mut HeaderMap, code: u32, why: &str) {
    headers.insert("grpc-status", HeaderValue::from(code));
    let text = utf8_percent_encode(why, NON_ALPHANUMERIC).to_string();
    if let Ok(text) = HeaderValue::from_str(&text)
        && !why.is_empty()
    {
        headers.insert("grpc-message", text);
    }
}
