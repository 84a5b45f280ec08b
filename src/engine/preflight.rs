//! Before anything is measured: are the targets there? Connects to each that is in use, and sends nothing.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use thiserror::Error;

use crate::plan::{Address, Plan};

/// How long a target may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a plan can't be run against its targets.
#[derive(Debug, Error)]
pub enum PreflightError {
    /// The name means nothing.
    #[error("target `{name}`: `{host}` does not resolve: {source}; check the name, or give an address")]
    Resolve {
        /// The target.
        name: String,
        /// Its host.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody accepts a connection there.
    #[error("target `{name}` at {address}: {source}; start the server, or give another address with --target {name}=URL")]
    Unreachable {
        /// The target.
        name: String,
        /// Where it should be.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Resolves each target in use and connects to it once. The addresses by the targets' indices; `builtin` is
/// where the built-in server listens.
///
/// # Errors
/// When a name does not resolve, or none of its addresses accepts a connection in five seconds.
pub fn preflight(plan: &Plan, builtin: Option<SocketAddr>) -> Result<Vec<Option<SocketAddr>>, PreflightError> {
    let mut addresses = vec![None; plan.targets.len()];
    for index in plan.targets_used() {
        let target = &plan.targets[index];
        addresses[index] = match &target.address {
            Address::Builtin => builtin,
            Address::Url { host, port, .. } => Some(reach(&target.name, host, *port)?),
        };
    }
    Ok(addresses)
}

/// The first address of a name that accepts a connection.
fn reach(name: &str, host: &str, port: u16) -> Result<SocketAddr, PreflightError> {
    let unresolved = |source| PreflightError::Resolve { name: name.into(), host: host.into(), source };
    let mut failure = None;
    for address in (host, port).to_socket_addrs().map_err(unresolved)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(address),
            Err(source) => failure = Some(PreflightError::Unreachable { name: name.into(), address: address.to_string(), source }),
        }
    }
    Err(failure.unwrap_or_else(|| unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_reached_and_its_absence_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        assert_eq!(reach("shop", "127.0.0.1", address.port()).expect("it listens"), address);
        drop(listener);
        let error = reach("shop", "127.0.0.1", address.port()).expect_err("nobody listens").to_string();
        assert!(error.contains("shop") && error.contains(&address.to_string()) && error.contains("refused"), "{error}");
    }
}
