//! Checks before anything is measured: whether the targets may be put under load, and whether they
//! are reachable. Resolves each target in use, judges every address, and only then connects to them
//! and makes the TLS handshake; sends nothing else, but a question for the services of a
//! target if the scenario asks for that.

pub(crate) mod descriptors;
pub(crate) mod footprint;
pub(crate) mod lookup;
pub(crate) mod ports;
pub(crate) mod preview;
pub(crate) mod reflection;
pub(crate) mod safety;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use self::reflection::ReflectionError;
use self::safety::NotAllowed;
use super::job::ResolvedTarget;
use crate::plan::{Address, GrpcSchema, Plan, Protocol, Target};
use crate::transport::TransportError;
use crate::transport::endpoint::Endpoint;
use crate::transport::proxy::Tunnel;
use crate::transport::tls::identities::ClientIdentities;
use crate::transport::tls::request::ask_blocking;
use crate::transport::tls::{Tls, TlsError};

/// How long a target may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a plan cannot be run against its targets.
#[derive(Debug, Error)]
pub enum PreflightError {
    /// The target may belong to somebody else.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The host name does not resolve.
    #[error(
        "target `{name}`: `{host}` does not resolve: {source}; check the name, or give an address"
    )]
    Resolve {
        /// The name of the target.
        name: String,
        /// The host of the target.
        host: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The TLS settings cannot be loaded.
    #[error("target `{name}`: {source}")]
    Tls {
        /// The name of the target.
        name: String,
        /// The reason.
        source: TlsError,
    },
    /// The services of the target are not known.
    #[error("target `{name}`: {source}")]
    Reflection {
        /// The name of the target.
        name: String,
        /// The reason.
        source: ReflectionError,
    },
    /// The address accepts connections, but the handshake fails, or a proxy opens no tunnel.
    #[error("target `{name}` at {address}: {reason}")]
    Handshake {
        /// The name of the target.
        name: String,
        /// The address.
        address: String,
        /// The reason.
        reason: String,
    },
    /// Connections cannot come from an address.
    #[error(
        "target `{name}`: connections can't come from {address}: {source}; `source` must be addresses of this machine (`ip address` lists them)"
    )]
    Source {
        /// The name of the target.
        name: String,
        /// The address.
        address: IpAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// No address can be reached from those that connections must come from.
    #[error(
        "target `{name}`: nothing in `source` can reach {addresses}, because one is IPv4 and the other IPv6; add an address of its kind"
    )]
    Family {
        /// The name of the target.
        name: String,
        /// The addresses of the target.
        addresses: String,
    },
    /// No address accepts a connection.
    #[error(
        "target `{name}` at {address}: {source}; start the server, or give another address (of a scenario's target: --target {name}=URL)"
    )]
    Unreachable {
        /// The name of the target.
        name: String,
        /// The last address tried.
        address: String,
        /// The error of the system.
        source: io::Error,
    },
}

/// Resolves each target in use and connects to each of its addresses once. Returns the resolved
/// targets by index; `builtin` is the address of the built-in server, and files are relative to
/// `folder`.
///
/// # Errors
/// If a name does not resolve or has an address that is not allowed, if none of its addresses
/// accepts a connection within five seconds, or if one that does cannot be trusted.
pub fn preflight(
    plan: &Plan,
    folder: &Path,
    builtin: Option<SocketAddr>,
) -> Result<Vec<Option<ResolvedTarget>>, PreflightError> {
    let mut reached = vec![None; plan.targets.len()];
    let mut found = Vec::new();
    for index in plan.targets_used() {
        let target = &plan.targets[index];
        match &target.address {
            Address::Builtin => {
                reached[index] = builtin.map(|address| ResolvedTarget {
                    is_http2: target.grpc.is_some(),
                    ..ResolvedTarget::from(Endpoint::Tcp(address))
                })
            }
            Address::Url { host, port, .. } => {
                found.push((index, resolve(&plan.allow_targets, target, host, *port)?))
            }
            Address::Unix { path } => found.push((index, vec![Endpoint::Unix(path.into())])),
        }
    }
    // All of them are allowed: no connection has been made before.
    for (index, candidates) in found {
        let target = &plan.targets[index];
        // All of them have to be good.
        let identities = ClientIdentities::load(&target.tls, plan, folder);
        let identities = identities.map_err(|source| PreflightError::Tls {
            name: target.name.clone(),
            source,
        })?;
        reached[index] = Some(reach(target, candidates, identities.as_ref(), folder)?);
    }
    for (target, reach) in plan.targets.iter().enumerate().zip(&mut reached) {
        let (index, target) = target;
        if let (Some(grpc), Some(reach)) = (&target.grpc, reach)
            && grpc.schema == GrpcSchema::Reflection
        {
            let named = |source| PreflightError::Reflection {
                name: target.name.clone(),
                source,
            };
            reach.descriptors = Some(reflection::ask(plan, index, reach, folder).map_err(named)?);
        }
    }
    Ok(reached)
}

/// Returns the addresses to connect to for a target, its own or those of its proxy, all of them
/// allowed; at least one.
fn resolve(
    allowed: &[String],
    target: &Target,
    host: &str,
    port: u16,
) -> Result<Vec<Endpoint>, PreflightError> {
    let Some(proxy) = &target.network.proxy else {
        return look_up(allowed, target, host, port);
    };
    // The proxy looks it up again, but what is public here is public there.
    let own = lookup::addresses(host, port).unwrap_or_default();
    let own: Vec<IpAddr> = own.iter().map(SocketAddr::ip).collect();
    safety::check_behind_proxy(allowed, &target.name, host, &own)?;
    look_up(allowed, target, &proxy.host, proxy.port)
}

/// Returns the addresses of a host, all of them allowed; at least one.
fn look_up(
    allowed: &[String],
    target: &Target,
    host: &str,
    port: u16,
) -> Result<Vec<Endpoint>, PreflightError> {
    let unresolved = |source| PreflightError::Resolve {
        name: target.name.clone(),
        host: host.into(),
        source,
    };
    let found = if target.resolve.is_empty() {
        lookup::addresses(host, port).map_err(unresolved)?
    } else {
        lookup::each_once(target.resolve.iter().copied())
    };
    for address in &found {
        safety::check(allowed, &target.name, host, address.ip())?;
    }
    Ok(found.into_iter().map(Endpoint::Tcp).collect())
}

/// Returns the addresses that accept a connection and, with TLS, can be trusted.
fn reach(
    target: &Target,
    addresses: Vec<Endpoint>,
    identities: Option<&ClientIdentities>,
    folder: &Path,
) -> Result<ResolvedTarget, PreflightError> {
    let name = &target.name;
    let of_tls = |source| PreflightError::Tls {
        name: name.clone(),
        source,
    };
    let protocol = (!target.address.is_of_database()).then_some(target.http.asked_protocol());
    let tls = target
        .tls_host()
        .map(|host| Tls::new(&target.tls, host, protocol, folder))
        .transpose();
    let mut tls = tls.map_err(of_tls)?;
    // Of several client certificates, the first is tried out.
    if let (Some(base), Some(identities)) = (&tls, identities) {
        tls = identities.configure(base).into_iter().next();
    }
    let addresses = reachable_from_sources(target, addresses)?;
    let mut reach = ResolvedTarget {
        addresses: Vec::new(),
        silent: Vec::new(),
        descriptors: None,
        is_http2: tls.is_some() || target.http.asked_protocol() == Protocol::Http2,
    };
    // A tunnel is tried out if one is needed for requests.
    let tunnel = Tunnel::to(target).filter(|_| target.forward_proxy().is_none());
    let way = Way {
        tunnel: tunnel.as_ref(),
        tls: tls.as_ref(),
        asks_for_tls: target.database.is_secure,
    };
    let mut failure = None;
    for address in addresses {
        match way.connect(&address) {
            Ok(is_http2) => {
                // The negotiated protocol applies to all of them.
                reach.is_http2 &= tls.is_none() || is_http2;
                reach.addresses.push(address);
            }
            Err(ConnectFailure::Socket(source)) => {
                failure = Some(PreflightError::Unreachable {
                    name: name.clone(),
                    address: match &target.network.proxy {
                        Some(_) => format!("the proxy at {address}"),
                        None => address.to_string(),
                    },
                    source,
                });
                reach.silent.push(address);
            }
            Err(ConnectFailure::Handshake(error)) => {
                return Err(PreflightError::Handshake {
                    name: name.clone(),
                    address: address.to_string(),
                    reason: error.message,
                });
            }
        }
    }
    match failure {
        Some(failure) if reach.addresses.is_empty() => Err(failure),
        _ => Ok(reach),
    }
}

/// Returns the addresses that connections can reach which come from the addresses that they must come
/// from; at least one.
fn reachable_from_sources(
    target: &Target,
    mut addresses: Vec<Endpoint>,
) -> Result<Vec<Endpoint>, PreflightError> {
    let network = &target.network;
    if network.source.is_empty() {
        return Ok(addresses);
    }
    let name = &target.name;
    for address in &network.source {
        // No port of TCP is taken.
        UdpSocket::bind((*address, 0)).map_err(|source| PreflightError::Source {
            name: name.clone(),
            address: *address,
            source,
        })?;
    }
    let shown: Vec<String> = addresses.iter().map(Endpoint::to_string).collect();
    addresses.retain(|address| match address {
        Endpoint::Tcp(address) => network.sources_for(*address).next().is_some(),
        Endpoint::Unix(_) => true,
    });
    if addresses.is_empty() {
        return Err(PreflightError::Family {
            name: name.clone(),
            addresses: shown.join(", "),
        });
    }
    Ok(addresses)
}

/// Why an address could not be reached.
enum ConnectFailure {
    /// It does not accept a connection.
    Socket(io::Error),
    /// It accepts a connection, but what has to come before a request fails.
    Handshake(TransportError),
}

/// What comes between a connection and its first request.
struct Way<'w> {
    /// The tunnel through a proxy.
    tunnel: Option<&'w Tunnel>,
    tls: Option<&'w Tls>,
    /// Whether a server has to be asked for TLS first.
    asks_for_tls: bool,
}

impl Way<'_> {
    /// Connects to an address and makes the handshakes; returns whether TLS selected HTTP/2.
    fn connect(&self, address: &Endpoint) -> Result<bool, ConnectFailure> {
        let socket = match address {
            Endpoint::Tcp(address) => TcpStream::connect_timeout(address, CONNECT_TIMEOUT)
                .map_err(ConnectFailure::Socket)?,
            Endpoint::Unix(path) => {
                return connect_unix(path)
                    .map(|()| false)
                    .map_err(ConnectFailure::Socket);
            }
        };
        for bounded in [
            socket.set_read_timeout(Some(CONNECT_TIMEOUT)),
            socket.set_write_timeout(Some(CONNECT_TIMEOUT)),
        ] {
            bounded.map_err(ConnectFailure::Socket)?;
        }
        if let Some(tunnel) = self.tunnel {
            let opened = tunnel.open_blocking(&socket);
            opened.map_err(ConnectFailure::Handshake)?;
        }
        let Some(tls) = self.tls else {
            return Ok(false);
        };
        if self.asks_for_tls {
            ask_blocking(&socket).map_err(ConnectFailure::Handshake)?;
        }
        tls.try_out(socket).map_err(ConnectFailure::Handshake)
    }
}

#[cfg(unix)]
fn connect_unix(path: &Path) -> io::Result<()> {
    std::os::unix::net::UnixStream::connect(path).map(|_| ())
}

#[cfg(not(unix))]
fn connect_unix(_: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DatabaseOptions, HttpOptions, Limits, NetworkOptions, Scheme, TlsOptions};
    use std::net::TcpListener;

    fn target(resolve: Vec<SocketAddr>) -> Target {
        let address = Address::Url {
            scheme: Scheme::Http,
            host: "shop".into(),
            port: 80,
            base: String::new(),
        };
        let (http, tls) = (HttpOptions::default(), TlsOptions::default());
        Target {
            name: "shop".into(),
            address,
            headers: Vec::new(),
            http,
            tls,
            resolve,
            limits: Limits::default(),
            database: DatabaseOptions::default(),
            network: NetworkOptions::default(),
            auth: None,
            grpc: None,
        }
    }

    #[test]
    fn a_listener_is_reached_and_its_absence_named() {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (living, dead) = (bind(), bind());
        let [here, gone] =
            [&living, &dead].map(|listener| listener.local_addr().expect("it is bound"));
        drop(dead);
        let target = target(vec![gone, here, gone]);
        let candidates = resolve(&[], &target, "shop", 80).expect("loopback");
        assert_eq!(
            candidates,
            [Endpoint::Tcp(gone), Endpoint::Tcp(here)],
            "each once"
        );
        let reached = reach(&target, candidates.clone(), None, Path::new("."))
            .expect("one accepts connections");
        assert_eq!(
            (reached.addresses, reached.silent),
            (vec![Endpoint::Tcp(here)], vec![Endpoint::Tcp(gone)])
        );
        drop(living);
        let error = reach(&target, candidates, None, Path::new("."))
            .expect_err("nobody listens")
            .to_string();
        assert!(
            error.contains("shop")
                && error.contains(&here.to_string())
                && error.contains("refused"),
            "{error}"
        );
    }

    #[test]
    fn a_public_address_is_refused_unless_it_is_allowed() {
        let plain = target(Vec::new());
        assert!(matches!(
            resolve(&[], &plain, "192.0.2.1", 80),
            Err(PreflightError::NotAllowed(_))
        ));
        assert_eq!(
            resolve(&["192.0.2.1".into()], &plain, "192.0.2.1", 80)
                .expect("allowed")
                .len(),
            1
        );
        assert!(resolve(&[], &plain, "localhost", 80).is_ok());
        let elsewhere = target(vec!["192.0.2.1:80".parse().expect("an address")]);
        assert!(
            matches!(
                resolve(&[], &elsewhere, "localhost", 80),
                Err(PreflightError::NotAllowed(_))
            ),
            "whatever it is called"
        );
    }
}
