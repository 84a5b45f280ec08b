//! The service of gRPC: `loadgen.Echo`, over HTTP/2 with prior knowledge.
//!
//! `scenarios/protos/echo.proto` describes it. A call waits for the server's faults as any request
//! does. Errors are answers without a message, whose head has the status.

use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message;
use tokio::net::TcpStream;

use super::state::State;
use crate::base::Nanos;

/// The bytes before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// The largest message, in bytes.
const MAX_MESSAGE: usize = 4 << 20;
/// The longest delay, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

/// The codes of statuses that the service has by itself.
const INVALID_ARGUMENT: u32 = 3;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

/// The message of a call.
#[derive(Clone, PartialEq, Message)]
struct SayRequest {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(uint32, tag = "2")]
    delay_ms: u32,
    #[prost(uint32, tag = "3")]
    code: u32,
}

/// The message of an answer.
#[derive(Clone, PartialEq, Message)]
struct SayReply {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(int64, tag = "2")]
    number: i64,
}

/// An answer without a message: the code of its status, and its text.
struct Refusal(u32, &'static str);

/// Serves one connection of HTTP/2 to its end.
pub(super) async fn connection(stream: TcpStream, state: Rc<State>) {
    let _open = State::connection_opened(&state);
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(u32::from(u16::MAX));
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    // The client's errors end its connection, and other connections are not affected.
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::task::spawn_local(call(Rc::clone(&state), request, respond));
    }
}

/// Answers one call.
async fn call(state: Rc<State>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    state.request_arrived();
    let is_of_grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    if !request.headers().get(CONTENT_TYPE).is_some_and(is_of_grpc) {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let _ = respond.send_response(head, true);
        return;
    }
    // What fails here ends with its stream.
    let _ = match answer(&state, request).await {
        Ok(reply) => succeed(&mut respond, &reply),
        Err(refusal) => refuse(&mut respond, &refusal),
    };
}

/// Returns the answer to one call, at the moment it is due.
async fn answer(state: &State, request: Request<RecvStream>) -> Result<SayReply, Refusal> {
    let (head, body) = request.into_parts();
    let frame = read(body).await;
    let verdict = state.faults.next(state.clock.now());
    sleep_until(state, verdict.at).await;
    if verdict.fails {
        let why = "made to fail, as the server's failure share asks";
        return Err(Refusal(INTERNAL, why));
    }
    if head.uri.path() != "/loadgen.Echo/Say" {
        return Err(Refusal(
            UNIMPLEMENTED,
            "the only method is loadgen.Echo/Say",
        ));
    }
    let is_gzip = head.headers.get("grpc-encoding");
    let is_gzip = is_gzip.is_some_and(|encoding| encoding == "gzip");
    let asked = decoded(&frame?, is_gzip)?;
    if asked.delay_ms > MAX_DELAY_MS {
        return Err(Refusal(INVALID_ARGUMENT, "delay_ms is more than a minute"));
    }
    let delay = Nanos::from_millis(u64::from(asked.delay_ms));
    sleep_until(state, verdict.at + delay).await;
    if asked.code != 0 {
        return Err(Refusal(asked.code, "as the call asks"));
    }
    Ok(SayReply {
        text: asked.text,
        number: i64::try_from(state.next_order()).unwrap_or(i64::MAX),
    })
}

async fn sleep_until(state: &State, at: Nanos) {
    let now = state.clock.now();
    if at > now {
        tokio::time::sleep((at - now).as_duration()).await;
    }
}

/// Reads the body of a call to its end.
async fn read(mut body: RecvStream) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut frame = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(|_| Refusal(UNAVAILABLE, "the call was cut"))?;
            let _ = body.flow_control().release_capacity(piece.len());
            if frame.len() + piece.len() > MAX_MESSAGE {
                return Err(Refusal(RESOURCE_EXHAUSTED, "the message is over 4 MiB"));
            }
            frame.extend_from_slice(&piece);
        }
        Ok(frame)
    };
    let late = |_| Refusal(UNAVAILABLE, "the message did not arrive within 60 s");
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    read.map_err(late)?
}

/// Returns the message of a frame.
fn decoded(frame: &[u8], is_gzip: bool) -> Result<SayRequest, Refusal> {
    let wrong = |why| Refusal(INTERNAL, why);
    let (prefix, content) = frame
        .split_at_checked(PREFIX)
        .ok_or_else(|| wrong("the call has no message"))?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if length as usize != content.len() {
        return Err(wrong("the length of the message is wrong"));
    }
    let mut unpacked = Vec::new();
    let content = match (prefix[0], is_gzip) {
        (0, _) => content,
        (1, true) => {
            let most = MAX_MESSAGE as u64;
            let read = GzDecoder::new(content)
                .take(most)
                .read_to_end(&mut unpacked);
            read.map_err(|_| wrong("the message is not gzip"))?;
            &unpacked
        }
        _ => return Err(Refusal(UNIMPLEMENTED, "messages may be in gzip only")),
    };
    SayRequest::decode(content).map_err(|_| wrong("the message is not a SayRequest"))
}

/// Returns the head of an answer.
fn head() -> Response<()> {
    let mut head = Response::new(());
    let content_type = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert(CONTENT_TYPE, content_type);
    head
}

fn succeed(respond: &mut SendResponse<Bytes>, reply: &SayReply) -> Result<(), h2::Error> {
    let mut frame = vec![0; PREFIX];
    let length = reply.encoded_len() as u32;
    frame[1..].copy_from_slice(&length.to_be_bytes());
    frame.extend(reply.encode_to_vec());
    let mut stream = respond.send_response(head(), false)?;
    stream.send_data(frame.into(), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)
}

fn refuse(
    respond: &mut SendResponse<Bytes>,
    Refusal(code, why): &Refusal,
) -> Result<(), h2::Error> {
    let mut head = head();
    let text = utf8_percent_encode(why, NON_ALPHANUMERIC).to_string();
    let headers = head.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(*code));
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert("grpc-message", text);
    }
    respond.send_response(head, true).map(|_| ())
}
