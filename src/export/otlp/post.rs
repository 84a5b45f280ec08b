//! Sends one message over HTTP.

use std::fmt::Display;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::target::{OtlpSettings, OtlpUrl};
use crate::plan::{Protocol, TlsOptions};
use crate::transport::tls::Tls;
use crate::transport::wire::Wire;

/// How long a receiver may take for a message: the default of OpenTelemetry's exporters.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that a response may have, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Why a message was not taken.
#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) why: String,
    /// Whether it may be sent again.
    pub(super) is_temporary: bool,
    /// How long the receiver asks to wait before that.
    pub(super) after: Option<Duration>,
}

impl NotTaken {
    /// The connection has failed, so nobody knows whether the message was taken.
    fn temporary(why: &dyn Display) -> Self {
        Self {
            why: why.to_string(),
            is_temporary: true,
            after: None,
        }
    }

    fn for_good(why: String) -> Self {
        Self {
            why,
            is_temporary: false,
            after: None,
        }
    }
}

/// Sends messages to one receiver.
pub(super) struct Poster {
    runtime: Runtime,
    url: OtlpUrl,
    settings: OtlpSettings,
    tls: Option<Tls>,
}

impl Poster {
    /// Creates one.
    ///
    /// # Errors
    /// If the system provides no event loop, or certificates can't be read, with the reason.
    pub(super) fn new(url: OtlpUrl, settings: OtlpSettings) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let options = TlsOptions {
            ca: settings.ca.clone(),
            trusts_system: settings.ca.is_none(),
            ..TlsOptions::default()
        };
        let tls = url
            .is_tls
            .then(|| Tls::new(&options, &url.host, Some(Protocol::Http1), Path::new(".")));
        Ok(Self {
            runtime: runtime.map_err(|error| error.to_string())?,
            tls: tls.transpose().map_err(|error| error.to_string())?,
            url,
            settings,
        })
    }

    /// Returns whether messages are JSON.
    pub(super) const fn is_json(&self) -> bool {
        self.settings.is_json
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If the receiver does not take it, or not in time.
    pub(super) fn post(&self, message: Bytes) -> Result<(), NotTaken> {
        let sent = async { timeout(TIMEOUT, self.exchange(message)).await };
        self.runtime.block_on(sent).unwrap_or_else(|_| {
            Err(NotTaken::temporary(&format_args!(
                "no response within {TIMEOUT:?}"
            )))
        })
    }

    async fn exchange(&self, message: Bytes) -> Result<(), NotTaken> {
        let stream = TcpStream::connect((self.url.host.as_str(), self.url.port)).await;
        let stream = TokioIo::new(stream.map_err(|error| NotTaken::temporary(&error))?);
        let stream = match &self.tls {
            None => Wire::Plain(stream),
            Some(tls) => tls
                .shake(stream)
                .await
                .map_err(|error| NotTaken::temporary(&error.message))?,
        };
        let (mut sender, connection) = http1::handshake(stream)
            .await
            .map_err(|error| NotTaken::temporary(&error))?;
        let request = self.request(message)?;
        let exchange = async {
            let response = sender.send_request(request).await;
            let (head, body) = response
                .map_err(|error| NotTaken::temporary(&error))?
                .into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let after = head.headers.get(RETRY_AFTER);
            let after = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
            self.judge(head.status, after.map(Duration::from_secs), &body)
        };
        // The connection is driven by whoever waits for the exchange, and may end before it.
        match select(pin!(exchange), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((ended, exchange)) => {
                ended.map_err(|error| NotTaken::temporary(&error))?;
                exchange.await
            }
        }
    }

    fn request(&self, message: Bytes) -> Result<Request<Full<Bytes>>, NotTaken> {
        let kind = if self.settings.is_json {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        let request = Request::post(self.url.path.as_str())
            .header(HOST, self.url.authority.as_str())
            .header(USER_AGENT, concat!("loadgen/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, kind)
            .header(CONNECTION, "close");
        let headers = self.settings.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name.clone(), value.clone())
        });
        let request = request.body(Full::new(message));
        request.map_err(|error| NotTaken::for_good(error.to_string()))
    }

    /// Returns whether a response says that the message was taken, all of it.
    fn judge(
        &self,
        status: StatusCode,
        after: Option<Duration>,
        body: &[u8],
    ) -> Result<(), NotTaken> {
        use StatusCode as Code;
        if !status.is_success() {
            return Err(NotTaken {
                why: format!("the response is {status}"),
                is_temporary: matches!(
                    status,
                    Code::TOO_MANY_REQUESTS
                        | Code::BAD_GATEWAY
                        | Code::SERVICE_UNAVAILABLE
                        | Code::GATEWAY_TIMEOUT
                ),
                after,
            });
        }
        let answer = if self.settings.is_json {
            serde_json::from_slice::<ExportMetricsServiceResponse>(body).ok()
        } else {
            ExportMetricsServiceResponse::decode(body).ok()
        };
        match answer.and_then(|answer| answer.partial_success) {
            Some(part) if part.rejected_data_points > 0 => Err(NotTaken::for_good(format!(
                "it rejected {} data points: {}",
                part.rejected_data_points, part.error_message
            ))),
            _ => Ok(()),
        }
    }
}
