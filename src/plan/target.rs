//! The services under load.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::http::{HttpOptions, is_default};
use super::{
    DatabaseOptions, GrpcOptions, Limits, NetworkOptions, Protocol, Proxy, RequestAuth, Template,
    UserCertificate,
};

/// The scheme of a target's URL.
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
    /// Raw TCP; the steps define what is sent.
    Tcp,
    /// Redis over plain TCP.
    Redis,
    /// Redis over TLS.
    Rediss,
    /// PostgreSQL; whether it uses TLS is an option of the target.
    Postgres,
    /// gRPC over HTTP/2 over plain TCP.
    Grpc,
    /// gRPC over HTTP/2 over TLS.
    Grpcs,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 10] = [
        Self::Http,
        Self::Https,
        Self::Ws,
        Self::Wss,
        Self::Tcp,
        Self::Redis,
        Self::Rediss,
        Self::Postgres,
        Self::Grpc,
        Self::Grpcs,
    ];

    /// Returns the scheme with this name, ignoring case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
            // Both are PostgreSQL's own.
            .or_else(|| {
                name.eq_ignore_ascii_case("postgresql")
                    .then_some(Self::Postgres)
            })
    }

    /// Returns the name used in URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Tcp => "tcp",
            Self::Redis => "redis",
            Self::Rediss => "rediss",
            Self::Postgres => "postgres",
            Self::Grpc => "grpc",
            Self::Grpcs => "grpcs",
        }
    }

    /// Returns the default port of a URL without one. TCP has none: 0, which is not valid in a URL.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http | Self::Ws | Self::Grpc => 80,
            Self::Https | Self::Wss | Self::Grpcs => 443,
            Self::Tcp => 0,
            Self::Redis | Self::Rediss => 6379,
            Self::Postgres => 5432,
        }
    }

    /// Returns whether it is that of a database, whose URL may name a user and a password.
    pub const fn is_of_database(self) -> bool {
        matches!(self, Self::Redis | Self::Rediss | Self::Postgres)
    }

    /// Returns whether connections use TLS.
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss | Self::Rediss | Self::Grpcs)
    }

    /// Returns the scheme of the same protocol without TLS.
    #[must_use]
    pub const fn without_tls(self) -> Self {
        match self {
            Self::Https => Self::Http,
            Self::Wss => Self::Ws,
            Self::Rediss => Self::Redis,
            Self::Grpcs => Self::Grpc,
            other => other,
        }
    }

    /// Returns the HTTP scheme that WebSockets and gRPC go over; other schemes are returned
    /// unchanged.
    #[must_use]
    pub const fn of_requests(self) -> Self {
        match self {
            Self::Ws | Self::Grpc => Self::Http,
            Self::Wss | Self::Grpcs => Self::Https,
            _ => self,
        }
    }

    /// Returns the scheme of gRPC over this one; other schemes are returned unchanged.
    #[must_use]
    pub const fn of_grpc(self) -> Self {
        match self {
            Self::Http => Self::Grpc,
            Self::Https => Self::Grpcs,
            _ => self,
        }
    }

    /// Returns the scheme of WebSockets that are opened over this one; other schemes are returned
    /// unchanged.
    #[must_use]
    pub const fn of_websockets(self) -> Self {
        match self {
            Self::Http => Self::Ws,
            Self::Https => Self::Wss,
            _ => self,
        }
    }
}

/// The address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// The built-in mock server, started as a separate process for the run.
    Builtin,
    /// An external server.
    Url {
        /// Scheme of the URL.
        scheme: Scheme,
        /// Host name or IP address, without brackets.
        host: String,
        /// TCP port.
        port: u16,
        /// Path prefix of every request: empty, or starts with `/` and does not end with it.
        base: String,
    },
    /// A server on this machine that listens on a Unix socket.
    Unix {
        /// Path of the socket.
        path: String,
    },
}

impl Address {
    /// Returns the database that its path names, percent-encoded, if it is the URL of one.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Url { base, .. } => base.strip_prefix('/'),
            Self::Builtin | Self::Unix { .. } => None,
        }
    }

    /// Returns whether it is certain that the server runs on this machine. A host name other than
    /// `localhost` is not looked up.
    pub fn is_on_this_machine(&self) -> bool {
        match self {
            Self::Builtin | Self::Unix { .. } => true,
            Self::Url { host, .. } => match host.parse::<IpAddr>() {
                Ok(address) => address.to_canonical().is_loopback(),
                Err(_) => {
                    let (_, top) = host.rsplit_once('.').unwrap_or(("", host));
                    top.eq_ignore_ascii_case("localhost")
                }
            },
        }
    }

    /// Returns the host used for TLS; `None` without TLS.
    pub fn tls_host(&self) -> Option<&str> {
        match self {
            Self::Url { scheme, host, .. } if scheme.is_secure() => Some(host),
            Self::Url { .. } | Self::Unix { .. } | Self::Builtin => None,
        }
    }

    /// Returns whether connections use TLS.
    pub fn is_secure(&self) -> bool {
        self.tls_host().is_some()
    }

    /// Returns whether an option of the target says that it uses TLS, and not its scheme.
    pub const fn asks_for_tls(&self) -> bool {
        matches!(
            self,
            Self::Url {
                scheme: Scheme::Postgres,
                ..
            }
        )
    }

    /// Returns the key of a target that caps its connections.
    pub const fn connections_key(&self) -> &'static str {
        match self {
            Self::Url {
                scheme: Scheme::Postgres,
                ..
            } => "sql.connections",
            Self::Url { scheme, .. } if scheme.is_of_database() => "redis.connections",
            _ => "http.max_connections",
        }
    }

    /// Returns whether it is a database's.
    pub const fn is_of_database(&self) -> bool {
        matches!(self, Self::Url { scheme, .. } if scheme.is_of_database())
    }
}

/// Formats the address the way scenarios write it.
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

/// Formats `host:port` for URLs and for the `host` header: omits the scheme's default port, and
/// puts an IPv6 address in brackets.
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

/// TLS options of a target. File paths are relative to the scenario's folder, and inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsOptions {
    /// File with the trusted CA certificates, instead of the public ones.
    pub ca: Option<String>,
    /// File with the client certificate and its chain.
    pub cert: Option<String>,
    /// File with the private key of the client certificate.
    pub key: Option<String>,
    /// The client certificates that rows name, instead of those files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_user: Option<UserCertificate>,
    /// Whether any server certificate is accepted.
    pub insecure: bool,
    /// Server name to request and to verify the certificate against, instead of the URL's host.
    pub server_name: Option<String>,
    /// Whether the authorities of this machine are trusted, instead of the public ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trusts_system: bool,
    /// Versions to offer; all, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<TlsVersion>,
    /// Protocols to offer (ALPN), instead of those that follow from the version of HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Vec<String>>,
    /// Whether each handshake is a full one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub always_full: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}

impl Target {
    /// Returns the host used for TLS; `None` without TLS.
    pub fn tls_host(&self) -> Option<&str> {
        match &self.address {
            Address::Url { host, .. } if self.database.is_secure => Some(host),
            address => address.tls_host(),
        }
    }

    /// Returns the proxy that forwards its requests, each of which then names the whole URL. With
    /// TLS or HTTP/2 a proxy only opens a tunnel to the target, as for what is not a request.
    pub fn forward_proxy(&self) -> Option<&Proxy> {
        let is_forwarded =
            !self.address.is_secure() && self.http.asked_protocol() != Protocol::Http2;
        self.network.proxy.as_ref().filter(|_| is_forwarded)
    }
}

/// A service under load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Name of the target, an identifier.
    pub name: String,
    /// Address of the target.
    pub address: Address,
    /// Headers of every request, names in lower case; they precede the request's own.
    pub headers: Vec<(String, Template)>,
    /// How requests that have no other credentials authenticate, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<RequestAuth>,
    /// HTTP options.
    pub http: HttpOptions,
    /// TLS options, used if the URL's scheme is one over TLS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: TlsOptions,
    /// Addresses to connect to, instead of resolving the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolve: Vec<SocketAddr>,
    /// The way that connections take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: NetworkOptions,
    /// Limits of all operations on the target.
    pub limits: Limits,
    /// Options of a database.
    #[serde(default, skip_serializing_if = "is_default")]
    pub database: DatabaseOptions,
    /// Options of a target that speaks gRPC; absent for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcOptions>,
}
