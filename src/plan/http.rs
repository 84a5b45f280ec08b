//! [`HttpOptions`]: how HTTP is spoken with a target, and how long its connections are kept.

use serde::{Deserialize, Serialize};

use crate::base::Nanos;

/// Which version of HTTP is used with a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Over TLS whichever of both the server prefers, otherwise HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: negotiated by ALPN over TLS, otherwise with prior knowledge.
    Http2,
}

/// What speaks HTTP/1.1 with a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpClient {
    /// The library hyper.
    #[default]
    Hyper,
    /// loadgen's own client, which takes less of the processor.
    Lean,
}

impl HttpClient {
    /// Returns the name that scenarios use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Lean => "lean",
        }
    }
}

/// How long connections are kept open, and who shares them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAlive {
    /// Each virtual user has its own connections and keeps them open.
    #[default]
    PerVu,
    /// Each virtual user has its own connections and closes them at the end of an iteration.
    PerIteration,
    /// Each request opens a new connection.
    Never,
    /// All virtual users share the connections.
    Shared,
}

/// HTTP options of a target. Options with their default value are not serialized, so that
/// fingerprints stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOptions {
    /// Maximum number of consecutive redirects that a request follows.
    pub redirects: u32,
    /// Whether each virtual user keeps the cookies that it receives.
    pub cookies: bool,
    /// Version of HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Protocol,
    /// What speaks HTTP/1.1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client: HttpClient,
    /// How long connections are kept open.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep_alive: KeepAlive,
    /// Maximum number of open connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// Maximum age of a connection; older ones are not reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Nanos>,
    /// Maximum number of requests on a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    /// How many requests of all virtual users may be in flight on a connection that they share, over
    /// HTTP/1.1 in the modes with event loops; at least 2. Missing if requests are not pipelined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<u32>,
    /// How long a request with a body waits for `100 Continue` before it sends the body; it does not
    /// ask for that if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_continue: Option<Nanos>,
    /// HTTP/2: maximum number of concurrent streams per connection, in addition to the server's own
    /// limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_streams: Option<u32>,
    /// HTTP/2 and pipelining: number of connections that all virtual users share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
}

impl HttpOptions {
    /// Returns the version of HTTP to ask for: the lean client speaks only HTTP/1.1.
    pub fn asked_protocol(&self) -> Protocol {
        match (self.client, self.protocol) {
            (HttpClient::Lean, Protocol::Auto) => Protocol::Http1,
            (_, protocol) => protocol,
        }
    }

    /// Uses a client, unless it cannot speak the version of HTTP that is asked for, or pipeline
    /// requests.
    pub fn use_client(&mut self, client: HttpClient) {
        if self.protocol != Protocol::Http2 && self.pipeline.is_none() {
            self.client = client;
        }
    }

    /// Returns how many connections all virtual users share, each of which carries several requests
    /// at once; `None` if a connection carries one. `is_http2` is whether they speak HTTP/2.
    pub fn shared_connections(&self, is_http2: bool) -> Option<u32> {
        let is_shared = self.keep_alive == KeepAlive::Shared;
        (is_shared && (is_http2 || self.pipeline.is_some())).then(|| self.connections.unwrap_or(1))
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            redirects: 0,
            cookies: true,
            protocol: Protocol::Auto,
            client: HttpClient::Hyper,
            keep_alive: KeepAlive::PerVu,
            max_connections: None,
            max_lifetime: None,
            max_requests: None,
            pipeline: None,
            expect_continue: None,
            max_streams: None,
            connections: None,
        }
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
