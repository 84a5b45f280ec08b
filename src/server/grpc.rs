//! The service of gRPC: `loadgen.Echo`, over HTTP/2 with prior knowledge.
//!
//! `scenarios/protos/echo.proto` describes it, and so does the server itself ([`reflection`]). A call
//! waits for the server's faults as any request does, other than one for a description. Errors before
//! the first message are answers whose head has the status.

mod inbox;
mod outbox;
mod reflection;
mod refusal;

use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use prost::Message;
use tokio::net::TcpStream;

use self::inbox::Inbox;
use self::outbox::Outbox;
use self::refusal::{INTERNAL, INVALID_ARGUMENT, Refusal, UNIMPLEMENTED};
use super::state::State;
use crate::base::Nanos;

/// The longest delay, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;
/// The maximum number of messages of an answer.
const MAX_COUNT: u32 = 1_000_000;

/// A message of the methods that echo.
#[derive(Clone, PartialEq, Message)]
struct SayRequest {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(uint32, tag = "2")]
    delay_ms: u32,
    #[prost(uint32, tag = "3")]
    code: u32,
}

/// The message of `Count`.
#[derive(Clone, PartialEq, Message)]
struct CountRequest {
    #[prost(uint32, tag = "1")]
    count: u32,
    #[prost(uint32, tag = "2")]
    first_ms: u32,
    #[prost(uint32, tag = "3")]
    gap_ms: u32,
    #[prost(uint32, tag = "4")]
    code: u32,
}

/// A message of an answer.
#[derive(Clone, PartialEq, Message)]
struct SayReply {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(int64, tag = "2")]
    number: i64,
}

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
    let (head, body) = request.into_parts();
    let (mut inbox, mut outbox) = (Inbox::new(body, &head.headers), Outbox::new(respond));
    let outcome = match head.uri.path() {
        "/loadgen.Echo/Say" => say(&state, &mut inbox, &mut outbox).await,
        "/loadgen.Echo/Count" => count(&state, &mut inbox, &mut outbox).await,
        "/loadgen.Echo/Gather" => gather(&state, &mut inbox, &mut outbox).await,
        "/loadgen.Echo/Chat" => chat(&state, &mut inbox, &mut outbox).await,
        path if reflection::PATHS.contains(&path) => {
            reflection::describe(&mut inbox, &mut outbox).await
        }
        _ => {
            let why = "the methods are those of loadgen.Echo: Say, Count, Gather and Chat";
            due(&state).await.and(Err(Refusal(UNIMPLEMENTED, why)))
        }
    };
    outbox.end(outcome);
}

/// Waits until the server's faults let a call go on, and returns when that is.
async fn due(state: &State) -> Result<Nanos, Refusal> {
    let verdict = state.faults.next(state.clock.now());
    sleep_until(state, verdict.at).await;
    if verdict.fails {
        let why = "made to fail, as the server's failure share asks";
        return Err(Refusal(INTERNAL, why));
    }
    Ok(verdict.at)
}

fn delay(ms: u32) -> Result<Nanos, Refusal> {
    if ms > MAX_DELAY_MS {
        return Err(Refusal(INVALID_ARGUMENT, "a delay is more than a minute"));
    }
    Ok(Nanos::from_millis(u64::from(ms)))
}

/// One message each way.
async fn say(state: &State, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Refusal> {
    let asked = inbox.only::<SayRequest>().await;
    let due = due(state).await?;
    let asked = asked?;
    sleep_until(state, due + delay(asked.delay_ms)?).await;
    Refusal::asked(asked.code)?;
    outbox.send(&SayReply {
        text: asked.text,
        number: i64::try_from(state.next_order()).unwrap_or(i64::MAX),
    })
}

/// One message, and a stream of answers, each at its time.
async fn count(state: &State, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Refusal> {
    let asked = inbox.only::<CountRequest>().await;
    let due = due(state).await?;
    let asked = asked?;
    if asked.count > MAX_COUNT {
        return Err(Refusal(INVALID_ARGUMENT, "count is more than a million"));
    }
    let (first, gap) = (delay(asked.first_ms)?, delay(asked.gap_ms)?);
    outbox.begin()?;
    let mut at = due + first;
    for number in 1..=asked.count {
        sleep_until(state, at).await;
        outbox.send(&SayReply {
            text: format!("event {number}"),
            number: number.into(),
        })?;
        at += gap;
    }
    Refusal::asked(asked.code)
}

/// A stream of messages, and one answer with all their texts, and how many they were.
async fn gather(state: &State, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Refusal> {
    let due = due(state).await?;
    let (mut texts, mut wait) = (Vec::new(), Nanos::ZERO);
    while let Some(asked) = inbox.next::<SayRequest>().await? {
        Refusal::asked(asked.code)?;
        wait += delay(asked.delay_ms)?;
        texts.push(asked.text);
    }
    sleep_until(state, due + wait).await;
    outbox.send(&SayReply {
        number: i64::try_from(texts.len()).unwrap_or(i64::MAX),
        text: texts.join(" "),
    })
}

/// Streams both ways: each message is answered after its delay, one after the other.
async fn chat(state: &State, inbox: &mut Inbox, outbox: &mut Outbox) -> Result<(), Refusal> {
    let mut at = due(state).await?;
    let mut number = 0;
    outbox.begin()?;
    while let Some(asked) = inbox.next::<SayRequest>().await? {
        at += delay(asked.delay_ms)?;
        sleep_until(state, at).await;
        Refusal::asked(asked.code)?;
        number += 1;
        outbox.send(&SayReply {
            text: asked.text,
            number,
        })?;
    }
    Ok(())
}

async fn sleep_until(state: &State, at: Nanos) {
    let now = state.clock.now();
    if at > now {
        tokio::time::sleep((at - now).as_duration()).await;
    }
}
