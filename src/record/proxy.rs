//! [`Proxy`]: takes requests of clients, forwards them, and keeps them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, UPGRADE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::rewrite;
use super::tape::{Side, Tape};
use super::tee::Tee;
use super::upstream::Upstream;
use crate::import::Recording;

/// The time limit for a request's head, counted from the end of the previous request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(300);
/// The pause after an accept that failed for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What a client gets: the body of the target, or a text of the proxy.
type Answer = Response<Either<Tee, Full<Bytes>>>;

/// The proxy.
pub(super) struct Proxy {
    upstream: Upstream,
    /// Where it listens, for clients that don't say it.
    address: SocketAddr,
    tape: Rc<RefCell<Tape>>,
}

impl Proxy {
    /// Creates a proxy for a target, which listens at this address.
    pub(super) fn new(upstream: Upstream, address: SocketAddr) -> Self {
        Self {
            upstream,
            address,
            tape: Rc::new(RefCell::new(Tape::new())),
        }
    }

    /// Returns what was recorded.
    pub(super) fn recording(&self) -> Recording {
        Recording {
            insecure: self.upstream.insecure,
            ..self.tape.borrow_mut().take()
        }
    }

    /// Forwards a request.
    async fn forward(&self, mut request: Request<Incoming>) -> Answer {
        if *request.method() == Method::CONNECT {
            return said(
                StatusCode::NOT_IMPLEMENTED,
                format!(
                    "loadgen record does not tunnel: open http://{}/ in the browser, instead of setting it as its proxy",
                    self.address
                ),
            );
        }
        let upgrade = request
            .headers()
            .contains_key(UPGRADE)
            .then(|| hyper::upgrade::on(&mut request));
        let (mut head, body) = request.into_parts();
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = match host {
            Some(host) => format!("http://{host}"),
            None => format!("http://{}", self.address),
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let target = self.upstream.origin.as_str();
        let url = format!("{target}{path}");
        head.uri = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
        rewrite::request(&mut head.headers, &own, target, upgrade.is_some());
        let number = self
            .tape
            .borrow_mut()
            .begin(&head.method, url, &head.headers);
        let tee = |inner, side| Tee {
            inner,
            tape: Rc::clone(&self.tape),
            number,
            side,
        };
        let sent = Request::from_parts(head, tee(body, Side::Request));
        let response = match self.upstream.send(sent).await {
            Ok(response) => response,
            Err(why) => {
                if let Some(number) = number {
                    self.tape.borrow_mut().fail(number, &why);
                }
                let authority = self.upstream.authority();
                return said(
                    StatusCode::BAD_GATEWAY,
                    format!("loadgen record got no response of {authority}: {why}"),
                );
            }
        };
        if let Some(number) = number {
            let status = response.status().as_u16();
            self.tape
                .borrow_mut()
                .respond(number, status, response.headers());
        }
        let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let mut response = response;
        if let Some(client) = upgrade.filter(|_| is_upgrade) {
            tokio::task::spawn_local(tunnel(client, hyper::upgrade::on(&mut response)));
        }
        let (mut head, body) = response.into_parts();
        rewrite::response(&mut head.headers, &own, target, is_upgrade);
        Response::from_parts(head, Either::Left(tee(body, Side::Response)))
    }
}

/// Returns a text of the proxy itself.
fn said(status: StatusCode, text: String) -> Answer {
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(text + "\n"))));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Passes bytes on in both directions, for a WebSocket.
async fn tunnel(client: OnUpgrade, target: OnUpgrade) {
    let (Ok(client), Ok(target)) = (client.await, target.await) else {
        return;
    };
    let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
    // Its end is that of the connection, whichever side ends it.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut target).await;
}

/// Accepts connections forever, each served by a task of its own.
pub(super) async fn accept(listener: &TcpListener, proxy: &Rc<Proxy>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::task::spawn_local(connection(stream, Rc::clone(proxy)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, proxy: Rc<Proxy>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async { Ok::<_, Infallible>(proxy.forward(request).await) });
    // The client's errors end its connection, and no other.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}
