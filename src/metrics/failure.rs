//! [`FailureKind`]: why an operation failed. Every failure has exactly one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// Why an operation failed, by the names that results use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FailureKind {
            $($(#[$doc])* $kind,)*
        }

        impl FailureKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];
            /// The number of kinds.
            pub const COUNT: usize = Self::ALL.len();

            /// Returns the kind with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }

            /// Returns the name in results.
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
    /// The connection was refused.
    Refused = "refused",
    /// No route to the host or its network.
    Unreachable = "unreachable",
    /// The TLS handshake failed, or TLS ended the connection.
    Tls = "tls",
    /// Connecting timed out.
    TimeoutConnect = "timeout_connect",
    /// The head of the response timed out.
    TimeoutFirstByte = "timeout_first_byte",
    /// The whole operation timed out.
    TimeoutTotal = "timeout_total",
    /// The peer reset the connection.
    Reset = "reset",
    /// The connection ended in the middle of a response.
    Incomplete = "incomplete",
    /// A kept-alive connection was closed just as the next request went out.
    ReusedConnClosed = "reused_conn_closed",
    /// A pipelined connection ended before the response to this request had its turn.
    PipelineClosed = "pipeline_closed",
    /// The response is not valid HTTP.
    Protocol = "protocol",
    /// The scenario does not accept the status of the response.
    Status = "status",
    /// The response fails one of the scenario's checks.
    Check = "check",
    /// A capture found nothing in the response.
    Capture = "capture",
    /// A value that a step needs was not available or could not be sent.
    Data = "data",
    /// A redirect was not followed: too many, or to a URL outside the targets.
    Redirects = "redirects",
    /// The limit was full; only iterations have this kind.
    Dropped = "dropped",
    /// The process ran out of file descriptors.
    FdLimit = "fd_limit",
    /// The machine ran out of local ports.
    PortExhausted = "port_exhausted",
    /// A program could not be run, or did not succeed.
    Exec = "exec",
    /// A file could not be read or written.
    File = "file",
    /// A stream broke the rules of its format, or ended too early.
    Stream = "stream",
    /// A Redis server answered with an error.
    Redis = "redis",
    /// A PostgreSQL server answered with an error.
    Sql = "sql",
    /// A gRPC service answered with a status that the scenario does not accept.
    Grpc = "grpc",
    /// A mock operation failed as configured.
    Mock = "mock",
    /// Anything else; the message has the details.
    Other = "other",
}

impl FailureKind {
    /// Returns the nonzero counts by name.
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

impl Serialize for FailureKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FailureKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(from)?;
        Self::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("unknown kind of failure `{name}`")))
    }
}
