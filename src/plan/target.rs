//! The services under load.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Limits, Template};

/// The protocol of a target's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP/1.1 over plain TCP.
    Http,
    /// WebSocket, opened over plain HTTP/1.1.
    Ws,
    /// Whatever the steps send, over plain TCP.
    Tcp,
}

impl Scheme {
    /// As it stands before `://`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Ws => "ws",
            Self::Tcp => "tcp",
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
        /// Path that goes before each request's own: empty, or begins with `/` and does not end with it.
        base: String,
    },
}

/// As a scenario would write it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            // It has no port of its own.
            Self::Url { scheme: Scheme::Tcp, host, port, .. } => write!(f, "tcp://{}:{port}", bracketed(host)),
            Self::Url { scheme, host, port, base } => write!(f, "{}://{}{base}", scheme.name(), authority(host, *port)),
        }
    }
}

/// `host:port` as it stands in a URL and in the `host` header: without the port where it is HTTP's own,
/// and with brackets around an IPv6 address.
pub fn authority(host: &str, port: u16) -> String {
    let host = bracketed(host);
    if port == 80 { host } else { format!("{host}:{port}") }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// How HTTP is spoken with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOptions {
    /// Redirects that a request follows, one after another.
    pub redirects: u32,
    /// Whether each virtual user keeps the cookies that it is given.
    pub cookies: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { redirects: 0, cookies: true }
    }
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
    /// Caps of all operations on it.
    pub limits: Limits,
}
