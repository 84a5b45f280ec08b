//! [`Endpoint`]: the address to connect to, and whether it is still the target's.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// The address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// A TCP address and port.
    Tcp(SocketAddr),
    /// A Unix socket on this machine.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Whether the name of a target no longer resolves to an address, for the connections to it. The
/// default is never withdrawn, as for a name that is looked up only once.
#[derive(Clone, Debug, Default)]
pub struct Withdrawal(Option<Arc<AtomicBool>>);

impl Withdrawal {
    /// Creates that of an address which may be withdrawn.
    pub fn possible() -> Self {
        Self(Some(Arc::default()))
    }

    /// Withdraws the address.
    pub fn withdraw(&self) {
        if let Some(flag) = &self.0 {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the address has been withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
