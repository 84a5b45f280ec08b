//! [`Upstream`]: the target that requests are forwarded to.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::tee::Tee;
use crate::transport::tls::Tls;
use crate::transport::wire::Wire;

/// The time limit for a connection, with its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The target that requests are forwarded to.
pub(crate) struct Upstream {
    /// `http://HOST:PORT`, without the usual port.
    pub origin: String,
    /// Where it is.
    pub addresses: Vec<SocketAddr>,
    /// TLS, if its URL asks for it.
    pub tls: Option<Tls>,
    /// Whether any certificate of it is accepted.
    pub insecure: bool,
}

impl Upstream {
    /// Returns what follows `://` in its origin.
    pub(super) fn authority(&self) -> &str {
        let parts = self.origin.split_once("://");
        parts.map_or(self.origin.as_str(), |(_, authority)| authority)
    }

    /// Sends a request over a connection of its own.
    ///
    /// # Errors
    /// If there is no response, with the reason.
    pub(super) async fn send(&self, request: Request<Tee>) -> Result<Response<Incoming>, String> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.connect());
        let wire = connecting
            .await
            .map_err(|_| "it did not accept the connection within 10 s".to_owned())??;
        let (mut sender, connection) = http1::handshake(wire).await.map_err(reason)?;
        // It ends with the response, or with the tunnel that this becomes.
        tokio::task::spawn_local(connection.with_upgrades());
        sender.send_request(request).await.map_err(reason)
    }

    async fn connect(&self) -> Result<Wire<TokioIo<TcpStream>>, String> {
        let stream = TcpStream::connect(self.addresses.as_slice())
            .await
            .map_err(|error| format!("it can't be reached: {error}"))?;
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        match &self.tls {
            Some(tls) => tls.shake(io).await.map_err(|error| error.to_string()),
            None => Ok(Wire::Plain(io)),
        }
    }
}

/// Returns what failed, with what caused it.
fn reason(error: hyper::Error) -> String {
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
