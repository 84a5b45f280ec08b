//! [`Dial`]: how connections to a target are made.

use std::cell::Cell;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::Nanos;
use crate::engine::driver::Driver;
use crate::engine::job::ResolvedTarget;
use crate::plan::{HttpClient, Protocol, Target};
use crate::transport::TransportError;
use crate::transport::endpoint::Endpoint;
use crate::transport::link::Link;
use crate::transport::proxy::Tunnel;
use crate::transport::tls::request;
use crate::transport::tls::{Tls, TlsError};
use crate::transport::wire::Wire;

/// How connections to a target are made.
pub struct Dial {
    addresses: Vec<Endpoint>,
    /// This machine's addresses for each of them, from which connections come in turn, if any are
    /// given.
    sources: Vec<Vec<IpAddr>>,
    /// The number of connections begun, which selects the addresses of the next one.
    begun: AtomicUsize,
    /// The tunnel through a proxy, if there is one.
    tunnel: Option<Tunnel>,
    /// Whether the proxy forwards requests, which then need no tunnel.
    is_forwarded: bool,
    tls: Option<Tls>,
    /// The TLS settings for connections opened over HTTP/1.1 only.
    tls_of_streams: Option<Tls>,
    /// Whether the connections speak HTTP/2.
    pub is_http2: bool,
    /// What speaks HTTP/1.1 over them.
    client: HttpClient,
    /// Whether a server has to be asked for TLS first.
    asks_for_tls: bool,
    /// The age after which a connection is no longer used.
    max_lifetime: Option<Nanos>,
    /// The maximum number of requests on a connection.
    max_requests: u32,
}

/// The durations of the completed phases of making a connection.
#[derive(Debug, Default)]
pub struct DialTimes {
    /// The time to connect, if a connection was made.
    pub connect: Cell<Option<Nanos>>,
    /// The time of the TLS handshake, if any.
    pub tls: Cell<Option<Nanos>>,
}

impl Dial {
    /// Creates the dial of a resolved target; files are relative to `folder`.
    ///
    /// # Errors
    /// If its TLS settings cannot be loaded.
    pub fn new(target: &Target, reach: &ResolvedTarget, folder: &Path) -> Result<Self, TlsError> {
        // The protocol negotiated during resolution applies to the whole run.
        let protocol = if reach.is_http2 {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        let tls = |protocol| {
            let protocol = (!target.address.is_of_database()).then_some(protocol);
            target
                .tls_host()
                .map(|host| Tls::new(&target.tls, host, protocol, folder))
                .transpose()
        };
        let (tls, tls_of_streams) = (tls(protocol)?, tls(Protocol::Http1)?);
        let (addresses, max_lifetime) = (reach.addresses.clone(), target.http.max_lifetime);
        let sources = |address: &Endpoint| match address {
            Endpoint::Tcp(address) => target.network.sources_for(*address).collect(),
            Endpoint::Unix(_) => Vec::new(),
        };
        Ok(Self {
            sources: addresses.iter().map(sources).collect(),
            addresses,
            begun: AtomicUsize::new(0),
            tunnel: Tunnel::to(target),
            is_forwarded: target.forward_proxy().is_some(),
            tls,
            tls_of_streams,
            is_http2: reach.is_http2,
            client: target.http.client,
            asks_for_tls: target.database.is_secure,
            max_lifetime,
            max_requests: target.http.max_requests.unwrap_or(u32::MAX),
        })
    }

    /// Creates a dial for an address that speaks plain bytes.
    pub fn plain(address: Endpoint) -> Self {
        Self {
            addresses: vec![address],
            sources: vec![Vec::new()],
            begun: AtomicUsize::new(0),
            tunnel: None,
            is_forwarded: false,
            tls: None,
            tls_of_streams: None,
            is_http2: false,
            client: HttpClient::default(),
            asks_for_tls: false,
            max_lifetime: None,
            max_requests: u32::MAX,
        }
    }

    /// Returns whether a connection made at `born` is too old to be used.
    pub fn is_old(&self, born: Nanos, now: impl FnOnce() -> Nanos) -> bool {
        self.max_lifetime.is_some_and(|most| now() - born >= most)
    }

    /// Returns the addresses that the next connection goes to and comes from. Every pair of them has its
    /// turn.
    fn next(&self) -> (&Endpoint, Option<IpAddr>) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let several = self.addresses.len();
        let sources = &self.sources[number % several];
        let turn = number / several % sources.len().max(1);
        (
            &self.addresses[number % several],
            sources.get(turn).copied(),
        )
    }

    /// Makes a connection and stores the durations of its phases in `times`.
    ///
    /// # Errors
    /// If nothing listens, the handshake fails, or the peer speaks another protocol.
    pub async fn connect<D: Driver>(
        &self,
        driver: &D,
        times: &DialTimes,
    ) -> Result<Link<D::Io>, TransportError> {
        let tunnel = self.tunnel.as_ref().filter(|_| !self.is_forwarded);
        let made = self.wire(driver, tunnel, self.tls.as_ref(), times);
        let (wire, connected) = made.await?;
        let mut link = Link::open(
            wire,
            self.is_http2,
            self.client,
            connected,
            self.max_requests,
        )
        .await?;
        link.detach(|task| driver.background(task));
        Ok(link)
    }

    /// Makes a connection for a protocol other than HTTP, including one that starts with an
    /// HTTP/1.1 upgrade.
    ///
    /// # Errors
    /// If nothing listens, or the handshake fails.
    pub async fn stream<D: Driver>(
        &self,
        driver: &D,
        times: &DialTimes,
    ) -> Result<Wire<D::Io>, TransportError> {
        let (tunnel, tls) = (self.tunnel.as_ref(), self.tls_of_streams.as_ref());
        let (wire, _) = self.wire(driver, tunnel, tls, times).await?;
        Ok(wire)
    }

    /// Connects, through the tunnel if there is one, makes the TLS handshake if needed, and returns
    /// when the connection was established.
    async fn wire<D: Driver>(
        &self,
        driver: &D,
        tunnel: Option<&Tunnel>,
        tls: Option<&Tls>,
        times: &DialTimes,
    ) -> Result<(Wire<D::Io>, Nanos), TransportError> {
        let begun = driver.now();
        let (to, from) = self.next();
        let mut io = driver
            .connect(to, from)
            .await
            .map_err(|e| TransportError::connect(&e))?;
        if let Some(tunnel) = tunnel {
            tunnel.open(&mut io).await?;
        }
        let connected = driver.now();
        times.connect.set(Some(connected - begun));
        let wire = match tls {
            None => Wire::Plain(io),
            Some(tls) => {
                if self.asks_for_tls {
                    request::ask(&mut io).await?;
                }
                let wire = tls.shake(io).await?;
                times.tls.set(Some(driver.now() - connected));
                wire
            }
        };
        Ok((wire, connected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_addresses_has_its_turn() {
        let parsed = |list: &[&str]| -> Vec<IpAddr> {
            list.iter()
                .map(|ip| ip.parse().expect("an address"))
                .collect()
        };
        let to = |ip: &str| Endpoint::Tcp((ip.parse::<IpAddr>().expect("an address"), 80).into());
        let dial = Dial {
            addresses: vec![to("10.0.0.1"), to("::1"), to("10.0.0.2")],
            sources: vec![
                parsed(&["10.0.0.7", "10.0.0.8"]),
                parsed(&["::7"]),
                parsed(&["10.0.0.7", "10.0.0.8"]),
            ],
            ..Dial::plain(to("10.0.0.1"))
        };
        let next = || {
            let (to, from) = dial.next();
            format!("{} {to}", from.expect("one is given"))
        };
        let turns: Vec<String> = std::iter::repeat_with(next).take(7).collect();
        assert_eq!(
            turns,
            [
                "10.0.0.7 10.0.0.1:80",
                "::7 [::1]:80",
                "10.0.0.7 10.0.0.2:80",
                "10.0.0.8 10.0.0.1:80",
                "::7 [::1]:80",
                "10.0.0.8 10.0.0.2:80",
                "10.0.0.7 10.0.0.1:80"
            ]
        );
        assert_eq!(Dial::plain(to("10.0.0.1")).next().1, None);
    }
}
