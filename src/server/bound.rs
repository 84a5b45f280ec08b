//! [`Bound`]: where a server listens, and how it announces that.

use std::fmt;
use std::net::SocketAddr;

/// The start of the line on standard output that says where the server listens; [`Bound`] follows.
///
/// [`Child`](super::Child) waits for it, so a program that runs [`serve`](super::serve) for it has
/// to print it.
pub const ANNOUNCEMENT: &str = "loadgen serve: listening on http://";

/// The addresses of a server. Displayed as URLs, the first one without its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// HTTP and WebSocket.
    pub http: SocketAddr,
    /// The TCP echo.
    pub tcp: Option<SocketAddr>,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, tcp } = self;
        write!(f, "{http}")?;
        tcp.map_or(Ok(()), |tcp| write!(f, "{ECHO}{tcp}"))
    }
}

/// The text between the two addresses of a [`Bound`].
pub(super) const ECHO: &str = " and tcp://";
