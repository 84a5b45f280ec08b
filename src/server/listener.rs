//! Connections: accepts them, and processes each request from its bytes to its reply.
//!
//! Knows HTTP's framing (through hyper) and its limits; [`super::route`] knows the paths.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::call::Call;
use super::grpc;
use super::paced::Payload;
use super::reply::{Problem, Reply};
use super::route;
use super::state::{OpenConnection, State};
use super::websocket;

/// The length of the accept queue. A run opens all its connections at once, and with the system's
/// usual 128 some of them would have to retry.
const BACKLOG: u32 = 4096;

/// The time limit for a request's head, counted from the end of the previous request: it ends
/// clients that send their head byte by byte, and connections that are idle for longer than the
/// think time of any likely run.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// The time limit for a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum size of a request body.
pub(super) const LARGEST_BODY: usize = 10 << 20;

/// How much of an oversized body is read before it is answered: otherwise a client that is still
/// writing would often lose the response.
const LARGEST_DRAIN: usize = 64 << 20;

/// The pause after an accept that failed for lack of descriptors; some are likely to be free by
/// then.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The pause after a read of less than the preface of HTTP/2, of which the rest will follow.
const PREFACE_PAUSE: Duration = Duration::from_millis(1);

/// Listens on `address`. Must be called inside the runtime.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // On systems other than Unix, this option would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections forever, each served by a task of its own.
pub(super) async fn accept(listener: &TcpListener, state: &Rc<State>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::task::spawn_local(connection(
                stream,
                Rc::clone(state),
            ))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, state: Rc<State>) {
    // Otherwise a small response could wait for the client's delayed acknowledgement, some 40 ms.
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(HEAD_TIMEOUT, is_http2(&stream)).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => return grpc::connection(stream, state).await,
        Ok(Err(_)) | Err(_) => return,
    }
    let open = Rc::new(State::connection_opened(&state));
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(answer(&state, &open, request).await) });
    // The client's errors (a reset, a malformed request) end its connection; hyper has answered 400
    // where appropriate, and other connections are not affected.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

/// Returns whether a client begins with the preface of HTTP/2, as those of gRPC do.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    // No method of HTTP/1.1 begins with it.
    const PREFACE: &[u8] = b"PRI";
    let mut first = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        if count == PREFACE.len() || count == 0 || !PREFACE.starts_with(&first[..count]) {
            return Ok(first == PREFACE);
        }
        tokio::time::sleep(PREFACE_PAUSE).await;
    }
}

/// Returns the reply to one request, at the moment it is due.
async fn answer(
    state: &Rc<State>,
    open: &Rc<OpenConnection>,
    mut request: Request<Incoming>,
) -> Response<Payload> {
    state.request_arrived();
    let upgrade = websocket::Upgrade::from_request(&mut request);
    let (head, body) = request.into_parts();
    let found = route::find(&head.method, head.uri.path());
    let keep = found.as_ref().is_ok_and(|(route, _)| route.reads_body);
    let expects_go_ahead = head.headers.contains_key(header::EXPECT);
    let read = match body.size_hint().lower() {
        // A client that asks before sending gets the answer at once.
        declared if expects_go_ahead && declared > LARGEST_BODY as u64 => Err(too_large()),
        _ if body.is_end_stream() => Ok(Bytes::new()),
        _ => read_body(body, keep).await,
    };
    let verdict = state.faults.next(state.clock.now());
    sleep_until(state, verdict.at).await;
    let result = read.and_then(|body| {
        if verdict.fails {
            return Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "made to fail, as the server's failure share asks",
            ));
        }
        let (route, argument) = found?;
        if let Some(upgrade) = upgrade.filter(|_| route.path.starts_with(websocket::PATHS)) {
            return upgrade.accept(route.path, state, open);
        }
        let call = Call {
            method: &head.method,
            uri: &head.uri,
            argument,
            headers: &head.headers,
            body: &body,
        };
        (route.handler)(state, &call)
    });
    let reply = result.unwrap_or_else(Reply::from);
    sleep_until(state, reply.not_before).await;
    reply.into_response()
}

/// Sleeps until `at` on the server's clock.
async fn sleep_until(state: &State, at: crate::base::Nanos) {
    let now = state.clock.now();
    if at > now {
        tokio::time::sleep((at - now).as_duration()).await;
    }
}

/// Reads a body to its end, so that the connection can be reused, and returns it if `keep`.
async fn read_body(mut body: Incoming, keep: bool) -> Result<Bytes, Problem> {
    let reading = async {
        let mut kept = BytesMut::new();
        let mut size = 0usize;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| {
                Problem::bad_request(&format!("the request's body can't be read: {e}")).closing()
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            size += data.len();
            if size > LARGEST_DRAIN {
                return Err(too_large());
            }
            if size > LARGEST_BODY {
                kept = BytesMut::new();
            } else if keep {
                kept.extend_from_slice(&data);
            }
        }
        if size > LARGEST_BODY {
            Err(too_large())
        } else {
            Ok(kept.freeze())
        }
    };
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request's body did not arrive within 60 s",
        )
        .closing()),
    }
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "the request's body is over 10 MiB; send less",
    )
    .closing()
}
