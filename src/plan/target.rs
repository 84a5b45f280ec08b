//! The services under load.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Limits, Template};
use crate::base::Nanos;

/// The protocol of a target's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP over plain TCP.
    Http,
    /// HTTP over TLS.
    Https,
    /// WebSocket, opened over plain HTTP/1.1.
    Ws,
    /// WebSocket, opened over HTTP/1.1 over TLS.
    Wss,
    /// Whatever the steps send, over plain TCP.
    Tcp,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Ws, Self::Wss, Self::Tcp];

    /// The scheme with this name, in letters of either case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    /// The name in URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Tcp => "tcp",
        }
    }

    /// The port where a URL names none. TCP has none of its own: 0, which no URL has.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http | Self::Ws => 80,
            Self::Https | Self::Wss => 443,
            Self::Tcp => 0,
        }
    }

    /// The HTTP that a WebSocket is opened over; what is none stays as it is.
    #[must_use]
    pub const fn of_requests(self) -> Self {
        match self {
            Self::Ws => Self::Http,
            Self::Wss => Self::Https,
            Self::Http | Self::Https | Self::Tcp => self,
        }
    }

    /// The scheme of WebSockets that are opened over this one; others stay as they are.
    #[must_use]
    pub const fn of_websockets(self) -> Self {
        match self {
            Self::Http => Self::Ws,
            Self::Https => Self::Wss,
            Self::Ws | Self::Wss | Self::Tcp => self,
        }
    }
}

/// Where a target is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// The built-in mock server, started as a process of its own for the run.
    Builtin,
    /// A server that somebody else runs.
    Url {
        /// Its protocol.
        scheme: Scheme,
        /// Name or address, without brackets.
        host: String,
        /// TCP port.
        port: u16,
        /// Path that goes before each request's own: empty, or begins with `/` and does not end
        /// with it.
        base: String,
    },
    /// A server of this machine that listens on a Unix socket.
    Unix {
        /// Path of the socket.
        path: String,
    },
}

impl Address {
    /// The host that TLS is spoken with, where it is.
    pub fn tls_host(&self) -> Option<&str> {
        match self {
            Self::Url {
                scheme: Scheme::Https | Scheme::Wss,
                host,
                ..
            } => Some(host),
            Self::Url { .. } | Self::Unix { .. } | Self::Builtin => None,
        }
    }

    /// Whether TLS is spoken there.
    pub fn is_secure(&self) -> bool {
        self.tls_host().is_some()
    }
}

/// As a scenario would write it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::Url {
                scheme,
                host,
                port,
                base,
            } => write!(
                f,
                "{}://{}{base}",
                scheme.name(),
                authority(*scheme, host, *port)
            ),
            Self::Unix { path } => write!(f, "unix:{path}"),
        }
    }
}

/// `host:port` as it stands in a URL and in the `host` header: without the port where it is the
/// scheme's own, and with brackets around an IPv6 address.
pub(crate) fn authority(scheme: Scheme, host: &str, port: u16) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    if port == scheme.port() {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// Which HTTP is spoken with a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Over TLS what the server prefers of both, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: over TLS by agreement (ALPN), else with prior knowledge.
    Http2,
}

/// How long connections are kept, and who uses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepAlive {
    /// Each virtual user has its own and keeps it.
    #[default]
    PerVu,
    /// Each virtual user has its own and closes it at the end of an iteration.
    PerIteration,
    /// Each request has its own.
    Never,
    /// All virtual users use the same ones.
    Shared,
}

/// How HTTP is spoken with a target. What is as it always was is left out of what is written, so
/// that fingerprints stay what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOptions {
    /// Redirects that a request follows, one after another.
    pub redirects: u32,
    /// Whether each virtual user keeps the cookies that it is given.
    pub cookies: bool,
    /// Which HTTP it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protocol: Protocol,
    /// How long connections are kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep_alive: KeepAlive,
    /// The most connections that are open at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// A connection that is older is used for no further request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Nanos>,
    /// Of HTTP/2: the most streams on a connection at once, besides what the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_streams: Option<u32>,
    /// Of HTTP/2: how many connections all virtual users share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            redirects: 0,
            cookies: true,
            protocol: Protocol::Auto,
            keep_alive: KeepAlive::PerVu,
            max_connections: None,
            max_lifetime: None,
            max_streams: None,
            connections: None,
        }
    }
}

/// How TLS is spoken with a target. Files are relative to the scenario's folder and inside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsOptions {
    /// File with the certificates to trust, in place of the public ones.
    pub ca: Option<String>,
    /// File with the client's own certificate, and those between it and its authority.
    pub cert: Option<String>,
    /// File with the key of that certificate.
    pub key: Option<String>,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// The name that is asked for, and that the certificate has to be for, in place of the URL's
    /// host.
    pub server_name: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A service under load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// An identifier.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Headers of every request, in lower case, before the request's own.
    pub headers: Vec<(String, Template)>,
    /// How HTTP is spoken.
    pub http: HttpOptions,
    /// How TLS is spoken, where its URL says so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: TlsOptions,
    /// Where to connect instead of where its name resolves to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolve: Vec<SocketAddr>,
    /// Caps of all operations on it.
    pub limits: Limits,
}
