//! Before anything is measured: may the targets be put under load, and are they there? Resolves each that is in use,
//! judges every address, and only then connects to them; sends nothing.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use thiserror::Error;

use super::safety::{self, NotAllowed};
use crate::plan::{Address, Plan};

/// How long a target may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a plan can't be run against its targets.
#[derive(Debug, Error)]
pub enum PreflightError {
    /// Somebody else's, for all that is known.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
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
/// When a name does not resolve or has an address that is not allowed, or none of its addresses accepts a connection in five seconds.
pub fn preflight(plan: &Plan, builtin: Option<SocketAddr>) -> Result<Vec<Option<SocketAddr>>, PreflightError> {
    let mut addresses = vec![None; plan.targets.len()];
    let mut found = Vec::new();
    for index in plan.targets_used() {
        let target = &plan.targets[index];
        match &target.address {
            Address::Builtin => addresses[index] = builtin,
            Address::Url { host, port, .. } => found.push((index, resolve(&plan.allow_targets, &target.name, host, *port)?)),
        }
    }
    // All of them are allowed: nobody was connected to before.
    for (index, candidates) in found {
        addresses[index] = Some(reach(&plan.targets[index].name, &candidates)?);
    }
    Ok(addresses)
}

/// The addresses of a host, every one of them allowed; at least one.
fn resolve(allowed: &[String], name: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>, PreflightError> {
    let unresolved = |source| PreflightError::Resolve { name: name.into(), host: host.into(), source };
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(unresolved)?.collect();
    if found.is_empty() {
        return Err(unresolved(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
    }
    for address in &found {
        safety::check(allowed, name, host, address.ip())?;
    }
    Ok(found)
}

/// The first address that accepts a connection.
fn reach(name: &str, addresses: &[SocketAddr]) -> Result<SocketAddr, PreflightError> {
    let unreachable = |address: String, source| PreflightError::Unreachable { name: name.into(), address, source };
    let mut failure = unreachable("no address".into(), io::Error::from(io::ErrorKind::NotFound));
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(*address),
            Err(source) => failure = unreachable(address.to_string(), source),
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listener_is_reached_and_its_absence_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let candidates = resolve(&[], "shop", "127.0.0.1", address.port()).expect("loopback");
        assert_eq!(reach("shop", &candidates).expect("it listens"), address);
        drop(listener);
        let error = reach("shop", &candidates).expect_err("nobody listens").to_string();
        assert!(error.contains("shop") && error.contains(&address.to_string()) && error.contains("refused"), "{error}");
    }

    #[test]
    fn a_public_address_is_refused_unless_it_is_allowed() {
        assert!(matches!(resolve(&[], "shop", "192.0.2.1", 80), Err(PreflightError::NotAllowed(_))));
        assert_eq!(resolve(&["192.0.2.1".into()], "shop", "192.0.2.1", 80).expect("allowed").len(), 1);
        assert!(resolve(&[], "shop", "localhost", 80).is_ok());
    }
}
