//! Asks for metrics over HTTP.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::plan::Scrape;

/// The most that a response may have, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// What is understood, as Prometheus asks for it.
const FORMS: &str =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9,*/*;q=0.1";

/// How long a response may take, however long the interval is: a run ends only when nothing is asked
/// for any more.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks one source for its metrics, again and again.
#[derive(Debug)]
pub(super) struct Scraper {
    scrape: Scrape,
    runtime: Runtime,
}

impl Scraper {
    /// Creates one.
    ///
    /// # Errors
    /// If the system does not provide an event loop.
    pub(super) fn new(scrape: Scrape) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { scrape, runtime })
    }

    /// Returns the metrics.
    ///
    /// # Errors
    /// If they do not arrive in time, with the reason.
    pub(super) fn metrics(&self) -> Result<String, String> {
        let asked = async { timeout(TIMEOUT, get(&self.scrape)).await };
        match self.runtime.block_on(asked) {
            Ok(answer) => answer,
            Err(_) => Err(format!("no response within {TIMEOUT:?}")),
        }
    }
}

async fn get(scrape: &Scrape) -> Result<String, String> {
    let said = |error: &dyn Display| error.to_string();
    let stream = TcpStream::connect((scrape.host.as_str(), scrape.port)).await;
    let stream = stream.map_err(|error| said(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| said(&error))?;
    let url = scrape.url();
    let authority = url.trim_start_matches("http://").split('/').next();
    let request = Request::get(scrape.path.as_str())
        .header(HOST, authority.unwrap_or_default())
        .header(USER_AGENT, concat!("loadgen/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, FORMS)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| said(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| said(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("the response is {}", response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| said(&error))?.to_bytes();
        String::from_utf8(body.into()).map_err(|_| "the response is not text".to_owned())
    };
    // The connection is driven by whoever waits for the exchange, and may end before it.
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((ended, exchange)) => {
            ended.map_err(|error| said(&error))?;
            exchange.await
        }
    }
}
