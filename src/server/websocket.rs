//! WebSockets: an echo, and a broadcast to all clients.
//!
//! Knows the handshake and messages; tungstenite does the framing.

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::reply::{Problem, Reply};
use super::room::Room;
use super::state::{OpenConnection, State};

/// The common prefix of all WebSocket paths.
pub(super) const PATHS: &str = "/ws/";

/// The maximum size of a message.
const LARGEST: usize = 10 << 20;

/// A request for a WebSocket.
pub(super) struct Upgrade {
    upgrade: OnUpgrade,
    accept: Result<HeaderValue, Problem>,
}

impl Upgrade {
    /// Returns the upgrade that a request asks for; `None` if it asks for none.
    pub(super) fn from_request(request: &mut Request<Incoming>) -> Option<Self> {
        let asks = *request.method() == Method::GET
            && has(request.headers(), header::UPGRADE, "websocket");
        asks.then(|| Self {
            accept: accept(request.headers()),
            upgrade: hyper::upgrade::on(request),
        })
    }

    /// Creates the response that opens it; the handler of `path` continues in a task of its own.
    pub(super) fn accept(
        self,
        path: &'static str,
        state: &Rc<State>,
        open: &Rc<OpenConnection>,
    ) -> Result<Reply, Problem> {
        let accept = self.accept?;
        let (upgrade, state, open) = (self.upgrade, Rc::clone(state), Rc::clone(open));
        // A client receives what is sent from its response on.
        let heard = path.ends_with("broadcast").then(|| state.room.subscribe());
        tokio::task::spawn_local(async move {
            // It counts as open while the WebSocket exists.
            let _open = open;
            let Ok(stream) = upgrade.await else { return };
            let config = WebSocketConfig::default()
                .read_buffer_size(8 << 10)
                .write_buffer_size(0)
                .max_message_size(Some(LARGEST))
                .max_frame_size(Some(LARGEST));
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config))
                    .await;
            // Errors do not affect other connections.
            let _ = match heard {
                Some(heard) => broadcast(socket, &state.room, heard).await,
                None => echo(socket).await,
            };
        });
        Ok(Reply::empty(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, HeaderValue::from_static("Upgrade"))
            .header(header::UPGRADE, HeaderValue::from_static("websocket"))
            .header(header::SEC_WEBSOCKET_ACCEPT, accept))
    }
}

fn has(headers: &HeaderMap, name: header::HeaderName, wanted: &str) -> bool {
    // Several lines of one header are one list (RFC 9110, section 5.3).
    let lines = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case(wanted))
}

/// Returns the proof that the handshake was understood.
fn accept(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    match key {
        Some(key) if has(headers, header::CONNECTION, "upgrade") && version.is_some_and(|version| version == "13") => {
            let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
            accept.map_err(|_| Problem::bad_request("`sec-websocket-key` is not valid"))
        }
        _ => Err(Problem::bad_request("a handshake has `connection: upgrade`, a `sec-websocket-key` and `sec-websocket-version: 13`")
            .header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
    }
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Returns the message, if it carries data.
fn data(message: Message) -> Option<Message> {
    matches!(message, Message::Text(_) | Message::Binary(_)).then_some(message)
}

/// Sends every message back.
async fn echo(mut socket: Socket) -> Result<(), tungstenite::Error> {
    while let Some(message) = socket.next().await {
        if let Some(message) = data(message?) {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// Sends this client's messages to all clients, and all messages to this client.
async fn broadcast(
    mut socket: Socket,
    room: &Room,
    mut heard: broadcast::Receiver<Message>,
) -> Result<(), tungstenite::Error> {
    loop {
        let next = match select(pin!(socket.next()), pin!(heard.recv())).await {
            Either::Left((message, _)) => Either::Left(message),
            Either::Right((message, _)) => Either::Right(message),
        };
        match next {
            Either::Left(None) => return Ok(()),
            Either::Left(Some(message)) => {
                if let Some(message) = data(message?) {
                    // At least this client is listening.
                    room.say(message);
                }
            }
            Either::Right(Ok(message)) => socket.send(message).await?,
            Either::Right(Err(RecvError::Closed)) => return Ok(()),
            Either::Right(Err(RecvError::Lagged(_))) => {
                let frame = CloseFrame {
                    code: CloseCode::Again,
                    reason: "too far behind".into(),
                };
                return socket.close(Some(frame)).await;
            }
        }
    }
}
