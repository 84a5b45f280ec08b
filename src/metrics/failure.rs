//! [`FailureKind`]: why an operation failed. Every failure has exactly one.

use std::collections::BTreeMap;
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// Why an operation failed, by the names that results use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FailureKind {
            $($(#[$doc])* $kind,)*
        }

        impl FailureKind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];
            /// How many kinds there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The kind with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }

            /// The name in results.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// Connecting failed in a way that has no kind of its own.
    Connect = "connect",
    /// Nobody listens there.
    Refused = "refused",
    /// No route to the host or its network.
    Unreachable = "unreachable",
    /// The TLS handshake failed, or TLS ended the connection.
    Tls = "tls",
    /// Making the connection took longer than it may.
    TimeoutConnect = "timeout_connect",
    /// The head of the response took longer than it may.
    TimeoutFirstByte = "timeout_first_byte",
    /// The whole operation took longer than it may.
    TimeoutTotal = "timeout_total",
    /// The peer reset the connection.
    Reset = "reset",
    /// The connection ended in the middle of a response.
    Incomplete = "incomplete",
    /// A kept-alive connection was closed just as the next request went out.
    ReusedConnClosed = "reused_conn_closed",
    /// The response is not HTTP.
    Protocol = "protocol",
    /// A response with a status that the scenario doesn't want.
    Status = "status",
    /// A response that fails one of the scenario's checks.
    Check = "check",
    /// A response in which a capture found nothing.
    Capture = "capture",
    /// A value that a step needs could not be had or could not be sent.
    Data = "data",
    /// A redirect that is not followed: one too many, or to a URL outside the targets.
    Redirects = "redirects",
    /// Refused by a full limit; a kind of iterations only.
    Dropped = "dropped",
    /// No file descriptor was left.
    FdLimit = "fd_limit",
    /// No local port was left.
    PortExhausted = "port_exhausted",
    /// A mock operation that was told to fail.
    Mock = "mock",
    /// Anything else; the message says what.
    Other = "other",
}

impl FailureKind {
    /// Those of some counts that are not zero, by their names.
    pub fn named(counts: &[u64; Self::COUNT]) -> BTreeMap<String, u64> {
        Self::ALL
            .iter()
            .map(|kind| (kind.name().to_owned(), counts[*kind as usize]))
            .filter(|(_, n)| *n > 0)
            .collect()
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
