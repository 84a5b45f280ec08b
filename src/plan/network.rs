//! [`NetworkOptions`]: the way that connections to a target take.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Login;
use crate::base::Nanos;

/// The way that connections to a target take. Options with their default value are not serialized.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// The proxy that they go through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// This machine's addresses that they come from, in turn; the system chooses if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<IpAddr>,
    /// How often the name of the target is looked up again during a run; never, if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_every: Option<Nanos>,
}

impl NetworkOptions {
    /// Returns the addresses that a connection to this one can come from.
    pub fn sources_for(&self, address: SocketAddr) -> impl Iterator<Item = IpAddr> {
        let sources = self.source.iter().copied();
        sources.filter(move |source| source.is_ipv4() == address.is_ipv4())
    }
}

/// An HTTP proxy, spoken to over plain TCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who asks it, if it wants to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

/// Formats its URL without the login.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "http://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "http://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_login() {
        let proxy = Proxy {
            host: "::1".into(),
            port: 3128,
            login: Login::of_url("me:word"),
        };
        assert_eq!(proxy.to_string(), "http://[::1]:3128");
        assert!(!format!("{proxy:?}").contains("word"));
    }
}
